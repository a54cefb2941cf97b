"""What is due of one plan does not hang on what another plan says, nor on whether that one can be read."""

from __future__ import annotations

from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from app.careplan.due import DueReport
from app.careplan.limits import most_asking
from app.careplan.tasks import agreement_task
from app.fhir.resource import decode
from tests import builders
from tests.careplan.test_due import DAY, FORM, day, due, tasks
from tests.careplan.test_rhythm import WEEKLY, agreed, asking, with_activities
from tests.server.service import Caller, Service, issues
from tests.server.test_loading import loaded

BEFORE_THE_CALENDAR: Final = ("0001", "0001-01-01", "0001-01-01T00:00:00+14:00")


@pytest.fixture(autouse=True)
async def form(operator: Caller) -> None:
    await operator.create(builders.questionnaire(url=FORM, version="1"))


@pytest.mark.parametrize("start", BEFORE_THE_CALENDAR)
async def test_a_day_before_the_calendar_keeps_nobody_from_being_asked(
    service: Service, anna: Caller, bram: Caller, start: str
) -> None:
    journey = await agreed(service, anna)
    plan = await with_activities(journey, asking(scheduledPeriod={"start": start}))
    answer = await anna.put(f"/CarePlan/{journey.plan}", plan)
    assert answer.status_code == 200, answer.text
    told = [each["expression"] for each in issues(answer) if each["severity"] == "warning"]
    assert told == [["CarePlan.activity[0].detail.scheduled"]]
    begun = {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Slapen"}]}
    other = decode((await bram.post("/Patient/bram/$start", begun)).content)
    assert await due(service, 15 * DAY) == DueReport(tasks=1)
    assert await tasks(anna, journey.plan) == []
    assert len(await tasks(bram, other["id"])) == 1


async def test_a_fault_of_one_plan_is_counted_and_told_and_the_round_goes_on(
    service: Service, anna: Caller, bram: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Slapen"}]}
    first = decode((await anna.post("/Patient/anna/$start", begun)).content)["id"]
    second = decode((await bram.post("/Patient/bram/$start", begun)).content)["id"]

    def failing(patient: int, plan_id: str, *more: Any) -> str:
        if plan_id == first:
            raise RuntimeError("kanariepiet")
        return agreement_task(patient, plan_id, *more)

    monkeypatch.setattr("app.careplan.due.agreement_task", failing)
    with capture_logs() as logs:
        assert await due(service, 15 * DAY) == DueReport(tasks=1, failed=1)
    assert len(await tasks(bram, second)) == 1
    (line,) = [each for each in logs if each["event"] == "due.fault"]
    assert line["plan"] == first
    assert line["trace"][0] == "builtins.RuntimeError"
    assert "kanariepiet" not in str(logs)


async def test_a_plan_that_is_loaded_without_the_day_of_its_making_asks_once_a_week(
    service: Service, anna: Caller, operator: Caller
) -> None:
    journey = await agreed(service, anna, asking(scheduledTiming=WEEKLY))
    whole = await anna.bundle("/Patient/anna/$everything?_count=1000")
    kept = [each["resource"] for each in whole["entry"] if each["resource"]["resourceType"] != "Questionnaire"]
    kept = [
        {name: value for name, value in each.items() if (each["resourceType"], name) != ("CarePlan", "created")}
        for each in kept
    ]
    await service.reset()
    await operator.create(builders.questionnaire(url=FORM, version="1"))
    report = await loaded(service, *kept)
    assert report.refusals == []
    assert "created" not in await journey.read("CarePlan", journey.plan)
    assert await due(service, 9 * DAY) == DueReport(tasks=1)
    (task,) = await tasks(anna, journey.plan)
    assert task["executionPeriod"]["start"] == day(service, 7 * DAY)


async def test_of_a_plan_with_very_many_activities_as_many_ask_as_the_limit_says(
    service: Service, anna: Caller
) -> None:
    most = most_asking()
    time = {"scheduledPeriod": {"start": day(service, 0)}}
    elsewhere = asking(instantiatesCanonical=["https://example.org/Questionnaire/elders"], **time)
    journey = await agreed(service, anna)
    plan = await with_activities(journey, *[elsewhere] * most, asking(**time), asking(**time))
    answer = await anna.put(f"/CarePlan/{journey.plan}", plan)
    assert answer.status_code == 200, answer.text
    told = [each["expression"] for each in issues(answer) if each["severity"] == "warning"]
    assert told == [[f"CarePlan.activity[{at}].detail"] for at in (most, most + 1)]
    assert await due(service, DAY) == DueReport()
    await journey.put(await with_activities(journey, *[elsewhere] * (most - 1), asking(**time)))
    assert await due(service, DAY) == DueReport(tasks=1)
