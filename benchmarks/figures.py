"""The few statistics of the report: medians, percentiles, and when a ratio counts as measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SPREAD_LIMIT: Final = 0.15
"""A figure whose spread is larger is "not measured" (DESIGN.md section 8)."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that at least ``share`` (0–1) of them do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity over the rounds of a run."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """Distance between the quartiles as a share of the median: 0.15 says that the middle half of the rounds lies
        within 15 % of one another. A single disturbed round does not move it; a restless machine does.
        """
        if len(self.rounds) < 2 or not self.median:
            return 0.0
        low, _, high = statistics.quantiles(self.rounds, n=4, method="inclusive")
        return abs((high - low) / self.median)

    @property
    def measured(self) -> bool:
        """Whether the spread is small enough for the median to be quoted."""
        return self.spread <= SPREAD_LIMIT


def ratio(above: Sequence[float], below: Sequence[float]) -> Figure:
    """Round by round, so that what disturbs the machine for a while disturbs both terms alike."""
    return Figure(tuple(a / b for a, b in zip(above, below, strict=True)))
