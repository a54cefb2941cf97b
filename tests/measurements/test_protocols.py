"""Protocols as data, and what is computed of a run: days × readings × the first day × the clock change × time zones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.measurements.kinds import kinds
from app.measurements.protocols.allotting import Allotment, allotted, standing
from app.measurements.protocols.figures import Computed, computed
from app.measurements.protocols.progress import progress, words_of
from app.measurements.protocols.results import COUNTS, Origin, result_of
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import protocols, result_codes
from app.measurements.targets import Target
from app.server.labels import load_labels
from tests.measurements.measuring import INTAKE
from tests.measurements.running import COMPUTED, ONE, figures, moment, pressure, value, week
from tests.postgresql import CHECKOUT

MONDAY: Final = date(2026, 11, 9)
SPRING: Final = date(2026, 3, 26)
"""The clock goes forward on the fourth day, Sunday the 29th."""
AUTUMN: Final = date(2026, 10, 22)
"""It goes back on the fourth day, Sunday the 25th."""


def numbered(observations: Sequence[Resource]) -> list[Resource]:
    return [{"id": f"r{at}", **each} for at, each in enumerate(observations)]


def taken(
    name: str, observations: Sequence[Resource], *, first: date = MONDAY, days: int = 7, **more: Any
) -> Allotment:
    return allotted(numbered(observations), Run(protocols()[name], first, days, **more), CANONICAL_BASE)


def counts(allotment: Allotment) -> tuple[int, int, int | None, bool]:
    found = standing(allotment)
    return found.readings, len(found.days), found.dropped, found.complete


def named(found: Sequence[Computed]) -> dict[str, Any]:
    return {
        each.figure.name: each.shown(each.number)
        if each.number is not None
        else (each.low, each.high)
        if each.count is None
        else (each.count, each.of)
        for each in found
    }


def codes(system: str) -> set[str]:
    path = CHECKOUT / "medmij_profiles" / "codesystems" / f"CodeSystem-{system}.json"
    return {each["code"] for each in json.loads(path.read_text("utf-8"))["concept"]}


def test_every_code_of_the_table_is_in_its_code_system() -> None:
    assert codes("protocol") == set(protocols())
    own = {code for system, code in result_codes() if system == "computed"}
    own |= {each.name for one in protocols().values() for each in one.figures if each.loinc is None}
    assert codes("computed") == own | set(COUNTS) | {"statistics"}


@pytest.mark.parametrize("name", protocols())
def test_a_protocol_says_where_it_comes_from_and_speaks_both_languages(name: str) -> None:
    protocol = protocols()[name]
    assert {each.status for each in protocol.sources} <= {"confirmed", "unconfirmed"}
    assert protocol.sources
    assert len(protocol.instructions["nl"]) == len(protocol.instructions["en"]) > 0
    for each in (*protocol.instructions["nl"], *protocol.instructions["en"]):
        assert len(each.split()) <= 15, each
    least, most, usual = protocol.days
    assert 1 <= least <= usual <= most
    run = Run(protocol, MONDAY, usual)
    windows = [*run.windows()]
    for one, other in pairwise(windows):
        assert one.start < one.end <= other.start, "windows never overlap"
    for sentence in protocol.sentences:
        assert sentence.keys() == {"nl", "en"}
        assert "%" not in sentence["nl"]


@pytest.mark.parametrize("name", protocols())
def test_run_and_result_have_the_data_category_of_what_is_measured(name: str) -> None:
    protocol, labels = protocols()[name], load_labels()
    (system, code), _ = protocol.kind.category
    reading = {"resourceType": "Observation", "category": [{"coding": [{"system": system, "code": code}]}]}
    task = {
        "resourceType": "Task",
        "code": {"coding": [{"system": f"{CANONICAL_BASE}/CodeSystem/protocol", "code": name}]},
    }
    own = COMPUTED if protocol.code[0] == "computed" else protocol.code[0]
    result = {"resourceType": "Observation", "code": {"coding": [{"system": own, "code": protocol.code[1]}]}}
    expected = labels.of(reading)
    assert labels.complete(task, lambda _: None) == expected
    assert labels.of(result) == expected


@pytest.mark.parametrize(
    ("measured", "run_days", "expected"),
    [
        (0, 7, (0, 0, None, False)),
        (1, 7, (4, 1, None, False)),
        (2, 7, (8, 2, None, False)),
        (3, 5, (12, 3, None, True)),  # the first day counts, as only two others remain
        (4, 5, (12, 3, 0, True)),
        (5, 5, (16, 4, 0, True)),
        (7, 7, (24, 6, 0, True)),
    ],
)
@pytest.mark.parametrize("first", [MONDAY, SPRING, AUTUMN], ids=["plain", "spring", "autumn"])
def test_days_and_the_first_one(
    measured: int, run_days: int, expected: tuple[int, int, int | None, bool], first: date
) -> None:
    found = taken("home-blood-pressure", [*week(first, measured)], first=first, days=run_days)
    assert counts(found) == expected
    assert not found.extra


@pytest.mark.parametrize("zone", [UTC, None], ids=["utc", "dutch"])
@pytest.mark.parametrize(
    ("day", "clock", "slot"),
    [
        (SPRING + 3 * ONE, "05:59", None),
        (SPRING + 3 * ONE, "06:00", "morning"),
        (SPRING + 3 * ONE, "08:59", "morning"),
        (SPRING + 3 * ONE, "09:00", None),
        (AUTUMN + 3 * ONE, "06:00", "morning"),
        (AUTUMN + 3 * ONE, "18:00", "evening"),
        (AUTUMN + 3 * ONE, "20:59", "evening"),
        (AUTUMN + 3 * ONE, "21:00", None),
    ],
)
def test_windows_are_those_of_the_dutch_clock(day: date, clock: str, slot: str | None, zone: Any) -> None:
    at = moment(day, clock)
    written = at if zone is None else datetime.fromisoformat(at).astimezone(zone).isoformat()
    reading = pressure(day, clock, 130, 80, effectiveDateTime=written)
    found = taken("home-blood-pressure", [reading], first=day)
    assert list(found.counted) == ([] if slot is None else [(0, slot)])
    assert len(found.extra) == (slot is None)


def test_the_mean_is_that_of_all_readings_in_the_windows_exactly() -> None:
    readings = [*week(MONDAY, 4, high=130, low=80), pressure(MONDAY + ONE, "08:00", 200, 100)]
    found = taken("home-blood-pressure", readings)
    how = standing(found)
    assert (how.readings, how.dropped) == (12, 0), "a third of a moment counts for the mean, not for the number"
    numbers = named(computed(found, how))
    later = [*range(131, 135), *range(132, 136), *range(133, 137), 200]
    assert numbers["systolic-mean"] == Decimal(str(round(sum(later) / 13, 2)))
    assert numbers["systolic-range"] == (131, 200)


def test_the_pulse_goes_along_and_is_never_counted() -> None:
    pulses = [value("heart-rate", MONDAY + day * ONE, "07:00", str(60 + day)) for day in range(4)]
    found = taken("home-blood-pressure", [*week(MONDAY, 4), *pulses])
    assert counts(found)[0] == 12
    assert named(computed(found, standing(found)))["pulse-mean"] == 62
    alone = taken("home-blood-pressure", pulses)
    assert counts(alone) == (0, 0, None, False)


def flagged(flag: str) -> dict[str, Any]:
    return {"meta": {"tag": [{"system": INTAKE, "code": flag}]}}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        (flagged("beyond-limit"), "beyond-limit"),
        (flagged("to-confirm"), "to-confirm"),
        ({"performer": [{"reference": "Practitioner/doctor"}]}, "care"),
        ({"performer": []}, "care"),
        ({"effectiveDateTime": MONDAY.isoformat()}, "time"),
        ({"component": []}, "value"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "modified"),
    ],
)
def test_what_is_left_out_is_said(members: dict[str, Any], why: str) -> None:
    found = taken("home-blood-pressure", [pressure(MONDAY, "07:00", 130, 80, **members)])
    assert dict(found.left_out) == {why: 1}
    assert not found.counted


def test_what_was_entered_in_error_or_is_of_another_time_is_not_spoken_of() -> None:
    wrong = pressure(MONDAY, "07:00", 130, 80, status="entered-in-error")
    before = pressure(MONDAY - ONE, "07:00", 130, 80, **flagged("to-confirm"))
    after = pressure(MONDAY + 7 * ONE, "07:00", 130, 80)
    found = taken("home-blood-pressure", [wrong, before, after])
    assert (dict(found.left_out), found.extra, found.counted) == ({}, [], {})


@pytest.mark.parametrize(
    ("clock", "members", "double"),
    [
        ("07:00", {}, True),
        ("07:01", {"device": {"display": "meter"}}, True),
        ("07:02", {}, True),
        ("07:03", {"device": {"display": "meter"}}, False),
    ],
)
def test_a_possible_double_is_shown_and_counts(clock: str, members: dict[str, Any], double: bool) -> None:  # noqa: FBT001
    found = taken(
        "home-blood-pressure", [pressure(MONDAY, "07:00", 130, 80), pressure(MONDAY, clock, 130, 80, **members)]
    )
    assert len(found.doubles) == 2 * double
    assert counts(found)[0] == 2


@pytest.mark.parametrize(
    ("name", "clock", "said", "slot"),
    [
        ("glucose-4", "07:00", None, (0, "before-breakfast")),
        ("glucose-4", "10:30", None, None),
        ("glucose-4", "10:30", "fasting", (0, "before-breakfast")),
        ("glucose-4", "12:00", "after-breakfast", None),
        ("glucose-7", "12:00", "after-breakfast", (0, "after-breakfast")),
        ("glucose-7", "14:00", "after-meal", (0, "after-lunch")),
        ("glucose-7", "12:00", "after-meal", None),
        ("glucose-4", "23:30", "other", (0, "bedtime")),
        ("glucose-4", "20:30", "bedtime", (0, "bedtime")),
    ],
)
def test_the_moment_that_is_said_goes_before_the_time(
    name: str, clock: str, said: str | None, slot: tuple[int, str] | None
) -> None:
    found = taken(name, [value("blood-glucose", MONDAY, clock, "6.1", said)], days=2)
    assert list(found.counted) == ([] if slot is None else [slot])


def test_the_evening_lasts_past_midnight() -> None:
    late = value("blood-glucose", MONDAY + ONE, "00:30", "6.1")
    after = value("blood-glucose", MONDAY + 2 * ONE, "00:59", "6.2")
    found = taken("glucose-4", [late, after], days=2)
    assert list(found.counted) == [(0, "bedtime"), (1, "bedtime")]


def test_a_glucose_curve_takes_the_last_of_each_moment_and_counts_those_within_the_target() -> None:
    readings = [
        value("blood-glucose", MONDAY, "07:00", "9.0", "before-breakfast"),
        value("blood-glucose", MONDAY, "07:30", "6.0", "before-breakfast"),
        value("blood-glucose", MONDAY, "12:00", "7.0", "before-lunch"),
        value("blood-glucose", MONDAY, "18:00", "8.1", "before-dinner"),
        value("blood-glucose", MONDAY + ONE, "07:00", "5.0", "before-breakfast"),
    ]
    target = Target(Fraction(5), Fraction(8))
    found = taken("glucose-4", readings, days=2, target=target)
    numbers = named(computed(found, standing(found)))
    assert (numbers["glucose-before-breakfast-last"], numbers["glucose-before-breakfast-mean"]) == (5, Decimal("5.5"))
    assert numbers["glucose-within-target"] == (3, 4)
    assert "glucose-bedtime-mean" not in numbers
    assert counts(found) == (4, 2, None, False)


@pytest.mark.parametrize(
    ("weights", "entered", "expected"),
    [
        ({0: "80", 1: "80.4", 2: "80.2", 3: "81"}, {}, ("0.8", "1", "1")),
        ({0: "80", 3: "81"}, {}, (None, "1", "1")),
        ({0: "80", 1: "80.4"}, {"baseline": Fraction(79)}, ("0.4", None, "1.4")),
        ({2: "80"}, {}, (None, None, None)),
    ],
)
def test_a_weight_is_held_against_one_day_three_days_and_the_beginning(
    weights: dict[int, str], entered: dict[str, Fraction], expected: tuple[str | None, ...]
) -> None:
    readings = [value("weight", MONDAY + day * ONE, "07:00", number) for day, number in weights.items()]
    found = taken("daily-weight", readings, numbers=entered)
    numbers = named(computed(found, standing(found)))
    names = ("weight-change-1-day", "weight-change-3-days", "weight-change-baseline")
    assert tuple(None if each not in numbers else str(numbers[each]) for each in names) == expected


def test_of_a_peak_flow_the_best_of_three_counts_against_the_personal_best() -> None:
    blows = [("07:00", "400"), ("07:01", "420"), ("07:02", "410"), ("19:00", "380"), ("19:01", "360")]
    readings = [value("peak-flow", MONDAY, clock, number) for clock, number in blows]
    found = taken("peak-flow", readings, numbers={"personal-best": Fraction(500)})
    numbers = named(computed(found, standing(found)))
    assert (numbers["peak-flow-mean"], numbers["peak-flow-best"]) == (400, 420)
    assert numbers["peak-flow-of-personal-best"] == 80
    assert counts(found) == (5, 1, None, False)


def at(day: date, clock: str) -> int:
    return bounds(moment(day, clock))[0]


@pytest.mark.parametrize(
    ("measured", "day", "clock", "said"),
    [
        (0, -1, "12:00", "U begint op 9 november 2026."),
        (0, 0, "05:00", "Vanochtend nog 2 metingen. Vanavond nog 2 metingen. Daarna nog 6 dagen"),
        (1, 0, "07:01", "Vanochtend nog 1 meting. Vanavond nog 2 metingen."),
        (2, 0, "12:00", "Vanavond nog 2 metingen."),
        (4, 0, "22:00", "Vandaag hoeft u niets meer te meten."),
        (16, 4, "07:00", "U hebt alle metingen die nodig zijn: 12."),
        (11, 2, "20:00", "U hebt 7 van de 12 metingen."),
        (28, 7, "00:00", "De dagen van deze meetreeks zijn voorbij."),
    ],
)
def test_what_is_still_to_measure(measured: int, day: int, clock: str, said: str) -> None:
    found = taken("home-blood-pressure", [*week(MONDAY, 7)][:measured])
    now = at(MONDAY + day * ONE, clock)
    words = words_of(progress(found, status="in-progress", now=now))
    assert said in words["nl"]
    assert "112" in words["nl"]


def test_a_result_that_is_not_complete_is_given_and_says_what_was_missing() -> None:
    run = Run(protocols()["home-blood-pressure"], MONDAY, 7)
    readings = numbered([*week(MONDAY, 2)])
    result = result_of(readings, Origin(run, "t", "anna"), canonical_base=CANONICAL_BASE, amended=False)
    assert figures(result)["complete"] is False
    said = result["note"][0]["text"]
    assert "niet volledig: 8 van de 12 metingen, op 2 van de 3 dagen" in said
    assert said.endswith("Bel 112.")
    codings = [each for one in result["category"] for each in one["coding"]]
    assert [each["code"] for each in codings] == ["computed"]


def test_no_measurement_has_a_code_of_a_result() -> None:
    known = {code.key for kind in kinds().values() for code in kind.codes}
    assert known.isdisjoint(result_codes())
