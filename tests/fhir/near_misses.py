"""Near-misses: copies of a valid resource with one rule broken, each with the path of the issue that must say so."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource
from tests.fhir.generated import Maker

NearMiss = tuple[str, Resource, str]
"""What was broken, the resource, and the path of the issue that must say so."""

_WRONG: Final[Mapping[str, Any]] = {
    "base64Binary": "abc",
    "boolean": "true",
    "canonical": "een twee",
    "code": " alfa",
    "date": "2026-13-01",
    "dateTime": "2026-11-21T09:10",
    "decimal": "1.5",
    "id": "a_b",
    "instant": "2026-11-21",
    "integer": Decimal("1.5"),
    "markdown": " ",
    "oid": "2.16.1",
    "positiveInt": 0,
    "string": "",
    "time": "25:00:00",
    "unsignedInt": -1,
    "uri": "een twee",
    "url": "een twee",
    "uuid": "0c1b8a68",
    "xhtml": "<div>",
}


@dataclass(frozen=True)
class Place:
    """An object within a resource: its type, the keys that lead to it and its path as issues write it."""

    type: str
    keys: tuple[str | int, ...]
    expression: str


@dataclass(frozen=True)
class _Member:
    """A member of a place that is an element."""

    place: Place
    name: str
    element: Element
    value: Any

    @property
    def expression(self) -> str:
        """The path of the whole element."""
        return f"{self.place.expression}.{self.element.choice or self.name}"

    @property
    def first(self) -> str:
        """The path of its one value, or of the first."""
        return self.expression + ("[0]" if self.element.many else "")


def near_misses(resource: Resource, definitions: Definitions, chance: random.Random) -> Iterator[NearMiss]:
    """Copies of a valid resource with one thing wrong, one for each kind of mistake that can be made in it."""
    around = list(places(resource, definitions))
    members = [
        _Member(place, name, element, owner[name])
        for place, owner in around
        for name, element in definitions.types[place.type].items()
        if name in owner and not (element.many and owner[name][0] is None)
    ]
    place = chance.choice(around)[0]
    yield "an unknown element", _with(resource, place, {"onbekend": True}), f"{place.expression}.onbekend"
    required = [
        each for each in members if each.element.min and len(_at(resource, each.place)) > 2 and each.name != "id"
    ]
    for member in _one(required, chance):
        without = copy.deepcopy(resource)
        owner = _at(without, member.place)
        owner.pop(member.name)
        owner.pop("_" + member.name, None)
        yield f"without {member.name}", without, member.expression
    for kind, fits, wrong in _KINDS:
        for member in _one([each for each in members if fits(each, definitions)], chance):
            value, path = wrong(member, definitions)
            yield f"{kind}: {member.name}", _with(resource, member.place, {member.name: value}), path
    for member in _one([each for each in members if each.element.choice], chance):
        elements = definitions.types[member.place.type]
        others = [name for name, each in elements.items() if each.name == member.element.name and name != member.name]
        for name in _one(others, chance):
            value = Maker(definitions, chance).value(member.place.type, name, elements[name], depth=9)
            yield f"{member.name} and {name}", _with(resource, member.place, {name: value}), member.expression


def _one(items: list[Any], chance: random.Random) -> list[Any]:
    return [chance.choice(items)] if items else []


def _around(member: _Member, value: Any) -> Any:
    """A value in an array where the element has one; what else was in the array stays."""
    return [value, *member.value[1:]] if member.element.many else value


def _binding(member: _Member, definitions: Definitions) -> bool:
    return member.element.binding in definitions.codes


def _outside(member: _Member, _: Definitions) -> tuple[Any, str]:
    coding = {"system": "urn:x", "code": "onbekend"}
    value: Any = {"CodeableConcept": {"coding": [coding]}, "Coding": coding}.get(member.element.type, "onbekend")
    return _around(member, value), member.first


def _targeted(member: _Member, _: Definitions) -> bool:
    return member.element.type == "Reference" and bool(member.element.targets)


def _elsewhere(member: _Member, definitions: Definitions) -> tuple[Any, str]:
    other = min(definitions.resource_types - set(member.element.targets))
    return _around(member, {"reference": f"{other}/1"}), f"{member.first}.reference"


_KINDS: Final[
    tuple[tuple[str, Callable[[_Member, Definitions], bool], Callable[[_Member, Definitions], tuple[Any, str]]], ...]
] = (
    (
        "a number for an object",
        lambda member, _: not member.element.is_primitive,
        lambda member, _: (_around(member, 7), member.first),
    ),
    (
        "an object for a primitive",
        lambda member, _: member.element.is_primitive,
        lambda member, _: (_around(member, {"value": 1}), member.first),
    ),
    (
        "a wrong format",
        lambda member, _: member.element.is_primitive,
        lambda member, _: (_around(member, _WRONG[member.element.type]), member.first),
    ),
    ("a code outside the value set", _binding, _outside),
    (
        "an array for one",
        lambda member, _: not member.element.many,
        lambda member, _: ([member.value], member.expression),
    ),
    ("an empty array", lambda member, _: member.element.many, lambda member, _: ([], member.expression)),
    (
        "one for an array",
        lambda member, _: member.element.many,
        lambda member, _: (member.value[0], member.expression),
    ),
    (
        "an empty object",
        lambda member, _: not member.element.is_primitive and member.element.type != "Resource",
        lambda member, _: (_around(member, {}), member.first),
    ),
    ("a reference to another type", _targeted, _elsewhere),
)


def places(
    value: dict[str, Any], definitions: Definitions, place: Place | None = None
) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every object of a resource with its place, the resource itself first."""
    place = place or Place(value["resourceType"], (), value["resourceType"])
    yield place, value
    for name, element in definitions.types[place.type].items():
        if name not in value or element.is_primitive:
            continue
        expression = f"{place.expression}.{element.choice or name}"
        items = value[name] if element.many else [value[name]]
        for index, item in enumerate(items):
            keys = (*place.keys, name, index) if element.many else (*place.keys, name)
            kind = item["resourceType"] if element.type == "Resource" else element.type
            step = f"[{index}]" if element.many else ""
            yield from places(item, definitions, Place(kind, keys, expression + step))


def _at(resource: Resource, place: Place) -> dict[str, Any]:
    found: Any = resource
    for key in place.keys:
        found = found[key]
    return found  # type: ignore[no-any-return]


def _with(resource: Resource, place: Place, members: dict[str, Any]) -> Resource:
    changed = copy.deepcopy(resource)
    _at(changed, place).update(members)
    return changed
