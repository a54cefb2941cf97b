"""Date parameters: values as intervals, compared as intervals. https://hl7.org/fhir/R4/search.html#date"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.errors import Invalid
from app.fhir.dates import NO_DATE, OPEN_END, OPEN_START, bounds
from app.server.search.build import Ask, Build, Find, Get, Match, Row, any_of, value_at
from app.server.search.kind import Fill, Found, Kind, Language, Order
from app.server.search.query import Condition
from app.server.search.registry import WIDE, WIDTH, Param
from app.server.search.rows import Rows

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


def intervals(found: Found) -> list[Interval]:
    """The intervals among the values that a parameter's path found."""
    return [each for kind, value in found if (each := interval(kind, value)) is not None]


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


@dataclass(frozen=True, slots=True)
class DateValue:
    """A prefix and the interval that the written date stands for."""

    prefix: str
    low: int
    high: int

    @property
    def shape(self) -> object:
        return self.prefix


_COMPARISONS: Final = {
    "eq": "(low >= FIRST AND high <= END)",
    "ne": "NOT (low >= FIRST AND high <= END)",
    "gt": "high > END",
    "lt": "low < FIRST",
    "ge": "(low >= FIRST OR high > END)",
    "le": "(low < FIRST OR high <= END)",
    "sa": "low >= END",
    "eb": "high <= FIRST",
    "ap": "(low < END AND high > FIRST)",
}
"""What each prefix asks of a stored interval [low, high), given the one that was written (``ap``: widened)."""


def fill(param: Param, language: Language) -> Fill:
    """Adds a row per interval, a second one where it is long, and the resource's sort date."""
    sort = language.registry.sort_date(param.resource_type)
    number, is_sort = param.number, sort is not None and sort.number == param.number

    def filled(rows: Rows, found: Found) -> None:
        made = intervals(found)
        for low, high in made if len(made) == 1 else dict.fromkeys(made):
            rows.periods.append((number, low, high))
            if high - low > WIDTH:
                rows.periods.append((number + WIDE, low, high))
            if is_sort and (rows.date == NO_DATE or low < rows.date):
                rows.date = low

    return filled


def read(_: Language, param: Param, modifier: str, text: str) -> DateValue:  # noqa: ARG001 - as every kind reads
    """A date, as precise as it is written, behind a prefix."""
    return DateValue(*parse_date(text))


def first_of(get: Get, ask: Ask) -> int:
    """The first microsecond of what is asked for, widened for ``ap``."""
    value: DateValue = get(ask)
    return widen(value.low, value.high, ask.now)[0] if value.prefix == "ap" else value.low


def end_of(get: Get, ask: Ask) -> int:
    """The first microsecond after what is asked for, widened for ``ap``."""
    value: DateValue = get(ask)
    return widen(value.low, value.high, ask.now)[1] if value.prefix == "ap" else value.high


def interval_condition(bind: Callable[[Get], str], prefix: str, get: Get, low: str, high: str) -> str:
    """The comparison of a stored interval [low, high) with the one asked for, by its prefix."""
    comparison = _COMPARISONS[prefix].replace("low", low).replace("high", high)
    for name, bound in (("FIRST", first_of), ("END", end_of)):
        if name in comparison:
            comparison = comparison.replace(name, bind(partial(bound, get)))
    return comparison


def match(build: Build, row: Row, condition: Condition, find: Find) -> Match:
    """By the interval."""
    parts = [
        interval_condition(build.bind, value.prefix, partial(value_at, find, index), "x.low", "x.high")
        for index, value in enumerate(condition.values)
    ]
    return Match("period x", f"{row.key('x', condition.param.number)} AND {any_of(parts)}")


def order(row: Row, param: Param) -> Order:
    """By the first moment."""
    return Order("x.low", "period x", row.key("x", param.number), "bigint", str(NO_DATE))


KIND: Final = Kind(fill, read, match, order, prefixes=PREFIXES)
