"""Date parameters: values as intervals, compared as intervals. https://hl7.org/fhir/R4/search.html#date"""

from __future__ import annotations

from typing import Any, Final

from app.errors import Invalid
from app.fhir.dates import OPEN_END, OPEN_START, bounds

PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

_POINTS: Final = frozenset({"date", "dateTime", "instant"})

Interval = tuple[int, int]
"""First microsecond, and the first one after it."""


def interval(kind: str, value: Any) -> Interval | None:
    """The interval of a date, dateTime, instant, Period or Timing; None where it says nothing about time."""
    if isinstance(value, str):
        return bounds(value) if kind in _POINTS else None  # CarePlan.activity.detail.scheduledString is words
    if not isinstance(value, dict):
        return None
    if kind == "Timing":
        return _timing(value)
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    return bounds(start)[0] if start else OPEN_START, bounds(end)[1] if end else OPEN_END


def _timing(value: dict[str, Any]) -> Interval | None:
    events = [bounds(event) for event in value.get("event", ()) if isinstance(event, str)]
    period = interval("Period", value.get("repeat", {}).get("boundsPeriod"))
    if period is not None:
        events.append(period)
    if not events:
        return None
    return min(low for low, _ in events), max(high for _, high in events)


def intervals(found: list[tuple[str, Any]]) -> list[Interval]:
    """The intervals among the values that a parameter's path found."""
    return [each for each in (interval(kind, value) for kind, value in found) if each is not None]


def parse_date(text: str) -> tuple[str, int, int]:
    """Prefix, first microsecond, first one after it. Raises ``Invalid``."""
    prefix = text[:2]
    if prefix in PREFIXES:
        return (prefix, *bounds(text[2:].replace(" ", "+")))
    if prefix.isalpha():
        raise Invalid(f"'{prefix}' is not a prefix; use one of {', '.join(PREFIXES)}.", "value")
    return ("eq", *bounds(text.replace(" ", "+")))


def widen(low: int, high: int, now: int) -> Interval:
    """The interval that ``ap`` stands for: a tenth of the distance to now on either side."""
    margin = max(abs(now - low), abs(now - high)) // 10
    return max(low - margin, OPEN_START), min(high + margin, OPEN_END)
