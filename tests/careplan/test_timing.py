"""From a Timing to the days on which it comes round, in the Dutch calendar."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.careplan.schedule import askings
from app.careplan.timing import ABBREVIATIONS, has_beginning, is_understood, last_day
from app.fhir.dates import bounds, midnight
from app.fhir.resource import Resource, decode

MADE: Final = date(2027, 1, 6)
"""A Wednesday: the day that the plan was made."""


def repeat(start: str = "", end: str = "", **members: Any) -> Resource:
    found = {name: value for name, value in (("start", start), ("end", end)) if value}
    return {"repeat": {**({"boundsPeriod": found} if found else {}), **members}}


def every(period: Any, unit: str, **members: Any) -> dict[str, Any]:
    return {"period": period, "periodUnit": unit, **members}


def coded(code: str, system: str = ABBREVIATIONS, **members: Any) -> Resource:
    return {"code": {"coding": [{"system": system, "code": code}]}, **members}


def days(timing: Resource, until: str) -> list[str]:
    """All days on which it came round until a day, found as a service does that looks each morning."""
    found: dict[str, None] = {}
    day = MADE - timedelta(days=400)
    while day <= date.fromisoformat(until):
        last = last_day(timing, begins=MADE, now=midnight(day))
        if last is not None:
            found[last.isoformat()] = None
        day += timedelta(days=1)
    return list(found)


TABLE: Final[dict[str, dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("timings.yaml").read_text("utf-8"))


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_a_timing_comes_round_on_these_days(row: dict[str, Any]) -> None:
    timing = decode(json.dumps(row["timing"]).encode())
    assert days(timing, row["until"]) == row["days"]
    assert is_understood(timing)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2027-03-27T22:59:59Z", "2027-03-27"),
        ("2027-03-27T23:00:00Z", "2027-03-28"),
        ("2027-03-28T21:59:59Z", "2027-03-28"),
        ("2027-03-28T22:00:00Z", "2027-03-29"),
        ("2027-10-30T22:00:00Z", "2027-10-31"),
        ("2027-10-31T22:59:59Z", "2027-10-31"),
        ("2027-10-31T23:00:00Z", "2027-11-01"),
    ],
)
def test_a_day_begins_at_midnight_in_the_netherlands(now: str, expected: str) -> None:
    found = last_day(repeat("2027-01-01", **every(1, "d")), begins=MADE, now=bounds(now)[0])
    assert found == date.fromisoformat(expected)


@pytest.mark.parametrize(
    "timing",
    [
        {},
        {"code": {"text": "af en toe"}},
        coded("WK", "http://example.org/codes"),
        coded("wekelijks"),
        repeat(frequency=3),
        repeat(count=3),
        repeat(duration=30, durationUnit="min"),
        repeat(**every(0, "d")),
        repeat(**every(Decimal("1E+999999"), "wk")),
        repeat(**every(Decimal("1E-999999"), "wk")),
        repeat(boundsDuration={"value": 2, "code": "{beurt}"}, **every(1, "d")),
        repeat(boundsDuration={"value": 2, "code": "wk", "comparator": ">"}, **every(1, "d")),
        repeat(boundsRange={"low": {"value": 2, "code": "wk"}}, **every(1, "d")),
        repeat("0001-01-01", **every(1, "d")),
        {**repeat(**every(1, "d")), "modifierExtension": [{"url": "http://example.org/niet", "valueBoolean": True}]},
    ],
)
def test_what_says_no_days_is_not_understood_and_comes_round_never(timing: Resource) -> None:
    assert not is_understood(timing)
    assert days(timing, "2027-03-01") == []


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (repeat("2027-02-01", **every(1, "d")), True),
        ({"event": ["2027-02-01"]}, True),
        (repeat(**every(1, "d")), False),
        (repeat(end="2027-02-01", **every(1, "d")), False),
        (coded("WK"), False),
        ({"event": ["2027-02-01"], **repeat(**every(1, "d"))}, False),
    ],
)
def test_what_has_a_beginning_of_its_own(timing: Resource, *, expected: bool) -> None:
    assert has_beginning(timing) is expected


def test_what_has_no_beginning_counts_from_the_day_that_the_plan_was_made() -> None:
    weekly = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}
    asked = "https://example.org/Questionnaire/stemming"
    detail = {"status": "scheduled", "instantiatesCanonical": [asked], "scheduledTiming": weekly}
    plan: Resource = {"created": "2027-01-06", "activity": [{"id": "a", "detail": detail}]}
    found = [
        [each.day for each in askings(plan, now=bounds(now)[0], review="", since="")]
        for now in ("2027-01-05", "2027-01-06", "2027-01-13", "2027-01-19")
    ]
    assert found == [[], ["2027-01-06"], ["2027-01-13"], ["2027-01-13"]]


_REPEATS: Final = st.fixed_dictionaries(
    {},
    optional={
        "boundsPeriod": st.fixed_dictionaries({"start": st.dates(date(1990, 1, 1), date(2040, 1, 1)).map(str)}),
        "count": st.integers(1, 2**31),
        "frequency": st.integers(1, 2**31),
        "period": st.decimals("0", "1E+9", allow_nan=False),
        "periodUnit": st.sampled_from(["s", "min", "h", "d", "wk", "mo", "a"]),
        "dayOfWeek": st.lists(st.sampled_from(["mon", "tue", "sat", "sun"]), min_size=1, unique=True),
        "timeOfDay": st.lists(st.just("08:00:00"), min_size=1, max_size=4),
    },
)


@given(_REPEATS, st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_the_last_day_is_never_after_today_nor_before_the_first_and_never_goes_back(
    said: dict[str, Any], today: date
) -> None:
    first = date.fromisoformat(said.get("boundsPeriod", {}).get("start", MADE.isoformat()))
    found = last_day({"repeat": said}, begins=MADE, now=midnight(today))
    later = last_day({"repeat": said}, begins=MADE, now=midnight(today + timedelta(days=45)))
    if found is not None:
        assert first <= found <= today
        assert later is not None
        assert later >= found
    if found is not None and said.get("dayOfWeek") and "period" in said:
        assert ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[found.weekday()] in said["dayOfWeek"]
