"""A run of a protocol: some days in a row, and its windows on the Dutch clock, also when the clock changes.

https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Final, NamedTuple

from app.fhir.dates import LOCAL, to_microseconds
from app.measurements.protocols.table import Protocol, Slot
from app.measurements.statistics.spans import Span, local
from app.measurements.targets import Target

_ONE: Final = timedelta(days=1)
_NOTHING: Final[Mapping[str, Fraction]] = MappingProxyType({})


class Window(NamedTuple):
    """When a slot is on one day of a run (from 0): from ``start`` until before ``end``, in µs."""

    day: int
    slot: Slot
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """``days`` days from ``first`` on; ``numbers``: what was entered with it, in the unit of the protocol's measure;
    ``target``: the personal one, where there is one.
    """

    protocol: Protocol
    first: date
    days: int
    numbers: Mapping[str, Fraction] = field(default_factory=lambda: _NOTHING)
    target: Target | None = None

    @property
    def last(self) -> date:
        """Its last day."""
        return self.first + _ONE * (self.days - 1)

    def date(self, day: int) -> date:
        """The date of one of its days."""
        return self.first + _ONE * day

    def windows(self) -> Iterator[Window]:
        """All of them, in their order."""
        for day in range(self.days):
            for slot in self.protocol.slots:
                yield self.window(day, slot)

    def window(self, day: int, slot: Slot) -> Window:
        """That of a slot on one day."""
        date_ = self.date(day)
        until = date_ if slot.ends > slot.begins else date_ + _ONE
        return Window(day, slot, _moment(date_, slot.begins), _moment(until, slot.ends))

    @property
    def span(self) -> Span:
        """From the midnight that it begins with until it is over: the midnight after it, or the end of a window."""
        midnight = _moment(self.last + _ONE, time())
        ends = [self.window(self.days - 1, each).end for each in self.protocol.slots]
        return Span(_moment(self.first, time()), max(midnight, *ends))

    def day_of(self, moment: int) -> int:
        """Which of its days (below 0 or ``days`` and more: none) a moment is on."""
        return (local(moment).date() - self.first).days


def _moment(day: date, clock: time) -> int:
    return to_microseconds(datetime.combine(day, clock, LOCAL))
