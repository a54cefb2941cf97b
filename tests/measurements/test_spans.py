"""Periods and buckets on the Dutch clock. https://hl7.org/fhir/R4/datatypes.html#Period"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir.dates import LOCAL, bounds, to_microseconds
from app.measurements.statistics.spans import BUCKETS, Bucket, Span, bucketed, local

HOUR = 3_600_000_000


def span(first: str, last: str) -> Span:
    return Span(bounds(first)[0], bounds(last)[1])


@pytest.mark.parametrize(
    ("first", "last", "before"),
    [
        ("2026-01-03", "2026-01-31", {"start": "2025-12-05", "end": "2026-01-02"}),
        ("2026-03-29", "2026-03-29", {"start": "2026-03-28", "end": "2026-03-28"}),  # a day of 23 hours
        ("2026-10-20", "2026-10-26", {"start": "2026-10-13", "end": "2026-10-19"}),  # a week of 169 hours
        ("2026-03-30", "2026-04-05", {"start": "2026-03-23", "end": "2026-03-29"}),
        ("2024-03-01", "2024-03-31", {"start": "2024-01-30", "end": "2024-02-29"}),
    ],
)
def test_the_period_before_has_as_many_days(first: str, last: str, before: dict[str, str]) -> None:
    found = span(first, last).before(now=0)
    assert found is not None
    assert found.period() == before
    assert found.end == span(first, last).start


def test_a_period_without_an_end_lasts_until_now() -> None:
    start, now = bounds("2026-01-11")[0], bounds("2026-01-21")[0]
    earlier = Span(start).before(now=now)
    assert earlier is not None
    assert earlier.period() == {"start": "2026-01-01", "end": "2026-01-10"}
    assert Span(None, now).before(now=now) is None
    assert Span(now).before(now=start) is None


def test_moments_are_written_with_the_dutch_offset() -> None:
    found = Span(bounds("2026-07-01T10:00:00Z")[0], bounds("2026-12-01T10:00:00Z")[0])
    assert found.period() == {"start": "2026-07-01T12:00:00+02:00", "end": "2026-12-01T11:00:00+01:00"}
    assert Span().period() == {}


@pytest.mark.parametrize(
    ("bucket", "expected"),
    [
        ("day", [("2026-03-28", "2026-03-28", 1), ("2026-03-29", "2026-03-29", 2), ("2026-03-30", "2026-03-30", 1)]),
        ("week", [("2026-03-23", "2026-03-29", 3), ("2026-03-30", "2026-04-05", 1)]),
        ("month", [("2026-03-01", "2026-03-31", 4)]),
    ],
)
def test_buckets_follow_the_dutch_clock(bucket: Bucket, expected: list[tuple[str, str, int]]) -> None:
    # The clock goes forward on 29 March: that day begins at 23:00 UTC and ends at 22:00 UTC.
    texts = ("2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z")
    found = bucketed([bounds(each)[0] for each in texts], bucket)
    assert [(str(first), str(last), until - at) for (first, last), at, until in found] == expected


@given(st.lists(st.integers(bounds("2020")[0], bounds("2027")[0]), max_size=40).map(sorted), st.sampled_from(BUCKETS))
def test_every_moment_is_in_the_bucket_of_its_day(moments: list[int], bucket: Bucket) -> None:
    seen = []
    for (first, last), at, until in bucketed(moments, bucket):
        assert at < until
        for each in moments[at:until]:
            assert first <= local(each).date() <= last
        assert first.weekday() == 0 or bucket != "week"
        assert first.day == 1 or bucket != "month"
        month = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - first
        lengths = {"day": timedelta(days=1), "week": timedelta(days=7), "month": month}
        assert last - first == lengths[bucket] - timedelta(days=1)
        seen += moments[at:until]
    assert seen == moments


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.integers(1, 800))
def test_two_periods_of_a_length_follow_each_other(first: date, days: int) -> None:
    start = to_microseconds(datetime(first.year, first.month, first.day, tzinfo=LOCAL))
    last = first + timedelta(days=days)
    end = to_microseconds(datetime(last.year, last.month, last.day, tzinfo=LOCAL))
    before = Span(start, end).before(now=0)
    assert before is not None
    assert before.days() == (first - timedelta(days=days), first - timedelta(days=1))
