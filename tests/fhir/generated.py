"""Valid resources of any type, made from the tables of definitions.

Everything follows from a seed. Required elements are always there, others at random and fewer further down; an object
is made again until it keeps its invariants.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource
from app.fhir.validation.invariants import Invariant, of_version
from app.fhir.validation.invariants.rule import UCUM

_ATTEMPTS: Final = 400
_DEEP: Final = 4
"""Beneath this, objects have what they need and little more."""
_WORDS: Final = ("Alfa", "Bravo", "Delta", "Echo", "Hotel", "Kilo", "Lima", "Oscar", "Tango", "Zoeloe")
_SMALL: Final = ("Basic", "Composition", "MessageHeader")


def _word(chance: random.Random) -> str:
    return f"{chance.choice(_WORDS)}{chance.randrange(1000)}"


def _day(chance: random.Random) -> str:
    return f"20{chance.randrange(10, 28)}-{chance.randrange(10, 13)}-{chance.randrange(10, 29)}"


# Elements whose values no type or binding tells.
_VALUES: Final[Mapping[str, tuple[Any, ...]]] = {
    "Coding.display": ("Alfa",),
    "ElementDefinition.max": ("1", "3", "*"),
    "ElementDefinition.min": (0, 1),
    "ElementDefinition.path": ("Alfa", "Alfa.bravo", "Alfa.delta", "Alfa.echo"),
    "ImplementationGuide.definition.grouping.id": ("g1", "g2"),
    "ImplementationGuide.definition.resource.groupingId": ("g1", "g2"),
    "MessageDefinition.focus.max": ("1", "*"),
    "MolecularSequence.coordinateSystem": (0, 1),
    "StructureDefinition.type": ("Alfa",),
}
# Elements that an object needs by its invariants, often enough for a lucky throw to be too rare.
_WANTED: Final[Mapping[str, frozenset[str]]] = {
    "ElementDefinition": frozenset({"id", "definition", "min", "max", "base"}),
    "Linkage": frozenset({"item"}),
}
_RARE: Final = frozenset({"contained", "extension", "id", "implicitRules", "modifierExtension"})
_UNITS: Final = {"Age": "a", "Count": "1", "Distance": "m", "Duration": "h", "Quantity": "kg"}
# Codes of value sets that cannot be listed.
_OPEN_CODES: Final = {"currencies": "EUR", "mimetypes": "text/plain", "bcp13.txt": "text/plain", "ucum-units": "kg"}

_PRIMITIVES: Final[Mapping[str, Callable[[random.Random], Any]]] = {
    "base64Binary": lambda chance: chance.choice(("YWxmYQ==", "YnJhdm8=")),
    "boolean": lambda chance: chance.random() < 0.5,
    "canonical": lambda chance: f"https://zelfregie.example/fhir/{_word(chance)}|1.0",
    "code": lambda chance: _word(chance).lower(),
    "date": lambda chance: f"20{chance.randrange(10, 28)}-0{chance.randrange(1, 10)}-{chance.randrange(10, 29)}",
    "dateTime": lambda chance: chance.choice((f"{_day(chance)}T10:15:00+01:00", _day(chance), _day(chance)[:7])),
    "decimal": lambda chance: Decimal(chance.randrange(1, 2000)) / 20,
    "id": lambda chance: f"a-{chance.randrange(10**6)}",
    "instant": lambda chance: f"{_day(chance)}T10:15:00.{chance.randrange(1000):03}Z",
    "integer": lambda chance: chance.randrange(100),
    "markdown": lambda chance: f"*{_word(chance)}*",
    "oid": lambda chance: f"urn:oid:2.16.{chance.randrange(1000)}",
    "positiveInt": lambda chance: chance.randrange(1, 100),
    "string": _word,
    "time": lambda chance: f"{chance.randrange(10, 24)}:30:00",
    "unsignedInt": lambda chance: chance.randrange(100),
    "uri": lambda chance: f"https://zelfregie.example/{_word(chance)}",
    "url": lambda chance: f"https://zelfregie.example/{_word(chance)}",
    "uuid": lambda chance: f"urn:uuid:0c1b8a68-5f46-4d3c-9d5b-{chance.randrange(16**12):012x}",
    "xhtml": lambda chance: f'<div xmlns="http://www.w3.org/1999/xhtml">{_word(chance)}</div>',
}


class Maker:
    """Makes objects of one version. ``richness`` is the chance of an optional element of the resource itself,
    ``beside`` that of an extension beside a primitive.
    """

    _most = 2
    """Items of an array."""

    def __init__(
        self, definitions: Definitions, chance: random.Random, *, richness: float = 0.3, beside: float = 0.02
    ) -> None:
        self._definitions = definitions
        self._chance = chance
        self._richness = richness
        self._beside = beside

    def resource(self, resource_type: str) -> Resource:
        """A resource of the type."""
        return self.object(resource_type)

    def object(self, name: str, *, depth: int = 0) -> dict[str, Any]:
        """An object of a type or backbone path that keeps its invariants, or the last attempt at one."""
        if name in _UNITS:
            return self._quantity(name)
        made: dict[str, Any] = {}
        for attempt in range(_ATTEMPTS):
            likely = 0 if depth > _DEEP else self._richness * (0.5 + attempt % 4 / 4) / (1 + depth)
            made = self._attempt(name, depth, likely=likely + attempt / _ATTEMPTS / 2)
            if all(each.severity == "warning" or each.holds(made) for each in invariants(self._definitions, name)):
                return made
        return made

    def value(self, owner: str, member: str, element: Element, *, depth: int) -> Any:
        """One value of an element, without the array around it."""
        if given := _VALUES.get(f"{owner}.{member}"):
            return self._chance.choice(given)
        if element.binding is not None:
            return self._coded(element.type, element.binding)
        if element.is_primitive:
            return "nl" if member == "language" else _PRIMITIVES[element.type](self._chance)
        if element.type == "Reference":
            return self._reference(element.targets)
        if element.type == "Resource":
            return self._resource(contained=member == "contained")
        return self.object(element.type, depth=depth + 1)

    def _attempt(self, name: str, depth: int, *, likely: float) -> dict[str, Any]:
        elements = self._definitions.types[name]
        made: dict[str, Any] = {"resourceType": name} if name in self._definitions.resource_types else {}
        for member in self._members(name, elements, likely, deep=depth > _DEEP):
            element = elements[member]
            count = self._chance.randrange(self._most) + 1 if element.many and depth <= _DEEP else 1
            values = [self.value(name, member, element, depth=depth) for _ in range(count)]
            made[member] = values if element.many else values[0]
            if element.is_primitive and element.xml == "element" and self._chance.random() < self._beside:
                extended = {"extension": [{"url": "urn:x", "valueCode": "y"}]}
                made["_" + member] = [extended] * count if element.many else extended
        return made

    def _members(self, name: str, elements: Mapping[str, Element], likely: float, *, deep: bool) -> list[str]:
        """Members to be there, at least one: of each choice one."""
        options: dict[str, list[str]] = {}
        for member, element in elements.items():
            options.setdefault(element.name, []).append(member)
        wanted = _WANTED.get(name, frozenset())
        found = []
        for label, listed in options.items():
            needed = elements[listed[0]].min or label in wanted or (name == "Extension" and label == "value[x]")
            element = elements[listed[0]]
            is_rare = label in _RARE or (deep and not element.is_primitive)
            if deep and element.type in (name, "Extension"):
                continue
            if needed or self._chance.random() < (likely / 3 if is_rare else likely):
                found.append(self._chance.choice(listed))
        if _RARE.issuperset(found):
            own = [member for label, listed in options.items() if label not in _RARE for member in listed]
            plain = [member for member in own if elements[member].is_primitive]
            found.append(self._chance.choice(plain or own))
        return found

    def _coded(self, kind: str, binding: str) -> Any:
        if binding in self._definitions.not_enumerable:
            system, code = "urn:x", _OPEN_CODES.get(binding.rsplit("/", 1)[-1], "alfa")
        else:
            system, code = self._chance.choice(_concepts(self._definitions, binding))
        if kind[0].islower():
            return code
        coding = {"system": system, "code": code}
        return {"coding": [coding]} if kind == "CodeableConcept" else coding

    def _reference(self, targets: tuple[str, ...]) -> dict[str, Any]:
        target = self._chance.choice(targets or ("Patient", "Device"))
        reference = {"reference": f"{target}/{_PRIMITIVES['id'](self._chance)}"}
        return reference | ({"display": _word(self._chance)} if self._chance.random() < 0.2 else {})

    def _quantity(self, name: str) -> dict[str, Any]:
        value: Any = self._chance.randrange(1, 100)
        if name != "Count" and self._chance.random() < 0.5:
            value = Decimal(value) / 10
        return {"value": value, "unit": _UNITS[name], "system": UCUM, "code": _UNITS[name]}

    def _resource(self, *, contained: bool) -> Resource:
        if contained:
            return {
                "resourceType": "Basic",
                "id": _PRIMITIVES["id"](self._chance),
                "code": {"text": _word(self._chance)},
                "subject": {"reference": "#"},
            }
        return self.object(self._chance.choice(_SMALL), depth=_DEEP + 1)


@functools.cache
def invariants(definitions: Definitions, name: str) -> tuple[Invariant, ...]:
    """The invariants of a type or backbone path with those of the types that it specializes."""
    base = definitions.bases.get(name)
    own = of_version(definitions.version).get(name, ())
    return own if base is None else (*invariants(definitions, base), *own)


@functools.cache
def _concepts(definitions: Definitions, binding: str) -> list[tuple[str, str]]:
    return sorted(definitions.concepts[binding])
