"""On which days a FHIR ``Timing`` comes round, in whole days of the Dutch calendar.
https://hl7.org/fhir/R4/datatypes.html#Timing

Of ``repeat`` these say the day: ``bounds[x]``, ``count``, ``frequency``, ``period``, ``periodUnit``, ``dayOfWeek``.
What is done more often than daily comes round each day; ``timeOfDay``, ``when`` and ``offset`` say when on a day, and
make it each day where there is no period; ``duration`` says how long it takes. Of a range the lower bound counts
(``frequency``, ``period``), and where it ends the upper one (``countMax``, ``boundsRange.high``). Several times in a
period are spread evenly over its days. ``code`` counts where it is one of HL7's abbreviations, such as ``BID``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count as from_
from itertools import islice
from math import ceil, floor
from typing import Any, Final

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
_YEARS: Final = range(1900, 2300)
_LEAST: Final = Decimal("0.000001")
_MOST: Final = 1_000_000
"""Numbers beyond these mean nothing to a person, and cost a computer much."""
_MANY: Final = 20_000
"""Who does something more often than this on days of the week goes on with it."""


@dataclass(frozen=True, slots=True)
class _Rounds:
    """A ``repeat`` that is understood. ``period`` is in days, or in months where ``monthly``; None: it comes round
    once. ``each`` is how often it is done on one day, ``most`` how often at all.
    """

    first: date
    end: date | None
    frequency: int
    period: Fraction | None
    monthly: bool
    weekdays: frozenset[int]
    each: int
    most: int | None


def last_day(timing: Resource, *, begins: date | None, now: int) -> date | None:
    """The last day until ``now`` (µs) on which it came round; None when there is none. ``begins``: the day from which
    counts what has no beginning of its own; None where that is not known, so that it does not count.
    """
    today = local_date(now)
    days = [day for day in map(day_of, timing.get("event", ())) if day is not None and day <= today]
    rounds = _rounds(timing, begins)
    if rounds is not None:
        until = today if rounds.end is None else min(today, rounds.end)
        found = _last(rounds, until) if until >= rounds.first else None
        days += [] if found is None else [found]
    return max(days, default=None)


def is_understood(timing: Resource) -> bool:
    """Whether all that it says of when counts."""
    if "modifierExtension" in timing:
        return False
    events = timing.get("event", ())
    if any(day_of(each) is None for each in events):
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


def _rounds(timing: Resource, begins: date | None) -> _Rounds | None:
    """None where it says nothing that is understood."""
    repeat = _repeat(timing)
    start = repeat.get("boundsPeriod", {}).get("start")
    first = day_of(start) if start else begins
    if first is None or first.year not in _YEARS:
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
    return _Rounds(
        first, end, frequency, length, unit in _MONTHS and length is not None, weekdays, max(1, within_day),
        None if most is None else int(most),
    )  # fmt: skip


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
        after = _later(first, int(value * _MONTHS[unit]))
    elif unit in _DAYS:
        after = _plus(first, ceil(Fraction(value) * _DAYS[unit]))
    else:
        return False, None
    return True, None if after is None else after - timedelta(days=1)


def _last(rounds: _Rounds, until: date) -> date | None:
    if rounds.most is not None and rounds.most < 1:
        return None
    if rounds.period is None:
        return rounds.first
    if rounds.weekdays or rounds.monthly:
        most = None if rounds.most is None else ceil(rounds.most / rounds.each)
        most = None if most is None or most > _MANY else most
        days = _monthly(rounds) if rounds.monthly else _of_week(rounds, until if most is None else None)
        found = None
        for number, day in enumerate(days):
            if day > until or number == most:
                break
            found = day
        return found
    step = rounds.period / rounds.frequency
    last = ceil(((until - rounds.first).days + 1) / step) - 1
    if rounds.most is not None:
        last = min(last, ceil(rounds.most / rounds.each) - 1)
    return rounds.first + timedelta(days=floor(last * step))


def _of_week(rounds: _Rounds, until: date | None) -> Iterator[date]:
    """The days of the week, in the weeks (from Monday) or on the days that come round; of those before ``until``, where
    it is given, the last at least.
    """
    assert rounds.period is not None, "it comes round more than once"
    begin = 0 if until is None else max(0, (until - rounds.first).days - 7 * ceil(rounds.period) - 7)
    monday = rounds.first - timedelta(days=rounds.first.weekday())
    weeks = rounds.period / 7
    for number in from_(begin):
        day = _plus(rounds.first, number)
        if day is None:
            return
        if day.weekday() not in rounds.weekdays:
            continue
        if weeks.denominator == 1:
            counts = (day - monday).days // 7 % weeks.numerator == 0
        else:
            step = max(Fraction(1), rounds.period / rounds.frequency)
            counts = floor(ceil(number / step) * step) == number
        if counts:
            yield day


def _monthly(rounds: _Rounds) -> Iterator[date]:
    """Days in periods of months: each some months on, else spread over the days, or the first that are such days of
    the week.
    """
    assert rounds.period is not None, "it comes round more than once"
    months, times = rounds.period.numerator, rounds.frequency * rounds.period.denominator
    if not rounds.weekdays and months % times == 0:
        months, times = months // times, 1
    for number in from_():
        start, following = _later(rounds.first, months * number), _later(rounds.first, months * (number + 1))
        if start is None or following is None:
            return
        length = (following - start).days
        if rounds.weekdays:
            days = (start + timedelta(days=each) for each in range(length))
            yield from islice((each for each in days if each.weekday() in rounds.weekdays), times)
        else:
            some = min(times, length)
            yield from (start + timedelta(days=each * length // some) for each in range(some))


def _later(day: date, months: int) -> date | None:
    """The same day some months on, or the last one of that month; None beyond the calendar."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    if year >= _YEARS.stop:
        return None
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def _plus(day: date, days: int) -> date | None:
    return day + timedelta(days=days) if days < (_YEARS.stop - day.year) * 365 else None


def day_of(text: Any, *, last: bool = False) -> date | None:
    """The first day of a FHIR date or moment, or its last; None for what is none."""
    try:
        low, high = bounds(str(text))
        return local_date(high - 1 if last else low)
    except (Invalid, OverflowError):
        return None
