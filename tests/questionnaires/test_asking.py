"""Being asked to fill in a questionnaire, over HTTP on both databases: who may do what, and what is refused.

The error paths are those of Nictiz' test scripts of services 59 and 60 (fhir-standards 3.1).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from tests import builders
from tests.questionnaires.answering import URL, given, item, questionnaire, response
from tests.questionnaires.asking import (
    ACTORS,
    NEW,
    OWN,
    actor,
    answered,
    answers,
    asking,
    completing,
    moved,
    now,
    output,
    rules,
)
from tests.questionnaires.fakes import PAM
from tests.server.service import BASE, Caller, Service, issues

STATUSES: Final = ("requested", "accepted", "in-progress", "completed", "rejected", "failed", "cancelled")
ASKERS: Final = frozenset({"professional", "colleague", "system"})
OPEN: Final = ("accepted", "in-progress")
MAY: Final = {
    ("requested", "accepted"): OWN,
    ("accepted", "in-progress"): OWN,
    **{(before, "completed"): OWN for before in OPEN},
    **{(before, after): OWN for before in ("requested", *OPEN) for after in ("rejected", "failed")},
    **{(before, "cancelled"): ASKERS for before in ("requested", *OPEN)},
}
"""Who may do what to what a professional asked: all that is not here is refused to everybody."""
EXPERIENCE: Final = f"{CANONICAL_BASE}/Questionnaire/zelfregie-ervaring"
_PATCH: Final = {"content-type": "application/json-patch+json"}


@pytest.fixture
async def asked(operator: Caller) -> None:
    await operator.keep(questionnaire(item("pijn", "integer", required=True), id="proef"))
    await operator.keep(questionnaire(item("x"), id="ander", url="http://example.org/Questionnaire/ander"))


@pytest.fixture
async def task(asked: None, service: Service) -> Resource:
    """What a professional asked of Anna."""
    return await (await actor(service, "professional")).create(asking())


async def brought(patient: Caller, care: Caller, status: str) -> Resource:
    """A Task that the professional asked and that is in a status by now."""
    task = await care.create(asking())
    steps = {"requested": (), "accepted": ("accepted",), "in-progress": OPEN, "completed": ("accepted", "completed")}
    for each in steps.get(status, (status,)):
        if each == "completed":
            answer = await answered(patient, task)
        else:
            answer = await moved(care if each == "cancelled" else patient, task, each, "Het lukt nu niet")
        assert answer.status_code == 200, answer.text
        task = await now(patient, task)
    return task


async def tried(caller: Caller, task: Resource, status: str) -> Any:
    """Somebody would bring the Task in a status, with all that it needs."""
    return await (answered(caller, task) if status == "completed" else moved(caller, task, status, "Daarom"))


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("before", STATUSES)
async def test_who_may_move_a_request_from_one_status_to_another(service: Service, before: str) -> None:
    callers = {name: await actor(service, name) for name in ACTORS}
    patient, care = callers["patient"], callers["professional"]
    kept = await brought(patient, care, before)
    for after in STATUSES:
        if after == before:
            continue
        may = MAY.get((before, after), frozenset())
        for name, caller in callers.items():
            task = await brought(patient, care, before) if name in may else kept
            answer = await tried(caller, task, after)
            what = f"{name}: {before} to {after}: {answer.text}"
            if name in may:
                assert answer.status_code == 200, what
                assert (await now(patient, task))["status"] == after
            elif name == "bystander":
                assert answer.status_code in (403, 404, 422), what
            else:
                assert answer.status_code == 422, what
                assert set(rules(answer)) <= {"not-yours", "not-asker", "move", "over"}, what
        assert await now(patient, kept) == kept, f"{before} to {after}"
    if before != "completed":
        found = await patient.bundle("/QuestionnaireResponse")
        done = await patient.bundle("/Task?status=completed")
        assert len(found.get("entry", ())) == len(done.get("entry", ())), "a refused completion left answers behind"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("name", ACTORS)
async def test_who_may_ask(service: Service, name: str) -> None:
    caller = await actor(service, name)
    answer = await caller.post("/Task", asking())
    if name == "bystander":
        assert answer.status_code in (403, 404, 422)
        return
    if name == "carer":
        assert (answer.status_code, rules(answer)) == (422, ["not-yours"])
        return
    assert answer.status_code == 201, answer.text
    made = decode(answer.content)
    assert made["owner"] == {"reference": "Patient/anna"}
    assert made["authoredOn"][:2] == made["lastModified"][:2] == "20"
    expected = {
        "professional": {"reference": "Practitioner/doctor"},
        "colleague": {"reference": "Practitioner/nurse"},
        "elsewhere": {"reference": "Practitioner/other"},
        "system": {"type": "Organization", "display": "De Proef"},
        "representative": {"reference": "RelatedPerson/roos"},
    }
    assert made["requester"] == expected.get(name, {"reference": "Patient/anna"})


WRONG: Final[dict[str, tuple[dict[str, Any], list[str]]]] = {
    "accepted at once": ({"status": "accepted"}, ["begins"]),
    "a plan": ({"intent": "plan"}, ["intent"]),
    "somebody else owns it": ({"owner": {"reference": "Practitioner/doctor"}}, ["owner"]),
    "in another's name": ({"requester": {"reference": "Practitioner/other"}}, ["requester"]),
    "in the person's name": ({"requester": {"reference": "Patient/anna"}}, ["requester"]),
    "in the service's name": ({"requester": {"display": "Zelfregie"}}, ["requester"]),
    "answers already": ({"output": output("QuestionnaireResponse/x")}, ["output"]),
    "nothing asked": ({"input": None}, ["input"]),
    "two asked": ({"input": [*asking()["input"], *asking()["input"]]}, ["input"]),
    "in words": ({"input": [{"type": {"text": "Questionnaire"}, "valueString": "proef"}]}, ["input"]),
    "not held": ({"input": asking("http://example.org/Questionnaire/weg")["input"]}, ["not-held"]),
    "a version that is not held": ({"input": asking(f"{URL}|9")["input"]}, ["not-held"]),
    "on another server": (
        {
            "input": [
                {
                    "type": {"text": "Questionnaire"},
                    "valueReference": {"reference": "https://elders.example/fhir/Questionnaire/proef"},
                }
            ]
        },
        ["not-held"],
    ),
    "the service's own code": (
        {
            "code": {
                "coding": [
                    *asking()["code"]["coding"],
                    {"system": f"{CANONICAL_BASE}/CodeSystem/plan-task", "code": "experience"},
                ]
            }
        },
        ["code-of-ours"],
    ),
    "two things at once": ({"intent": "plan", "status": "accepted"}, ["begins", "intent"]),
}


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("case", WRONG)
async def test_a_request_that_is_not_right_is_refused_with_all_that_is_wrong(service: Service, case: str) -> None:
    members, expected = WRONG[case]
    care = await actor(service, "professional")
    answer = await care.post("/Task", asking(**members))
    assert (answer.status_code, rules(answer)) == (422, expected), answer.text
    for each in issues(answer):
        assert " / " in each["diagnostics"], "in English and in Dutch"
        assert each["expression"][0].startswith("Task")
    assert (await care.bundle("/Task")).get("entry", []) == []


@pytest.mark.usefixtures("asked")
async def test_a_system_is_refused_in_every_door(service: Service) -> None:
    system = await actor(service, "system")
    wrong = asking(intent="plan")
    for each in ("post", "transaction", "batch"):
        if each == "post":
            answer = await system.post("/Task", wrong)
            assert answer.status_code == 422
        else:
            bundle = builders.transaction if each == "transaction" else builders.batch
            answer = await system.post("", bundle(builders.posted(wrong), builders.posted(builders.observation())))
            assert answer.status_code == (422 if each == "transaction" else 200), answer.text
        assert "questionnaire-ask-intent" in answer.text
    assert (await system.bundle("/Task")).get("entry", []) == []
    named = await system.create(asking(requester={"reference": "Practitioner/doctor", "display": "De dokter"}))
    assert named["requester"]["display"] == "De dokter"


async def test_a_shell_is_not_asked_but_with_a_licence(service: Service) -> None:
    for name in ("professional", "system", "patient"):
        answer = await (await actor(service, name)).post("/Task", asking(PAM))
        assert answer.status_code == 422, answer.text
        texts = [each["details"]["text"] for each in issues(answer) if "details" in each]
        assert texts == ["questionnaire-licence"]
        assert issues(answer)[-1]["expression"] == ["Task.input[0].value"]


@pytest.mark.usefixtures("asked")
async def test_validate_says_what_a_write_would(service: Service) -> None:
    care = await actor(service, "professional")
    answer = await care.post("/Task/$validate", asking(intent="plan"))
    assert "questionnaire-ask-intent" in answer.text


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("reference", ["Questionnaire/proef", f"{BASE}/Questionnaire/proef", URL])
async def test_it_is_asked_by_reference_as_well(service: Service, reference: str) -> None:
    care, patient = await actor(service, "professional"), await actor(service, "patient")
    named = [{"type": {"text": "Questionnaire"}, "valueReference": {"reference": reference}}]
    task = await care.create(asking(input=named))
    assert (await moved(patient, task, "accepted")).status_code == 200
    assert (await answered(patient, task)).status_code == 200
    assert (await now(care, task))["status"] == "completed", "who gives care sees what they asked"


# --- the flow of services 59 and 60 -----------------------------------------------------------------------------------


async def test_the_flow_as_in_the_test_scripts(service: Service, task: Resource) -> None:
    app = await actor(service, "app")
    bundle = await app.bundle("/Task?code=http://loinc.org|74468-0&status=requested")
    (found,) = [each["resource"] for each in bundle["entry"]]
    profile = {"profile": ["http://nictiz.nl/fhir/StructureDefinition/vl-QuestionnaireProvisioningTask"]}
    accepted = {**found, "status": "accepted", "meta": profile, "lastModified": found["authoredOn"]}
    assert (await app.put(f"/Task/{task['id']}", accepted)).status_code == 200
    answer = await app.post("", completing(accepted, answers(subject={"reference": f"{BASE}/Patient/anna"})))
    assert answer.status_code == 200, answer.text
    statuses = [each["response"]["status"][:3] for each in decode(answer.content)["entry"]]
    assert statuses == ["200", "201"]
    done = await now(app, task)
    reference = done["output"][0]["valueReference"]["reference"]
    assert reference.startswith("QuestionnaireResponse/")
    assert (await app.get(f"/{reference}")).status_code == 200
    assert await app.found("/Task?code=http://loinc.org|74468-0&status=requested") == []


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("failed", "De vragenlijst kan niet worden opgehaald."),
        ("rejected", "De vragenlijst kan niet worden verwerkt."),
    ],
)
async def test_what_cannot_be_fetched_or_shown_ends_with_a_reason(
    service: Service, task: Resource, status: str, text: str
) -> None:
    app = await actor(service, "app")
    answer = await moved(app, task, status)
    assert (answer.status_code, rules(answer)) == (422, ["reason"])
    assert issues(answer)[0]["expression"] == ["Task.statusReason.text"]
    assert (await moved(app, task, status, text)).status_code == 200
    assert (await now(await actor(service, "professional"), task))["statusReason"] == {"text": text}


async def test_it_can_be_ended_when_the_questionnaire_is_gone(
    service: Service, task: Resource, operator: Caller
) -> None:
    assert (await operator.delete("/Questionnaire/proef")).status_code == 204
    app = await actor(service, "app")
    assert (await moved(app, task, "failed", "De vragenlijst kan niet worden opgehaald.")).status_code == 200


ELSEWHERE: Final = response(given("x", ("String", "y")), questionnaire="http://example.org/Questionnaire/ander|1")


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("no response", "response"),
        ("no output", "response"),
        ("a draft", "response"),
        ("stored before", "response"),
        ("another questionnaire", "other-questionnaire"),
        ("of another person", "response"),
    ],
)
async def test_a_request_is_completed_by_its_answers_only(
    service: Service, task: Resource, bram: Caller, entries: str, expected: str
) -> None:
    patient = await actor(service, "patient")
    assert (await moved(patient, task, "accepted")).status_code == 200
    before = await now(patient, task)
    bodies: dict[str, Resource] = {
        "no response": builders.transaction(builders.put({**task, "status": "completed", "output": output(NEW)})),
        "no output": builders.transaction(builders.put({**task, "status": "completed"}), builders.posted(answers())),
        "a draft": completing(task, answers(status="in-progress")),
        "another questionnaire": completing(task, ELSEWHERE),
    }
    stored = await patient.create(answers()) if entries == "stored before" else None
    if entries == "of another person":
        stored = await bram.create(answers(subject={"reference": "Patient/bram"}))
    if stored is not None:
        done = {**task, "status": "completed", "output": output(f"QuestionnaireResponse/{stored['id']}")}
        bodies[entries] = builders.transaction(builders.put(done))
    held = await patient.found("/QuestionnaireResponse")
    answer = await patient.post("", bodies[entries])
    assert answer.status_code in (400, 422), answer.text
    if entries != "no response":  # an output that refers to no entry is refused before that
        assert (answer.status_code, rules(answer)) == (422, [expected])
    assert await now(patient, task) == before
    assert await patient.found("/QuestionnaireResponse") == held, "both are stored, or neither"


@pytest.mark.parametrize("way", ["put", "json patch", "fhirpath patch", "batch"])
async def test_it_is_not_completed_by_another_door(service: Service, task: Resource, way: str) -> None:
    patient = await actor(service, "patient")
    assert (await moved(patient, task, "accepted")).status_code == 200
    stored = await patient.create(answers())
    reference = f"QuestionnaireResponse/{stored['id']}"
    done = {**task, "status": "completed", "output": output(reference)}
    address = f"/Task/{task['id']}"
    if way == "put":
        answer = await patient.put(address, done)
    elif way == "json patch":
        steps = [
            {"op": "replace", "path": "/status", "value": "completed"},
            {"op": "add", "path": "/output", "value": output(reference)},
        ]
        answer = await patient.send("PATCH", address, encode(steps), _PATCH)
    elif way == "fhirpath patch":
        parts = [
            {"name": "type", "valueCode": "replace"},
            {"name": "path", "valueString": "Task.status"},
            {"name": "value", "valueCode": "completed"},
        ]
        body = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
        answer = await patient.send("PATCH", address, body)
    else:
        answer = await patient.post("", builders.batch(builders.put(done), builders.posted(answers())))
        entries = [each["response"] for each in decode(answer.content)["entry"]]
        assert [each["status"][:3] for each in entries] == ["422", "201"], "each entry stands for itself"
        assert "questionnaire-ask-response" in answer.text
        assert (await now(patient, task))["status"] == "accepted"
        return
    assert (answer.status_code, rules(answer)) == (422, ["response"]), answer.text
    assert (await now(patient, task))["status"] == "accepted"


async def test_a_draft_that_is_completed_completes_the_request(service: Service, task: Resource) -> None:
    patient = await actor(service, "patient")
    assert (await moved(patient, task, "accepted")).status_code == 200
    plan = {"reference": "CarePlan/elders"}
    draft = await patient.create(answers(status="in-progress", basedOn=[plan]))
    reference = f"QuestionnaireResponse/{draft['id']}"
    body = builders.transaction(
        builders.put({**task, "status": "completed", "output": output(reference)}),
        builders.put({**draft, "status": "completed"}),
    )
    answer = await patient.post("", body)
    assert answer.status_code == 200, answer.text
    stored = decode((await patient.get(f"/{reference}")).content)
    assert (stored["status"], stored["basedOn"]) == ("completed", [plan])
    done = await now(patient, task)
    again = builders.transaction(builders.put(done), builders.put(stored))
    assert (await patient.post("", again)).status_code == 200, "who sends the same once more changes nothing"
    assert (await now(patient, task))["output"] == done["output"]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("patient", {"input": asking("http://example.org/Questionnaire/ander")["input"]}),
        ("patient", {"requester": {"reference": "Patient/anna"}}),
        ("patient", {"description": "Iets anders"}),
        ("patient", {"intent": "plan"}),
        ("patient", {"authoredOn": "2020-01-01"}),
        ("patient", {"restriction": {"period": {"end": "2099-01-01"}}}),
        ("patient", {"output": output("QuestionnaireResponse/x")}),
        ("patient", {"code": {"text": "iets"}}),
        ("professional", {"description": "Iets anders"}),
        ("professional", {"priority": "urgent"}),
        ("professional", {"note": [{"text": "Nog even"}]}),
    ],
)
async def test_what_was_asked_stays(service: Service, task: Resource, name: str, change: Resource) -> None:
    caller = await actor(service, name)
    answer = await caller.put(f"/Task/{task['id']}", {**task, **change})
    assert (answer.status_code, rules(answer)) == (422, ["fixed"])
    assert await now(caller, task) == task
    noted = await (await actor(service, "patient")).put(f"/Task/{task['id']}", {**task, "note": [{"text": "Morgen"}]})
    assert noted.status_code == 200


async def test_another_task_does_not_become_a_request(service: Service, asked: None) -> None:
    patient = await actor(service, "patient")
    other = await patient.create(builders.task())
    answer = await patient.put(f"/Task/{other['id']}", {**asking(), "id": other["id"]})
    assert (answer.status_code, rules(answer)) == (422, ["fixed"])


async def test_who_asked_does_not_delete_but_the_person_may_throw_it_away(service: Service, task: Resource) -> None:
    for name in ("professional", "system", "carer"):
        answer = await (await actor(service, name)).delete(f"/Task/{task['id']}")
        assert answer.status_code == 409, answer.text
        assert "cancelled" in answer.text
    assert (await (await actor(service, "patient")).delete(f"/Task/{task['id']}")).status_code == 204


async def test_what_the_person_asks_of_themselves_they_take_back(service: Service, asked: None) -> None:
    patient, roos = await actor(service, "patient"), await actor(service, "representative")
    own = await patient.create(asking())
    assert (await moved(await actor(service, "professional"), own, "cancelled")).status_code == 422
    assert (await moved(roos, own, "cancelled")).status_code == 200


async def test_who_may_only_add_asks_and_changes_nothing(service: Service, asked: None) -> None:
    from tests.careplan.actors import actor as careful

    care = await careful(service, "professional", "rsc")
    task = await care.create(asking())
    assert (await moved(care, task, "cancelled")).status_code == 403


# --- two at once ------------------------------------------------------------------------------------------------------


async def test_who_accepts_and_who_cancels_at_once_do_not_both_succeed(service: Service, task: Resource) -> None:
    patient, care = await actor(service, "patient"), await actor(service, "professional")
    match = {"if-match": f'W/"{task["meta"]["versionId"]}"'}
    accepting = patient.put(f"/Task/{task['id']}", {**task, "status": "accepted"}, match)
    cancelling = care.put(f"/Task/{task['id']}", {**task, "status": "cancelled"}, match)
    found = sorted(each.status_code for each in await asyncio.gather(accepting, cancelling))
    assert found == [200, 412]


async def test_two_who_answer_at_once_leave_one_answer(service: Service, task: Resource) -> None:
    patient, roos = await actor(service, "patient"), await actor(service, "representative")
    assert (await moved(patient, task, "accepted")).status_code == 200
    both = await asyncio.gather(answered(patient, task), answered(roos, task))
    assert sorted(each.status_code for each in both) == [200, 422]
    refused = next(each for each in both if each.status_code == 422)
    assert rules(refused) == ["over"]
    (kept,) = await patient.found("/QuestionnaireResponse")
    assert (await now(patient, task))["output"] == output(f"QuestionnaireResponse/{kept}")


# --- what is for the person only --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["professional", "system", "practice"])
async def test_nobody_else_asks_for_what_is_for_the_person_only(service: Service, name: str) -> None:
    caller = service.caller(name) if name == "practice" else await actor(service, name)
    answer = await caller.post("/Task", asking(EXPERIENCE))
    assert answer.status_code in (403, 422), answer.text
    if name == "practice":  # of a sandbox, where a system may have all
        assert rules(answer) == ["person-only"]


async def test_the_request_for_it_is_seen_by_the_person_only(service: Service) -> None:
    patient = await actor(service, "patient")
    (form,) = await patient.found(f"/Questionnaire?url={EXPERIENCE}")
    by_reference = [{"type": {"text": "Questionnaire"}, "valueReference": {"reference": f"Questionnaire/{form}"}}]
    refused = await patient.post("/Task", asking(input=by_reference))
    assert (refused.status_code, rules(refused)) == (422, ["by-canonical"])
    task = await patient.create(asking(EXPERIENCE))
    for name in ("professional", "system", "elsewhere"):
        caller = await actor(service, name)
        assert (await caller.get(f"/Task/{task['id']}")).status_code == 404
        assert await caller.found("/Task?code=74468-0") == []
        everything = await caller.bundle("/Patient/anna/$everything")
        assert "zelfregie-ervaring" not in str([each for each in everything["entry"] if "Task" in each["fullUrl"]])
    assert await patient.found("/Task?code=74468-0") == [task["id"]]
