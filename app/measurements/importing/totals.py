"""Totals of a day: what devices count in pieces, added up per device; of a day that several devices counted, the one
that counted most is taken. Two devices that a person carries count the same steps, so they are never added together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from app.measurements.importing.lines import Device, Line, Problem, Taken
from app.measurements.importing.numbers import in_own_unit
from app.measurements.kinds import Kind

MOST: Final = 200_000
"""Days of devices that are kept apart: what a file needs no more of, however long it is."""


@dataclass(slots=True)
class _Total:
    """Of one device in one day; ``line`` is the first, ``name`` what the pieces are called in the file."""

    line: int
    name: str
    pieces: int = 0
    value: Decimal = Decimal(0)
    spans: list[tuple[int, int]] = field(default_factory=list)

    def cover(self, low: int, high: int) -> None:
        """Add a time (µs) of which what was covered already does not count again."""
        kept = []
        for begin, end in self.spans:
            if end < low or begin > high:
                kept.append((begin, end))
            else:
                low, high = min(low, begin), max(high, end)
        kept.append((low, high))
        self.spans = kept

    @property
    def covered(self) -> Decimal:
        """In hours."""
        return Decimal(sum(high - low for low, high in self.spans)) / 3_600_000_000


class Totals:
    """Those of one file. ``left`` counts the pieces of devices that counted less."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, str], dict[Device | None, _Total]] = {}
        self._kinds: dict[str, Kind] = {}
        self._size = 0
        self.left: Counter[str] = Counter()

    def of(self, kind: Kind, day: str, device: Device | None, *, line: int, name: str) -> _Total | None:
        """That of one device in one day (``YYYY-MM-DD``), with one piece more; None when there are too many."""
        self._kinds[kind.name] = kind
        devices = self._days.get((kind.name, day))
        if devices is None:
            devices = self._days[kind.name, day] = {}
        found = devices.get(device)
        if found is None:
            if self._size >= MOST:
                return None
            self._size += 1
            found = devices[device] = _Total(line, name)
        found.pieces += 1
        return found

    def lines(self, *, until: str) -> Iterator[Line]:
        """One for each kind and day. ``until``: the first day that was not over when the file was made, or empty."""
        for (name, day), devices in sorted(self._days.items()):
            kind = self._kinds[name]
            value = kind.value or kind.components[0]
            ranked = sorted(devices.items(), key=_rank)
            device, most = ranked[0]
            for _, each in ranked[1:]:
                self.left[each.name] += each.pieces
            if until and day >= until:
                yield Line(most.line, None, (Problem("day-not-over", refuses=False),))
                continue
            number = in_own_unit(most.covered, "h", value) if most.spans else most.value
            number = round(number, value.decimals + 2) if most.spans else number
            yield Line(most.line, Taken(kind, {value.name: number}, day, None, device, total=True))


def _rank(item: tuple[Device | None, _Total]) -> tuple[Decimal, str]:
    device, total = item
    return -(total.covered if total.spans else total.value), "" if device is None else device.name
