"""``Location.near``: within a distance of a place on earth. https://hl7.org/fhir/R4/location.html#positional

A position is kept as the point on a globe of radius 1 that it is, so that the straight line to another says how far
apart they are, and both databases can tell with plain arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir import ucum
from app.server.search.build import Build, Find, Match, Row, any_of, attribute_of, value_at
from app.server.search.escaping import split, unescape
from app.server.search.kind import Fill, Found, Kind, Language
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.spans import Amount, double, read_amount

DEFAULT_DISTANCE: Final = "10"
DEFAULT_UNIT: Final = "km"
EARTH: Final = 6_371_008.8
"""Mean radius in metres. https://en.wikipedia.org/wiki/Earth_radius#Arithmetic_mean_radius"""
_SCALE: Final = 2**62
_NEAR: Final = 5
"""The ``kind`` of these rows of ``pair``; 1 to 4 are those of composites."""
_MARGIN: Final = 1e-12  # about 6 µm on the ground: what is lost by computing with doubles

Point = tuple[float, float, float]
"""x, y, z on the globe of radius 1; z points north."""


def point(latitude: float, longitude: float) -> Point:
    """The point of a position in degrees."""
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def scaled(z: float) -> int:
    """``z`` as the whole number that the rows are ordered by."""
    return round(max(-1.0, min(1.0, z)) * _SCALE)


@dataclass(frozen=True, slots=True)
class NearValue:
    """A place, and the longest straight line to what is near it, squared. ``low``, ``high``: the z that this allows."""

    x: float
    y: float
    z: float
    reach: float
    low: int
    high: int

    @property
    def shape(self) -> object:
        return "near"


def _fill(param: Param, _: Language) -> Fill:
    """Adds the position."""
    number = param.number

    def filled(rows: Rows, found: Found) -> None:
        for _, position in found:
            x, y, z = point(float(position["latitude"]), float(position["longitude"]))
            rows.pairs.append((number, scaled(z), _NEAR, 0, x, y))

    return filled


def _read(_: Language, param: Param, modifier: str, text: str) -> NearValue:  # noqa: ARG001 - as every kind reads
    """``latitude|longitude|distance|unit``; without distance ``DEFAULT_DISTANCE``, without unit kilometres."""
    parts = [unescape(each) for each in split(text, "|")]
    if not 2 <= len(parts) <= 4:
        raise Invalid("is written as latitude|longitude|distance|unit; the last two may be left out.", "value")
    latitude, longitude = (_plain(each).exact for each in parts[:2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise Invalid("takes a latitude of -90 to 90 and a longitude of -180 to 180 degrees.", "value")
    distance = (parts[2:3] or [""])[0] or DEFAULT_DISTANCE
    metres = _metres(_plain(distance).exact, (parts[3:4] or [""])[0] or DEFAULT_UNIT)
    x, y, z = point(float(latitude), float(longitude))
    angle = metres / EARTH
    if angle >= math.pi:
        return NearValue(x, y, z, 5.0, -_SCALE, _SCALE)
    north = math.asin(max(-1.0, min(1.0, z)))
    top, bottom = min(north + angle, math.pi / 2), max(north - angle, -math.pi / 2)
    low, high = (scaled(math.sin(bottom) - _MARGIN), scaled(math.sin(top) + _MARGIN))
    return NearValue(x, y, z, (2 * math.sin(angle / 2) + _MARGIN) ** 2, low, high)


def _plain(text: str) -> Amount:
    amount = read_amount(text)
    if text[:1].isalpha():
        raise Invalid("takes no prefixes.", "value")
    return amount


def _metres(distance: Decimal, unit: str) -> float:
    found = ucum.canonical(distance, unit)
    if found is None or found[1] != "m":
        raise Invalid(f"'{unit}' is not a UCUM unit of distance, such as km, m or [mi_us].", "value")
    if distance < 0:
        raise Invalid("takes a distance of 0 or more.", "value")
    return double(found[0])


def _match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the straight line between the two points."""
    parts = []
    z = f"(x.value::float / {float(_SCALE)!r})"
    for index in range(len(condition.values)):
        get = partial(value_at, find, index)
        bound: dict[str, Any] = {
            name: build.bind(partial(attribute_of, get, name)) for name in ("x", "y", "z", "reach", "low", "high")
        }
        line = " + ".join(
            f"({column} - {bound[name]}) * ({column} - {bound[name]})"
            for column, name in (("x.low", "x"), ("x.high", "y"), (z, "z"))
        )
        parts.append(f"(x.value >= {bound['low']} AND x.value <= {bound['high']} AND {line} <= {bound['reach']})")
    return Match("pair x", f"{row.key('x', condition.param.number)} AND {any_of(parts)}")


KIND: Final = Kind(_fill, _read, _match)
