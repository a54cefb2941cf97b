"""``CarePlan/$restore``: an earlier revision comes back as a new one, and nothing is lost."""

from __future__ import annotations

import httpx

from app.auth.roles import Role
from app.fhir.resource import Resource, decode
from tests import builders
from tests.careplan.applying import State, plain, state_of
from tests.careplan.histories import AGREEMENT, NAMES, Journey, sentences, started
from tests.careplan.test_as_of import erase
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues

CYCLE = f"{NAMES}/StructureDefinition/plan-cycle"


async def restore(journey: Journey, number: int, caller: Caller | None = None, **more: str) -> httpx.Response:
    parameters: list[Resource] = [{"name": "number", "valuePositiveInt": number}]
    parameters += [{"name": name, "valueString": value} for name, value in more.items()]
    body: Resource = {"resourceType": "Parameters", "parameter": parameters}
    return await (caller or journey.caller).post(f"/CarePlan/{journey.plan}/$restore", body)


def said(state: State) -> State:
    """What a state says, without where it stands in its cycle and how far its parts are."""
    found = {}
    for name, resource in state.items():
        kept = {
            key: value
            for key, value in plain(resource).items()
            if key not in ("status", "lifecycleStatus", "statusDate")
        }
        kept["extension"] = [each for each in kept.get("extension", ()) if each["url"] != CYCLE]
        found[name] = kept
    return found


async def test_what_the_plan_said_comes_back_and_where_it_stands_stays(anna: Caller) -> None:
    journey = await started(anna, "Weer met de hond wandelen", "Minder zout eten")
    await journey.change("CarePlan", journey.plan, activity=[{"id": "ommetje", "detail": AGREEMENT}], title="Eerst")
    await journey.agree()
    await journey.change("Goal", journey.goal, description={"text": "Elke dag"}, note=[{"text": "Moe"}])
    added = await journey.add_goal("Beter slapen")
    plan = await journey.read("CarePlan", journey.plan)
    await journey.change("CarePlan", journey.plan, activity=None, title="Later", goal=plan["goal"][:0:-1])
    answer = await restore(journey, 2, text="Toch liever zoals het was")
    assert answer.status_code == 200, answer.text
    now = decode(answer.content)
    assert now["resourceType"] == "CarePlan"
    assert (now["status"], now["title"]) == ("active", "Eerst")
    second, latest = [state_of(await journey.as_of(f"number={number}")) for number in (2, 7)]
    assert said(latest) == said(second)
    goal = await journey.read("Goal", journey.goal)
    assert goal["lifecycleStatus"] == "active", "it was agreed since"
    assert (await journey.read("Goal", added))["description"] == {"text": "Beter slapen"}, "it is out of the plan only"
    told = await anna.bundle(f"/CarePlan/{journey.plan}/$revisions")
    assert "Anna haalde versie 2 van het plan terug: ‘Toch liever zoals het was’" in sentences(told)[0]
    assert "Anna brought back version 2 of the plan" in sentences(told, "en")[0]
    sources = [each["what"]["reference"] for each in told["entry"][0]["resource"]["entity"] if each["role"] == "source"]
    assert sources == [f"Provenance/{told['entry'][5]['resource']['id']}/_history/1"]
    # And back again.
    assert (await restore(journey, 6)).status_code == 200
    sixth, latest = [state_of(await journey.as_of(f"number={number}")) for number in (6, 8)]
    assert said(latest) == said(sixth)


async def test_a_goal_that_was_reached_since_is_not_opened_again(anna: Caller) -> None:
    journey = await started(anna, "Weer met de hond wandelen", "Minder zout eten")
    await journey.agree()
    achieved = builders.concept("http://terminology.hl7.org/CodeSystem/goal-achievement", "achieved")
    words = {"text": "Elke dag met de hond"}
    await journey.change(
        "Goal", journey.goal, description=words, lifecycleStatus="completed", achievementStatus=achieved
    )
    await journey.change("CarePlan", journey.plan, title="Mijn plan")
    answer = await restore(journey, 1)
    assert answer.status_code == 200
    assert [each["code"] for each in issues(answer)] == ["informational", "incomplete"]
    assert f"Goal/{journey.goal}" in issues(answer)[1]["diagnostics"]
    goal = await journey.read("Goal", journey.goal)
    assert (goal["lifecycleStatus"], goal["description"]) == ("completed", words)
    assert "title" not in await journey.read("CarePlan", journey.plan)


