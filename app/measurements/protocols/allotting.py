"""The readings of a run by day and slot, and how far it is. https://hl7.org/fhir/R4/task.html

A reading that says its moment of the day is of that slot, on its own day; another is of the slot in whose window it
was measured. What is of none is extra: shown, and in no figure. What may be there twice is shown as that, and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.errors import Invalid
from app.fhir.resource import Resource
from app.measurements.doubles import possible_doubles
from app.measurements.protocols.run import Run, Window
from app.measurements.protocols.table import Slot
from app.measurements.protocols.taking import Taken, Why, taken
from app.measurements.readings import moment_of

Place = tuple[int, str]
"""A day of the run (from 0) and the name of a slot."""


@dataclass(slots=True)
class Allotment:
    """``counted``: readings of the kind that is counted, by place, each list in its order in time; ``beside``: those of
    the kinds that are taken along. ``extra``: of the days of the run and of no slot; ``doubles``: perhaps the same as
    another one; ``left_out``: how many were left out, and why.
    """

    run: Run
    counted: dict[Place, list[Taken]] = field(default_factory=dict)
    beside: dict[Place, list[Taken]] = field(default_factory=dict)
    extra: list[Taken] = field(default_factory=list)
    doubles: list[Taken] = field(default_factory=list)
    left_out: Counter[Why] = field(default_factory=Counter)

    def days(self) -> list[int]:
        """The days on which something was measured that counts."""
        return sorted({day for day, _ in self.counted})

    def number(self, days: Iterable[int]) -> int:
        """How many readings count for completeness on some days: of each slot at most as many as it asks for."""
        wanted = set(days)
        return sum(
            min(len(found), self.run.protocol.slot(slot).times)
            for (day, slot), found in self.counted.items()
            if day in wanted
        )

    def missing(self, window: Window) -> int:
        """How many a slot of one day still asks for."""
        return max(0, window.slot.times - len(self.counted.get((window.day, window.slot.name), ())))


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is: ``days``: those that count; ``dropped``: the first one, where it is left out; ``readings`` of
    ``needed``, on days of which there must be ``needed_days``.
    """

    days: tuple[int, ...]
    dropped: int | None
    readings: int
    needed: int
    needed_days: int

    @property
    def complete(self) -> bool:
        """Whether it is what the protocol asks for."""
        return self.readings >= self.needed and len(self.days) >= self.needed_days


def allotted(observations: Iterable[Resource], run: Run, canonical_base: str) -> Allotment:
    """The Observations of the time of a run (each with its id), by day and slot."""
    found = Allotment(run)
    readings: list[Taken] = []
    for observation in observations:
        reading = taken(observation, run.protocol, canonical_base)
        if isinstance(reading, Taken):
            if run.span.holds(reading.at):
                readings.append(reading)
        elif reading is not None and _is_of_the_time(observation, run):
            found.left_out[reading] += 1
    readings.sort(key=lambda each: (each.at, each.id))
    windows = [*run.windows()]
    found.doubles += _doubles(readings)
    for each in readings:
        place = _place(each, run, windows)
        if place is None:
            if 0 <= run.day_of(each.at) < run.days:
                found.extra.append(each)
            continue
        (found.counted if each.main else found.beside).setdefault(place, []).append(each)
    return found


def standing(allotment: Allotment, *, to_come: Iterable[int] = ()) -> Standing:
    """How far a run is. ``to_come``: the days on which there can still be measured: the first day is left out already
    when there may be enough others.
    """
    run, measured = allotment.run, allotment.days()
    dropped = None
    least = run.protocol.drop_first
    if least is not None and measured:
        others = {*measured[1:], *(day for day in to_come if day > measured[0])}
        dropped = measured[0] if len(others) >= least else None
    days = tuple(day for day in measured if day != dropped)
    needed = run.protocol.needed
    return Standing(
        days, dropped, allotment.number(days), needed.of(run.days), run.days if needed.each_day else needed.days
    )


def _is_of_the_time(observation: Resource, run: Run) -> bool:
    try:
        when = moment_of(observation)
    except Invalid:
        return False
    return when is not None and run.span.holds(when[0])


def _doubles(readings: Sequence[Taken]) -> list[Taken]:
    """Those that are perhaps another one again, both of them."""
    measured = [
        (each.at, {f"{each.kind.name}.{name}": value for name, value in each.values.items()}) for each in readings
    ]
    places = {place for pair in possible_doubles(measured) for place in pair}
    return [readings[place] for place in sorted(places)]


def _place(reading: Taken, run: Run, windows: Sequence[Window]) -> Place | None:
    said = [each for each in run.protocol.slots if reading.moment in each.moments] if reading.moment else []
    if reading.moment and any(each.moments for each in run.protocol.slots) and not said:
        return None
    within = next((each for each in windows if each.start <= reading.at < each.end and _fits(each.slot, said)), None)
    if within is not None:
        return within.day, within.slot.name
    if len(said) != 1:
        return None
    day = run.day_of(reading.at)
    return (day, said[0].name) if 0 <= day < run.days else None


def _fits(slot: Slot, said: Sequence[Slot]) -> bool:
    return not said or slot in said
