"""Who may propose and answer, under the permissions that they really have; and what nobody proposes about: what they
may not see.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.auth.roles import Role
from app.fhir.resource import Resource, decode
from app.server.access import actions_of
from app.server.labels import load_labels
from tests.careplan.proposing import (
    EXTENSION,
    activity,
    goal,
    got,
    items_of,
    part_of,
    planned,
    proposed,
    rules,
    value_of,
    wish,
)
from tests.careplan.turning import LATER, professional
from tests.server.grants import token_with
from tests.server.service import Caller, Service

PLAN_ONLY: Final = load_labels().bits(["identity", "care-plan"])
REPRESENTATIVE: Final = {
    "role": Role.REPRESENTATIVE,
    "responsible": "Patient/anna",
    "fhir_user": "RelatedPerson/daughter",
    "purpose": "own-use",
    "kind": "session",
    "person": "daughter-account",
}
CARER: Final = {
    "role": Role.CARER,
    "fhir_user": "RelatedPerson/neighbour",
    "purpose": "own-use",
    "kind": "session",
    "person": "neighbour-account",
    "actions": actions_of("rsc"),
}


async def test_an_informal_carer_proposes_as_themselves(anna: Caller, service: Service) -> None:
    plan = await planned(anna)
    carer = await token_with(service, "patient/*.cruds", "anna", **CARER)
    made = await plan.propose(carer, goal=goal("Elke week samen naar de markt"))
    assert made.resource["author"] == {"reference": "RelatedPerson/neighbour"}
    (new,) = made.resource["contained"]
    assert {"url": "origin", "valueCode": "informal-carer"} in new["extension"][0]["extension"]
    refused = await made.ask("accept", caller=carer)
    assert refused.status_code in (403, 422)
    await made.accept()
    assert (await made.ask("retract", caller=carer)).status_code == 409


async def test_a_representative_answers_and_is_named_with_whom_they_answer_for(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    daughter = await token_with(service, "patient/*.cruds", "anna", **REPRESENTATIVE)
    made = await plan.propose(practice, title="Plan van Anna", nextReview=LATER)
    answer = await made.ask("accept", "title", caller=daughter)
    assert answer.status_code == 200, answer.text
    newest = (await plan.revisions())[0]
    assert newest["agent"][0]["who"] == {"reference": "RelatedPerson/daughter"}
    assert newest["agent"][0]["onBehalfOf"] == {"reference": "Patient/anna"}
    (source,) = [each for each in newest["entity"] if each["role"] == "source"]
    assert source["agent"][0]["who"]["type"] == "Organization"
    answer = await made.ask("reject", caller=daughter, reason="Te vroeg")
    answered = items_of(decode(answer.content))["next-review"]
    assert next(each["valueReference"] for each in answered["part"] if each["name"] == "who") == {
        "reference": "RelatedPerson/daughter"
    }


async def test_an_app_of_the_person_answers_and_is_named(anna: Caller, practice: Caller, service: Service) -> None:
    plan = await planned(anna)
    facts: dict[str, Any] = {"purpose": "own-use", "kind": "app", "role": Role.PATIENT, "client": "dagboek"}
    app = await token_with(service, "patient/*.cruds", "anna", fhir_user="Patient/anna", **facts)
    made = await plan.propose(practice, title="Plan van Anna")
    answer = await made.ask("accept", caller=app)
    assert answer.status_code == 200, answer.text
    author, assembler = (await plan.revisions())[0]["agent"]
    assert author["who"] == {"reference": "Patient/anna"}
    assert assembler["who"]["identifier"]["value"] == "dagboek"
    reading = await token_with(service, "patient/*.rs", "anna", fhir_user="Patient/anna", **facts)
    assert (await made.ask("reject", caller=reading)).status_code == 403


@pytest.mark.parametrize("actions", ["rs", "rsu"])
async def test_who_may_see_and_not_add_cannot_propose(anna: Caller, service: Service, actions: str) -> None:
    plan = await planned(anna)
    doctor = await professional(service, actions)
    assert (await proposed(doctor, plan.plan, title="Anders")).status_code == 403
    assert await anna.found(f"/CarePlan?based-on=CarePlan/{plan.plan}") == []


async def test_goals_that_cannot_be_seen_are_not_proposed_about_and_stay(anna: Caller, service: Service) -> None:
    plan = await planned(anna)
    hidden = await anna.create(
        goal("Minder drinken", category=[{"coding": [{"system": "urn:own", "code": "private"}]}])
    )
    held = await plan.resource()
    await plan.change(goal=[*held["goal"], {"reference": f"Goal/{hidden['id']}"}])
    doctor = await token_with(
        service,
        "user/CarePlan.cruds user/Goal.rs?lifecycle-status=active user/Patient.rs",
        "anna",
        patient=None,
        role=Role.PROFESSIONAL,
        fhir_user="Practitioner/doctor",
        organization="De Proef",
        kind="session",
        actions=actions_of("rsc"),
    )
    assert (await doctor.get(f"/Goal/{hidden['id']}")).status_code == 404
    listed = (await got(doctor, f"/CarePlan/{plan.plan}"))["goal"]
    made = await plan.propose(doctor, proposal=wish(goal=listed[:1], activity=[activity("measure", "Meten")]))
    assert set(made.items) == {"activity.measure"}
    same = await plan.propose(doctor, proposal=wish(goal=listed), title="Ander plan")
    assert set(same.items) == {"title"}
    # One with that id is somebody's new goal, and not the one that is there.
    guess = await plan.propose(doctor, goal=goal("Niet meer drinken", id=hidden["id"]))
    assert hidden["id"] not in guess.item("goal")
    for each in (made, same, guess):
        await each.accept()
    now = await plan.resource()
    assert [each["reference"] for each in now["goal"]][:2] == [each["reference"] for each in listed]
    assert len(now["goal"]) == 3
    assert (await plan.resource("Goal", hidden["id"]))["description"]["text"] == "Minder drinken"


async def test_a_network_that_cannot_be_seen_is_not_proposed_about(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    team = await anna.create(
        {
            "resourceType": "CareTeam",
            "meta": {"profile": [f"{EXTENSION}/CareNetwork"]},
            "status": "active",
            "name": "Rond Anna",
            "subject": {"reference": "Patient/anna"},
        }
    )
    await plan.change(careTeam=[{"reference": f"CareTeam/{team['id']}"}])
    contained = {**{name: team[name] for name in ("resourceType", "id", "status", "subject")}, "name": "Om Anna heen"}
    sent = wish(contained=[contained], careTeam=[{"reference": f"#{team['id']}"}])
    made = await plan.propose(practice, proposal=sent)
    assert set(made.items) == {f"team.{team['id']}"}
    blind = await token_with(
        service, "system/*.cruds", "anna", patient=None, kind="system", role=Role.ORGANIZATION,
        organization="De Proef", labels=PLAN_ONLY, actions=actions_of("rsc"),
    )  # fmt: skip
    other = await plan.propose(blind, proposal=sent)
    assert f"team.{team['id']}" in other.items  # as the end of one network, in favour of another
    assert len(other.items) == 2
    # What cannot be seen of a proposal is left out of its items, and that is said.
    listed = await got(blind, f"/CarePlan/{made.id}/$items")
    assert items_of(listed) == {}
    assert value_of(listed, "outcome")["issue"][0]["code"] == "suppressed"
    await made.accept()
    assert (await plan.resource("CareTeam", team["id"]))["name"] == "Om Anna heen"
    assert {state for item, state in (await other.states(anna)).items()} == {"open"}
    await other.accept(f"team.{team['id']}")
    (now,) = (await plan.resource())["careTeam"]
    assert now["reference"] != f"CareTeam/{team['id']}"
    assert (await plan.resource("CareTeam", team["id"]))["name"] == "Om Anna heen"


async def test_an_app_that_sees_a_part_answers_what_it_sees_and_leaves_the_rest_open(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, title="Ander plan", goal=goal("Ver wandelen", id=plan.goal))
    narrow = await token_with(
        service,
        "patient/CarePlan.cruds patient/Patient.rs patient/Goal.cruds?lifecycle-status=completed",
        "anna",
        purpose="own-use",
        kind="app",
        role=Role.PATIENT,
        client="dagboek",
        fhir_user="Patient/anna",
    )
    assert set(await made.states(narrow)) == {"title"}
    refused = await made.ask("accept", caller=narrow)
    assert (refused.status_code, rules(refused)) == (422, ["plan-proposal-unseen"])
    answer = await made.ask("accept", "title", caller=narrow)
    assert answer.status_code == 200, answer.text
    assert value_of(decode(answer.content), "proposal")["status"] == "draft"
    assert await made.states(anna) == {"title": "accepted", f"goal.{plan.goal}": "open"}


async def test_the_sender_of_a_proposal_is_who_sends_it(anna: Caller, service: Service) -> None:
    plan = await planned(anna)
    doctor = await professional(service)
    forged: Resource = wish(
        id="mine",
        author={"reference": "Patient/anna"},
        activity=[activity("measure", "Meten")],
        extension=[
            {
                "url": f"{EXTENSION}/proposal-answer",
                "extension": [
                    {"url": "item", "valueString": "activity.measure"},
                    {"url": "answer", "valueCode": "accepted"},
                    {"url": "when", "valueDateTime": "2026-01-01"},
                    {"url": "who", "valueReference": {"reference": "Patient/anna"}},
                ],
            }
        ],
    )
    made = await plan.propose(doctor, proposal=forged)
    assert made.resource["author"] == {"reference": "Practitioner/doctor"}
    assert made.id != "mine"
    assert await made.states() == {"activity.measure": "open"}
    assert part_of(made.items["activity.measure"], "who") == ""