async def test_what_was_erased_does_not_come_back_and_that_is_said(anna: Caller, service: Service) -> None:
    condition = await anna.create(builders.condition("Patient/anna"))
    journey = await started(anna)
    second = await journey.add_goal("Beter slapen")
    await journey.change("CarePlan", journey.plan, addresses=[{"reference": f"Condition/{condition['id']}"}])
    plan = await journey.read("CarePlan", journey.plan)
    await journey.change("CarePlan", journey.plan, addresses=None, goal=plan["goal"][:1], title="Nu")
    await erase(service, "Condition", condition["id"])
    await erase(service, "Goal", second)
    answer = await restore(journey, 3)
    assert answer.status_code == 200, answer.text
    told = "".join(each["diagnostics"] for each in issues(answer))
    assert f"Goal/{second}" in told
    assert f"Condition/{condition['id']}" in told
    now = await journey.read("CarePlan", journey.plan)
    assert now["goal"] == plan["goal"][:1]
    assert "addresses" not in now
    assert "title" not in now


async def test_it_is_done_by_the_person_in_a_plan_that_is_open_and_differs(
    anna: Caller, practice: Caller, bram: Caller, service: Service
) -> None:
    journey = await started(anna)
    same = await restore(journey, 1)
    assert issues(same)[0]["details"]["text"] == "plan-restore-same"
    await journey.add_goal("Beter slapen")
    assert issues(await restore(journey, 1, practice))[0]["details"]["text"] == "plan-not-yours"
    assert (await restore(journey, 1, bram)).status_code == 404
    assert (await restore(journey, 3)).status_code == 404
    reader = await restore(journey, 1, service.caller("anna-reader"))
    assert reader.status_code == 403
    assert (await anna.post(f"/CarePlan/{journey.plan}/$close?status=revoked")).status_code == 200
    assert issues(await restore(journey, 1))[0]["details"]["text"] == "plan-closed"
    numbers = len((await anna.bundle(f"/CarePlan/{journey.plan}/$revisions"))["entry"])
    assert numbers == 3, "what was refused left nothing"


async def test_a_goal_that_was_deleted_after_it_left_the_plan_comes_back(anna: Caller) -> None:
    journey = await started(anna)
    second = await journey.add_goal("Beter slapen")
    plan = await journey.read("CarePlan", journey.plan)
    await journey.change("CarePlan", journey.plan, goal=plan["goal"][:1])
    assert (await anna.delete(f"/Goal/{second}")).status_code == 204
    assert (await restore(journey, 2)).status_code == 200
    assert (await journey.read("Goal", second))["description"] == {"text": "Beter slapen"}
    assert (await journey.read("CarePlan", journey.plan))["goal"] == plan["goal"]


NETWORK: Resource = {
    "resourceType": "CareTeam",
    "meta": {"profile": [f"{NAMES}/StructureDefinition/CareNetwork"]},
    "status": "active",
    "subject": {"reference": "Patient/anna"},
}


def participants(*names: str) -> list[Resource]:
    return [{"member": {"display": each}} for each in names]


async def test_the_network_of_then_comes_back_with_the_plan(anna: Caller, service: Service) -> None:
    journey = await started(anna)
    team = await anna.create({**NETWORK, "participant": participants("Wijkverpleegkundige", "Buurvrouw")})
    named = [{"reference": f"CareTeam/{team['id']}"}]
    await journey.change("CarePlan", journey.plan, careTeam=named)
    await journey.change("CareTeam", team["id"], participant=participants("Huisarts"))
    await journey.change("CarePlan", journey.plan, careTeam=None, title="Zonder netwerk")
    narrow = await token_with(
        service,
        "patient/CarePlan.cruds patient/Goal.cruds patient/Provenance.rs patient/Patient.rs",
        "anna",
        kind="app",
        purpose="own-use",
        role=Role.PATIENT,
        fhir_user="Patient/anna",
    )
    refused = await restore(journey, 2, narrow)
    assert (refused.status_code, issues(refused)[0]["details"]["text"]) == (422, "plan-restore-unseen")
    assert "Wijkverpleegkundige" not in refused.text
    assert (await restore(journey, 2)).status_code == 200
    assert (await journey.read("CarePlan", journey.plan))["careTeam"] == named
    assert (await journey.read("CareTeam", team["id"]))["participant"] == team["participant"]
    assert "title" not in await journey.read("CarePlan", journey.plan)
    assert said(state_of(await journey.as_of("number=5"))) == said(state_of(await journey.as_of("number=2")))
    versions = (await anna.bundle(f"/CareTeam/{team['id']}/_history"))["entry"]
    assert versions[1]["resource"]["participant"] == participants("Huisarts"), "nothing is lost"
    assert (await restore(journey, 3)).status_code == 200
    assert (await journey.read("CareTeam", team["id"]))["participant"] == participants("Huisarts")
