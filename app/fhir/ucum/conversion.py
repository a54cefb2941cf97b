"""Values in the canonical unit of what they measure. https://hl7.org/fhir/R4/search.html#quantity, https://ucum.org/ucum"""

from __future__ import annotations

import functools
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact
from fractions import Fraction
from typing import Final

from app.fhir.ucum.reading import REMEMBERED, parse

_DIGITS: Final = 34
# Nothing is trapped: what a sender makes too large becomes infinite, which is looked for.
_CONTEXT: Final = Context(prec=_DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_MANY_DIGITS: Final = 256

Scale = tuple[Decimal, Decimal, Decimal, str]
"""What to multiply by, to divide by and to add, and the code of the canonical unit."""


def canonical(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    """``value`` of the unit ``code`` in the canonical unit, and that unit's code, such as ``m-1.s-2.g`` for a pressure.

    The code is the same for all units that measure the same. Exact up to 34 digits. How precise the value was does not
    survive (``81.5 kg`` is ``81500.0 g``): convert the bounds of its interval. None when ``code`` is not UCUM, cannot
    be converted (logarithms such as ``[pH]``), or the value is beyond all measure.
    """
    scale = _scale(code)
    if scale is None:
        return None
    times, over, plus, unit = scale
    found = _CONTEXT.multiply(value, times)
    if over != 1:
        found = _CONTEXT.divide(found, over)
    if plus:
        found = _CONTEXT.add(found, plus)
    return (found, unit) if found.is_finite() else None


@functools.lru_cache(maxsize=REMEMBERED)
def _scale(code: str) -> Scale | None:
    unit = parse(code)
    if unit is None or not unit.converts:
        return None
    plus = _CONTEXT.divide(Decimal(unit.offset.numerator), Decimal(unit.offset.denominator))
    return (*_decimals(unit.factor), plus, unit.canonical)


def _decimals(factor: Fraction) -> tuple[Decimal, Decimal]:
    """A factor as a decimal and 1, or as two decimals when it has no end."""
    exact = Context(prec=_MANY_DIGITS, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
    numerator, denominator = Decimal(factor.numerator), Decimal(factor.denominator)
    whole = exact.divide(numerator, denominator)
    return (numerator, denominator) if exact.flags[Inexact] else (whole, Decimal(1))
