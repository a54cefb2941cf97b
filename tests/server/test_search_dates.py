"""Date parameters: a search compares intervals. https://hl7.org/fhir/R4/search.html#date"""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import care_plan, condition, goal, observation, patient
from tests.server.service import Caller

RECORD: dict[str, dict[str, Any]] = {
    "year": {"effectiveDateTime": "2024"},
    "month": {"effectiveDateTime": "2024-03"},
    "day": {"effectiveDateTime": "2024-03-15"},
    "minute": {"effectiveDateTime": "2024-03-15T10:00:00+01:00"},
    "evening": {"effectiveDateTime": "2024-12-31T23:30:00Z"},
    "instant": {"effectiveInstant": "2024-06-01T12:00:00.250Z"},
    "hours": {"effectivePeriod": {"start": "2024-03-15T09:00:00Z", "end": "2024-03-15T11:00:00Z"}},
    "weeks": {"effectivePeriod": {"start": "2024-03-01", "end": "2024-03-31"}},
    "since": {"effectivePeriod": {"start": "2024-05-01"}},
    "until": {"effectivePeriod": {"end": "2023-05-01"}},
    "timing": {"effectiveTiming": {"event": ["2025-02-01", "2025-02-03"]}},
    "none": {},
}
EVERY = set(RECORD) - {"none"}

# Worked out by hand from the table of https://hl7.org/fhir/R4/search.html#prefix
QUERIES: dict[str, set[str]] = {
    "date=2024": {"year", "month", "day", "minute", "instant", "hours", "weeks"},
    "date=eq2024-03": {"month", "day", "minute", "hours", "weeks"},
    "date=2024-03-15": {"day", "minute", "hours"},
    "date=2024-03-15T10:00:00%2B01:00": {"minute"},
    "date=2024-03-15T10:00:00+01:00": {"minute"},
    "date=2024-03-15T09:00Z": {"minute"},
    "date=2024-03-15T09:00:00Z": {"minute"},
    "date=2024-06-01T12:00:00Z": {"instant"},
    "date=2024-06-01T12:00:00.250Z": {"instant"},
    "date=2024-06-01T12:00:00.251Z": set(),
    "date=2025": {"evening", "timing"},
    "date=ne2024": {"evening", "since", "until", "timing"},
    "date=ne2024-03-15": EVERY - {"day", "minute", "hours"},
    "date=gt2024-03-15": {"year", "month", "evening", "instant", "weeks", "since", "timing"},
    "date=gt2024": {"evening", "since", "timing"},
    "date=ge2024": {"year", "month", "day", "minute", "evening", "instant", "hours", "weeks", "since", "timing"},
    "date=ge2024-03-15": {"year", "month", "day", "minute", "evening", "instant", "hours", "weeks", "since", "timing"},
    "date=ge2024-05": {"year", "evening", "instant", "since", "timing"},
    "date=ge2025": {"evening", "since", "timing"},
    "date=ge2025-02-02": {"since", "timing"},
    "date=lt2024": {"until"},
    "date=lt2024-03": {"year", "until"},
    "date=lt2024-03-15": {"year", "month", "weeks", "until"},
    "date=le2024": EVERY - {"evening", "since", "timing"},
    "date=le2024-03-15": {"year", "month", "day", "minute", "hours", "weeks", "until"},
    "date=le2023-05-01": {"until"},
    "date=sa2024-03-15": {"evening", "instant", "since", "timing"},
    "date=sa2024": {"evening", "timing"},
    "date=eb2024": {"until"},
    "date=eb2024-03-16": {"day", "minute", "hours", "until"},
    "date=eb2024-06": {"month", "day", "minute", "hours", "weeks", "until"},
    "date=ge2024-03&date=lt2024-04": {"year", "month", "day", "minute", "hours", "weeks"},
    "date=ge2024-03-15&date=le2024-03-15": {"year", "month", "day", "minute", "hours", "weeks"},
    "date=2024-03-15,2025": {"day", "minute", "hours", "evening", "timing"},
    "date=lt2024,gt2024": {"until", "evening", "since", "timing"},
    "date:missing=true": {"none"},
    "date:missing=false": EVERY,
    "date=ge2024&code=29463-7": {
        "year",
        "month",
        "day",
        "minute",
        "evening",
        "instant",
        "hours",
        "weeks",
        "since",
        "timing",
    },
    "date=ge2024-05&_sort=-date": {"year", "evening", "instant", "since", "timing"},
    "date=ge2024-05&_sort=_lastUpdated": {"year", "evening", "instant", "since", "timing"},
    "date=ge2024-05&code:not=x": {"year", "evening", "instant", "since", "timing"},
    "date=ap2024-03-15&date=lt1900": set(),
}


