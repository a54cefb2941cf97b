"""Rhythms without a beginning of their own: plans with one are looked at; of a time that does not count it is told."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.careplan.due import DueReport
from app.careplan.times import RHYTHM
from app.fhir.resource import Resource, decode, encode
from tests import builders
from tests.careplan.histories import Journey, started
from tests.careplan.test_due import DAY, FORM, PROTOCOL, day, due, tasks
from tests.careplan.turning import done
from tests.server.service import Caller, Service, issues
from tests.server.test_loading import loaded

WEEKLY: Final = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}
MEASURING: Final = {"coding": [{"system": PROTOCOL, "code": "home-blood-pressure"}]}


@pytest.fixture(autouse=True)
async def form(operator: Caller) -> None:
    await operator.create(builders.questionnaire(url=FORM, version="1"))


def asking(**members: Any) -> Resource:
    return {"status": "scheduled", "description": "Vragenlijst", "instantiatesCanonical": [FORM], **members}


async def agreed(service: Service, caller: Caller, *details: Resource) -> Journey:
    """A plan in the phase do, with activities."""
    journey = await started(caller, "Wandelen")
    await done(caller, journey.plan, "agree", nextReview=day(service, 300 * DAY))
    if details:
        await journey.put(await with_activities(journey, *details))
    return journey


async def with_activities(journey: Journey, *details: Resource) -> Resource:
    plan = await journey.read("CarePlan", journey.plan)
    return {**plan, "activity": [{"id": f"a{number}", "detail": each} for number, each in enumerate(details)]}


async def claims(service: Service) -> int:
    return len(await service.database.fetch("SELECT patient FROM claim WHERE name = $1", RHYTHM))


async def test_a_questionnaire_is_asked_for_by_a_rhythm_from_the_day_that_the_plan_was_made(
    service: Service, anna: Caller
) -> None:
    journey = await agreed(service, anna, asking(scheduledTiming=WEEKLY))
    assert await due(service, 9 * DAY) == DueReport(tasks=1)
    (task,) = await tasks(anna, journey.plan)
    assert task["executionPeriod"]["start"] == day(service, 7 * DAY)
    assert await due(service, 13 * DAY) == DueReport()
    declined = {**task, "status": "rejected", "statusReason": {"text": "Deze week niet"}}
    assert (await anna.put(f"/Task/{task['id']}", declined)).status_code == 200
    assert await due(service, 15 * DAY) == DueReport(tasks=1)


async def test_a_protocol_is_asked_for_by_a_rhythm_from_the_day_that_the_plan_was_made(
    service: Service, anna: Caller
) -> None:
    quarterly = {"repeat": {"period": 3, "periodUnit": "mo"}}
    journey = await agreed(service, anna, {"status": "scheduled", "code": MEASURING, "scheduledTiming": quarterly})
    assert await due(service) == DueReport(tasks=1)
    (task,) = await tasks(anna, journey.plan)
    assert task["executionPeriod"]["start"] == day(service, 0)


async def test_the_claim_of_a_plan_follows_what_it_says(service: Service, anna: Caller) -> None:
    journey = await agreed(service, anna, asking(scheduledTiming={"repeat": {"boundsPeriod": {"start": "2031-01-01"}}}))
    assert await claims(service) == 0
    await journey.put(await with_activities(journey, asking(scheduledTiming=WEEKLY)))
    assert await claims(service) == 1
    plan = await journey.read("CarePlan", journey.plan)
    await journey.put(plan)  # says the same
    await journey.put({**plan, "description": "Met een vragenlijst"})
    assert await claims(service) == 1
    await journey.put(await with_activities(journey, asking(scheduledTiming=WEEKLY, status="stopped")))
    assert await claims(service) == 0
    await journey.put(await with_activities(journey, asking(scheduledTiming=WEEKLY)))
    await done(anna, journey.plan, "close", status="revoked")
    assert await claims(service) == 0
    assert await due(service, 30 * DAY) == DueReport()


async def test_a_plan_that_is_loaded_is_looked_at_too(service: Service, anna: Caller, bram: Caller) -> None:
    journey = await agreed(service, anna, asking(scheduledTiming=WEEKLY))
    whole = await anna.bundle("/Patient/anna/$everything?_count=1000")
    kept = [each["resource"] for each in whole["entry"] if each["resource"]["resourceType"] != "Questionnaire"]
    await service.reset()
    assert await claims(service) == 0
    report = await loaded(service, *kept)
    assert report.refusals == []
    assert await claims(service) == 1
    assert (await anna.get(f"/CarePlan/{journey.plan}")).status_code == 200


@pytest.mark.parametrize(
    "scheduled",
    [
        {"scheduledString": "elke maandag"},
        {"scheduledTiming": {"code": {"text": "af en toe"}}},
        {"scheduledTiming": {"repeat": {"frequency": 3}}},
        {"scheduledPeriod": {"end": "2031-01-01"}},
    ],
    ids=["words", "own-code", "no-period", "no-start"],
)
@pytest.mark.parametrize("what", ["questionnaire", "protocol"])
async def test_who_writes_a_time_of_which_not_all_counts_is_told(
    service: Service, anna: Caller, scheduled: Resource, what: str
) -> None:
    detail = asking(**scheduled) if what == "questionnaire" else {"status": "scheduled", "code": MEASURING, **scheduled}
    journey = await agreed(service, anna)
    answer = await anna.put(f"/CarePlan/{journey.plan}", await with_activities(journey, detail))
    assert answer.status_code == 200, answer.text
    (told,) = [each for each in issues(answer) if each["severity"] == "warning"]
    assert told["details"]["text"] == "plan-time-not-read"
    assert told["expression"] == ["CarePlan.activity[0].detail.scheduled"]
    assert (await journey.read("CarePlan", journey.plan))["activity"][0]["detail"] == detail
    patch = encode([{"op": "add", "path": "/activity/-", "value": {"id": "b", "detail": detail}}])
    version = (await journey.read("CarePlan", journey.plan))["meta"]["versionId"]
    headers = {"content-type": "application/json-patch+json", "if-match": f'W/"{version}"'}
    patched = await anna.send("PATCH", f"/CarePlan/{journey.plan}", patch, headers)
    assert patched.status_code == 200, patched.text
    assert [each["expression"][0] for each in issues(patched) if each["severity"] == "warning"] == [
        f"CarePlan.activity[{number}].detail.scheduled" for number in (0, 1)
    ]
    plan = await with_activities(journey, detail)
    together = await anna.post("", builders.transaction(builders.put(plan)))
    (entry,) = decode(together.content)["entry"]
    assert "plan-time-not-read" in [
        each.get("details", {}).get("text") for each in entry["response"]["outcome"]["issue"]
    ]


@pytest.mark.parametrize("scheduled", [{}, {"scheduledTiming": WEEKLY}, {"scheduledPeriod": {"start": "2031-01-01"}}])
async def test_of_a_time_that_counts_nothing_is_told(service: Service, anna: Caller, scheduled: Resource) -> None:
    journey = await agreed(service, anna)
    walking = {"status": "scheduled", "description": "Wandelen", "scheduledString": "als het droog is"}
    plan = await with_activities(journey, asking(**scheduled), walking)
    answer = await anna.put(f"/CarePlan/{journey.plan}", plan)
    assert (answer.status_code, decode(answer.content)["resourceType"]) == (200, "CarePlan")
