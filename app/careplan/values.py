"""Elements of a resource as values of a Parameters resource, whatever their type is.

As FHIRPath Patch has it: what a parameter cannot hold as one value (an element of a type of its own, an extension) is
given part by part, each list as a part per entry. https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from app.careplan.cells import EXTENSION, LISTS, NEXT_REVIEW, Address
from app.careplan.parts import json_of, value_part
from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource

_VALUES: Final = "Parameters.parameter"
_ELEMENT: Final = "Element"


class Place(NamedTuple):
    """An element, and the member of a parameter that holds a value of it; empty where that must be told in parts."""

    element: Element
    member: str
    many: bool


def place_of(kind: str, address: Address, definitions: Definitions) -> Place:
    """What stands at an address of ``cells_of``; of one entry where the address names one."""
    named = len(address) > 1 and kind == "CarePlan" and address[0] in LISTS
    return _place_of(kind, (address[0], "", *address[2:]) if named else address, definitions)


@lru_cache(maxsize=1024)
def _place_of(kind: str, address: Address, definitions: Definitions) -> Place:
    element = _element_at(kind, address, definitions)
    member = _value_of(element.type)
    return Place(element, member if member in definitions.types[_VALUES] else "", element.many)


def _element_at(kind: str, address: Address, definitions: Definitions) -> Element:
    head, rest = address[0], address[1:]
    if head == EXTENSION:
        if rest[-1] == NEXT_REVIEW:
            return definitions.types["Extension"]["valueDate"]
        return definitions.types["Element"][EXTENSION]
    if head in LISTS and kind == "CarePlan" and rest:
        if head == "activity" and len(rest) > 1:
            return _element_at("CarePlan.activity", rest[1:], definitions)
        return replace(definitions.types[kind][head], many=False)
    if head == "detail" and kind == "CarePlan.activity" and rest:
        return _element_at("CarePlan.activity.detail", rest, definitions)
    return member_of(kind, head, definitions)


def member_of(kind: str, name: str, definitions: Definitions) -> Element:
    """A member of a type in JSON; ``_name`` stands for what is beside a primitive one."""
    members = definitions.types[kind]
    if name.startswith("_"):
        return replace(members[name[1:]], type=_ELEMENT, is_primitive=False)
    return members[name]


def parts_at(name: str, place: Place, value: Any, definitions: Definitions) -> list[str]:
    """The parts named ``name`` that say a value, as JSON: one, or one for each entry of a list."""
    element, member, many = place
    if not member:
        return [json_of(each) for each in _parts_of(name, element, value, definitions)]
    if many and isinstance(value, list):
        return [value_part(name, member, json_of(each)) for each in value]
    return [value_part(name, member, json_of(value))]


def _parts_of(name: str, element: Element, value: Any, definitions: Definitions) -> list[Resource]:
    if value is None:
        return []
    if element.many and isinstance(value, list):
        return [_part(name, element, each, definitions) for each in value]
    return [_part(name, element, value, definitions)]


def _part(name: str, element: Element, value: Any, definitions: Definitions) -> Resource:
    if isinstance(value, dict) and "resourceType" in value:
        return {"name": name, "resource": value}
    member = _value_of(element.type)
    if member in definitions.types[_VALUES]:
        return {"name": name, member: value}
    if not isinstance(value, dict):  # the text of a summary, which has a type of its own
        return {"name": name, "valueString": value}
    parts: list[Resource] = []
    for each, one in value.items():
        parts += _parts_of(each, member_of(element.type, each, definitions), one, definitions)
    return {"name": name, "part": parts}


@cache
def _value_of(kind: str) -> str:
    """The member of a parameter that holds a value of a type."""
    return f"value{kind[0].upper()}{kind[1:]}"
