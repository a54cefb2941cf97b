"""The table of semantic maps, read from ``maps.yaml``. https://hl7.org/fhir/R4/versions.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

Row = Mapping[str, Any]
"""A step or a need, as the table has it."""
_PREFIXES: Final = {
    "nictiz": "http://nictiz.nl/fhir/StructureDefinition/",
    "nl": "http://fhir.nl/fhir/StructureDefinition/",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A canonical of zib2017, and what must hold for it to be claimed."""

    profile: str
    needs: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Map:
    """One semantic map. It is for resources of ``type`` that are of one of ``kinds``, have one of ``codes`` (system and
    code), or of which all of ``when`` holds. ``found_by``: what the view says by which the stored resource is not
    found, per element. The others are words for the page.
    """

    name: str
    type: str
    kinds: Sequence[str]
    codes: Sequence[tuple[str, str]]
    when: Sequence[Row]
    steps: Sequence[Row]
    claims: Sequence[Claim]
    mapped: str
    carried: str
    because: str
    found_by: Row

    @property
    def is_general(self) -> bool:
        """Whether it is for every resource of its type."""
        return not (self.kinds or self.codes or self.when)


@dataclass(frozen=True, slots=True)
class Table:
    """``maps`` in their order; ``systems`` by short name; ``extensions``: other addresses of extensions."""

    maps: Sequence[Map]
    systems: Mapping[str, str]
    extensions: Mapping[str, str]

    def coding(self, row: Row) -> tuple[str, str, str]:
        """System, code and display of a coding of the table (``{loinc: 8361-8, display: …}``)."""
        short, code = next((name, value) for name, value in row.items() if name in self.systems)
        return self.systems[short], str(code), row.get("display", "")

    def written(self, row: Row) -> dict[str, str]:
        """The same as a Coding."""
        system, code, display = self.coding(row)
        return {"system": system, "code": code, **({"display": display} if display else {})}


@cache
def table() -> Table:
    """The table of this version of the service."""
    rows = yaml.load(Path(__file__).with_name("maps.yaml").read_text("utf-8"), yaml.CSafeLoader)
    systems = MappingProxyType(rows["systems"])
    bare = Table((), systems, MappingProxyType(rows["extensions"]))
    maps = tuple(_map(name, row, bare) for name, row in rows["maps"].items())
    return Table(maps, systems, bare.extensions)


def canonical(text: str) -> str:
    """``nictiz:zib-Problem`` as the whole canonical. Raises ``ValueError``."""
    prefix, _, name = text.partition(":")
    if prefix not in _PREFIXES or not name:
        msg = f"maps.yaml: {text} is no canonical."
        raise ValueError(msg)
    return f"{_PREFIXES[prefix]}{name}"


def _map(name: str, row: Mapping[str, Any], bare: Table) -> Map:
    return Map(
        name,
        row["type"],
        tuple(row.get("kinds", ())),
        tuple(bare.coding(each)[:2] for each in row.get("codes", ())),
        tuple(row.get("when", ())),
        tuple(row.get("steps", ())),
        tuple(Claim(canonical(each["profile"]), tuple(each["needs"])) for each in row["claims"]),
        row["mapped"],
        row.get("carried", ""),
        row.get("because", ""),
        row.get("found-by", {}),
    )
