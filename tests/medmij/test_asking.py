"""Questionnaires: what is asked (59), and the answers (60), along all paths of the standard."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from tests.medmij.bases import At, headers, read, root
from tests.medmij.checker import problems
from tests.medmij.record import LOINC, ZIB
from tests.server.service import Service, codes, issues

OPEN: Final = f"/Task?code={LOINC}|74468-0&status=requested"
ANSWERS: Final = "urn:uuid:22222222-2222-4222-8222-222222222222"
FETCHED_NOT: Final = "De vragenlijst kan niet worden opgehaald."
READ_NOT: Final = "De vragenlijst kan niet worden verwerkt."


async def asked(service: Service) -> str:
    """A practice asks Anna; the id of the Task."""
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": LOINC, "code": "74468-0"}]},
        "for": {"reference": "Patient/anna"},
        "input": [
            {
                "type": {"text": "Questionnaire"},
                "valueCanonical": f"{CANONICAL_BASE}/Questionnaire/consultvoorbereiding",
            }
        ],
    }
    made = await service.caller("practice").create(task, {"x-security-context": "Patient/anna"})
    return str(made["id"])


async def found(service: Service) -> Resource:
    """The Task as the PGO gets it."""
    number = await asked(service)
    (task,) = [each for each in await At(service).found("59", OPEN) if each["id"] == number]
    return task


def completed(task: Resource, *, output: bool = True) -> Resource:
    """The Task with its answers as output."""
    link = {
        "type": {"text": "QuestionnaireResponse"},
        "valueReference": {"reference": ANSWERS, "display": "antwoorden"},
    }
    return {**task, "status": "completed", **({"output": [link]} if output else {})}


def answered(task: Resource) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse",
        "meta": {"profile": [f"{ZIB}vl-QuestionnaireResponse"]},
        "questionnaire": {"reference": task["input"][0]["valueReference"]["reference"], "display": "mood"},
        "status": "completed",
        "subject": {"reference": "Patient/anna", "display": "Anna"},
        "authored": "2026-11-20T10:00:00+01:00",
        "author": {"reference": "Patient/anna", "display": "Anna"},
        "source": {"reference": "Patient/anna", "display": "Anna"},
        "item": [{"linkId": "point", "answer": [{"valueString": "De slaap"}]}],
    }


def transaction(task: Resource, *more: Resource) -> Resource:
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{root('60')}/Task/{task['id']}",
            "resource": task,
            "request": {"method": "PUT", "url": f"Task/{task['id']}"},
        }
    ]
    for each in more:
        request = {"method": "POST", "url": each["resourceType"]}
        entries.append({"fullUrl": ANSWERS, "resource": each, "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_what_is_asked_is_found_by_the_rules(fresh: Service, form: str) -> None:
    number = await asked(fresh)
    answer = await At(fresh).get("59", OPEN, headers(form))
    bundle = read(answer, "59")
    assert problems(bundle, "3.0", asked=OPEN.partition("?")[2]) == []
    tasks = {each["resource"]["id"]: each["resource"] for each in bundle["entry"]}
    assert tasks[number]["meta"]["profile"] == [f"{ZIB}vl-QuestionnaireProvisioningTask"]
    assert tasks[number]["input"][0]["type"]["text"] == "Questionnaire"


async def test_the_questionnaire_is_read_where_the_task_says(fresh: Service) -> None:
    task = await found(fresh)
    reference = task["input"][0]["valueReference"]["reference"].removeprefix(f"{root('59')}/")
    answer = await At(fresh).get("59", f"/{reference}")
    assert answer.status_code == 200, answer.text
    questionnaire = decode(answer.content)
    assert questionnaire["resourceType"] == "Questionnaire"
    assert problems(questionnaire, "3.0") == []


async def test_other_tasks_are_not_of_the_service(fresh: Service) -> None:
    other = {
        "resourceType": "Task", "id": "other", "status": "requested", "intent": "order",
        "code": {"text": "iets anders"}, "for": {"reference": "Patient/anna"},
    }  # fmt: skip
    await fresh.caller("anna").keep(other)
    at = At(fresh)
    assert (await at.get("59", "/Task/other")).status_code == 404
    assert (await at.get("59", "/Task?status=requested")).status_code == 400
    assert (await at.get("59", f"/Task?code={LOINC}|74468-0&status=completed")).status_code == 400
    body = {**(await found(fresh)), "id": "other", "code": {"text": "iets anders"}, "status": "rejected"}
    refused = await at.send("PUT", "59", "/Task/other", body)
    assert (refused.status_code, codes(refused)) == (400, ["not-supported"])


@pytest.mark.parametrize(("status", "reason"), [("accepted", ""), ("failed", FETCHED_NOT), ("rejected", READ_NOT)])
@pytest.mark.parametrize("base", ["59", "60"])
async def test_a_request_is_accepted_failed_or_rejected(fresh: Service, base: str, status: str, reason: str) -> None:
    task = await found(fresh)
    changed = {**task, "status": status, **({"statusReason": {"text": reason}} if reason else {})}
    answer = await At(fresh).send("PUT", base, f"/Task/{task['id']}", changed)
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["status"] == status
    assert problems(decode(answer.content), "3.0") == []
    assert task["id"] not in {each["id"] for each in await At(fresh).found("59", OPEN)}
    stored = decode((await fresh.caller("anna").get(f"/Task/{task['id']}")).content)
    assert stored["status"] == status
    assert "data-absent-reason" not in str(stored)


async def accepted(service: Service) -> Resource:
    task = await found(service)
    answer = await At(service).send("PUT", "59", f"/Task/{task['id']}", {**task, "status": "accepted"})
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def test_answers_complete_the_request_in_one_transaction(fresh: Service) -> None:
    task = await accepted(fresh)
    answer = await At(fresh).send("POST", "60", "", transaction(completed(task), answered(task)))
    assert answer.status_code == 200, answer.text
    bundle = decode(answer.content)
    assert [each["response"]["status"][:3] for each in bundle["entry"]] == ["200", "201"]
    stored = decode((await fresh.caller("anna").get(f"/Task/{task['id']}")).content)
    assert stored["status"] == "completed"
    assert len(await fresh.caller("anna").found("/QuestionnaireResponse")) == 1


@pytest.mark.parametrize("output", [True, False])
async def test_a_request_is_not_completed_without_answers(fresh: Service, *, output: bool) -> None:
    task = await accepted(fresh)
    answer = await At(fresh).send("POST", "60", "", transaction(completed(task, output=output)))
    assert answer.status_code in (400, 422), answer.text
    assert issues(answer)
    stored = decode((await fresh.caller("anna").get(f"/Task/{task['id']}")).content)
    assert stored["status"] == "accepted"


async def test_answers_alone_are_not_taken(fresh: Service) -> None:
    task = await accepted(fresh)
    answer = await At(fresh).send("POST", "60", "/QuestionnaireResponse", answered(task))
    assert answer.status_code == 405
    batch = {**transaction(completed(task), answered(task)), "type": "batch"}
    assert (await At(fresh).send("POST", "60", "", batch)).status_code == 400
