"""A chart of measurements as an SVG drawing: where everything stands. What it shows is in a table as well.

https://www.w3.org/TR/SVG11/ https://www.w3.org/TR/WCAG22/#non-text-content
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor, log10
from typing import Final

WIDTH: Final = 360
HEIGHT: Final = 220
LEFT: Final = 46
RIGHT: Final = 350
TOP: Final = 14
BOTTOM: Final = 188
SHAPES: Final = ("circle", "square", "triangle")
"""How the values of a panel are told apart, beside their names: never by colour alone."""
_TICKS: Final = 4
_STRIP: Final = 12


@dataclass(frozen=True, slots=True)
class Point:
    """One value: ``at`` in µs; ``low`` and ``high`` where it stands for several; ``marked``: it has a remark."""

    at: int
    value: Fraction
    low: Fraction | None = None
    high: Fraction | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one value in their order in time, and the personal target of it."""

    name: str
    points: Sequence[Point]
    low: Fraction | None = None
    high: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A point in the drawing; ``top`` and ``bottom``: from where to where its values are."""

    x: float
    y: float
    marked: bool
    top: float | None = None
    bottom: float | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line in the drawing; ``band``: top and height of the target, of which only a strip is drawn where it has one
    end: all beyond it may hold what is no value of this line. ``edges``: the ends that the target has.
    """

    name: str
    shape: str
    path: str
    marks: Sequence[Mark]
    band: tuple[float, float] | None
    edges: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """The drawing: lines, and what stands along the sides. ``banded``: what there is a personal target of."""

    lines: Sequence[Drawn]
    ticks: Sequence[tuple[float, str]]
    days: Sequence[tuple[float, str, str]]
    banded: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM
    shapes: Sequence[str] = field(default=SHAPES)


def draw(lines: Sequence[Line], *, number: Callable[[Fraction], str], day: Callable[[int], str]) -> Chart | None:
    """The drawing; None where there is nothing to draw."""
    points = [each for line in lines for each in line.points]
    if not points:
        return None
    first, last = min(each.at for each in points), max(each.at for each in points)
    heights = [each for point in points for each in (point.value, point.low, point.high) if each is not None]
    heights += [each for line in lines for each in (line.low, line.high) if each is not None]
    steps = _steps(min(heights), max(heights))
    low, high = steps[0], steps[-1]

    def x(at: int) -> float:
        return round(LEFT + 10 + (RIGHT - LEFT - 20) * ((at - first) / (last - first) if last > first else 0.5), 1)

    def y(value: Fraction) -> float:
        return round(float(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)), 1)

    drawn = [
        Drawn(
            line.name,
            SHAPES[number_of % len(SHAPES)],
            " ".join(f"{x(each.at)},{y(each.value)}" for each in line.points),
            [
                Mark(
                    x(each.at),
                    y(each.value),
                    each.marked,
                    None if each.high is None else y(each.high),
                    None if each.low is None else y(each.low),
                )
                for each in line.points
            ],
            _band(line, y),
            [y(each) for each in (line.high, line.low) if each is not None],
        )
        for number_of, line in enumerate(lines)
        if line.points
    ]
    days = [(x(first), day(first), "start" if last > first else "middle")]
    if last > first and day(last) != day(first):
        days.append((x(last), day(last), "end"))
    ticks = [(y(each), number(each)) for each in steps]
    return Chart(drawn, ticks, days, banded=", ".join(each.name for each in drawn if each.band is not None))


def _band(line: Line, y: Callable[[Fraction], float]) -> tuple[float, float] | None:
    if line.low is None and line.high is None:
        return None
    if line.high is None:
        assert line.low is not None
        return max(y(line.low) - _STRIP, TOP), _STRIP
    top = y(line.high)
    return top, _STRIP if line.low is None else round(max(y(line.low) - top, 1), 1)


def _steps(low: Fraction, high: Fraction) -> list[Fraction]:
    """Round numbers from below the lowest to above the highest, at most six."""
    if low == high:
        low, high = low - 1, high + 1
    rough = float(high - low) / _TICKS
    scale = Fraction(10) ** floor(log10(rough))
    step = next(scale * each for each in (1, 2, 5, 10, 20) if scale * each >= Fraction(rough))
    begin = floor(low / step)
    count = -floor(-(high - begin * step) / step)
    return [step * (begin + each) for each in range(count + 1)]
