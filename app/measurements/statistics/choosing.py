"""HL7's statistics by their codes, and how each is computed of a summary.

https://terminology.hl7.org/CodeSystem-observation-statistics.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from app.measurements.statistics.numbers import Ratio, Summary
from app.measurements.words import root, rounded

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/observation-statistics"
COUNTS: Final[Mapping[str, str]] = {"count": "Count", "total-count": "Total Count"}
DEFAULT: Final = ("count", "total-count", "average", "median", "minimum", "maximum", "std-dev")
Computed = Callable[[Summary, int], Decimal | None]
"""Of a summary, rounded to so many decimals; None where there is none."""


def _exactly(of: Callable[[Summary], Ratio]) -> Computed:
    return lambda found, decimals: rounded(of(found), decimals)


def _percentile(part: int) -> Computed:
    return lambda found, decimals: rounded(found.percentile(part), decimals)


def _quartiles(found: Summary) -> Ratio:
    half = (Fraction(*found.percentile(75)) - Fraction(*found.percentile(25))) / 2
    return half.as_integer_ratio()


def _deviation(found: Summary, decimals: int) -> Decimal | None:
    return None if found.variance is None else root(found.variance, decimals)


def _variance(found: Summary, decimals: int) -> Decimal | None:
    return None if found.variance is None else rounded(found.variance, decimals)


COMPUTED: Final[Mapping[str, tuple[str, Computed]]] = {
    "average": ("Average", _exactly(lambda found: found.mean)),
    "median": ("Median", _percentile(50)),
    "minimum": ("Minimum", _exactly(lambda found: found.lowest)),
    "maximum": ("Maximum", _exactly(lambda found: found.highest)),
    "std-dev": ("Standard Deviation", _deviation),
    "variance": ("Variance", _variance),
    "sum": ("Sum", _exactly(lambda found: (found.total, found.scale))),
    "20-percent": ("20th Percentile", _percentile(20)),
    "80-percent": ("80th Percentile", _percentile(80)),
    "4-lower": ("Lower Quartile", _percentile(25)),
    "4-upper": ("Upper Quartile", _percentile(75)),
    "4-dev": ("Quartile Deviation", _exactly(_quartiles)),
    "5-1": ("1st Quintile", _percentile(20)),
    "5-2": ("2nd Quintile", _percentile(40)),
    "5-3": ("3rd Quintile", _percentile(60)),
    "5-4": ("4th Quintile", _percentile(80)),
}
"""Display and computation of each code; ``regression`` is the trend, which is there always."""
OFFERED: Final = (*COUNTS, *COMPUTED, "regression")
