"""Birthdays to the day, in the Netherlands."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.accounts.ages import Birth, birthday, read_birth
from app.fhir.dates import local_date, midnight, to_microseconds


def moment(text: str) -> int:
    return to_microseconds(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("2014-05-17", "2014-05-17", "2014-05-17"),
        ("2014-02", "2014-02-01", "2014-02-28"),
        ("2012-02", "2012-02-01", "2012-02-29"),
        ("2014", "2014-01-01", "2014-12-31"),
    ],
)
def test_a_partial_date_spans_the_days_that_it_may_mean(written: str, first: str, last: str) -> None:
    assert read_birth(written) == Birth(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "written", [None, "", "2014-02-30", "2014-13", "14-05-17", "2014-5-17", 2014, "2014-05-17T00:00"]
)
def test_what_is_no_date_is_no_birth(written: object) -> None:
    assert read_birth(written) is None


@pytest.mark.parametrize(
    ("born", "years", "turns"),
    [
        ("2014-05-17", 12, "2026-05-17"),
        ("2012-02-29", 12, "2024-02-29"),
        ("2012-02-29", 16, "2028-02-29"),
        ("2012-02-29", 13, "2025-03-01"),
        ("2000-12-31", 16, "2016-12-31"),
    ],
)
def test_birthdays(born: str, years: int, turns: str) -> None:
    assert birthday(date.fromisoformat(born), years) == date.fromisoformat(turns)


@pytest.mark.parametrize(
    ("at", "turned"),
    [
        ("2026-05-16T23:59:59.999999+02:00", False),
        ("2026-05-17T00:00:00+02:00", True),
        ("2026-05-16T22:00:00+00:00", True),
        ("2026-05-16T21:59:59+00:00", False),
    ],
)
def test_a_person_turns_twelve_when_the_day_begins_in_the_netherlands(at: str, turned: bool) -> None:  # noqa: FBT001
    born = read_birth("2014-05-17")
    assert born is not None
    assert born.maybe_turned(12, moment(at)) is turned
    assert born.surely_turned(12, moment(at)) is turned


def test_of_a_year_the_first_day_ends_what_others_may_and_the_last_begins_what_oneself_may() -> None:
    born = read_birth("2010")
    assert born is not None
    in_summer = moment("2026-07-01T12:00:00+02:00")
    assert born.maybe_turned(16, in_summer)
    assert not born.surely_turned(16, in_summer)
    assert born.surely_turned(16, moment("2026-12-31T00:00:00+01:00"))


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_the_day_at_midnight_is_that_day(day: date) -> None:
    assert local_date(midnight(day)) == day
    assert local_date(midnight(day) - 1) < day


def test_the_local_date_is_not_that_of_utc() -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert local_date(to_microseconds(late)) == date(2026, 7, 1)
