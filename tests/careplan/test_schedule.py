"""From which day a rhythm without a beginning of its own counts, and what is told where there is none."""

from __future__ import annotations

from typing import Final

import pytest

from app.careplan.schedule import askings, one_by_one, unread
from app.fhir.dates import bounds
from app.fhir.resource import Resource
from tests.careplan.histories import NAMES
from tests.careplan.test_due import FORM
from tests.careplan.test_rhythm import WEEKLY, asking

SINCE: Final = "2027-01-04T10:00:00Z"


def asked(plan: Resource, now: str, *, since: str = "") -> list[str]:
    detail = {"status": "scheduled", "instantiatesCanonical": [FORM], "scheduledTiming": WEEKLY}
    whole = {**plan, "activity": [{"id": "a", "detail": detail}]}
    return [each.day for each in askings(whole, now=bounds(now)[0], review="", since=since)]


@pytest.mark.parametrize("plan", [{}, {"created": "0001"}, {"created": "2029-01-01"}])
def test_a_rhythm_of_a_plan_whose_making_says_no_day_counts_from_its_phase(plan: Resource) -> None:
    days = ("2027-01-03", "2027-01-05", "2027-01-10", "2027-01-12")
    assert [asked(plan, each, since=SINCE) for each in days] == [[], ["2027-01-04"], ["2027-01-04"], ["2027-01-11"]]
    assert [asked(plan, each) for each in days] == [[]] * 4
    assert [asked(plan, each, since="0001") for each in days] == [[]] * 4


@pytest.mark.parametrize(
    ("plan", "since", "told"),
    [
        ({"created": "2027-01-04"}, "", False),
        ({}, SINCE, False),
        ({}, "", True),
        ({"created": "0001"}, "", True),
        ({}, None, False),
    ],
    ids=["made", "phase", "neither", "before-the-calendar", "proposal"],
)
def test_of_a_rhythm_that_counts_from_no_day_is_told(plan: Resource, since: str | None, *, told: bool) -> None:
    whole = {**plan, "activity": [{"id": "a", "detail": asking(scheduledTiming=WEEKLY)}]}
    expected = ["CarePlan.activity[0].detail.scheduled"] if told else []
    assert list(unread(whole, f"{NAMES}/CodeSystem/protocol", since=since, most=9)) == expected


def test_of_very_many_activities_the_first_ask_and_of_the_rest_is_told() -> None:
    system = f"{NAMES}/CodeSystem/protocol"
    walking = {"status": "scheduled", "description": "Wandelen"}
    details = [walking, asking(), asking(status="stopped"), asking(), asking(), asking()]
    plan: Resource = {"activity": [{"id": f"a{at}", "detail": each} for at, each in enumerate(details)]}
    assert [[each["id"] for each in alone["activity"]] for alone in one_by_one(plan, system, most=2)] == [
        ["a1"],
        ["a3"],
    ]
    assert list(unread(plan, system, since="", most=2)) == [f"CarePlan.activity[{at}].detail" for at in (4, 5)]
