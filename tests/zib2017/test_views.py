"""What a view looks at beside its resource is what its reader may see; resources are made as an app makes them."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.bgz.zib2017 import Zib2017Views
from app.careplan.names import Names
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, encode
from app.measurements.kinds import kinds
from app.questionnaires.library import QuestionnaireLibrary
from app.server.labels import load_labels
from app.server.messages import Request
from tests import builders
from tests.careplan.histories import Journey, started
from tests.measurements.measuring import PATIENT, measured
from tests.server.grants import token_with
from tests.server.service import Caller, Service

OWN: Final = Names(CANONICAL_BASE)
NO_GOALS: Final = "patient/CarePlan.rs patient/Patient.rs patient/CareTeam.rs"
SECRET: Final = "Zqgeheim"


async def seen(service: Service, caller: Caller, *resources: Resource) -> list[Any]:
    """As a border has them seen by this caller."""
    assert service.application.parts is not None
    server, now = service.server, service.server.clock()
    access = await service.application.parts.authenticator(f"Bearer {caller.token}", now)
    before = encode(list(resources))
    views = Zib2017Views(server, QuestionnaireLibrary(CANONICAL_BASE))
    found = await views.seen(resources, Request("GET", [], "", {}, b"", access, now, "test"))
    assert encode(list(resources)) == before
    assert len(found) == len(resources)
    return list(found)


def claims(resource: Resource) -> list[str]:
    """The names of the profiles of STU3 that it will claim."""
    url = OWN.extension("source-profile")
    return [
        part["valueCanonical"].rpartition("/")[2]
        for each in resource.get("meta", {}).get("extension", ())
        if each["url"] == url
        for part in each["extension"]
        if part["url"] == "profile"
    ]


@pytest.fixture
async def journey(anna: Caller) -> Journey:
    return await started(anna, f"Weer met de hond wandelen {SECRET}")


async def test_the_goals_of_the_plan_are_narrowed_and_others_are_not(
    service: Service, anna: Caller, journey: Journey
) -> None:
    conditions = [await anna.create(builders.condition()) for _ in range(2)]
    about = [{"reference": f"Condition/{each['id']}"} for each in conditions]
    target = [{"measure": {"text": "minuten"}, "detailString": "een half uur"}]
    own = await journey.change("Goal", journey.goal, addresses=about, target=target)
    other = await anna.create(builders.goal(addresses=about, target=target))
    await anna.create(builders.care_plan(goal=[{"reference": f"Goal/{other['id']}"}]))
    narrowed, whole = await seen(service, anna, own, other)
    assert (len(narrowed["addresses"]), claims(narrowed)) == (1, ["zib-TreatmentObjective"])
    assert "een half uur" in narrowed["note"][0]["text"]
    assert (whole["addresses"], whole["target"], claims(whole)) == (about, target, [])


async def test_the_goals_of_a_plan_that_was_closed_are_still_narrowed(
    service: Service, anna: Caller, journey: Journey
) -> None:
    target = [{"measure": {"text": "minuten"}, "detailString": "een half uur"}]
    await journey.change("Goal", journey.goal, target=target)
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "revoked"}]}
    answer = await anna.post(f"/CarePlan/{journey.plan}/$close", parameters)
    assert answer.status_code == 200, answer.text
    (goal,) = await seen(service, anna, await journey.read("Goal", journey.goal))
    assert "een half uur" in goal["note"][0]["text"]


async def test_who_may_not_see_goals_gets_no_word_of_them(service: Service, anna: Caller, journey: Journey) -> None:
    plan = await journey.read("CarePlan", journey.plan)
    detail = {"status": "scheduled", "description": "Een ommetje", "goal": plan["goal"]}
    await journey.put({**plan, "activity": [{"id": "walk", "detail": detail}]})
    narrow = await token_with(service, NO_GOALS, "anna", labels=load_labels().bits(["identity", "care-plan"]))
    assert (await narrow.get(f"/Goal/{journey.goal}")).status_code in (403, 404)
    answer = await narrow.get(f"/CarePlan/{journey.plan}")
    assert answer.status_code == 200
    (shown,) = await seen(service, narrow, answer.json())
    assert claims(shown) == ["nl-core-careplan"]
    assert SECRET not in str(shown)
    assert shown["activity"][0]["detail"]["goal"] == plan["goal"]


async def test_somebody_in_a_role_is_the_practitioner_for_who_may_see_the_role(
    service: Service, anna: Caller, operator: Caller
) -> None:
    role = await operator.create(
        {"resourceType": "PractitionerRole", "practitioner": {"reference": "Practitioner/doctor"}, "active": True}
    )
    given = await anna.create(
        {
            **builders.observation(),
            "performer": [{"reference": f"PractitionerRole/{role['id']}", "display": "De huisarts"}],
        }
    )
    (told,) = await seen(service, anna, given)
    assert told["performer"][0]["reference"] == "Practitioner/doctor"
    narrow = await token_with(service, "patient/Observation.rs", "anna")
    (hidden,) = await seen(service, narrow, given)
    assert "reference" not in hidden["performer"][0]
    assert hidden["performer"][0]["display"] == "De huisarts"
    assert claims(told) == claims(hidden) == ["zib-BodyWeight"]


async def test_a_rhythm_is_told_to_who_may_see_it_only(service: Service, anna: Caller) -> None:
    context = kinds()["heart-rate"].context[0]
    assert context.code is not None
    rhythm = await anna.create(
        {
            "resourceType": "Observation",
            "status": "final",
            "code": builders.concept(*context.code.key),
            "subject": PATIENT,
            "effectiveDateTime": "2026-11-20T08:00:00+01:00",
            "valueCodeableConcept": builders.concept(builders.SNOMED, "271636001"),
        }
    )
    members = {"hasMember": [{"reference": f"Observation/{rhythm['id']}"}]}
    rate = await anna.create({**measured(kinds()["heart-rate"], without_profile=True), **members})
    (told,) = await seen(service, anna, rate)
    assert told["interpretation"][0]["coding"][0]["code"] == "271636001"
    narrow = await token_with(service, "patient/Observation.rs?code=http://loinc.org|8867-4", "anna")
    (hidden,) = await seen(service, narrow, rate)
    assert "interpretation" not in hidden
    assert hidden["hasMember"] == members["hasMember"]


async def test_a_request_refers_to_the_questionnaire_of_the_catalogue(
    service: Service, anna: Caller, operator: Caller
) -> None:
    held = await operator.create(builders.questionnaire(url="https://example.org/Questionnaire/slaap", version="2"))
    task = {
        **builders.task(),
        "status": "requested",
        "intent": "order",
        "code": builders.concept(builders.LOINC, "74468-0"),
        "owner": PATIENT,
        "requester": {"reference": "Practitioner/doctor"},
        "authoredOn": "2026-11-20T08:00:00+01:00",
        "lastModified": "2026-11-20T08:00:00+01:00",
        "input": [{"type": {"text": "Questionnaire"}, "valueCanonical": f"{held['url']}|2"}],
    }
    (found,) = await seen(service, anna, task)
    assert found["input"][0]["valueReference"] == {"reference": f"Questionnaire/{held['id']}"}
    assert claims(found) == ["vl-QuestionnaireProvisioningTask"]


async def test_a_permission_does_not_leave_and_the_others_keep_their_places(service: Service, anna: Caller) -> None:
    scope = builders.concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
    weight = await anna.create(builders.observation())
    found = await seen(service, anna, builders.consent(scope=scope), weight, builders.consent(scope=scope))
    assert [each is None for each in found] == [True, False, True]
    assert found[1]["id"] == weight["id"]


async def test_the_plans_of_several_patients_are_each_their_own(
    service: Service, anna: Caller, practice: Caller, journey: Journey
) -> None:
    bram = service.caller("bram")
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Fietsen"}]}
    answer = await bram.post("/Patient/bram/$start", parameters)
    assert answer.status_code == 201, answer.text
    goals = [await journey.read("Goal", journey.goal)]
    target = [{"measure": {"text": "minuten"}, "detailString": "een half uur"}]
    # A goal of Bram's that has the id of one of Anna's is none of his plan.
    answer = await bram.put(f"/Goal/{goals[0]['id']}", builders.goal("Patient/bram", id=goals[0]["id"], target=target))
    if answer.status_code == 201:
        goals.append(answer.json())
    ours, *others = await seen(service, practice, *goals)
    assert claims(ours) == ["zib-TreatmentObjective"]
    assert all("note" not in each for each in others)
