"""What of a result is drawn, and how: circles in three sizes, steps with words, parts of a wheel. Whatever is drawn is
in words beside it. https://www.w3.org/TR/WCAG22/#non-text-content
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import cos, pi, sin
from typing import Final

from app.questionnaires.scoring.program import Band, Dimension
from app.questionnaires.scoring.shown import Shown

SIZES: Final = ("large", "middle", "small")
"""Of circles: a larger one makes caring for oneself easier."""
_BY_CODE: Final = {"no": 0, "minor": 1, "major": 2}
"""Classes of a key that are called by the barrier that they are: no, a minor or a major one."""
_CENTRE: Final = 120
_RADIUS: Final = 84


@dataclass(frozen=True, slots=True)
class Sector:
    """A part of a wheel: the path of its ground and of what is filled; where its number stands."""

    ground: str
    filled: str
    before: str
    x: float
    y: float


def band_of(dimension: Dimension, shown: Shown) -> Band | None:
    """The class of a result, among those of its key."""
    if shown.level is None:
        return None
    return next((each for bands in dimension.bands.values() for each in bands if each.nl == shown.level.nl), None)


def size_of(dimension: Dimension, shown: Shown) -> str:
    """The size of a circle; "" where its class is none of three. By the code of the class, else by its place: a key
    names the class that makes caring for oneself easiest first.
    """
    band = band_of(dimension, shown)
    bands = next(iter(dimension.bands.values()), ())
    if band is None or len({each.code for each in bands}) > len(SIZES):
        return ""
    if all(each.code in _BY_CODE for each in bands):
        return SIZES[_BY_CODE[band.code]]
    place = [each.code for each in bands].index(band.code)
    return SIZES[place if len(bands) == len(SIZES) else place * 2]


def share_of(dimension: Dimension, shown: Shown | None) -> Fraction:
    """How far a result is along its scale, 0 to 1."""
    if shown is None or shown.value is None or dimension.scale is None:
        return Fraction(0)
    low, high = dimension.scale
    return (
        min(max((Fraction(shown.value) - low) / (high - low), Fraction(0)), Fraction(1)) if high > low else Fraction(0)
    )


def wheel(shares: Sequence[tuple[Fraction, Fraction | None]]) -> list[Sector]:
    """The sectors of a wheel, clockwise from the top. ``shares``: now, and before where there was a time before."""
    step = 2 * pi / len(shares)
    found = []
    for number, (now, before) in enumerate(shares):
        start, end = number * step - pi / 2, (number + 1) * step - pi / 2
        middle = (start + end) / 2
        found.append(
            Sector(
                _sector(start, end, 1.0),
                _sector(start, end, float(now)) if now else "",
                _arc(start, end, float(before)) if before else "",
                round(_CENTRE + (_RADIUS + 16) * cos(middle), 1),
                round(_CENTRE + (_RADIUS + 16) * sin(middle), 1),
            )
        )
    return found


def _at(angle: float, share: float) -> tuple[float, float]:
    return round(_CENTRE + _RADIUS * share * cos(angle), 1), round(_CENTRE + _RADIUS * share * sin(angle), 1)


def _sector(start: float, end: float, share: float) -> str:
    (x, y), (to_x, to_y) = _at(start, share), _at(end, share)
    radius = round(_RADIUS * share, 1)
    return f"M{_CENTRE} {_CENTRE}L{x} {y}A{radius} {radius} 0 0 1 {to_x} {to_y}Z"


def _arc(start: float, end: float, share: float) -> str:
    (x, y), (to_x, to_y) = _at(start, share), _at(end, share)
    radius = round(_RADIUS * share, 1)
    return f"M{x} {y}A{radius} {radius} 0 0 1 {to_x} {to_y}"
