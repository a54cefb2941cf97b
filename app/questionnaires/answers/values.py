"""Answers compared: with the condition of another question, with an option, with what an item begins with.
https://hl7.org/fhir/R4/valueset-questionnaire-enable-operator.html

Dates are compared as precisely as they are written: a day is in its month, and not before it. Quantities are compared
in the canonical unit of UCUM; in units that cannot be converted into each other nothing can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

from app.errors import Invalid
from app.fhir import ucum
from app.fhir.dates import bounds
from app.fhir.resource import Resource, parse_reference

_NUMBERS: Final = frozenset({"Decimal", "Integer", "PositiveInt", "UnsignedInt"})
_DATES: Final = frozenset({"Date", "DateTime", "Instant"})
_TEXTS: Final = frozenset({"String", "Uri", "Code", "Markdown", "Url"})

Ordered = TypeVar("Ordered", Decimal, str, int)


def choice_in(element: Resource, stem: str) -> tuple[str, Any]:
    """The type (``Coding``, ``Date``, …) and value of a choice such as ``answer[x]``; ("", None) for none."""
    return next(
        ((name.removeprefix(stem), value) for name, value in element.items() if name.startswith(stem)), ("", None)
    )


def compares(operator: str, kind: str, value: Any, other_kind: str, other: Any) -> bool | None:
    """Whether ``value operator other`` holds (``=``, ``>``, ``<``, ``>=``, ``<=``); None where it cannot be told."""
    if kind in _NUMBERS and other_kind in _NUMBERS:
        return _ordered(operator, Decimal(value), Decimal(other))
    if kind in _DATES and other_kind in _DATES:
        return _dates(operator, value, other)
    if kind == "Time" == other_kind:
        return _ordered(operator, _time(value), _time(other))
    if "Quantity" in (kind, other_kind):
        return _quantities(operator, _quantity(kind, value), _quantity(other_kind, other))
    if kind in _TEXTS and other_kind in _TEXTS:
        return _ordered(operator, str(value), str(other))
    if operator != "=":
        return None
    if kind != other_kind:
        return False
    return _same(kind, value, other)


def equal(kind: str, value: Any, other_kind: str, other: Any) -> bool:
    """Whether two answers are the same."""
    return compares("=", kind, value, other_kind, other) is True


def same_coding(coding: Resource, other: Resource) -> bool:
    """By system and code; a code without system is another one than that of a system. Without codes by their words."""
    if coding.get("system") != other.get("system"):
        return False
    if "code" in coding or "code" in other:
        return bool(coding.get("code") == other.get("code"))
    return "display" in coding and coding["display"] == other.get("display")


def _same(kind: str, value: Any, other: Any) -> bool:
    if kind == "Coding":
        return same_coding(value, other)
    if kind == "Reference":
        return _reference(value) == _reference(other)
    return bool(value == other)


def _reference(value: Resource) -> object:
    text = value.get("reference")
    if text is None:
        return repr(value.get("identifier", value))
    literal = parse_reference(text)
    return text if literal is None else (literal.type, literal.id)


def _ordered(operator: str, value: Ordered, other: Ordered) -> bool:
    tests: Mapping[str, Callable[[], bool]] = {
        "=": lambda: value == other,
        ">": lambda: value > other,
        "<": lambda: value < other,
        ">=": lambda: value >= other,
        "<=": lambda: value <= other,
    }
    return tests[operator]()


def _dates(operator: str, value: str, other: str) -> bool | None:
    try:
        (low, high), (first, end) = bounds(value), bounds(other)
    except Invalid:
        return None
    tests = {
        "=": first <= low and high <= end,
        ">": low >= end,
        "<": high <= first,
        ">=": low >= first,
        "<=": high <= end,
    }
    return tests[operator]


def _time(value: str) -> str:
    """As FHIR has it to the second, so that fractions sort."""
    whole, _, fraction = value.partition(".")
    return f"{whole if whole.count(':') == 2 else f'{whole}:00'}.{fraction.rstrip('0')}"


def _quantity(kind: str, value: Any) -> Resource:
    return value if kind == "Quantity" else {"value": value} if kind in _NUMBERS else {}


def _quantities(operator: str, value: Resource, other: Resource) -> bool | None:
    if "value" not in value or "value" not in other or "comparator" in value or "comparator" in other:
        return None
    amount, limit = Decimal(value["value"]), Decimal(other["value"])
    if _unit(value) == _unit(other) or not _unit(other)[1]:
        return _ordered(operator, amount, limit)
    sides = [ucum.canonical(Decimal(each["value"]), each["code"]) for each in (value, other) if _is_ucum(each)]
    if len(sides) == 2 and sides[0] is not None and sides[1] is not None and sides[0][1] == sides[1][1]:
        return _ordered(operator, sides[0][0], sides[1][0])
    return None


def _is_ucum(quantity: Resource) -> bool:
    return quantity.get("system") == ucum.SYSTEM and "code" in quantity


def _unit(quantity: Resource) -> tuple[str, str]:
    """System and code; where there is no code, the words."""
    code = quantity.get("code")
    return (quantity.get("system", ""), code) if code else ("", quantity.get("unit", ""))
