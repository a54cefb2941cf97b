"""Whole resources to hold the code against: Nictiz's and HL7's examples, and made ones that reach what these leave out."""

from __future__ import annotations

import functools
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from app.fhir.definitions import Definitions, Element
from app.fhir.resource import Resource, decode

FOLDERS: Final = {
    "4.0.1": ("Nictiz-R4-zib2020/examples",),
    "3.0.1": ("Nictiz-STU3-Zib2017/Examples", "Nictiz-STU3-Questionnaires/Examples"),
}
_LARGEST: Final = 40_000  # bytes
_MOST_OF_A_TYPE: Final = 4


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


class Maker:
    """Makes resources that have a value for every element named in ``names``, whatever its type.

    Strings come from ``texts`` in turn; ``turn`` also chooses among the types of a choice. Nothing but the structure is
    meant to be valid.
    """

    def __init__(self, definitions: Definitions, *, names: frozenset[str], texts: tuple[str, ...], turn: int) -> None:
        self._types = definitions.types
        self._names = names
        self._texts = texts
        self._turn = turn

    def resource(self, resource_type: str) -> Resource:
        return {"resourceType": resource_type, **self._object(self._types[resource_type], depth=0)}

    def _object(self, elements: Mapping[str, Element], depth: int) -> dict[str, Any]:
        choices: dict[str, list[str]] = {}
        for member, element in elements.items():
            if (element.choice or member) in self._names and element.type != "Resource":
                choices.setdefault(element.name, []).append(member)
        made = {}
        for members in choices.values():
            member = members[(self._turn + depth) % len(members)]
            element = elements[member]
            if element.is_primitive:
                made[member] = self._many(element, [self._primitive(element.type), self._primitive(element.type)])
            elif depth < 5:
                values = [self._object(self._types[element.type], depth + 1) for _ in range(2 if element.many else 1)]
                if all(values):
                    made[member] = self._many(element, values)
        return made

    @staticmethod
    def _many(element: Element, values: list[Any]) -> Any:
        return values if element.many else values[0]

    def _primitive(self, type_name: str) -> Any:
        self._turn += 1
        if type_name == "boolean":
            return self._turn % 2 == 0
        if type_name in ("integer", "positiveInt", "unsignedInt", "decimal"):
            return self._turn
        if type_name in ("date", "dateTime", "instant"):
            return f"20{self._turn % 90 + 10}-01-02"
        return self._texts[self._turn % len(self._texts)]
