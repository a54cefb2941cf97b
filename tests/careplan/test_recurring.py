"""The last day of a rhythm beside a walk over all days from its beginning."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from types import FrameType
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.careplan.recurring import Rounds, last_of, later
from app.careplan.timing import is_understood, last_day
from app.fhir.dates import midnight
from app.fhir.resource import Resource

WEEK: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
FIRST: Final = date(2027, 1, 4)


def walked(rounds: Rounds, until: date) -> Iterator[date]:
    """All days until a day, each looked at by itself."""
    assert rounds.period is not None
    steps = max(Fraction(1), rounds.period / rounds.frequency)
    on = {floor(number * steps) for number in range(ceil(((until - rounds.first).days + 1) / steps))}
    weeks = rounds.period / 7
    for number in range((until - rounds.first).days + 1):
        day = rounds.first + timedelta(days=number)
        if rounds.monthly:
            if day in _of_months(rounds, until):
                yield day
        elif day.weekday() in rounds.weekdays:
            passed = (number + rounds.first.weekday()) // 7
            if passed % weeks.numerator == 0 if weeks.denominator == 1 else number in on:
                yield day


def _of_months(rounds: Rounds, until: date) -> set[date]:
    assert rounds.period is not None
    months, times = rounds.period.numerator, rounds.frequency * rounds.period.denominator
    if not rounds.weekdays and months % times == 0:
        months, times = months // times, 1
    found: set[date] = set()
    for number in range(100):
        start, following = later(rounds.first, months * number), later(rounds.first, months * (number + 1))
        assert start is not None
        assert following is not None
        if start > until:
            break
        days = [start + timedelta(days=each) for each in range((following - start).days)]
        if rounds.weekdays:
            found.update([each for each in days if each.weekday() in rounds.weekdays][:times])
        else:
            some = min(times, len(days))
            found.update(days[each * len(days) // some] for each in range(some))
    return found


PERIODS: Final = st.one_of(
    st.integers(1, 40).map(Fraction), st.integers(1, 120).map(lambda each: Fraction(each, 4)), st.just(Fraction(15, 2))
)
WEEKDAYS: Final = st.frozensets(st.integers(0, 6), min_size=1)


@given(
    first=st.dates(date(2024, 1, 1), date(2028, 1, 1)), days=st.integers(0, 700), period=PERIODS,
    frequency=st.integers(1, 5), weekdays=WEEKDAYS, most=st.none() | st.integers(1, 60),
)  # fmt: skip
def test_days_of_the_week_are_those_that_a_walk_finds(
    *, first: date, days: int, period: Fraction, frequency: int, weekdays: frozenset[int], most: int | None
) -> None:
    until = first + timedelta(days=days)
    rounds = Rounds(first, None, frequency, period, monthly=False, weekdays=weekdays, each=1, most=most)
    assert last_of(rounds, until) == max(list(walked(rounds, until))[:most], default=None)


@given(
    first=st.dates(date(2024, 1, 1), date(2028, 1, 1)), days=st.integers(0, 500),
    period=st.sampled_from([Fraction(1), Fraction(2), Fraction(3), Fraction(1, 2), Fraction(3, 2), Fraction(12)]),
    frequency=st.integers(1, 40), weekdays=st.just(frozenset[int]()) | WEEKDAYS, most=st.none() | st.integers(1, 60),
)  # fmt: skip
def test_days_of_months_are_those_that_a_walk_finds(
    *, first: date, days: int, period: Fraction, frequency: int, weekdays: frozenset[int], most: int | None
) -> None:
    until = first + timedelta(days=days)
    rounds = Rounds(first, None, frequency, period, monthly=True, weekdays=weekdays, each=1, most=most)
    there = sorted(each for each in _of_months(rounds, until) if each <= until)
    assert last_of(rounds, until) == max(there[:most], default=None)


def test_steps_of_part_of_a_day_fall_on_the_day_of_the_week() -> None:
    timing = {
        "repeat": {
            "boundsPeriod": {"start": FIRST.isoformat()},
            "period": 7.5,
            "periodUnit": "d",
            "dayOfWeek": ["mon"],
        }
    }
    found = {last_day(timing, begins=None, now=midnight(FIRST + timedelta(days=each))) for each in range(130)}
    expected = [FIRST, date(2027, 1, 11), *(date(2027, 4, 19), date(2027, 4, 26))]
    assert sorted(each for each in found if each is not None) == expected


@pytest.mark.parametrize(
    "said",
    [
        {"period": 999_999, "periodUnit": "d", "dayOfWeek": WEEK},
        {"period": 1, "periodUnit": "d", "dayOfWeek": ["mon"], "count": 2**31 - 1},
        {"period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"], "count": 19_999},
        {"period": 1, "periodUnit": "mo", "dayOfWeek": ["mon"]},
        {"period": 2399.5, "periodUnit": "mo", "frequency": 1_000_000},
    ],
)
def test_a_beginning_long_ago_takes_no_walk(said: dict[str, Any]) -> None:
    steps = 0

    def counted(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal steps
        steps += event == "line"
        return counted

    timing: Resource = {"repeat": {"boundsPeriod": {"start": "1900-01-01"}, **said}}
    before = sys.gettrace()
    sys.settrace(counted)
    try:
        found = last_day(timing, begins=None, now=midnight(FIRST))
    finally:
        sys.settrace(before)
    assert found is not None
    assert 0 < steps < 2000


def test_steps_too_fine_for_days_of_the_week_are_not_understood() -> None:
    assert not is_understood({"repeat": {"period": 90_061, "periodUnit": "s", "dayOfWeek": ["mon"]}})
    assert is_understood({"repeat": {"period": 36, "periodUnit": "h", "dayOfWeek": ["mon"]}})


def test_of_very_many_days_in_a_list_not_all_count_and_it_is_told() -> None:
    many = [(FIRST + timedelta(days=each)).isoformat() for each in range(201)]
    assert is_understood({"event": many[:200]})
    assert not is_understood({"event": many})
    assert last_day({"event": many}, begins=None, now=midnight(FIRST + timedelta(days=300))) == date.fromisoformat(
        many[199]
    )
