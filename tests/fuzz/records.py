"""The record of one person with a mark in every place that takes a text: of every type that is kept for a patient."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from typing import Any, Final

from app.fhir.definitions import Definitions
from app.fhir.resource import Resource
from app.server.placement import Place
from tests.fhir.generated import Maker
from tests.fhir.near_misses import places

PROBED: Final = "urn:probed"
_TEXTS: Final = frozenset({"string", "markdown"})
_ADDRESSES: Final = frozenset({"uri", "url"})
_QUANTITIES: Final = ("Quantity", "Age", "Count", "Distance", "Duration")
_KEPT: Final = frozenset(
    {
        "Extension.url", "Coding.system", "Reference.reference", "Reference.type", "ElementDefinition.max",
        *(f"{each}.system" for each in _QUANTITIES),
    }
)  # fmt: skip


def record(
    person: str, mark: str, definitions: Definitions, draw: random.Random, *, types: list[str], each: int
) -> list[Resource]:
    """``each`` resources of every type, with ids that a stranger could guess, each naming the person as its patient."""
    made = []
    for resource_type in types:
        for number in range(each):
            resource = Maker(definitions, draw, richness=0.4).resource(resource_type)
            resource["id"] = f"{person}-{resource_type.lower()}-{number}"
            marked(resource, mark, person, definitions)
            _identify(resource, person, mark, definitions)
            made.append(resource)
    return made


def _identify(resource: Resource, person: str, mark: str, definitions: Definitions) -> None:
    """An identifier, tags and labels of its own."""
    elements = definitions.types[resource["resourceType"]]
    identifier = {"system": PROBED, "value": f"{person}-{mark}"}
    if "identifier" in elements:
        resource["identifier"] = [identifier] if elements["identifier"].many else identifier
    resource["meta"] = {
        "tag": [{"system": f"urn:{mark}", "code": mark, "display": mark}],
        "source": f"urn:{mark}",
        "profile": [f"http://zelfregie.example/{mark}"],
    }


def marked(resource: Resource, mark: str, person: str, definitions: Definitions) -> None:
    """Puts the mark in every text, address, narrative and content, and the person in every reference that takes one."""
    for place, owner in list(places(resource, definitions)):
        for name, element in definitions.types[place.type].items():
            if name not in owner or element.binding is not None or f"{place.type}.{name}" in _KEPT:
                continue
            value = _value(element.type, element.targets, mark, person)
            if value is not None and owner[name] != {"reference": "#"}:
                owner[name] = [value for _ in owner[name]] if element.many else value


def _value(kind: str, targets: tuple[str, ...], mark: str, person: str) -> Any:
    if kind in _TEXTS:
        return f"{mark} tekst"
    if kind in _ADDRESSES:
        return f"urn:{mark}"
    if kind == "base64Binary":
        return base64.b64encode(mark.encode() * 3).decode()
    if kind == "xhtml":
        return f'<div xmlns="http://www.w3.org/1999/xhtml">{mark}</div>'
    if kind == "Reference" and (not targets or "Patient" in targets):
        return {"reference": f"Patient/{person}"}
    return None


def kept_for_patients(placement: Mapping[str, Place]) -> list[str]:
    """The types that a person's own records have."""
    return sorted(name for name, place in placement.items() if not place.refused and name not in ("Patient", "Bundle"))
