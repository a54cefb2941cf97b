"""Numbers as they are asked for and as they are kept: a span from ``low`` to ``high``, both included.

https://hl7.org/fhir/R4/search.html#prefix https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import partial
from typing import Final

from app.errors import Invalid
from app.server.search.build import Get, attribute_of
from app.server.search.dates import PREFIXES

MOST: Final = sys.float_info.max
"""Stands for a span without an end; ``-MOST`` for one without a beginning."""
Span = tuple[float, float]

# Nothing is trapped, and no sum of what may be asked needs more digits than this by much.
_CONTEXT: Final = Context(prec=400, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_NUMBER: Final = re.compile(r"([a-z]{2})?([-+]?[0-9]{1,100}(?:\.[0-9]{1,100})?)(?:[eE]([-+]?[0-9]{1,3}))?")
_TENTH: Final = Decimal("0.1")
_COMPARISONS: Final = {
    "eq": "({low} >= {first} AND {low} < {end} AND {high} < {end})",
    "ne": "({low} < {first} OR {high} >= {end})",
    "gt": "{high} > {exact}",
    "lt": "{low} < {exact}",
    "ge": "{high} >= {exact}",
    "le": "{low} <= {exact}",
    "sa": "{low} > {exact}",
    "eb": "{high} < {exact}",
    "ap": "({low} <= {end} AND {high} >= {first})",
}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as it is asked for: what it is exactly, and the first and the end of what it stands for."""

    prefix: str
    first: Decimal
    exact: Decimal
    end: Decimal


def read_amount(text: str) -> Amount:
    """A number behind a prefix. Raises ``Invalid``.

    It stands for all that is written so when it is rounded: 100 is [99.5, 100.5) and 100.00 is [99.995, 100.005). One
    digit and an exponent count as two digits: 1e2 is [95, 105), as the specification has it.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise Invalid("is not a number, such as 5.4, 100, 1e2 or gt5.4.", "value")
    prefix, digits, exponent = found[1] or "eq", found[2], int(found[3] or "0")
    if prefix not in PREFIXES:
        raise Invalid(f"'{prefix}' is not a prefix; use one of {', '.join(PREFIXES)}.", "value")
    exact = Decimal(digits).scaleb(exponent, _CONTEXT)
    place = exponent - len(digits.partition(".")[2])
    if found[3] is not None and len(digits.lstrip("+-")) == 1:
        place -= 1
    half = Decimal(5).scaleb(place - 1, _CONTEXT)
    if prefix == "ap":
        half = max(half, _CONTEXT.multiply(abs(exact), _TENTH))
    return Amount(prefix, _CONTEXT.subtract(exact, half), exact, _CONTEXT.add(exact, half))


def double(value: Decimal | int) -> float:
    """The nearest number that the database holds."""
    try:
        return max(-MOST, min(MOST, float(value)))
    except OverflowError:
        return MOST if value > 0 else -MOST


def span_of(value: Decimal | int, comparator: str | None) -> Span:
    """What a value with a comparator may be. https://hl7.org/fhir/R4/valueset-quantity-comparator.html"""
    exact = double(value)
    match comparator:
        case None:
            return exact, exact
        case "<":
            return -MOST, math.nextafter(exact, -math.inf)
        case "<=":
            return -MOST, exact
        case ">":
            return math.nextafter(exact, math.inf), MOST
        case _:
            return exact, MOST


def compare(bind: Callable[[Get], str], prefix: str, get: Get, low: str, high: str) -> str:
    """SQL for: the span in the columns ``low`` and ``high`` is as the prefix says to what ``get`` takes."""
    template = _COMPARISONS[prefix]
    bounds = {
        name: bind(partial(attribute_of, get, name)) for name in ("first", "exact", "end") if f"{{{name}}}" in template
    }
    return template.format(low=low, high=high, **bounds)
