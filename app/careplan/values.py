"""Elements of a resource as values of a Parameters resource, whatever their type is.

As FHIRPath Patch has it: what a parameter cannot hold as one value (an element of a type of its own, an extension) is
given part by part, each list as a part per entry. https://hl7.org/fhir/R4/fhirpatch.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from app.careplan.cells import EXTENSION, LISTS, NEXT_REVIEW, Address
from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource

_VALUES: Final = "Parameters.parameter"
_ELEMENT: Final = "Element"


def element_at(kind: str, address: Address, definitions: Definitions) -> Element:
    """What stands at an address of ``cells_of``; of one entry where the address names one."""
    named = kind == "CarePlan" and address[0] in LISTS and len(address) > 1
    return _element_at(kind, (address[0], "", *address[2:]) if named else address, definitions)


@lru_cache(maxsize=1024)
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


def parts_of(name: str, element: Element, value: Any, definitions: Definitions) -> Iterator[Resource]:
    """The parts named ``name`` that say a value: one, or one for each entry of a list; none where it is None."""
    if value is None:
        return
    for each in value if element.many and isinstance(value, list) else [value]:
        yield _part(name, element, each, definitions)


def _part(name: str, element: Element, value: Any, definitions: Definitions) -> Resource:
    kind = element.type
    if isinstance(value, dict) and "resourceType" in value:
        return {"name": name, "resource": value}
    member = f"value{kind[0].upper()}{kind[1:]}"
    if member in definitions.types[_VALUES]:
        return {"name": name, member: value}
    if not isinstance(value, dict):  # the text of a summary, which has a type of its own
        return {"name": name, "valueString": value}
    parts = [
        part
        for each, one in value.items()
        for part in parts_of(each, member_of(kind, each, definitions), one, definitions)
    ]
    return {"name": name, "part": parts}
