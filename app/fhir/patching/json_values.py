"""Decoded JSON copied and compared. https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def copied(value: Any) -> Any:
    """A deep copy."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: ``1.0`` equals ``1.00``, ``true`` does not equal ``1``, as it does in Python."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(each, other[name]) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | Decimal) and isinstance(other, int | Decimal):
        return one == other
    return type(one) is type(other) and bool(one == other)
