"""Quantity parameters: a number with its unit, found in any unit of the same kind.

https://hl7.org/fhir/R4/search.html#quantity

Of each value there is a row for the number whatever the unit, one in the canonical unit of UCUM (or in the unit as it
was sent, where that cannot be converted), and one per way to write the unit without its system.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir import ucum
from app.server.search.build import Build, Find, Match, Row, any_of, attribute_of, value_at
from app.server.search.dates import PREFIXES
from app.server.search.escaping import split, unescape
from app.server.search.kind import Fill, Found, Kind, Language, Order
from app.server.search.numbers import NO_UNIT
from app.server.search.query import Condition
from app.server.search.registry import Param
from app.server.search.rows import Rows
from app.server.search.spans import MOST, Amount, compare, double, read_amount, span_of
from app.server.search.terms import hash_token

CURRENCY: Final = "urn:iso:std:iso:4217"
"""The system of Money's currencies. https://hl7.org/fhir/R4/datatypes.html#Money"""
_BITS: Final = 2**63 - 1

UnitSpan = tuple[int, float, float]
"""Hash of a unit, low, high."""


@lru_cache(maxsize=4096)
def measure(system: str, code: str) -> int:
    """The unit that a value is kept in, canonical where there is one: negative, so that a sort finds these rows."""
    return ~(hash_token(system, code) & _BITS)


@lru_cache(maxsize=4096)
def spelled(unit: str) -> int:
    """A unit as it is written, without its system: positive."""
    return hash_token("", unit) & _BITS or 1


@dataclass(frozen=True, slots=True)
class QuantityValue:
    """A prefix, the bounds of what the written number stands for, and the units that these are in."""

    prefix: str
    first: float
    exact: float
    end: float
    units: tuple[int, ...]

    @property
    def shape(self) -> object:
        return self.prefix, len(self.units)

    @property
    def unit(self) -> int:
        return self.units[0]

    @property
    def other_unit(self) -> int:
        return self.units[1]


def unit_spans(kind: str, value: Any) -> list[UnitSpan]:
    """The rows of one value: a Quantity of any kind, Range, SampledData or Money."""
    if kind == "Range":
        return _range(value.get("low"), value.get("high"))
    if kind == "SampledData":
        return _sampled(value)
    if kind == "Money" and "value" in value:
        value = {"value": value["value"], "system": CURRENCY, "code": value.get("currency", "")}
    return _quantity(value) if isinstance(value, dict) and "value" in value else []


def _quantity(value: dict[str, Any]) -> list[UnitSpan]:
    amount, comparator = value["value"], value.get("comparator")
    system, code, unit = value.get("system", ""), value.get("code"), value.get("unit")
    low, high = span_of(amount, comparator)
    converted = ucum.canonical(Decimal(amount), code) if code and system == ucum.SYSTEM else None
    if converted is not None:
        made = (measure(system, converted[1]), *span_of(converted[0], comparator))
    else:
        made = (measure(system, code or unit or ""), low, high)
    return [(NO_UNIT, low, high), made, *_spelled(code, unit, low, high)]


def _spelled(code: str | None, unit: str | None, low: float, high: float) -> list[UnitSpan]:
    if not code:
        return []  # the unit's text stands for it: that row is there already
    if not unit or unit == code:
        return [(spelled(code), low, high)]
    return [(spelled(code), low, high), (spelled(unit), low, high)]


def _range(low: dict[str, Any] | None, high: dict[str, Any] | None) -> list[UnitSpan]:
    """Both ends of a Range are in the same unit. https://hl7.org/fhir/R4/datatypes.html#Range"""
    ends = [each for each in (low, high) if each is not None and "value" in each]
    if not ends:
        return []
    system, code, unit = ends[0].get("system", ""), ends[0].get("code"), ends[0].get("unit")
    first = None if low is None else low.get("value")
    last = None if high is None else high.get("value")
    least, most = -MOST if first is None else double(first), MOST if last is None else double(last)
    made = (measure(system, code or unit or ""), least, most)
    one = ucum.canonical(Decimal(ends[0]["value"]), code) if code and system == ucum.SYSTEM else None
    other = ucum.canonical(Decimal(ends[-1]["value"]), ends[-1].get("code") or "") if one is not None else None
    if one is not None and other is not None and one[1] == other[1]:
        ends_in_unit = (-MOST if first is None else double(one[0]), MOST if last is None else double(other[0]))
        made = (measure(system, one[1]), *ends_in_unit)
    return [(NO_UNIT, least, most), made, *_spelled(code, unit, least, most)]


