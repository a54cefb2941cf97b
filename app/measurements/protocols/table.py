"""The protocols, as ``protocols.yaml`` has them. https://hl7.org/fhir/R4/codesystem.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml

from app.measurements.kinds import SYSTEMS, Kind, Value, kinds
from app.measurements.words import Words

SYSTEM: Final = "protocol"
"""The code system of ours that has the protocols."""
COMPUTED: Final = "computed"
"""The one that has what is computed."""
Take = Literal["all", "last", "best"]
How = Literal["mean", "deviation", "range", "last", "best", "change", "within", "share"]


@dataclass(frozen=True, slots=True)
class Source:
    """What of a protocol comes from where, and whether that was confirmed."""

    what: str
    source: str
    status: Literal["confirmed", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment of the day from ``begins`` until before ``ends`` on the Dutch clock, of the next day when ``ends`` is
    not later. ``times``: how many readings of it count for completeness; ``take``: which of them are used; ``moments``:
    the moments by which a reading can say that it is of this slot. ``now``: how it is called on its own day.
    """

    name: str
    words: Words
    now: Words
    begins: time
    ends: time
    times: int
    take: Take
    moments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What figures are made of: the ``values`` of kinds, all in the same unit. ``main``: of the kind that is counted,
    so that a reading without it is none.
    """

    name: str
    values: tuple[tuple[Kind, Value], ...]
    main: bool

    @property
    def value(self) -> Value:
        """The value whose unit and decimals it has."""
        return self.values[0][1]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a result. ``loinc``: its code and display there, else it has the code ``name`` of ours; ``slot``:
    only of the readings of that one; ``days``: of a change, None for that with the baseline.
    """

    name: str
    of: Measure
    how: How
    loinc: tuple[str, str] | None = None
    slot: str | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Needed:
    """``readings`` over at least ``days`` days; ``each_day``: so many for every day of the run."""

    readings: int
    days: int
    each_day: bool

    def of(self, days: int) -> int:
        """How many a run of so many days needs."""
        return self.readings * days if self.each_day else self.readings


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol. ``kinds``: the one that is counted first, then those that are taken along. ``days``: least, most
    and usual. ``drop_first``: the first day that was measured is left out when so many others remain; None: never.
    ``code``: system and code of the result (``computed``: of ours) and its display.
    """

    name: str
    version: str
    words: Words
    instructions: Mapping[str, Sequence[str]]
    sources: tuple[Source, ...]
    days: tuple[int, int, int]
    kinds: tuple[Kind, ...]
    measures: tuple[Measure, ...]
    slots: tuple[Slot, ...]
    drop_first: int | None
    needed: Needed
    asks: tuple[str, ...]
    code: tuple[str, str, str]
    figures: tuple[Figure, ...]
    sentences: tuple[Words, ...]

    @property
    def kind(self) -> Kind:
        """What is measured and counted."""
        return self.kinds[0]

    def slot(self, name: str) -> Slot:
        """A slot by its name."""
        return next(each for each in self.slots if each.name == name)


@cache
def protocols() -> Mapping[str, Protocol]:
    """Every protocol by name, in the order of the table."""
    table = yaml.load(Path(__file__).with_name("protocols.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return MappingProxyType({name: _protocol(name, row, table) for name, row in table["protocols"].items()})


@cache
def numbers() -> Mapping[str, Words]:
    """The numbers that can be entered with a run."""
    table = yaml.load(Path(__file__).with_name("protocols.yaml").read_text("utf-8"), yaml.CSafeLoader)
    found: Mapping[str, Words] = table["numbers"]
    return found


@cache
def measured_kinds() -> frozenset[str]:
    """The names of all kinds that a protocol looks at."""
    return frozenset(kind.name for each in protocols().values() for kind in each.kinds)


@cache
def result_codes() -> frozenset[tuple[str, str]]:
    """System (``computed``: of ours) and code of every result."""
    return frozenset(each.code[:2] for each in protocols().values())


def _protocol(name: str, row: Mapping[str, Any], table: Mapping[str, Any]) -> Protocol:
    known = (row["kind"], *row.get("beside", ()))
    measures = {each: _measure(each, paths, row["kind"]) for each, paths in row["measures"].items()}
    result, needed = row["result"], row["needed"]
    code = result["code"]
    least, most, usual = row["days"]
    return Protocol(
        name,
        row["version"],
        {"nl": row["nl"], "en": row["en"]},
        row["instructions"],
        tuple(Source(**each) for each in row["sources"]),
        (least, most, usual),
        tuple(kinds()[each] for each in known),
        tuple(measures.values()),
        tuple(_slot(each, part, table["slots"][each]) for each, part in row["slots"].items()),
        row.get("drop_first"),
        Needed(needed["readings"], needed.get("days", 1), each_day=needed.get("per") == "day"),
        tuple(row.get("asks", ())),
        (SYSTEMS["loinc"], code["loinc"], code["display"]) if "loinc" in code else (COMPUTED, code["own"], row["en"]),
        tuple(_figure(each, part, measures) for each, part in result["figures"].items()),
        tuple(row["words"]),
    )


def _measure(name: str, paths: Sequence[str], main: str) -> Measure:
    values = []
    for path in paths:
        kind, _, part = path.partition(".")
        found = kinds()[kind]
        values.append((found, next(each for each in found.values if each.name == (part or kind))))
    return Measure(name, tuple(values), main=values[0][0].name == main)


def _slot(name: str, row: Mapping[str, Any], words: Mapping[str, str]) -> Slot:
    return Slot(
        name,
        {"nl": words["nl"], "en": words["en"]},
        {"nl": words["today_nl"], "en": words["today_en"]},
        time.fromisoformat(row["from"]),
        time.fromisoformat(row["until"]),
        row["times"],
        row["take"],
        tuple(row.get("moment", ())),
    )


def _figure(name: str, row: Mapping[str, Any], measures: Mapping[str, Measure]) -> Figure:
    code = row.get("code")
    return Figure(
        name,
        measures[row["of"]],
        row["how"],
        None if code is None else (code["loinc"], code["display"]),
        row.get("slot"),
        row.get("days"),
    )