async def test_dates_find_what_fhir_says(anna: Caller) -> None:
    for id, when in RECORD.items():
        await anna.keep(observation(id=id, **{"effectiveDateTime": None, **when}))
    for query, expected in QUERIES.items():
        assert set(await anna.found(f"/Observation?{query}")) == expected, query


async def test_dates_find_the_same_among_several_patients(anna: Caller, practice: Caller) -> None:
    for id, when in RECORD.items():
        await anna.keep(observation(id=id, **{"effectiveDateTime": None, **when}))
    await practice.keep(observation("Patient/bram", id="brams", effectiveDateTime="2024-03-15T08:00:00+01:00"))
    for query, expected in QUERIES.items():
        assert set(await practice.found(f"/Observation?{query}")) - {"brams"} == expected, query
    assert "brams" in await practice.found("/Observation?date=2024-03-15")


async def test_a_date_that_is_not_what_the_type_is_sorted_by_finds_the_same(anna: Caller) -> None:
    plans = {
        "year": {"created": "2024"},
        "day": {"created": "2024-03-15"},
        "minute": {"created": "2024-03-15T10:00:00+01:00"},
        "none": {},
    }
    for id, members in plans.items():
        await anna.keep(care_plan(id=id, **members))
    await anna.keep(condition(id="c", recordedDate=None, onsetPeriod={"start": "2020-01-01", "end": "2024-01-01"}))
    assert await anna.found("/Condition?onset-date=ge2023") == ["c"]
    assert await anna.found("/Condition?onset-date=gt2024") == []
    assert await anna.found("/Condition?onset-date=lt2020-06") == ["c"]
    assert await anna.found("/Condition?onset-date=2020") == []
    assert await anna.found("/Condition?onset-date=eb2025") == ["c"]
    assert await anna.found("/Condition?abatement-date:missing=true") == ["c"]


async def test_a_value_without_a_zone_is_dutch_time(anna: Caller) -> None:
    await anna.keep(observation(id="late", effectiveDateTime="2025-12-31T23:30:00+01:00"))
    await anna.keep(observation(id="early", effectiveDateTime="2026-01-01T00:30:00+01:00"))
    await anna.keep(observation(id="summer", effectiveDateTime="2025-06-30T22:30:00Z"))
    assert await anna.found("/Observation?date=2025-12-31") == ["late"]
    assert await anna.found("/Observation?date=2026") == ["early"]
    assert await anna.found("/Observation?date=2025-07-01") == ["summer"]
    assert await anna.found("/Observation?date=2026-01-01T00:30:00") == ["early"]


