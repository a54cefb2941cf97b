"""Typed models of fhir.resources as plain resources. https://hl7.org/fhir/R4/json.html

``model_dump`` of fhir.resources turns decimals into floats (``81.50`` becomes ``81.5``), so the models are walked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fhir_core.fhirabstractmodel import FHIRAbstractModel

from app.fhir.resource import Resource


def plain(model: FHIRAbstractModel) -> Resource:
    """The resource or data type as plain JSON with ``Decimal`` kept, members in the order of the definition."""
    members: Resource = {"resourceType": model.get_resource_type()} if model.has_resource_base() else {}
    members.update(_members(model))
    return members


def _members(model: FHIRAbstractModel) -> Iterator[tuple[str, Any]]:
    fields = {field.alias or name: name for name, field in type(model).model_fields.items()}
    for element in model.elements_sequence():
        for member in (element, f"_{element}"):
            value = getattr(model, fields[member]) if member in fields else None
            if value is not None:
                yield member, _value(value)


def _value(value: Any) -> Any:
    """One JSON value. ``None`` stands where only another member of the pair has something for this place of a list."""
    match value:
        case FHIRAbstractModel():
            return plain(value)
        case list():
            return [_value(item) for item in value]
        case datetime() | date():
            return value.isoformat()
        case str() | bool() | int() | Decimal() | None:
            return value
    raise TypeError(f"{type(value).__name__} has no plain form here.")
