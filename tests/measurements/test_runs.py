"""Runs of protocols over HTTP: begun, asked for, measured, finished, and what changes afterwards."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any, Final

import httpx
import pytest
from structlog.testing import capture_logs

from app.auth.accounts.sessions import CLIENT
from app.auth.recording import Recording
from app.fhir.resource import Resource, decode
from app.measurements.protocols.finishing import finish_run
from app.measurements.protocols.reading import Held
from app.measurements.protocols.rounds import EVENT, RunsReport, finish_runs
from app.measurements.statistics.spans import local
from app.server.access import Access
from app.server.server import FhirServer
from tests import builders
from tests.builders import LOINC, UCUM, concept
from tests.careplan.histories import started as plan_started
from tests.measurements.measuring import PATIENT
from tests.measurements.running import (
    COMPUTED,
    ONE,
    PROTOCOL,
    basis,
    figures,
    finished,
    inner,
    measured,
    parameters,
    pressure,
    progressed,
    started,
    value,
    week,
)
from tests.rights.people import erasures, visit
from tests.server.service import Caller, Service, issues

PRESSURE: Final = "home-blood-pressure"
DAY: Final = 86_400_000_000


@pytest.fixture
def today(service: Service) -> date:
    return local(service.server.clock()).date()


@pytest.fixture
async def run(anna: Caller, today: date) -> Resource:
    """A week of blood pressures that ends today."""
    return await started(anna, PRESSURE, start=(today - 6 * ONE).isoformat())


async def test_a_run_is_a_task_with_its_protocol_and_its_days(anna: Caller, run: Resource, today: date) -> None:
    assert run["status"] == "in-progress"
    coding = run["code"]["coding"][0]
    assert (coding["system"], coding["code"], coding["version"]) == (PROTOCOL, PRESSURE, "1")
    assert run["executionPeriod"] == {"start": (today - 6 * ONE).isoformat(), "end": today.isoformat()}
    assert "basedOn" not in run
    assert await anna.found(f"/Task?code={PROTOCOL}|{PRESSURE}") == [run["id"]]


async def test_a_finished_run_has_a_result_that_derives_from_its_readings(
    anna: Caller, run: Resource, today: date
) -> None:
    readings = await measured(anna, *week(today - 6 * ONE, 6))
    result = await finished(anna, run)
    assert result["code"]["coding"][0] == {
        "system": "http://loinc.org",
        "code": "96607-7",
        "display": "Blood pressure panel mean systolic and mean diastolic",
    }
    assert [each["reference"] for each in result["derivedFrom"]] == [
        f"Observation/{each['id']}" for each in readings[4:]
    ]
    found = figures(result)
    assert (found["96608-5"], found["96609-3"]) == (Decimal("134.5"), Decimal("84.5"))
    assert found["systolic-range"] == (131, 138)
    assert (found["readings-counted"], found["readings-needed"], found["complete"]) == (20, 12, True)
    assert basis(result)["droppedDay"] == (today - 6 * ONE).isoformat()
    assert result["status"] == "final"
    assert "bel 112" in result["note"][0]["text"].lower()
    task = decode((await anna.get(f"/Task/{run['id']}")).content)
    assert task["status"] == "completed"
    assert task["output"][0]["valueReference"] == {"reference": f"Observation/{result['id']}"}
    again = await finished(anna, run)
    assert again["meta"]["versionId"] == "1"
    assert COMPUTED in str(result)
    checked = await anna.post("/Observation/$validate", {name: each for name, each in result.items() if name != "id"})
    assert not [each for each in issues(checked) if each["severity"] in ("error", "fatal")]


async def test_the_progress_says_what_is_in_and_what_is_still_to_measure(
    anna: Caller, run: Resource, today: date
) -> None:
    readings = await measured(anna, *week(today - 6 * ONE, 2), pressure(today - 5 * ONE, "12:00", 150, 90))
    found = await progressed(anna, run)
    assert (found["readings"], found["readingsNeeded"], found["complete"]) == (8, 12, False)
    days = [each["part"] for each in found["all"] if each["name"] == "day"]
    assert [each[0]["valueDate"] for each in days] == [(today - back * ONE).isoformat() for back in range(6, -1, -1)]
    morning = {each["name"]: inner(each) for each in days[0][1]["part"]}
    assert (morning["slot"], morning["state"], morning["asked"], morning["in"]) == ("morning", "done", 2, 2)
    missed = {each["name"]: inner(each) for each in days[3][1]["part"]}
    assert (missed["state"], missed["in"]) == ("missed", 0)
    assert found["extra"] == {"reference": f"Observation/{readings[-1]['id']}"}
    assert "8 van de 12 metingen" in found["text"]
    assert "op een ander tijdstip gemeten" in found["text"]
    assert "112" in found["watching"]


async def test_two_runs_of_the_same_kind_have_the_same_readings(anna: Caller, run: Resource, today: date) -> None:
    other = await started(anna, PRESSURE, start=(today - 5 * ONE).isoformat(), days=6)
    await measured(anna, *week(today - 5 * ONE, 5))
    one, two = await finished(anna, run), await finished(anna, other)
    assert one["id"] != two["id"]
    assert one["derivedFrom"] == two["derivedFrom"]
    assert figures(one)["96608-5"] == figures(two)["96608-5"]


async def test_a_reading_that_is_corrected_or_deleted_makes_a_new_version_of_the_result(
    anna: Caller, run: Resource, today: date
) -> None:
    readings = await measured(anna, *week(today - 6 * ONE, 4))
    first = await finished(anna, run)
    wrong = readings[-1]
    wrong["component"][0]["valueQuantity"]["value"] = 176
    await anna.keep(wrong)
    second = await _read(anna, "Observation", first["id"])
    assert (second["meta"]["versionId"], second["status"]) == ("2", "amended")
    assert figures(second)["96608-5"] == figures(first)["96608-5"] + Decimal("3.33")
    assert "Opnieuw berekend" in second["note"][0]["text"]
    assert (await anna.delete(f"/Observation/{wrong['id']}")).status_code == 204
    third = await _read(anna, "Observation", first["id"])
    assert (figures(third)["readings-counted"], figures(third)["complete"]) == (11, False)
    assert {"reference": f"Observation/{wrong['id']}"} not in third["derivedFrom"]
    for each in readings[:-1]:
        await anna.keep(each | {"status": "entered-in-error"})
    last = await _read(anna, "Observation", first["id"])
    assert (last["status"], "derivedFrom" in last) == ("entered-in-error", False)


async def test_a_reading_that_comes_in_late_counts_when_the_result_is_asked_for_again(
    anna: Caller, run: Resource, today: date
) -> None:
    await measured(anna, *week(today - 6 * ONE, 3))
    first = await finished(anna, run)
    await measured(anna, *week(today - 3 * ONE, 1))
    assert (await _read(anna, "Observation", first["id"]))["meta"]["versionId"] == "1"
    again = await finished(anna, run)
    assert (again["meta"]["versionId"], figures(again)["days-counted"]) == ("2", 3)


async def test_nobody_writes_a_result_or_completes_a_run_by_hand(
    anna: Caller, practice: Caller, run: Resource, today: date
) -> None:
    await measured(anna, *week(today - 6 * ONE, 4))
    refused = await anna.put(f"/Task/{run['id']}", {**run, "status": "completed"})
    assert (refused.status_code, codes_of(refused)) == (422, ["measurement-protocol-finish"])
    result = await finished(anna, run)
    forged = {name: each for name, each in result.items() if name not in ("id", "meta")}
    for caller in (anna, practice):
        assert (await caller.post("/Observation", forged)).status_code == 403
        assert (await caller.put(f"/Observation/{result['id']}", {**result, "status": "amended"})).status_code == 403
    assert (await anna.delete(f"/Observation/{result['id']}")).status_code == 409
    task = await _read(anna, "Task", run["id"])
    period = {**task["executionPeriod"], "end": (today - ONE).isoformat()}
    fixed = await anna.put(f"/Task/{run['id']}", {**task, "executionPeriod": period})
    assert (fixed.status_code, codes_of(fixed)) == (422, ["measurement-protocol-fixed"])


async def test_nothing_measured_gives_no_result(anna: Caller, run: Resource) -> None:
    answer = await anna.post(f"/Task/{run['id']}/$finish-protocol")
    assert (answer.status_code, codes_of(answer)) == (422, ["measurement-protocol-nothing"])


@pytest.mark.parametrize(
    ("protocol", "values", "rule"),
    [
        ("no-such", {}, "measurement-protocol-unknown"),
        (PRESSURE, {"days": 3}, "measurement-protocol-length"),
        (PRESSURE, {"start": "2020-01-01"}, "measurement-protocol-start"),
        (PRESSURE, {"baseline": {"value": 80, "system": UCUM, "code": "kg"}}, "measurement-protocol-number-unused"),
        ("daily-weight", {"baseline": {"value": 80, "system": UCUM, "code": "cm"}}, "measurement-protocol-number"),
    ],
)
async def test_a_run_that_cannot_be_is_refused(anna: Caller, protocol: str, values: Resource, rule: str) -> None:
    answer = await anna.post("/Patient/anna/$start-protocol", parameters(protocol=protocol, **values))
    assert (answer.status_code, codes_of(answer)) == (422, [rule])


async def test_a_task_that_is_no_run_that_can_be_done_is_refused(anna: Caller, run: Resource) -> None:
    bad = {name: each for name, each in run.items() if name not in ("id", "meta", "executionPeriod")}
    answer = await anna.post("/Task", bad)
    assert (answer.status_code, codes_of(answer)) == (422, ["measurement-protocol-days-needed"])
    other = await anna.create({"resourceType": "Task", "status": "requested", "intent": "order", "for": PATIENT})
    none = await anna.post(f"/Task/{other['id']}/$finish-protocol")
    assert (none.status_code, codes_of(none)) == (422, ["measurement-protocol-not-a-run"])


async def test_who_gives_care_asks_and_the_person_says_yes(anna: Caller, practice: Caller, today: date) -> None:
    asked = await started(practice, "peak-flow")
    assert (asked["status"], asked["requester"]["display"], asked["owner"]) == ("requested", "De Proef", PATIENT)
    for status in ("accepted", "in-progress"):
        own = await practice.put(f"/Task/{asked['id']}", {**asked, "status": status})
        assert (own.status_code, codes_of(own)) == (422, ["measurement-protocol-asked-only"])
    assert (await practice.post(f"/Task/{asked['id']}/$accept-protocol")).status_code == 403
    day = (today + 3 * ONE).isoformat()
    start = {"resourceType": "Parameters", "parameter": [{"name": "start", "valueDate": day}]}
    answer = await anna.post(f"/Task/{asked['id']}/$accept-protocol", start)
    assert answer.status_code == 200, answer.text
    task = decode(answer.content)
    assert (task["status"], task["executionPeriod"]["start"]) == ("in-progress", day)
    again = await anna.post(f"/Task/{asked['id']}/$accept-protocol")
    assert (again.status_code, codes_of(again)) == (422, ["measurement-protocol-not-asked"])


async def test_the_person_can_say_no(anna: Caller, practice: Caller) -> None:
    asked = await started(practice, PRESSURE)
    no = await anna.put(f"/Task/{asked['id']}", {**asked, "status": "rejected", "statusReason": {"text": "Niet nu"}})
    assert no.status_code == 200, no.text
    answer = await anna.post(f"/Task/{asked['id']}/$finish-protocol")
    assert (answer.status_code, codes_of(answer)) == (422, ["measurement-protocol-not-open"])


async def test_a_run_is_an_activity_of_the_plan_and_leaves_one_revision(anna: Caller, today: date) -> None:
    plan = (await plan_started(anna, "Wandelen")).plan
    before = len(await anna.found(f"/Provenance?target=CarePlan/{plan}"))
    task = await started(anna, PRESSURE, start=(today - 6 * ONE).isoformat())
    assert task["basedOn"] == [{"reference": f"CarePlan/{plan}"}]
    held = await _read(anna, "CarePlan", plan)
    assert [each["reference"]["reference"] for each in held["activity"]] == [f"Task/{task['id']}"]
    assert len(await anna.found(f"/Provenance?target=CarePlan/{plan}")) == before + 1
    await measured(anna, *week(today - 6 * ONE, 4))
    await finished(anna, task)
    assert (await _read(anna, "CarePlan", plan))["meta"]["versionId"] == held["meta"]["versionId"], (
        "doing is not revising"
    )
    assert len(await anna.found(f"/Provenance?target=CarePlan/{plan}")) == before + 1


async def test_what_care_asks_enters_the_plan_when_the_person_says_yes(anna: Caller, practice: Caller) -> None:
    plan = (await plan_started(anna, "Wandelen")).plan
    asked = await started(practice, PRESSURE)
    assert "activity" not in await _read(anna, "CarePlan", plan)
    answer = await anna.post(f"/Task/{asked['id']}/$accept-protocol")
    assert answer.status_code == 200, answer.text
    held = await _read(anna, "CarePlan", plan)
    assert [each["reference"]["reference"] for each in held["activity"]] == [f"Task/{asked['id']}"]
    assert (await _read(anna, "Task", asked["id"]))["basedOn"] == [{"reference": f"CarePlan/{plan}"}]


async def test_a_run_that_is_over_is_finished_once_however_often_it_is_looked_at(
    service: Service, anna: Caller, run: Resource, today: date
) -> None:
    await measured(anna, *week(today - 6 * ONE, 4))
    empty = await started(anna, "daily-weight", start=(today - 3 * ONE).isoformat(), days=4)
    coming = await started(anna, PRESSURE, start=(today + 2 * ONE).isoformat())
    now = service.server.clock()
    assert await finish_runs(service.server, now=now) == RunsReport()
    reports = await asyncio.gather(*(finish_runs(service.server, now=now + DAY) for _ in range(3)))
    assert sum(each.finished for each in reports) == 2
    assert sum(each.failed for each in reports) == 0
    assert await finish_runs(service.server, now=now + DAY) == RunsReport()
    task = await _read(anna, "Task", run["id"])
    result = await _read(anna, "Observation", task["output"][0]["valueReference"]["reference"].rpartition("/")[2])
    assert (task["status"], result["code"]["coding"][0]["code"]) == ("completed", "96607-7")
    failed = await _read(anna, "Task", empty["id"])
    assert (failed["status"], failed["statusReason"]["text"]) == ("failed", "Er is niets gemeten dat meetelt.")
    assert (await _read(anna, "Task", coming["id"]))["status"] == "in-progress"


async def test_a_fault_of_one_run_is_counted_and_told_and_the_round_goes_on(
    service: Service, anna: Caller, run: Resource, today: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    await measured(anna, *week(today - 6 * ONE, 4))
    other = await started(anna, PRESSURE, start=(today - 5 * ONE).isoformat(), days=6)

    async def failing(server: FhirServer, access: Access, held: Held, **more: Any) -> bool | None:
        if held.task["id"] == run["id"]:
            raise RuntimeError("kanariepiet")
        return await finish_run(server, access, held, **more)

    monkeypatch.setattr("app.measurements.protocols.rounds.finish_run", failing)
    with capture_logs() as logs:
        assert await finish_runs(service.server, now=service.server.clock() + 2 * DAY) == RunsReport(1, 0, 1)
    assert [(await _read(anna, "Task", each["id"]))["status"] for each in (run, other)] == ["in-progress", "completed"]
    (line,) = [each for each in logs if each["event"] == "run.fault"]
    assert line["task"] == run["id"]
    assert line["trace"][0] == "builtins.RuntimeError"
    assert "kanariepiet" not in str(logs)


async def test_what_a_running_service_finishes_by_itself_is_in_the_access_log(
    service: Service, anna: Caller, run: Resource, today: date
) -> None:
    await measured(anna, *week(today - 6 * ONE, 4))
    empty = await started(anna, "daily-weight", start=(today - 3 * ONE).isoformat(), days=4)
    later, recording = service.server.clock() + DAY, Recording(service.journal)
    assert (await finish_runs(service.server, now=later, recording=recording)).finished == 2
    assert (await finish_runs(service.server, now=later, recording=recording)).finished == 0
    lines = [each["event"] for each in service.journal_lines() if each["event"]["interaction"] == EVENT]
    (result,) = (await _read(anna, "Task", run["id"]))["output"]
    assert sorted(each["resources"] for each in lines) == sorted(
        [[f"Task/{run['id']}", result["valueReference"]["reference"]], [f"Task/{empty['id']}"]]
    )
    for each in lines:
        assert each["patients"] == [await service.key_of("anna")]
        assert each["agent"] == {"client": CLIENT, "purpose": "treatment"}


async def test_a_reading_that_is_erased_goes_from_the_result(
    service: Service, anna: Caller, run: Resource, today: date
) -> None:
    readings = await measured(anna, *week(today - 6 * ONE, 4))
    result = await finished(anna, run)
    gone = readings[-1]["id"]
    now = service.server.clock()
    await erasures(service).one((await visit(service, "anna")).access, "Observation", gone, now=now, request="erase")
    report = await finish_runs(service.server, now=now)
    assert (report.again, report.failed) == (1, 0)
    left = await _read(anna, "Observation", result["id"])
    assert {"reference": f"Observation/{gone}"} not in left["derivedFrom"]
    assert figures(left)["readings-counted"] == 11
    assert (await finish_runs(service.server, now=now)).again == 0


async def test_a_glucose_curve_counts_by_the_personal_target_of_the_goal(anna: Caller, today: date) -> None:
    limits = {name: {"value": number, "system": UCUM, "code": "mmol/L"} for name, number in (("low", 4), ("high", 8))}
    target = {"measure": concept(LOINC, "14743-9"), "detailRange": limits}
    goal = await anna.create(builders.goal(lifecycleStatus="active", target=[target]))
    yesterday = today - ONE
    task = await started(anna, "glucose-4", start=yesterday.isoformat(), days=2)
    await measured(
        anna,
        value("blood-glucose", yesterday, "07:00", "5.5", "before-breakfast"),
        value("blood-glucose", yesterday, "12:00", "9.1", "before-lunch"),
    )
    result = await finished(anna, task)
    assert figures(result)["glucose-within-target"] == (1, 2)
    assert basis(result)["target"] == {"reference": f"Goal/{goal['id']}"}
    assert "1 van de 2" in result["note"][0]["text"]


async def _read(caller: Caller, kind: str, resource_id: str) -> Resource:
    answer = await caller.get(f"/{kind}/{resource_id}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def codes_of(answer: httpx.Response) -> list[str]:
    """The rules that refuse."""
    return [each["details"]["text"] for each in issues(answer) if "details" in each]
