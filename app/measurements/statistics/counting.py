"""The statistics of one value in a series: of the period, of the period before, of each bucket, and of the target.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.measurements.kinds import Value
from app.measurements.observed import Observed, Why
from app.measurements.series import Series
from app.measurements.statistics.asking import Asked
from app.measurements.statistics.numbers import Summary, Trend, Values, summary, trend, values_of
from app.measurements.statistics.spans import Span, bucketed
from app.measurements.targets import Target

BEYOND: Final[Why] = "beyond-limit"
UNSURE: Final[Why] = "to-confirm"


@dataclass(frozen=True, slots=True)
class Before:
    """The period before; ``summary`` is None where it has no values."""

    span: Span
    summary: Summary | None


@dataclass(frozen=True, slots=True)
class Counted:
    """``moments`` of the values that count, in their order; ``within``: how many of these are in the target;
    ``doubles``: how many may be there twice. ``flags``: how many values have each flag, those that do not count too.
    ``buckets``: the first and the last day of each.
    """

    value: Value
    moments: Sequence[int]
    summary: Summary | None
    trend: Trend | None
    left_out: Counter[Why]
    flags: Counter[str]
    doubles: int
    before: Before | None = None
    buckets: Sequence[tuple[tuple[date, date], Summary]] = ()
    target: Target | None = None
    within: int = 0

    @property
    def total(self) -> int:
        """Of values, those that do not count among them."""
        return len(self.moments) + self.left_out.total()


def counted(series: Series, value: Value, asked: Asked, target: Target | None, *, now: int) -> Counted:
    """Everything about one value."""
    span = asked.span
    observed = series.within(span)
    moments, values = _columns(observed, value)
    found = summary(values) if moments else None
    left_out = series.unread_in(span)
    flagged = [each for each in observed if each.flags and value.name in each.values]
    left_out.update(BEYOND if BEYOND in each.flags else UNSURE for each in flagged if not each.counts)
    return Counted(
        value,
        moments,
        found,
        trend(moments, values),
        left_out,
        Counter(flag for each in flagged for flag in each.flags),
        sum([value.name in each.doubles for each in observed if each.doubles and each.counts]),
        _before(series, value, span, now),
        _buckets(moments, values, asked),
        target,
        0 if target is None or found is None else found.within(target.low, target.high, bounds=not target.without),
    )


def _columns(observed: Sequence[Observed], value: Value) -> tuple[Sequence[int], Values]:
    """The moments and the numbers of what counts."""
    name = value.name
    pairs = [(each.at, each.values[name]) for each in observed if name in each.values and each.counts]
    if not pairs:
        return (), Values((), 1)
    moments, ratios = zip(*pairs, strict=True)
    return moments, values_of(ratios)


def _before(series: Series, value: Value, span: Span, now: int) -> Before | None:
    earlier = span.before(now=now)
    if earlier is None:
        return None
    moments, values = _columns(series.within(earlier), value)
    return Before(earlier, summary(values) if moments else None)


def _buckets(moments: Sequence[int], values: Values, asked: Asked) -> list[tuple[tuple[date, date], Summary]]:
    if asked.bucket is None:
        return []
    found = []
    alone: dict[int, Summary] = {}
    for days, first, until in bucketed(moments, asked.bucket):
        if until - first > 1:
            found.append((days, summary(values.part(first, until))))
            continue
        # Hundreds of days have one value each, and often the same.
        number = values.whole[first]
        if number not in alone:
            alone[number] = summary(values.part(first, until))
        found.append((days, alone[number]))
    return found
