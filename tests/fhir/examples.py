"""Whole resources to hold the code against: Nictiz's and HL7's examples, and made ones that reach what these do not."""

from __future__ import annotations

import functools
import random
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.paths import syntax
from app.fhir.resource import Resource, decode

FOLDERS: Final = {
    "4.0.1": ("Nictiz-R4-zib2020/examples",),
    "3.0.1": ("Nictiz-STU3-Zib2017/Examples", "Nictiz-STU3-Questionnaires/Examples"),
}
_LARGEST: Final = 40_000  # bytes
_MOST_OF_A_TYPE: Final = 3


def xml_of(content: str, *, resource_type: str = "Patient") -> bytes:
    """A document with this content."""
    return f'<{resource_type} xmlns="http://hl7.org/fhir">{content}</{resource_type}>'.encode()


def nictiz(fhir_definitions: Path, version: str) -> Iterator[tuple[str, bytes]]:
    """The file name and XML of each of Nictiz's examples for a FHIR version."""
    for folder in FOLDERS[version]:
        for path in sorted((fhir_definitions / folder).glob("*.xml")):
            yield path.name, path.read_bytes()


@functools.cache
def hl7(fhir_definitions: Path, version: str) -> tuple[tuple[str, Resource], ...]:
    """A few small resources of each type from HL7's package: examples in 3.0.1, definitions only in 4.0.1."""
    taken: Counter[str] = Counter()
    found = []
    with tarfile.open(fhir_definitions / f"hl7.fhir.core-{version}.tar.gz") as package:
        for member in package:
            name = Path(member.name).name
            if not name.endswith(".json") or "-" not in name or member.size > _LARGEST:
                continue
            if taken[name.partition("-")[0]] >= _MOST_OF_A_TYPE:
                continue
            file = package.extractfile(member)
            assert file is not None
            resource = decode(file.read())
            if "resourceType" in resource:
                taken[name.partition("-")[0]] += 1
                found.append((name, resource))
    return tuple(found)


def made(
    definitions: Definitions, resource_type: str, expressions: Iterable[str], *, texts: Sequence[str], seed: int
) -> Resource:
    """A resource that has something for every path of ``expressions``, of a random type where there is a choice.

    Arrays have two entries and strings come from ``texts``. Only its structure is meant to be valid.
    """
    wanted: Tree = {}
    for expression in expressions:
        _reach(syntax.parse(expression), wanted)
    maker = _Maker(definitions, texts, random.Random(seed))
    return {"resourceType": resource_type, **maker.object(resource_type, wanted)}


Tree = dict[str, Any]
"""Element names, each with those wanted within it."""


def _reach(node: syntax.Node, focus: Tree) -> Tree:
    """Adds the elements that the expression mentions to those wanted at its focus; gives those at its end."""
    match node:
        case syntax.Member(base, name, first):
            at = _reach(base, focus)
            return at if first and name[0].isupper() else at.setdefault(name, {})
        case syntax.Call(base, function, arguments):
            at = _reach(base, focus)
            if "xtension" in function:
                at = at.setdefault("extension", {})
                at["url"] = {}
            for argument in arguments:
                _reach(argument, at)
            return at
        case syntax.Index(base) | syntax.TypeTest(base):
            return _reach(base, focus)
        case syntax.Operation(_, left, right):
            _reach(right, focus)
            return _reach(left, focus)
    return focus


class _Maker:
    def __init__(self, definitions: Definitions, texts: Sequence[str], chance: random.Random) -> None:
        self._types = definitions.types
        self._texts = texts
        self._chance = chance

    def object(self, type_name: str, wanted: Tree) -> dict[str, Any]:
        if type_name == "Resource":
            return {"resourceType": "Basic", "id": self._chance.choice(self._texts)}
        elements = self._types[type_name]
        found = {}
        for name, within in wanted.items():
            members = [member for member, each in elements.items() if name in (member, each.choice)]
            if members:
                member = self._chance.choice(members)
                found[member] = self._value(elements[member], within)
        return found or {"id": self._chance.choice(self._texts)}

    def _value(self, element: Element, within: Tree) -> Any:
        values = [self._one(element, within) for _ in range(2 if element.many else 1)]
        return values if element.many else values[0]

    def _one(self, element: Element, within: Tree) -> Any:
        number = self._chance.randrange(10, 28)
        match element.type:
            case "boolean":
                return number % 2 == 0
            case "integer" | "positiveInt" | "unsignedInt" | "decimal":
                return number
            case "date" | "dateTime" | "instant":
                return f"20{number}-01-{number}"
            case name if element.is_primitive:
                return self._chance.choice(self._texts)
        return self.object(name, within)
