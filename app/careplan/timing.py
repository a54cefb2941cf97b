"""On which days a FHIR ``Timing`` comes round, in whole days of the Dutch calendar.
https://hl7.org/fhir/R4/datatypes.html#Timing

Of ``repeat`` these say the day: ``bounds[x]``, ``count``, ``frequency``, ``period``, ``periodUnit``, ``dayOfWeek``.
What is done more often than daily comes round each day; ``timeOfDay``, ``when`` and ``offset`` say when on a day, and
make it each day where there is no period; ``duration`` says how long it takes. Of a range the lower bound counts
(``frequency``, ``period``), and where it ends the upper one (``countMax``, ``boundsRange.high``). Several times in a
period are spread evenly over its days. ``code`` counts where it is one of HL7's abbreviations, such as ``BID``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any, Final

from app.careplan.recurring import YEARS, Rounds, last_of, later
from app.errors import Invalid
from app.fhir.dates import bounds, local_date
from app.fhir.resource import Resource

ABBREVIATIONS: Final = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
_DAILY: Final[Mapping[str, Any]] = {"period": 1, "periodUnit": "d"}
_CODED: Final[Mapping[str, Mapping[str, Any]]] = {
    **{
        code: {**_DAILY, "frequency": times}
        for code, times in {"QD": 1, "AM": 1, "PM": 1, "BED": 1, "BID": 2, "TID": 3, "QID": 4}.items()
    },
    **{f"Q{hours}H": {"period": hours, "periodUnit": "h"} for hours in (1, 2, 3, 4, 6, 8)},
    "QOD": {"period": 2, "periodUnit": "d"},
    "WK": {"period": 1, "periodUnit": "wk"},
    "MO": {"period": 1, "periodUnit": "mo"},
}
"""https://hl7.org/fhir/R4/valueset-timing-abbreviation.html"""
_DAYS: Final[Mapping[str, Fraction]] = {
    "s": Fraction(1, 86400),
    "min": Fraction(1, 1440),
    "h": Fraction(1, 24),
    "d": Fraction(1),
    "wk": Fraction(7),
}
_MONTHS: Final[Mapping[str, int]] = {"mo": 1, "a": 12}
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LEAST: Final = Decimal("0.000001")
_MOST: Final = 1_000_000
"""Numbers beyond these mean nothing to a person, and cost a computer much."""
_FINEST: Final = 240
"""Parts of a day in which steps between days of the week may be given: hours, and tenths of them."""
_EVENTS: Final = 200
"""Of more days than these that are listed one by one the first count."""


def last_day(timing: Resource, *, begins: date | None, now: int) -> date | None:
    """The last day until ``now`` (µs) on which it came round; None when there is none. ``begins``: the day from which
    counts what has no beginning of its own; None where that is not known, so that it does not count.
    """
    today = local_date(now)
    days = [day for day in map(day_of, timing.get("event", ())[:_EVENTS]) if day is not None and day <= today]
    rounds = _rounds(timing, begins)
    if rounds is not None:
        until = today if rounds.end is None else min(today, rounds.end)
        found = last_of(rounds, until) if until >= rounds.first else None
        days += [] if found is None else [found]
    return max(days, default=None)


def is_understood(timing: Resource) -> bool:
    """Whether all that it says of when counts."""
    if "modifierExtension" in timing:
        return False
    events = timing.get("event", ())
    if len(events) > _EVENTS or any(day_of(each) is None for each in events):
        return False
    if not timing.get("repeat") and not timing.get("code"):
        return bool(events)
    return _rounds(timing, date(2000, 1, 1)) is not None


def has_beginning(timing: Resource) -> bool:
    """Whether it says itself from when it counts, for all of it."""
    repeat = _repeat(timing)
    return not repeat or bool(repeat.get("boundsPeriod", {}).get("start"))


def _repeat(timing: Resource) -> Mapping[str, Any]:
    """What repeats, with what the code stands for; empty where nothing does, or nothing that is known."""
    repeat: Mapping[str, Any] = timing.get("repeat", {})
    for each in timing.get("code", {}).get("coding", ()):
        coded = _CODED.get(str(each.get("code", ""))) if each.get("system") == ABBREVIATIONS else None
        if coded is not None:
            return {**repeat, **coded}
    return repeat


def _rounds(timing: Resource, begins: date | None) -> Rounds | None:
    """None where it says nothing that is understood."""
    repeat = _repeat(timing)
    start = repeat.get("boundsPeriod", {}).get("start")
    first = day_of(start) if start else begins
    if first is None or first.year not in YEARS:
        return None
    ends, end = _end(repeat, first)
    within_day = len(repeat.get("timeOfDay", ())) or len(repeat.get("when", ()))
    weekdays = frozenset(_WEEK.index(each) for each in repeat.get("dayOfWeek", ()) if each in _WEEK)
    period, unit = repeat.get("period"), repeat.get("periodUnit", "")
    if period is None and (weekdays or within_day):
        period, unit = 1, "d"
    known = period is None or (_LEAST <= period <= _MOST and (unit in _DAYS or unit in _MONTHS))
    said = period is not None or bool(start)
    if not ends or not known or not said or "modifierExtension" in timing:
        return None
    length = None if period is None else Fraction(period) * (_DAYS.get(unit) or _MONTHS[unit])
    frequency = max(1, int(repeat.get("frequency", 1))) if length is not None else 1
    if length is not None and length / frequency < 1:
        within_day = 1  # each is counted by itself
    most = repeat.get("countMax", repeat.get("count"))
    rounds = Rounds(
        first, end, frequency, length, unit in _MONTHS and length is not None, weekdays, max(1, within_day),
        None if most is None else int(most),
    )  # fmt: skip
    return None if _is_too_fine(rounds) else rounds


def _is_too_fine(rounds: Rounds) -> bool:
    """Whether it takes long to find the day of the week that a step falls on."""
    if rounds.period is None or rounds.monthly or not rounds.weekdays or (rounds.period / 7).denominator == 1:
        return False
    return max(Fraction(1), rounds.period / rounds.frequency).denominator > _FINEST


def _end(repeat: Mapping[str, Any], first: date) -> tuple[bool, date | None]:
    """Whether it is understood where it ends, and the last day; None where it goes on."""
    if "boundsPeriod" in repeat:
        end = repeat["boundsPeriod"].get("end")
        return (True, None) if end is None else ((day := day_of(end, last=True)) is not None, day)
    span = repeat.get("boundsDuration", repeat.get("boundsRange", {}).get("high"))
    if span is None:
        return "boundsRange" not in repeat, None
    value, unit = span.get("value"), span.get("code", span.get("unit", ""))
    if value is None or not _LEAST <= value <= _MOST or span.get("comparator"):
        return False, None
    if unit in _MONTHS and value * _MONTHS[unit] == int(value * _MONTHS[unit]):
        after = later(first, int(value * _MONTHS[unit]))
    elif unit in _DAYS:
        after = _plus(first, ceil(Fraction(value) * _DAYS[unit]))
    else:
        return False, None
    return True, None if after is None else after - timedelta(days=1)


def _plus(day: date, days: int) -> date | None:
    return day + timedelta(days=days) if days < (YEARS.stop - day.year) * 365 else None


def day_of(text: Any, *, last: bool = False) -> date | None:
    """The first day of a FHIR date or moment, or its last; None for what is none."""
    try:
        low, high = bounds(str(text))
        return local_date(high - 1 if last else low)
    except (Invalid, OverflowError):
        return None
