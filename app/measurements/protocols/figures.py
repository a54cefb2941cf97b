"""The figures of a run, computed exactly. https://hl7.org/fhir/R4/observation-definitions.html#Observation.component"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.measurements.protocols.allotting import Allotment, Standing
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import Figure, How, Measure
from app.measurements.protocols.taking import Taken
from app.measurements.statistics.numbers import Summary, summary, values_of
from app.measurements.words import root, rounded

MORE: Final = 2
"""Decimals more than those of the value."""
BASELINE: Final = "baseline"
PERSONAL_BEST: Final = "personal-best"
_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class Used:
    """One value that figures are made of: of a reading, on a day of the run, in a slot."""

    value: Fraction
    day: int
    slot: str
    reading: Taken


@dataclass(frozen=True, slots=True)
class Computed:
    """A figure, exactly: one ``number`` (of a deviation its square), a range (``low`` to ``high``), or ``count`` of
    ``of``; in the unit of the measure, in hundredths where it is a share.
    """

    figure: Figure
    number: Fraction | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    count: int | None = None
    of: int = 0

    def shown(self, amount: Fraction) -> Decimal:
        """Rounded as results have it."""
        if self.figure.how == "share":
            return rounded(amount, 1)
        decimals = self.figure.of.value.decimals + MORE
        return root(amount, decimals) if self.figure.how == "deviation" else rounded(amount, decimals)


def used(allotment: Allotment, days: Sequence[int], measure: Measure) -> list[Used]:
    """The values of a measure on the days that count, in their order in time: of each slot those that it takes."""
    places = allotment.counted if measure.main else allotment.beside
    found: list[Used] = []
    for (day, name), readings in places.items():
        if day not in days:
            continue
        values = [Used(each.values[measure.name], day, name, each) for each in readings if measure.name in each.values]
        take = allotment.run.protocol.slot(name).take
        if take == "last":
            values = values[-1:]
        elif take == "best" and values:
            values = [max(values, key=lambda each: (each.value, -each.reading.at))]
        found += values
    return sorted(found, key=lambda each: (each.reading.at, each.reading.id))


def computed(allotment: Allotment, standing: Standing) -> list[Computed]:
    """The figures that there are, in their order."""
    days = standing.days
    by_measure = {each.name: used(allotment, days, each) for each in allotment.run.protocol.measures}
    found = []
    for figure in allotment.run.protocol.figures:
        values = [each for each in by_measure[figure.of.name] if figure.slot in (None, each.slot)]
        if values:
            each = _FIGURES[figure.how](figure, values, allotment.run)
            if each is not None:
                found.append(each)
    return found


def _summary(values: Sequence[Used]) -> Summary:
    return summary(values_of([each.value.as_integer_ratio() for each in values]))


def _mean(figure: Figure, values: Sequence[Used], _: Run) -> Computed:
    return Computed(figure, Fraction(*_summary(values).mean))


def _deviation(figure: Figure, values: Sequence[Used], _: Run) -> Computed | None:
    variance = _summary(values).variance
    return None if variance is None else Computed(figure, Fraction(*variance))


def _range(figure: Figure, values: Sequence[Used], _: Run) -> Computed:
    found = _summary(values)
    return Computed(figure, low=Fraction(*found.lowest), high=Fraction(*found.highest))


def _last(figure: Figure, values: Sequence[Used], _: Run) -> Computed:
    return Computed(figure, values[-1].value)


def _best(figure: Figure, values: Sequence[Used], _: Run) -> Computed:
    return Computed(figure, max(each.value for each in values))


def _change(figure: Figure, values: Sequence[Used], run: Run) -> Computed | None:
    """With the value of so many days before the last one, or with the baseline: the number that was entered, else the
    first value.
    """
    last = values[-1]
    if figure.days is not None:
        before = [each for each in values if each.day == last.day - figure.days]
        from_ = before[-1].value if before else None
    else:
        from_ = run.numbers.get(BASELINE, values[0].value if len(values) > 1 else None)
    return None if from_ is None else Computed(figure, last.value - from_)


def _within(figure: Figure, values: Sequence[Used], run: Run) -> Computed | None:
    if run.target is None:
        return None
    found = sum(run.target.holds(each.value) for each in values)
    return Computed(figure, count=found, of=len(values))


def _share(figure: Figure, values: Sequence[Used], run: Run) -> Computed | None:
    best = run.numbers.get(PERSONAL_BEST)
    return Computed(figure, Fraction(*_summary(values).mean) * _HUNDRED / best) if best else None


_FIGURES: Final[Mapping[How, Callable[[Figure, Sequence[Used], Run], Computed | None]]] = {
    "mean": _mean,
    "deviation": _deviation,
    "range": _range,
    "last": _last,
    "best": _best,
    "change": _change,
    "within": _within,
    "share": _share,
}
