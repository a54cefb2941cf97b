"""Which data categories a resource falls in, as a bit set, from ``categories.yaml``. Consent speaks in these
categories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, parse_reference
from app.server.placement import elements

QUESTIONNAIRE: Final = "Questionnaire"
"""A type, and ``type.text`` of what names one that is to be filled in."""
UNCLASSIFIED: Final = 1
"""The bit of what no row maps: for the patient only."""
EVERY_LABEL: Final = 2**62 - 1


@dataclass(frozen=True, slots=True)
class Category:
    """One data category. ``bit`` is its place in ``resource.labels``."""

    name: str
    bit: int
    dutch: str
    english: str


@dataclass(frozen=True, slots=True)
class _Row:
    bits: int
    element: str = ""
    codings: frozenset[tuple[str, str]] = frozenset()
    profiles: frozenset[str] = frozenset()
    questionnaires: frozenset[str] = frozenset()

    def matches(self, resource: Resource) -> bool:
        if self.questionnaires:
            asked = resource.get("questionnaire")
            return isinstance(asked, str) and asked.partition("|")[0] in self.questionnaires
        if self.profiles:
            return not self.profiles.isdisjoint(resource.get("meta", {}).get("profile", ()))
        if not self.element:
            return True
        value = resource.get(self.element)
        for concept in value if isinstance(value, list) else (value,) if value else ():
            for coding in concept.get("coding", ()):
                if (coding.get("system"), coding.get("code")) in self.codings:
                    return True
        return False


@dataclass(frozen=True, slots=True)
class _Refers:
    """From which elements a type takes the categories of what it refers to. ``besides`` its own: only the resources
    of the type that this row matches, which keep their own too.
    """

    paths: tuple[tuple[str, ...], ...]
    besides: _Row | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """The table. ``of`` gives the bits of one resource that stands for itself."""

    categories: Mapping[str, Category]
    _rows: Mapping[str, tuple[_Row, ...]]
    refers: Mapping[str, _Refers]
    asks: Mapping[str, str]

    def bits(self, names: Iterable[str]) -> int:
        """The bit set of categories by name. Raises KeyError for a name that the table lacks."""
        union = 0
        for name in names:
            union |= 1 << self.categories[name].bit
        return union

    def of(self, resource: Resource) -> int:
        """The bits of the first row that matches, else ``UNCLASSIFIED``."""
        return self._meant(resource) or UNCLASSIFIED

    def _meant(self, resource: Resource) -> int:
        """The same, 0 where none does."""
        for row in self._rows.get(resource["resourceType"], ()):
            if row.matches(resource):
                return row.bits
        return 0

    def possible(self, resource_type: str, every: int) -> int:
        """The bits that resources of a type may have, of those in ``every``: all, where they take those of others."""
        if resource_type in self.refers:
            return every
        union = 0
        for row in self._rows.get(resource_type, ()):
            union |= row.bits
        return union & every

    def referred(self, resource: Resource) -> list[str] | None:
        """What a resource that takes the categories of what it refers to, refers to; None for others."""
        refers = self._refers(resource)
        if refers is None:
            return None
        return [
            each["reference"]
            for path in refers.paths
            for each in elements(resource, path)
            if isinstance(each.get("reference"), str)
        ]

    def complete(self, resource: Resource, labels_of: Callable[[str], int | None]) -> int:
        """The bits of any resource; ``labels_of`` gives those of a reference, None where it resolves nowhere."""
        refers = self._refers(resource)
        if refers is None:
            return self.of(resource)
        union = self._asked(resource) | self._meant(resource) if refers.besides is None else self.of(resource)
        for path in refers.paths:
            for each in elements(resource, path):
                if "resourceType" in each:
                    union |= self.complete(each, labels_of)
                elif isinstance(each.get("reference"), str) and not (union and _is_questionnaire(each["reference"])):
                    union |= labels_of(each["reference"]) or UNCLASSIFIED
        return union or UNCLASSIFIED

    def _asked(self, resource: Resource) -> int:
        """The bits of answers to the Questionnaires that a resource names to be filled in. One that is named by
        reference stands in a catalogue, which has no answers for one person only: those are asked for by canonical.
        """
        union = 0
        for each in resource.get(self.asks.get(resource["resourceType"], ""), ()):
            if str(each.get("type", {}).get("text", "")).casefold() != QUESTIONNAIRE.casefold():
                continue
            union |= self.of({"resourceType": "QuestionnaireResponse", "questionnaire": each.get("valueCanonical")})
        return union

    def _refers(self, resource: Resource) -> _Refers | None:
        found = self.refers.get(resource["resourceType"])
        if found is None or found.besides is None or found.besides.matches(resource):
            return found
        return None


def _is_questionnaire(reference: str) -> bool:
    literal = parse_reference(reference)
    return literal is not None and literal.type == QUESTIONNAIRE


def load_labels(canonical_base: str = CANONICAL_BASE) -> Labels:
    """The table as committed. ``canonical_base`` begins the systems of our own codes."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("categories.yaml").read_text(), yaml.CSafeLoader)
    categories = {name: Category(name, row["bit"], row["nl"], row["en"]) for name, row in table["categories"].items()}

    def read(row: dict[str, Any]) -> _Row:
        bits = 1 << categories[row["is"]].bit if "is" in row else 0
        for element in ("category", "code", "scope"):
            if element in row:
                listed = (each.replace("$base", canonical_base).partition("|") for each in row[element])
                return _Row(bits, element, frozenset((system, code) for system, _, code in listed))
        if "questionnaire" in row:
            asked = frozenset(each.replace("$base", canonical_base) for each in row["questionnaire"])
            return _Row(bits, questionnaires=asked)
        return _Row(bits, profiles=frozenset(row.get("profile", ())))

    def read_refers(row: Any) -> _Refers:
        paths = tuple(tuple(path.split(".")) for path in (row["besides"] if isinstance(row, dict) else row))
        return _Refers(paths, read(row) if isinstance(row, dict) else None)

    return Labels(
        MappingProxyType(categories),
        MappingProxyType({name: tuple(map(read, rows)) for name, rows in table["types"].items()}),
        MappingProxyType({name: read_refers(row) for name, row in table["refers"].items()}),
        MappingProxyType(table["asks"]),
    )
