"""Numbers as people and phones write them, in the unit of a kind. https://ucum.org/ucum"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Final

from app.measurements.kinds import Value

_PLAIN: Final = re.compile(r"[+-]?[0-9]{1,12}(?:[.,][0-9]{1,12})?", re.ASCII)
_GROUPED: Final = (
    re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]{1,12}", re.ASCII),
    re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{1,12}", re.ASCII),
)
_LOOKS_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}[.,][0-9]{3}", re.ASCII)
_MORE: Final = 2
"""Decimals that are kept of a converted value, beyond those that its kind is shown with."""
_SAID: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "mm[Hg]": ("mmhg", "mm hg"),
        "Cel": ("°c", "c", "degc", "graden", "graden celsius", "celsius"),
        "[degF]": ("°f", "f", "degf", "fahrenheit"),
        "[lb_av]": ("lb", "lbs", "pond"),
        "[stone_av]": ("st", "stone"),
        "[in_i]": ("in", "inch"),
        "[ft_i]": ("ft", "foot", "feet"),
        "/min": ("bpm", "beats/min", "breaths/min", "count/min", "slagen per minuut", "per min"),
        "L/min": ("l/min", "liter per minuut"),
        "{steps}": ("stappen", "steps", "count"),
        "min": ("minuten", "minuut", "minutes", "minute"),
        "h": ("uur", "uren", "hour", "hours", "hr"),
        "s": ("sec", "seconden", "seconds"),
        "{score}": ("punten", "points", "score"),
        "{glasses}/d": ("glazen", "glazen per dag", "glasses"),
        "{cigarettes}/d": ("sigaretten", "sigaretten per dag", "cigarettes"),
    }
)
"""What units are called where they are not written in UCUM."""


def number_of(text: str, value: Value) -> Decimal | None:
    """A number with a comma or a point before its decimals; with both, the last one is that and the others set
    thousands apart. None where it is none, or where one of three digits after it may be either: 10.000 steps.
    """
    if _PLAIN.fullmatch(text):
        if value.decimals == 0 and _LOOKS_GROUPED.fullmatch(text):
            return None
        return Decimal(text.replace(",", "."))
    if _GROUPED[0].fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    if _GROUPED[1].fullmatch(text):
        return Decimal(text.replace(",", ""))
    return None


def unit_of(text: str, value: Value) -> str | None:
    """The UCUM code of what a unit is called, of those that the value is accepted in; the value's own for nothing."""
    return value.unit if not text else _units(value).get(text) or _units(value).get(text.casefold())


def known_units(value: Value) -> str:
    """What a line may write, for people."""
    return ", ".join(dict.fromkeys((value.unit_nl, *(each for each in value.units if "{" not in each))))


def in_own_unit(number: Decimal, unit: str, value: Value) -> Decimal:
    """A number in the unit of its value: as it was told, or converted, with two decimals more than it is shown with.
    ``unit`` is one of those of the value.
    """
    if unit == value.unit:
        return number
    exact = value.converted(Fraction(number), unit)
    assert exact is not None, "the unit is one of those that the value is accepted in"
    step = Decimal(1).scaleb(-(value.decimals + _MORE))
    with_more = Decimal(exact.numerator) / Decimal(exact.denominator)
    rounded = with_more.quantize(step, ROUND_HALF_EVEN).normalize()
    return rounded if rounded.as_tuple().exponent <= 0 else rounded.quantize(Decimal(1))  # type: ignore[operator]


@cache
def _names(value_units: tuple[str, ...], own: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for unit in value_units:
        found[unit] = unit
        for said in _SAID.get(unit, ()):
            found.setdefault(said, unit)
        found.setdefault(unit.casefold(), unit)
    for each in own:
        found.setdefault(each.casefold(), value_units[0])
    return found


def _units(value: Value) -> Mapping[str, str]:
    return _names(value.units, (value.unit_nl, value.unit_en))
