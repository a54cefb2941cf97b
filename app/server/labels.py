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

from app.fhir.resource import Resource
from app.server.placement import elements

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

    def matches(self, resource: Resource) -> bool:
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
class Labels:
    """The table. ``of`` gives the bits of one resource that stands for itself."""

    categories: Mapping[str, Category]
    _rows: Mapping[str, tuple[_Row, ...]]
    refers: Mapping[str, tuple[tuple[str, ...], ...]]

    def bits(self, names: Iterable[str]) -> int:
        """The bit set of categories by name. Raises KeyError for a name that the table lacks."""
        union = 0
        for name in names:
            union |= 1 << self.categories[name].bit
        return union

    def of(self, resource: Resource) -> int:
        """The bits of the first row that matches, else ``UNCLASSIFIED``."""
        for row in self._rows.get(resource["resourceType"], ()):
            if row.matches(resource):
                return row.bits
        return UNCLASSIFIED

    def possible(self, resource_type: str, every: int) -> int:
        """The bits that resources of a type may have, of those in ``every``: all, where they take those of others."""
        if resource_type in self.refers:
            return every
        union = 0
        for row in self._rows.get(resource_type, ()):
            union |= row.bits
        return union & every

    def referred(self, resource: Resource) -> list[str] | None:
        """What a type that takes the categories of what it refers to, refers to; None for other types."""
        paths = self.refers.get(resource["resourceType"])
        if paths is None:
            return None
        return [
            each["reference"]
            for path in paths
            for each in elements(resource, path)
            if isinstance(each.get("reference"), str)
        ]

    def complete(self, resource: Resource, labels_of: Callable[[str], int | None]) -> int:
        """The bits of any resource; ``labels_of`` gives those of a reference, None where it resolves nowhere."""
        paths = self.refers.get(resource["resourceType"])
        if paths is None:
            return self.of(resource)
        union = 0
        for path in paths:
            for each in elements(resource, path):
                if "resourceType" in each:
                    union |= self.complete(each, labels_of)
                elif isinstance(each.get("reference"), str):
                    union |= labels_of(each["reference"]) or UNCLASSIFIED
        return union or UNCLASSIFIED


def load_labels() -> Labels:
    """The table as committed."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("categories.yaml").read_text(), yaml.CSafeLoader)
    categories = {name: Category(name, row["bit"], row["nl"], row["en"]) for name, row in table["categories"].items()}

    def read(row: dict[str, Any]) -> _Row:
        bits = 1 << categories[row["is"]].bit
        for element in ("category", "code", "scope"):
            if element in row:
                pairs = frozenset((system, code) for system, _, code in (each.partition("|") for each in row[element]))
                return _Row(bits, element, pairs)
        return _Row(bits, profiles=frozenset(row.get("profile", ())))

    return Labels(
        MappingProxyType(categories),
        MappingProxyType({name: tuple(map(read, rows)) for name, rows in table["types"].items()}),
        MappingProxyType(
            {name: tuple(tuple(path.split(".")) for path in paths) for name, paths in table["refers"].items()}
        ),
    )
