"""What a set of the record is made of, as data: which resources, and which of them. https://hl7.org/fhir/R4/search.html

A part is what one request of an information standard finds: resources of a type, those with certain codes, all of them
or the newest of each code. ``reading.py`` reads many parts at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec
import yaml

OBSERVATION: Final = "Observation"
_ERROR: Final = "entered-in-error"
Key = tuple[str, str]
"""System and code; of a plain code the system is empty."""


class Coding(msgspec.Struct, gc=False):
    """A Coding."""

    system: str = ""
    code: str = ""


class _Concept(msgspec.Struct, gc=False):
    """A CodeableConcept, or a Coding in its place."""

    coding: list[Coding] = []
    text: str = ""
    system: str = ""
    code: str = ""

    def keys(self) -> Iterable[Key]:
        if self.code:
            yield self.system, self.code
        for each in self.coding:
            yield each.system, each.code


class Marked(msgspec.Struct, gc=False):
    """The elements of a resource that say which part it belongs to."""

    status: str = ""
    code: list[_Concept | str] | _Concept | str | None = None
    category: list[_Concept | str] | _Concept | None = None
    scope: _Concept | None = None
    classes: list[_Concept] | _Concept | None = msgspec.field(name="class", default=None)
    clinical_status: _Concept | None = msgspec.field(name="clinicalStatus", default=None)
    verification_status: _Concept | None = msgspec.field(name="verificationStatus", default=None)

    @property
    def is_error(self) -> bool:
        """Whether it was entered in error."""
        return self.status == _ERROR or any(code == _ERROR for _, code in self.keys("verificationStatus"))

    def keys(self, element: str) -> Iterable[Key]:
        """The codes of an element."""
        value = getattr(self, _MEMBERS[element])
        for each in value if isinstance(value, list) else () if value is None else (value,):
            if isinstance(each, str):
                yield "", each
            else:
                yield from each.keys()

    def groups(self) -> list[Key]:
        """What it has in common with others of its code: its codings, or without any its text."""
        return list(self.keys("code")) or [("", getattr(self.code, "text", ""))]


_MEMBERS: Final = {
    "status": "status",
    "code": "code",
    "category": "category",
    "scope": "scope",
    "class": "classes",
    "clinicalStatus": "clinical_status",
    "verificationStatus": "verification_status",
}
marked: Final = msgspec.json.Decoder(Marked).decode
"""The elements, of the bytes of a resource."""


@dataclass(frozen=True, slots=True)
class Where:
    """One alternative: every element has one of its codes."""

    elements: Mapping[str, frozenset[Key]]

    def holds(self, of: Marked) -> bool:
        return all(not wanted.isdisjoint(of.keys(name)) for name, wanted in self.elements.items())


@dataclass(frozen=True, slots=True)
class Part:
    """``found_by``: the search parameter (code or category) by which Observations are found, with its ``codes``;
    ``last``: only the newest of each code. ``unless``: alternatives that leave a resource out. ``includes``: as
    ``_include`` has them; ``most``: only so many, the newest (0: all).
    """

    section: str
    type: str
    where: Sequence[Where] = ()
    unless: Sequence[Where] = ()
    found_by: str = ""
    codes: tuple[Key, ...] = ()
    last: bool = False
    includes: tuple[str, ...] = ()
    most: int = 0

    def takes(self, of: Marked) -> bool:
        """Whether a resource of its type that was found belongs to it."""
        if self.last and of.is_error:
            return False
        if any(each.holds(of) for each in self.unless):
            return False
        return not self.where or any(each.holds(of) for each in self.where)


@dataclass(frozen=True, slots=True)
class BgzSection:
    """A section of the BgZ. ``request``: how a PGO asks for it in STU3."""

    name: str
    number: str
    nl: str
    en: str
    request: str
    part: Part

    def title(self, language: str) -> str:
        return self.nl if language == "nl" else self.en


@cache
def bgz_sections() -> Mapping[str, BgzSection]:
    """Those of ``sections.yaml`` by name, in their order."""
    return MappingProxyType(
        {
            name: BgzSection(name, row["number"], row["nl"], row["en"], row["request"], part_of(name, row))
            for name, row in read_table("sections").items()
        }
    )


def read_table(name: str) -> dict[str, Any]:
    """A table of this package."""
    table: dict[str, Any] = yaml.load((Path(__file__).parent / f"{name}.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return table


def part_of(section: str, row: Mapping[str, Any]) -> Part:
    """The part that a row of a table says."""
    found_by = next((each for each in ("code", "category") if each in row), "")
    return Part(
        section,
        row["type"],
        tuple(map(_where, row.get("where", ()))),
        tuple(map(_where, row.get("unless", ()))),
        found_by,
        tuple(map(key_of, row[found_by])) if found_by else (),
        bool(row.get("last")),
        tuple(row.get("include", ())),
        row.get("most", 0),
    )


def key_of(text: str) -> Key:
    """``system|code``, or a code alone."""
    system, _, code = text.rpartition("|")
    return system, code


def _where(row: Mapping[str, Sequence[str]]) -> Where:
    return Where(MappingProxyType({name: frozenset(map(key_of, listed)) for name, listed in row.items()}))
