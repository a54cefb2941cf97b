"""What is due in everybody's plan: written once, whoever looks and however often. MODEL 2, "Time"."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.careplan.due import AGREE_WITHIN, DueReport, write_due
from app.careplan.names import Names
from app.careplan.schedule import askings
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource
from tests.careplan.histories import NAMES, started
from tests.careplan.turning import done, newest, part, phase_of, read, where
from tests.server.service import Caller, Service

DAY = 24 * 3600 * 1_000_000
FORM = "https://example.org/Questionnaire/stemming"


async def due(service: Service, later: int = 0) -> DueReport:
    return await write_due(service.server, Names(NAMES), now=service.server.clock() + later)


async def tasks(caller: Caller, plan: str) -> list[Resource]:
    bundle = await caller.bundle(f"/Task?focus=CarePlan/{plan}&_sort=authored-on")
    return [each["resource"] for each in bundle.get("entry", ())]


def kinds(found: list[Resource]) -> list[tuple[str, str]]:
    return [(each["code"]["coding"][0]["code"], each["status"]) for each in found]


def day(service: Service, later: int) -> str:
    return instant(service.server.clock() + later)[:10]


async def test_on_the_day_of_its_review_a_plan_is_in_check_and_the_person_is_asked_once(
    service: Service, anna: Caller
) -> None:
    journey = await started(anna, "Wandelen")
    plan = journey.plan
    await done(anna, plan, "agree", nextReview=day(service, 30 * DAY))
    assert await due(service, 28 * DAY) == DueReport()
    assert where(await read(anna, "CarePlan", plan)) == ("active", 1, "do")
    assert await due(service, 31 * DAY) == DueReport(opened=1, tasks=1)
    assert where(await read(anna, "CarePlan", plan)) == ("active", 1, "check")
    revision = await newest(anna, plan)
    assert phase_of(revision) == (3, 1, "check")
    assert revision["agent"][0]["who"]["display"] == "Zelfregie"
    (task,) = await tasks(anna, plan)
    assert kinds([task]) == [("review", "requested")]
    assert task["executionPeriod"] == {"start": day(service, 30 * DAY)}
    assert task["description"].startswith("Het is tijd om terug te kijken")
    assert await due(service, 31 * DAY) == DueReport()
    assert await due(service, 60 * DAY) == DueReport()
    await done(anna, plan, "decide", decision=part(goal=journey.goal, decision="continue"))
    assert kinds(await tasks(anna, plan)) == [("review", "completed")]


async def test_who_threw_a_task_away_or_did_it_is_not_asked_again(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    await due(service, AGREE_WITHIN + DAY)
    (task,) = await tasks(anna, journey.plan)
    assert kinds([task]) == [("agreement", "requested")]
    changed = await anna.put(f"/Task/{task['id']}", {**task, "status": "rejected"})
    assert changed.status_code == 200, changed.text
    assert await due(service, AGREE_WITHIN + DAY) == DueReport()
    assert (await anna.delete(f"/Task/{task['id']}")).status_code == 204
    assert await due(service, AGREE_WITHIN + DAY) == DueReport()


async def test_agreeing_answers_what_was_asked(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    assert await due(service, AGREE_WITHIN - DAY) == DueReport()
    assert await due(service, AGREE_WITHIN + DAY) == DueReport(tasks=1)
    await done(anna, journey.plan, "agree")
    assert kinds(await tasks(anna, journey.plan)) == [("agreement", "completed")]


async def test_nothing_is_due_of_a_plan_that_rests_or_is_closed(service: Service, anna: Caller, bram: Caller) -> None:
    first = await started(anna, "Wandelen")
    await done(anna, first.plan, "hold")
    assert await due(service, 400 * DAY) == DueReport()
    await done(anna, first.plan, "close", status="revoked")
    assert await due(service, 400 * DAY) == DueReport()
    assert await tasks(anna, first.plan) == []


async def test_two_processes_at_once_write_it_once(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=day(service, 2 * DAY))
    reports = await asyncio.gather(*(due(service, 5 * DAY) for _ in range(4)))
    assert sum(each.opened for each in reports) == 1
    assert sum(each.failed for each in reports) == 0
    assert len(await tasks(anna, journey.plan)) == 1
    assert phase_of(await newest(anna, journey.plan))[0] == 3


async def test_a_questionnaire_that_the_plan_names_is_asked_for_when_its_time_comes(
    service: Service, anna: Caller
) -> None:
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=day(service, 90 * DAY))
    plan = await journey.read("CarePlan", journey.plan)
    start = day(service, 10 * DAY)
    repeat = {"boundsPeriod": {"start": start}, "frequency": 1, "period": 1, "periodUnit": "wk"}
    detail = {
        "status": "scheduled",
        "description": "Elke week de vragenlijst over stemming",
        "instantiatesCanonical": [FORM],
        "scheduledTiming": {"repeat": repeat},
    }
    await journey.put({**plan, "activity": [{"id": "stemming", "detail": detail}]})
    assert await due(service, 8 * DAY) == DueReport()
    assert await due(service, 12 * DAY) == DueReport(tasks=1)
    assert await due(service, 13 * DAY) == DueReport()
    assert await due(service, 34 * DAY) == DueReport(tasks=1), "the last week's only"
    first, second = sorted(await tasks(anna, journey.plan), key=lambda each: each["executionPeriod"]["start"])
    assert first["input"][0]["valueCanonical"] == FORM
    assert first["executionPeriod"]["start"] == start
    assert second["executionPeriod"]["start"] == day(service, 31 * DAY)


@pytest.mark.parametrize(
    ("scheduled", "now", "expected"),
    [
        ({}, "2027-01-01", ["2026-12-31"]),
        ({"scheduledPeriod": {"start": "2027-02-01"}}, "2027-01-31", []),
        ({"scheduledPeriod": {"start": "2027-02-01"}}, "2027-02-01", ["2027-02-01"]),
        ({"scheduledTiming": {"event": ["2027-01-01", "2027-03-01", "2027-05-01"]}}, "2027-04-01", ["2027-03-01"]),
        ({"scheduledTiming": {"repeat": {"period": 1, "periodUnit": "mo"}}}, "2027-04-01", []),
        ({"scheduledTiming": {"repeat": {"boundsPeriod": {"start": "2027-01-31"}}}}, "2027-04-01", ["2027-01-31"]),
        (
            {"scheduledTiming": {"repeat": {"boundsPeriod": {"start": "2027-01-31"}, "period": 1, "periodUnit": "mo"}}},
            "2027-03-15",
            ["2027-02-28"],
        ),
        (
            {
                "scheduledTiming": {
                    "repeat": {
                        "boundsPeriod": {"start": "2027-01-01", "end": "2027-01-20"},
                        "frequency": 2,
                        "period": 2,
                        "periodUnit": "wk",
                    }
                }
            },
            "2028-01-01",
            ["2027-01-15"],
        ),
        (
            {"scheduledTiming": {"repeat": {"boundsPeriod": {"start": "2020-02-29"}, "period": 1, "periodUnit": "a"}}},
            "2027-03-01",
            ["2027-02-28"],
        ),
        ({"status": "stopped"}, "2027-01-01", []),
        ({"instantiatesCanonical": ["https://example.org/PlanDefinition/x"]}, "2027-01-01", []),
    ],
)
def test_a_questionnaire_is_asked_for_on_the_last_day_that_came_round(
    scheduled: dict[str, Any], now: str, expected: list[str]
) -> None:
    detail = {"status": "scheduled", "instantiatesCanonical": [FORM], **scheduled}
    plan: Resource = {"activity": [{"id": "a", "detail": detail}]}
    assert [each.day for each in askings(plan, now=bounds(now)[0], review="2026-12-31")] == expected
