"""Goal attainment scaling: how far goals were reached together.

The formula (``FORMULA``) and where it is from (``SOURCE``) are named with every T-score that is given.
https://doi.org/10.1007/BF01530764
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

FORMULA: Final = "T = 50 + 10 * sum(w*x) / sqrt((1 - rho) * sum(w^2) + rho * (sum(w))^2), w = 1, rho = 0.3"
SOURCE: Final = (
    "Kiresuk TJ, Sherman RE. Goal attainment scaling: a general method for evaluating comprehensive community mental"
    " health programs. Community Mental Health Journal 1968;4(6):443-453."
)
FIVE_POINTS: Final = "gas-5"
SIX_POINTS: Final = "gas-6"
_RHO: Final = Decimal("0.3")
_MEAN: Final = Decimal(50)
_SPREAD: Final = Decimal(10)
_TENTH: Final = Decimal("0.1")
LOWEST: Final = {FIVE_POINTS: -2, SIX_POINTS: -3}
HIGHEST: Final = 2
"""The lowest and the highest score on a scale."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one side scored for one goal, on which scale. 0 is the goal as it was agreed."""

    value: int
    scale: str

    def __post_init__(self) -> None:
        """Raises ValueError for what is not on the scale."""
        if self.scale not in LOWEST or not LOWEST[self.scale] <= self.value <= HIGHEST:
            raise ValueError("not a score of this scale")

    @property
    def is_reached(self) -> bool:
        """Whether the goal was reached as agreed, or better."""
        return self.value >= 0


def reached(scores: Sequence[Score]) -> int:
    """How many goals were reached or better."""
    return sum(each.is_reached for each in scores)


def t_score(scores: Sequence[Score]) -> Decimal | None:
    """To one decimal; None without scores, or where one is on another scale than that of five points."""
    if not scores or any(each.scale != FIVE_POINTS for each in scores):
        return None
    number = Decimal(len(scores))
    total = Decimal(sum(each.value for each in scores))
    width = ((1 - _RHO) * number + _RHO * number * number).sqrt()
    return (_MEAN + _SPREAD * total / width).quantize(_TENTH, ROUND_HALF_UP)