async def test_the_days_of_the_clock_change_have_all_their_hours(anna: Caller) -> None:
    for id, when in {
        "first": "2026-10-25T00:10:00+02:00",
        "double": "2026-10-25T02:30:00+01:00",
        "last": "2026-10-25T23:50:00+01:00",
        "next": "2026-10-26T00:10:00+01:00",
        "march": "2026-03-29T23:50:00+02:00",
    }.items():
        await anna.keep(observation(id=id, effectiveDateTime=when))
    assert set(await anna.found("/Observation?date=2026-10-25")) == {"first", "double", "last"}
    assert set(await anna.found("/Observation?date=ge2026-10-25")) == {"first", "double", "last", "next"}
    assert set(await anna.found("/Observation?date=gt2026-10-25")) == {"next"}
    assert await anna.found("/Observation?date=2026-03-29") == ["march"]
    assert await anna.found("/Observation?date=lt2026-03-30") == ["march"]


async def test_a_whole_date_is_found_by_the_day_and_by_the_precision_above(anna: Caller) -> None:
    assert await anna.found("/Patient?birthdate=1950-02-28") == ["anna"]
    assert await anna.found("/Patient?birthdate=1950") == ["anna"]
    assert await anna.found("/Patient?birthdate=lt1950-02-28") == []
    await anna.keep(patient("anna", birthDate="1950"))
    assert await anna.found("/Patient?birthdate=1950-02-28") == []
    assert await anna.found("/Patient?birthdate=ge1950-02-28") == ["anna"]


async def test_the_prefix_ap_widens_by_a_tenth_of_the_distance_to_now(anna: Caller) -> None:
    await anna.keep(goal(id="g", startDate="2001-01-01"))
    assert await anna.found("/Goal?start-date=ap2002-01-01") == ["g"]
    assert await anna.found("/Goal?start-date=ap2015-01-01") == []
    for farthest in ("0001", "9999", "9999-12-31"):
        assert (await anna.get(f"/Goal?start-date=ap{farthest}")).status_code == 200


@pytest.mark.parametrize("end", ["2024-01-02", "2024-01-03", "2024-01-20", "2024-02-20", "2025-01-01", None])
async def test_a_period_is_found_by_its_end_whatever_its_length(anna: Caller, end: str | None) -> None:
    for number in range(5):
        await anna.keep(observation(id=f"short-{number}", effectiveDateTime=f"2023-12-{number + 1:02}"))
    period = {"start": "2024-01-01", **({"end": end} if end else {})}
    await anna.keep(observation(id="period", effectiveDateTime=None, effectivePeriod=period))
    last = end or "2100-01-01"
    assert await anna.found("/Observation?date=gt2024-01-01") == ["period"]
    assert await anna.found(f"/Observation?date=gt{last}") == ([] if end else ["period"])
    assert await anna.found(f"/Observation?date=ge{last}") == ([] if end else ["period"])
    assert await anna.found(f"/Observation?date=gt{last}T12:00") == ["period"]


async def test_long_periods_that_began_long_ago_are_found(anna: Caller) -> None:
    for number in range(10):
        await anna.keep(observation(id=f"short-{number}", effectiveDateTime=f"2024-01-{number + 1:02}"))
    period = {"start": "1999-01-01", "end": "2024-06-01"}
    await anna.keep(observation(id="long", effectiveDateTime=None, effectivePeriod=period))
    assert await anna.found("/Observation?date=ge2024-05-31") == ["long"]
    assert await anna.found("/Observation?date=gt2024-05-31") == ["long"]
    assert await anna.found("/Observation?date=ge2024-06-01") == []
    assert await anna.found("/Observation?date=gt2024-06-01") == []
    assert await anna.found("/Observation?date=lt2000") == ["long"]


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2024-13",
        "2024-02-30",
        "24",
        "2024-1-1",
        "xx2024",
        "2024-01-01T25:00Z",
        "0000",
        "",
        "ge",
        "10000",
        "2024-01-01T10",
        "2024-01-01T10:00:00%2B14:30",
    ],
)
async def test_what_is_no_date_is_refused_naming_the_parameter(anna: Caller, value: str) -> None:
    for name in ("date", "_lastUpdated"):
        answer = await anna.get(f"/Observation?{name}={value}")
        assert answer.status_code == 400
        assert name in answer.text
