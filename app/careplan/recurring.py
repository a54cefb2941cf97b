"""The last day on which a rhythm came round, reckoned from the day that is asked for: how long ago it began, how often
it was done and how great its numbers are make no difference. https://hl7.org/fhir/R4/datatypes.html#Timing
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Final

YEARS: Final = range(1900, 2300)
"""In which a rhythm begins and ends."""
_MANY: Final = 20_000
"""Who does something more often than this in months goes on with it."""


@dataclass(frozen=True, slots=True)
class Rounds:
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


def last_of(rounds: Rounds, until: date) -> date | None:
    """The last day until ``until``, which is not before the first, on which it came round; None when there is none."""
    most = None if rounds.most is None else ceil(rounds.most / rounds.each)
    if most is not None and most < 1:
        return None
    if rounds.period is None:
        return rounds.first
    if rounds.monthly:
        return _in_months(rounds, until, None if most is None or most > _MANY else most)
    days = (until - rounds.first).days
    if not rounds.weekdays:
        found: int | None = _step(rounds.period / rounds.frequency, days, most)
    elif (rounds.period / 7).denominator == 1:
        found = _in_weeks(rounds, (rounds.period / 7).numerator, days, most)
    else:
        found = _on_steps(rounds, max(Fraction(1), rounds.period / rounds.frequency), days, most)
    return None if found is None else rounds.first + timedelta(days=found)


def _step(step: Fraction, days: int, most: int | None) -> int:
    """The day, counted from the first, of the last step until ``days``."""
    last = ceil((days + 1) / step) - 1
    return _floored(step, last if most is None else min(last, most - 1))


def _floored(step: Fraction, number: int) -> int:
    return number * step.numerator // step.denominator


def _in_weeks(rounds: Rounds, weeks: int, days: int, most: int | None) -> int | None:
    """The same for all days of the week in each so many weeks, from Monday."""
    ahead = rounds.first.weekday()
    listed = sorted(rounds.weekdays)
    begun = [each for each in listed if each >= ahead]
    week = (days + ahead) // 7 // weeks * weeks
    found = [
        day
        for monday in (week * 7 - ahead, (week - weeks) * 7 - ahead)
        for day in (monday + each for each in listed)
        if 0 <= day <= days
    ]
    if not found:
        return None
    if most is None:
        return max(found)
    if most <= len(begun):
        last = begun[most - 1] - ahead
    else:
        later_weeks, place = divmod(most - len(begun) - 1, len(listed))
        last = (later_weeks + 1) * weeks * 7 - ahead + listed[place]
    return min(max(found), last)


def _on_steps(rounds: Rounds, step: Fraction, days: int, most: int | None) -> int | None:
    """The same for steps that fall on one of the days of the week, which come back after seven times as many steps as
    a day has parts.
    """
    around = 7 * step.denominator
    ahead = rounds.first.weekday()
    last = ceil((days + 1) / step) - 1

    def falls(number: int) -> bool:
        return (ahead + _floored(step, number)) % 7 in rounds.weekdays

    found = next((number for number in range(last, max(-1, last - around), -1) if falls(number)), None)
    if found is None or most is None:
        return None if found is None else _floored(step, found)
    once = [number for number in range(around) if falls(number)]
    times, place = divmod(most - 1, len(once))
    return _floored(step, min(found, times * around + once[place]))


def _in_months(rounds: Rounds, until: date, most: int | None) -> date | None:
    """Periods of months: each some months on, else spread over the days, or the first such days of the week."""
    assert rounds.period is not None, "it comes round more than once"
    months, times = rounds.period.numerator, rounds.frequency * rounds.period.denominator
    if not rounds.weekdays and months % times == 0:
        months, times = months // times, 1
    between = (until.year - rounds.first.year) * 12 + until.month - rounds.first.month
    number = max(0, between // months - 1) if most is None else 0
    found = None
    while most is None or most > 0:
        start, following = later(rounds.first, months * number), later(rounds.first, months * (number + 1))
        if start is None or following is None or start > until:
            break
        length, passed = (following - start).days, (until - start).days + 1
        some = min(times, _matching(start, length, rounds.weekdays))
        taken = some if most is None else min(some, most)
        if rounds.weekdays:
            come = min(taken, _matching(start, passed, rounds.weekdays))
        else:
            come = min(taken, (passed * some - 1) // length + 1)
        if come:
            offset = _nth(start, come - 1, rounds.weekdays) if rounds.weekdays else (come - 1) * length // some
            found = start + timedelta(days=offset)
        most = None if most is None else most - taken
        number += 1
    return found


def _matching(start: date, days: int, weekdays: Collection[int]) -> int:
    """How many of so many days are one of the days of the week; all of them where none is given."""
    if not weekdays:
        return days
    weeks, rest = divmod(days, 7)
    return weeks * len(weekdays) + sum((start.weekday() + each) % 7 in weekdays for each in range(rest))


def _nth(start: date, number: int, weekdays: Collection[int]) -> int:
    """How many days from the start the day of the week is that comes at this number, from 0."""
    weeks, place = divmod(number, len(weekdays))
    return weeks * 7 + sorted((each - start.weekday()) % 7 for each in weekdays)[place]


def later(day: date, months: int) -> date | None:
    """The same day some months on, or the last one of that month; None beyond the calendar."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    if year >= YEARS.stop:
        return None
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))
