"""What is due in everybody's plan: written once, whoever looks and however often. MODEL 2, "Time"."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.auth.accounts.sessions import CLIENT
from app.auth.recording import Recording
from app.careplan.due import AGREE_WITHIN, EVENT, DueReport, write_due
from app.careplan.names import Names
from app.careplan.schedule import askings
from app.fhir.dates import bounds, local_date
from app.fhir.resource import Resource, decode
from tests import builders
from tests.careplan.histories import NAMES, started
from tests.careplan.turning import done, newest, part, phase_of, read, where
from tests.server.service import Caller, Service

DAY = 24 * 3600 * 1_000_000
START: Resource = {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Slapen"}]}
FORM = "https://example.org/Questionnaire/stemming"


async def due(service: Service, later: int = 0) -> DueReport:
    return await write_due(service.server, Names(NAMES), now=service.server.clock() + later)


async def tasks(caller: Caller, plan: str) -> list[Resource]:
    bundle = await caller.bundle(f"/Task?focus=CarePlan/{plan}&_sort=authored-on")
    return [each["resource"] for each in bundle.get("entry", ())]


def kinds(found: list[Resource]) -> list[tuple[str, str]]:
    return [(each["code"]["coding"][0]["code"], each["status"]) for each in found]


def day(service: Service, later: int) -> str:
    return local_date(service.server.clock() + later).isoformat()


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


async def test_plans_of_which_nothing_can_be_due_are_not_read(
    service: Service, anna: Caller, bram: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = service.database
    read_plans: list[str] = []
    fetch = database.fetch

    async def looking(sql: str, *binds: Any) -> Any:
        rows = await fetch(sql, *binds)
        read_plans.extend(row[2] for row in rows if "JOIN claim" in sql)
        return rows

    monkeypatch.setattr(database, "fetch", looking)
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=day(service, 300 * DAY))
    await due(service, 100 * DAY)
    assert read_plans == [], "at rest, and not to be looked back on for long"
    await due(service, 301 * DAY)
    assert read_plans == [journey.plan]
    await done(anna, journey.plan, "hold")
    read_plans.clear()
    await due(service, 400 * DAY)
    assert read_plans == [], "on hold"
    other = decode((await bram.post("/Patient/bram/$start", START)).content)
    await due(service, 10 * DAY)
    assert read_plans == [], "not in the phase plan for long enough"
    await due(service, AGREE_WITHIN + DAY)
    assert read_plans == [other["id"]]


async def test_what_a_running_service_does_by_itself_is_in_the_access_log(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=day(service, DAY))
    names, recording = Names(NAMES), Recording(service.journal)
    later = service.server.clock() + 2 * DAY
    assert await write_due(service.server, names, now=later, recording=recording) == DueReport(opened=1, tasks=1)
    assert await write_due(service.server, names, now=later, recording=recording) == DueReport()
    (task,) = await tasks(anna, journey.plan)
    (line,) = [each["event"] for each in service.journal_lines() if each["event"]["interaction"] == EVENT]
    assert line["patients"] == [await service.key_of("anna")]
    assert line["resources"] == [f"Task/{task['id']}", f"CarePlan/{journey.plan}"]
    assert line["agent"] == {"client": CLIENT, "purpose": "treatment"}


async def test_two_processes_at_once_write_it_once(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=day(service, 2 * DAY))
    reports = await asyncio.gather(*(due(service, 5 * DAY) for _ in range(4)))
    assert sum(each.opened for each in reports) == 1
    assert sum(each.failed for each in reports) == 0
    assert len(await tasks(anna, journey.plan)) == 1
    assert phase_of(await newest(anna, journey.plan))[0] == 3


async def test_a_questionnaire_that_the_plan_names_is_asked_for_when_its_time_comes(
    service: Service, anna: Caller, operator: Caller
) -> None:
    await operator.create(builders.questionnaire(url=FORM, version="1"))
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
    assert await due(service, 34 * DAY) == DueReport(), "the first is still open"
    (asked,) = await tasks(anna, journey.plan)
    declined = {**asked, "status": "rejected", "statusReason": {"text": "Deze week niet"}}
    assert (await anna.put(f"/Task/{asked['id']}", declined)).status_code == 200
    assert await due(service, 34 * DAY) == DueReport(tasks=1), "the last week's only"
    first, second = sorted(await tasks(anna, journey.plan), key=lambda each: each["executionPeriod"]["start"])
    assert first["input"][0]["valueCanonical"] == FORM
    assert (first["intent"], first["code"]["coding"][0]["code"]) == ("order", "74468-0")
    assert first["meta"]["profile"] == [f"{NAMES}/StructureDefinition/QuestionnaireRequest"]
    assert first["executionPeriod"]["start"] == start
    assert second["executionPeriod"]["start"] == day(service, 31 * DAY)


@pytest.mark.parametrize(
    ("scheduled", "now", "expected"),
    [
        ({}, "2027-01-01", ["2026-12-31"]),
        ({"scheduledPeriod": {"start": "2027-02-01"}}, "2027-01-31", []),
        ({"scheduledPeriod": {"start": "2027-02-01"}}, "2027-02-01", ["2027-02-01"]),
        ({"scheduledTiming": {"event": ["2027-01-01", "2027-03-01", "2027-05-01"]}}, "2027-04-01", ["2027-03-01"]),
        ({"scheduledTiming": {"repeat": {"period": 1, "periodUnit": "mo"}}}, "2027-04-01", ["2027-03-15"]),
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
    plan: Resource = {"created": "2026-11-15", "activity": [{"id": "a", "detail": detail}]}
    assert [each.day for each in askings(plan, now=bounds(now)[0], review="2026-12-31", since="")] == expected


PROTOCOL = f"{NAMES}/CodeSystem/protocol"


async def measuring(service: Service, caller: Caller, **detail: Any) -> str:
    """An agreed plan, in which the blood pressure is measured each quarter from ten days on; its id."""
    journey = await started(caller, "Wandelen")
    await done(caller, journey.plan, "agree", nextReview=day(service, 300 * DAY))
    plan = await journey.read("CarePlan", journey.plan)
    repeat = {"boundsPeriod": {"start": day(service, 10 * DAY)}, "frequency": 1, "period": 3, "periodUnit": "mo"}
    code = {"coding": [{"system": PROTOCOL, "code": "home-blood-pressure"}]}
    asked = {"status": "scheduled", "code": code, "scheduledTiming": {"repeat": repeat}, **detail}
    await journey.put({**plan, "activity": [{"id": "meten", "detail": asked}]})
    return journey.plan


async def test_a_protocol_that_the_plan_names_is_asked_for_when_its_time_comes(service: Service, anna: Caller) -> None:
    plan = await measuring(service, anna)
    assert await due(service, 8 * DAY) == DueReport()
    assert await due(service, 11 * DAY) == DueReport(tasks=1)
    assert await due(service, 12 * DAY) == DueReport()
    assert await due(service, 120 * DAY) == DueReport(), "the first is still open"
    (asked,) = await tasks(anna, plan)
    assert (asked["status"], asked["intent"]) == ("requested", "plan")
    assert asked["code"]["coding"][0]["code"] == "home-blood-pressure"
    first, last = day(service, 10 * DAY), day(service, 16 * DAY)
    assert asked["executionPeriod"] == {"start": first, "end": last}
    assert asked["basedOn"] == [{"reference": f"CarePlan/{plan}"}]
    revisions = len(await anna.found("/Provenance"))
    answer = await anna.post(f"/Task/{asked['id']}/$accept-protocol", {"resourceType": "Parameters"})
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["status"] == "in-progress"
    activities = (await read(anna, "CarePlan", plan))["activity"]
    assert [each["id"] for each in activities] == ["meten"], "it is an activity of the plan already"
    assert len(await anna.found("/Provenance")) == revisions
    assert await due(service, 120 * DAY) == DueReport(), "it is going on"
    stopped = {**decode(answer.content), "status": "cancelled", "statusReason": {"text": "Geen meter"}}
    assert (await anna.put(f"/Task/{asked['id']}", stopped)).status_code == 200
    assert await due(service, 120 * DAY) == DueReport(tasks=1), "the last quarter's only"
    assert len(await tasks(anna, plan)) == 2


async def test_several_processes_ask_for_a_protocol_once(service: Service, anna: Caller) -> None:
    plan = await measuring(service, anna)
    reports = await asyncio.gather(*(due(service, 12 * DAY) for _ in range(4)))
    assert sum(each.tasks for each in reports) == 1
    assert sum(each.failed for each in reports) == 0
    assert len(await tasks(anna, plan)) == 1


@pytest.mark.parametrize(
    "detail",
    [
        {"status": "stopped"},
        {"code": {"coding": [{"system": PROTOCOL, "code": "elke-maan"}]}},
        {"code": {"coding": [{"system": "http://example.org/codes", "code": "home-blood-pressure"}]}},
        {"scheduledTiming": {"repeat": {"frequency": 1}}},
    ],
    ids=["over", "unknown", "another-system", "without-a-period"],
)
async def test_what_is_no_protocol_with_a_time_of_its_own_is_not_asked(
    service: Service, anna: Caller, detail: dict[str, Any]
) -> None:
    plan = await measuring(service, anna, **detail)
    assert await due(service, 200 * DAY) == DueReport()
    assert await tasks(anna, plan) == []
