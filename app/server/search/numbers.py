"""Number parameters. https://hl7.org/fhir/R4/search.html#number"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from app.server.search.build import Build, Find, Match, Row, any_of, value_at
from app.server.search.dates import PREFIXES
from app.server.search.kind import Fill, Found, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.spans import MOST, Span, compare, double, read_amount

NO_UNIT: Final = 0
"""The unit of a number as it was sent, whatever was measured in."""


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A prefix and the bounds of what the written number stands for."""

    prefix: str
    first: float
    exact: float
    end: float

    @property
    def shape(self) -> object:
        return self.prefix


def span(kind: str, value: Any) -> Span | None:
    """The span of a number or a Range; None for what is neither."""
    if isinstance(value, int | Decimal):
        return double(value), double(value)
    if kind == "Range":
        low, high = (value.get(each, {}).get("value") for each in ("low", "high"))
        if low is not None or high is not None:
            return -MOST if low is None else double(low), MOST if high is None else double(high)
    return None


def fill(param: Param, _: Language) -> Fill:
    """Adds a row per number."""
    number = param.number

    def filled(rows: Rows, found: Found) -> None:
        spans = (span(kind, value) for kind, value in found)
        rows.ranges += [(number, NO_UNIT, *each) for each in dict.fromkeys(spans) if each is not None]

    return filled


def read(_: Language, param: Param, modifier: str, text: str) -> NumberValue:  # noqa: ARG001 - as every kind reads
    """A number, as precise as it is written, behind a prefix."""
    amount = read_amount(text)
    return NumberValue(amount.prefix, double(amount.first), double(amount.exact), double(amount.end))


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the span."""
    parts = [
        compare(build.bind, value.prefix, partial(value_at, find, index), "x.low", "x.high")
        for index, value in enumerate(condition.values)
    ]
    key = row.key("x", condition.param.number)
    return Match('"range" x', f"{key} AND x.unit = {NO_UNIT} AND {any_of(parts)}")


def order(row: Row, param: Param) -> Order:
    """By the number, or the least that it may be."""
    where = f"{row.key('x', param.number)} AND x.unit = {NO_UNIT}"
    return Order("x.low", '"range" x', where, "float", f"{-MOST!r}")


KIND: Final = Kind(fill, read, match, order, prefixes=PREFIXES)
