"""The arithmetic of ``$stats``, on fractions. https://hl7.org/fhir/R4/valueset-observation-statistics.html

Deviation and variance are those of a sample (divided by one less than the number). A percentile lies on the straight
line between the two values beside it, at ``(n - 1) × p / 100`` from the lowest: NumPy's ``linear``. The trend is the
straight line of least squares, its uncertainty by Student's t; both are as in SciPy's ``linregress``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import mul
from typing import Final

from app.measurements.statistics.student import quantile

DAY: Final = 86_400_000_000
"""In µs."""
LEAST_OF_TREND: Final = 5
"""Values that a trend is computed of at least."""
CERTAINTY: Final = Fraction(95, 100)
"""Of the interval of a trend."""


Ratio = tuple[int, int]
"""Numerator and denominator, the latter above 0; a ``Fraction`` that is not in lowest terms, which takes its time."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the values of one period, at least one. ``ordered``: all of them, the lowest first, times ``scale``: whole
    numbers, of which ``total`` is the sum and ``squares`` that of the squares.
    """

    ordered: Sequence[int]
    scale: int
    total: int
    squares: int

    @property
    def count(self) -> int:
        return len(self.ordered)

    @property
    def mean(self) -> Ratio:
        return self.total, self.count * self.scale

    @property
    def variance(self) -> Ratio | None:
        """None for one value alone."""
        count = self.count
        if count < 2:
            return None
        return count * self.squares - self.total * self.total, count * (count - 1) * self.scale * self.scale

    @property
    def lowest(self) -> Ratio:
        return self.ordered[0], self.scale

    @property
    def highest(self) -> Ratio:
        return self.ordered[-1], self.scale

    def percentile(self, part: Fraction | int) -> Ratio:
        """The value below which ``part`` (0 to 100) percent lies."""
        whole = part.denominator * 100
        below, rest = divmod(part.numerator * (self.count - 1), whole)
        low = self.ordered[below]
        high = self.ordered[min(below + 1, self.count - 1)]
        return low * whole + (high - low) * rest, whole * self.scale

    def within(self, low: Fraction | None, high: Fraction | None, *, bounds: bool) -> int:
        """How many values lie from ``low`` to ``high``; ``bounds``: those that are equal to one of these as well."""
        first = 0 if low is None else (bisect_left if bounds else bisect_right)(self.ordered, low * self.scale)
        until = (
            self.count if high is None else (bisect_right if bounds else bisect_left)(self.ordered, high * self.scale)
        )
        return max(0, until - first)


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through values over time, per day. ``error``: the square of the slope's standard error;
    ``start``: where the line is at the first value. ``times``: how many standard errors the interval has to each side.
    """

    slope: Fraction
    start: Fraction
    error: Fraction
    times: float


@dataclass(frozen=True, slots=True)
class Values:
    """Values as whole numbers of one unit, of which ``scale`` are 1: they are added a hundred times faster so."""

    whole: Sequence[int]
    scale: int

    def part(self, first: int, until: int) -> Values:
        """Those from one place until before another."""
        return Values(self.whole[first:until], self.scale)


def values_of(ratios: Sequence[Ratio]) -> Values:
    """The same numbers, exactly, of numerators and denominators."""
    scale = lcm(*{denominator for _, denominator in ratios})
    return Values([numerator * (scale // denominator) for numerator, denominator in ratios], scale)


def summary(values: Values) -> Summary:
    """Of at least one value."""
    whole = values.whole
    return Summary(sorted(whole), values.scale, sum(whole), sum(map(mul, whole, whole)))


def trend(moments: Sequence[int], values: Values) -> Trend | None:
    """Of values at moments in µs. None for fewer than ``LEAST_OF_TREND``, or when all are of one moment."""
    whole, scale = values.whole, values.scale
    count = len(whole)
    if count < LEAST_OF_TREND:
        return None
    first = min(moments)
    times = [each - first for each in moments]
    sum_x, sum_y = sum(times), sum(whole)
    # Each of these is the sum of squares (or products) about the means, times the number of values.
    spread = count * sum(map(mul, times, times)) - sum_x * sum_x
    if not spread:
        return None
    together = count * sum(map(mul, times, whole)) - sum_x * sum_y
    values_spread = count * sum(map(mul, whole, whole)) - sum_y * sum_y
    slope = Fraction(together, spread)
    rest = values_spread - slope * together
    error = rest / ((count - 2) * spread)
    start = (sum_y - slope * sum_x) / count
    return Trend(
        slope * DAY / scale, start / scale, error * DAY * DAY / (scale * scale), quantile(float(CERTAINTY), count - 2)
    )
