"""Every reading of one kind that somebody has in a period, as one series: what was measured at home and what care
providers sent, with where each came from. https://hl7.org/fhir/R4/observation.html

Read in one statement, as a search reads: with the guard of the grant, the labels, the scopes and what narrows them.
Nothing is left away: what was flagged is marked, and so is what may be there twice (MODEL 3, "Home and clinic").
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final
from urllib.parse import quote

from app.database import Reader, Row
from app.measurements.doubles import possible_doubles
from app.measurements.holding import observations
from app.measurements.kinds import Key, Kind, Value, recognised
from app.measurements.observed import Observed, Ratio, Source, Taking, Why, source_of, system_of
from app.measurements.statistics.spans import Span, written
from app.server.access import Access
from app.server.search.parse import Part
from app.server.server import FhirServer

_AT_ONCE: Final = 500
"""Observations that are read before others have their turn."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value, as an ``Observed`` has it; ``double``: perhaps the same as another one."""

    of: Value
    ratio: Ratio
    observed: Observed

    @property
    def amount(self) -> Fraction:
        """The value, in the unit of ``of``."""
        return Fraction(*self.ratio)

    @property
    def at(self) -> int:
        """When, in µs."""
        return self.observed.at

    @property
    def until(self) -> int:
        """Until before when: a day later where only the day was told."""
        return self.observed.until

    @property
    def place(self) -> int:
        """Of its Observation in ``Series.rows``."""
        return self.observed.place

    @property
    def flags(self) -> tuple[str, ...]:
        return self.observed.flags

    @property
    def counts(self) -> bool:
        """Whether statistics have it."""
        return self.observed.counts

    @property
    def double(self) -> bool:
        return self.of.name in self.observed.doubles


@dataclass(slots=True)
class Series:
    """``observed`` in their order in time; ``rows``: id and body of the Observations; ``unread``: those of them that
    have no reading, each why and from when. ``patient``: the partition, None where there was nobody to look for.
    """

    kind: Kind
    observed: Sequence[Observed] = ()
    rows: Sequence[Row] = ()
    unread: Sequence[tuple[Why, int | None]] = ()
    patient: int | None = None
    _sources: dict[int, Source] = field(default_factory=dict)

    def within(self, span: Span) -> Sequence[Observed]:
        """The Observations of a period."""
        first = 0 if span.start is None else bisect_left(self.observed, span.start, key=_at)
        until = len(self.observed) if span.end is None else bisect_left(self.observed, span.end, key=_at)
        return self.observed[first:until]

    def of(self, value: Value, span: Span) -> list[Reading]:
        """The readings of one value in a period, one by one."""
        name = value.name
        return [Reading(value, each.values[name], each) for each in self.within(span) if name in each.values]

    def source(self, reading: Reading) -> Source:
        """Where a reading is from: read when it is asked for, as most who count do not ask."""
        known = self._sources.get(reading.place)
        if known is None:
            known = self._sources[reading.place] = source_of(self.rows[reading.place][1])
        return known

    def unread_in(self, span: Span) -> Counter[Why]:
        """How many Observations of a period, or without a time, have no reading, and why."""
        return Counter(why for why, at in self.unread if at is None or span.holds(at))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which readings: of ``kind``, by the ``codes`` of Observations, only ``values``. ``owner``: the search parameter
    that says whose, where the caller needs it; ``of``: the id of the Patient in the address.
    """

    kind: Kind
    codes: tuple[Key, ...]
    values: tuple[Value, ...]
    span: Span
    owner: Part | None = None
    of: str | None = None


def everything(kind: Kind, span: Span) -> Wanted:
    """All readings of a kind in a period, by whichever code: as panels and one by one."""
    listed = [*kind.codes, *(code for each in kind.values for code in each.codes)]
    return Wanted(kind, tuple(dict.fromkeys(code.key for code in recognised(listed))), kind.values, span)


def search_of(wanted: Wanted, canonical_base: str) -> list[Part]:
    """The search that finds the Observations."""
    codes = ",".join(f"{system_of(system, canonical_base)}|{code}" for system, code in wanted.codes)
    parts = [_part("code", codes)]
    span = wanted.span
    if span.start is not None:
        parts.append(_part("date", f"ge{written(span.start)}"))
    if span.end is not None:
        parts.append(_part("date", f"lt{written(span.end)}"))
    return parts if wanted.owner is None else [wanted.owner, *parts]


async def read_series(
    server: FhirServer, reader: Reader, access: Access, wanted: Wanted, *, canonical_base: str, now: int
) -> Series:
    """The series as the caller may see it. Raises ``Forbidden`` for one that is too long."""
    codes = [(system_of(system, canonical_base), code) for system, code in wanted.codes]
    search = search_of(wanted, canonical_base)
    rows, patient = await observations(
        server, reader, access, codes=codes, span=wanted.span, search=search, of=wanted.of, now=now
    )
    taking = Taking(wanted.kind, wanted.values, canonical_base)
    for place, row in enumerate(rows):
        if place and not place % _AT_ONCE:
            await asyncio.sleep(0)
        taking.take(place, row[1])
    taking.observed.sort(key=_at)
    mark_doubles(taking.observed)
    return Series(wanted.kind, taking.observed, rows, taking.unread, patient)


def mark_doubles(observed: Sequence[Observed]) -> None:
    """Mark what may be there twice. ``observed`` are in their order in time."""
    for places in possible_doubles([(each.at, each.values) for each in observed]):
        one, other = (observed[place] for place in places)
        shared = one.values.keys() & other.values.keys()
        one.doubles |= shared
        other.doubles |= shared


def _at(observed: Observed) -> int:
    return observed.at


def _part(name: str, value: str) -> Part:
    return name, value, f"{name}={quote(value, safe=',:|/.')}"
