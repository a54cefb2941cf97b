"""``$pair``, ``$propose`` and ``$retract`` at ``/fhir/stu3``, in JSON and XML: nobody needs another base for them."""

from __future__ import annotations

from typing import Any, Final

import httpx
import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.careplan.histories import NAMES
from tests.careplan.proposing import Planned, items_of, part_of, planned, value_of
from tests.careplan.turning import LATER, professional
from tests.server.service import Caller, Service, issues
from tests.stu3.record import ROOT

DEFINITIONS: Final = load("3.0.1")
PROPOSED_FOR: Final = f"{NAMES}/StructureDefinition/proposed-for-plan"


async def asked(caller: Caller, address: str, parameters: list[Resource], form: str) -> httpx.Response:
    body: Resource = {"resourceType": "Parameters"}
    if parameters:
        body["parameter"] = parameters
    sent = encode(body) if form == "json" else to_xml(body, DEFINITIONS)
    kind = f"application/fhir+{form}"
    return await caller.post(f"{ROOT}{address}", sent, {"content-type": kind, "accept": kind})


def read(answer: httpx.Response, status: int) -> Resource:
    assert answer.status_code == status, answer.text
    return from_xml(answer.content, DEFINITIONS) if "xml" in answer.headers["content-type"] else decode(answer.content)


async def items(plan: Planned, proposal: str) -> dict[str, str]:
    """The parts that a proposal would change, and how, as Anna sees them."""
    listed = items_of(decode((await plan.anna.get(f"/CarePlan/{proposal}/$items")).content))
    return {item.partition(".")[0]: part_of(each, "kind") for item, each in listed.items()}


async def as_seen(caller: Caller, address: str) -> Resource:
    answer = await caller.get(f"{ROOT}{address}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_change_is_proposed_and_taken_over(anna: Caller, service: Service, form: str) -> None:
    plan, doctor = await planned(anna), await professional(service)
    goal: Resource = {
        "resourceType": "Goal",
        "status": "proposed",
        "description": {"text": "Meer wandelen"},
        "subject": {"reference": "Patient/anna"},
    }
    wanted: list[Resource] = [
        {"name": "title", "valueString": "Naar het strand"},
        {"name": "goal", "resource": goal},
        {"name": "nextReview", "valueDate": LATER},
    ]
    made = read(await asked(doctor, f"/CarePlan/{plan.plan}/$propose", wanted, form), 201)
    proposal = value_of(made, "return")
    assert (proposal["resourceType"], proposal["status"]) == ("CarePlan", "draft")
    assert set(await items(plan, proposal["id"])) == {"goal", "title", "next-review"}
    assert "title" not in await plan.resource() or (await plan.resource())["title"] == "Mijn plan"
    accepted = await anna.post(f"/CarePlan/{proposal['id']}/$accept")
    assert accepted.status_code == 200, accepted.text
    assert (await plan.resource())["title"] == "Naar het strand"


async def test_a_goal_as_it_is_seen_here_is_proposed_with_what_was_changed_in_it(
    anna: Caller, service: Service
) -> None:
    plan, doctor = await planned(anna), await professional(service)
    goal = await as_seen(doctor, f"/Goal/{plan.goal}")
    wanted = [{"name": "goal", "resource": {**goal, "priority": {"text": "hoog"}}}]
    made = read(await asked(doctor, f"/CarePlan/{plan.plan}/$propose", wanted, "json"), 201)
    proposal = value_of(made, "return")["id"]
    assert await items(plan, proposal) == {"goal": "changed"}
    (item,) = items_of(decode((await anna.get(f"/CarePlan/{proposal}/$items")).content)).values()
    elements = [each for each in item["part"] if each["name"] == "element"]
    assert [part_of(each, "path") for each in elements] == ["Goal.priority"], (
        "of how it is seen here nothing is proposed"
    )


async def test_what_is_proposed_is_looked_at_here(anna: Caller, service: Service) -> None:
    plan, doctor = await planned(anna), await professional(service)
    wanted: list[Any] = [{"name": "title", "valueString": "Anders"}]
    made = read(await asked(doctor, f"/CarePlan/{plan.plan}/$propose", wanted, "json"), 201)
    address = f"/CarePlan/{value_of(made, 'return')['id']}"
    (listed,) = [each for each in (await as_seen(doctor, f"{address}/$items"))["parameter"] if each["name"] == "item"]
    assert part_of(listed, "state") == "open"


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_what_was_proposed_is_taken_back(anna: Caller, service: Service, form: str) -> None:
    plan, doctor = await planned(anna), await professional(service)
    wanted: list[Any] = [{"name": "title", "valueString": "Anders"}]
    proposal = value_of(read(await asked(doctor, f"/CarePlan/{plan.plan}/$propose", wanted, form), 201), "return")["id"]
    why = [{"name": "reason", "valueString": "Dit bespreken we eerst."}]
    taken = read(await asked(doctor, f"/CarePlan/{proposal}/$retract", why, form), 200)
    assert (value_of(taken, "proposal")["id"], value_of(taken, "proposal")["status"]) == (proposal, "cancelled")
    refused = await anna.post(f"/CarePlan/{proposal}/$accept")
    assert refused.status_code == 409, refused.text
    assert issues(refused)[0]["diagnostics"].endswith("title is al anders beantwoord (teruggetrokken).")


async def test_a_goal_that_was_proposed_by_itself_is_taken_back(anna: Caller, service: Service) -> None:
    plan, doctor = await planned(anna), await professional(service)
    goal: Resource = {
        "resourceType": "Goal",
        "lifecycleStatus": "proposed",
        "description": {"text": "Meer wandelen"},
        "subject": {"reference": "Patient/anna"},
        "extension": [{"url": PROPOSED_FOR, "valueReference": {"reference": f"CarePlan/{plan.plan}"}}],
    }
    made = await doctor.create(goal)
    taken = read(await asked(doctor, f"/Goal/{made['id']}/$retract", [], "json"), 200)
    assert (value_of(taken, "goal")["id"], value_of(taken, "goal")["status"]) == (made["id"], "cancelled")
    others = await asked(anna, f"/Goal/{made['id']}/$retract", [], "json")
    assert others.status_code == 422, "it is not Anna's to take back"


async def test_what_is_wrong_is_said_in_stu3(anna: Caller, service: Service) -> None:
    plan, doctor = await planned(anna), await professional(service)
    bad = [{"name": "proposal", "resource": {"resourceType": "CarePlan", "status": "nonsense", "intent": "plan"}}]
    answer = await asked(doctor, f"/CarePlan/{plan.plan}/$propose", bad, "json")
    assert answer.status_code in (400, 422), answer.text
    assert issues(answer)
    nothing = await asked(doctor, f"/CarePlan/{plan.plan}x/$propose", [{"name": "title", "valueString": "x"}], "json")
    assert nothing.status_code == 404
    there = await doctor.post(f"{ROOT}/CarePlan/{plan.plan}/$agree", {"resourceType": "Parameters"})
    assert (there.status_code, issues(there)[0]["code"]) == (404, "not-supported")
    assert "/fhir" in issues(there)[0]["diagnostics"], "it is told where there is such an operation"