def _sampled(value: dict[str, Any]) -> list[UnitSpan]:
    """From the least to the greatest of the samples. https://hl7.org/fhir/R4/datatypes.html#SampledData"""
    origin = value.get("origin", {})
    limits = {"L": value.get("lowerLimit"), "U": value.get("upperLimit")}
    points = [limits.get(each) if each in limits else _decimal(each) for each in value.get("data", "").split()]
    if not points:
        points = list(limits.values())
    known = [each for each in points if each is not None]
    if not known or "value" not in origin:
        return []
    factor, zero = Decimal(value.get("factor", 1)), Decimal(origin["value"])
    ends = sorted((zero + factor * min(known), zero + factor * max(known)))
    least, most = ({**origin, "value": each} for each in ends)
    return _range(least, most)


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None  # E: the point is an error
    return found if found.is_finite() else None


def fill(param: Param, _: Language) -> Fill:
    """Adds the rows of each value."""
    number = param.number

    def filled(rows: Rows, found: Found) -> None:
        made = [(number, *each) for kind, value in found for each in unit_spans(kind, value)]
        rows.ranges += made if len(found) == 1 else dict.fromkeys(made)

    return filled


def read(_: Language, param: Param, modifier: str, text: str) -> QuantityValue:  # noqa: ARG001 - as every kind reads
    """``number``, ``number|system|code`` or ``number||unit``, behind a prefix."""
    number, *unit = (unescape(each) for each in split(text, "|"))
    amount = read_amount(number)
    if not unit:
        return _value(amount, (NO_UNIT,))
    if len(unit) != 2 or not unit[1]:
        raise Invalid("is written as number, number|system|code or number||unit.", "value")
    system, code = unit
    if not system:
        return _value(amount, (spelled(code), measure("", code)))
    if system == ucum.SYSTEM:
        bounds = [ucum.canonical(each, code) for each in (amount.first, amount.exact, amount.end)]
        first, exact, end = (None if each is None else each[0] for each in bounds)
        if bounds[1] is not None and first is not None and exact is not None and end is not None:
            return _value(Amount(amount.prefix, first, exact, end), (measure(system, bounds[1][1]),))
    return _value(amount, (measure(system, code),))


def _value(amount: Amount, units: tuple[int, ...]) -> QuantityValue:
    return QuantityValue(amount.prefix, double(amount.first), double(amount.exact), double(amount.end), units)


def is_quantity(build: Build, value: QuantityValue, get: Any) -> str:
    """SQL for: the row ``x`` has one of the value's units, and its span is as the prefix says."""
    names = ("unit", "other_unit")[: len(value.units)]
    units = ", ".join(build.bind(partial(attribute_of, get, name)) for name in names)
    return f"(x.unit IN ({units}) AND {compare(build.bind, value.prefix, get, 'x.low', 'x.high')})"


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By unit and span."""
    parts = [is_quantity(build, value, partial(value_at, find, index)) for index, value in enumerate(condition.values)]
    return Match('"range" x', f"{row.key('x', *condition.param.numbers)} AND {any_of(parts)}")


def order(row: Row, param: Param) -> Order:
    """In the canonical unit, by the least that a value may be."""
    where = f"{row.key('x', *param.numbers)} AND x.unit < 0"
    return Order("x.low", '"range" x', where, "float", f"{-MOST!r}")


KIND: Final = Kind(fill, read, match, order, prefixes=PREFIXES)
