"""What is made at /fhir and read at /fhir/stu3 is zib2017."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.measurements.kinds import kinds
from tests import builders
from tests.careplan.actors import actor
from tests.careplan.histories import Journey, started
from tests.measurements.measuring import PATIENT, measured
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues
from tests.zib2017.leaving import claims, faults

DOCTOR: Final = {"reference": "Practitioner/doctor"}
SECRET: Final = "Zqgeheim"
BGLZ: Final = (
    "/stu3/CarePlan?_include=CarePlan:activity-goal:Goal&_include=CarePlan:activity-outcomereference:Observation"
    "&_include=CarePlan:activity-medicaldevice:DeviceUseStatement&_include:recurse=DeviceUseStatement:device:Device"
)
STU3: Final = {"accept": "application/fhir+json; fhirVersion=3.0", "content-type": "application/fhir+json"}


async def read(caller: Caller, address: str) -> Resource:
    """What is given under the base of STU3."""
    answer = await caller.get(f"/stu3/{address}", STU3)
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


async def left(caller: Caller, resource: Resource) -> Resource:
    """A resource that is made at /fhir, as it is given in STU3."""
    made = await caller.create(resource)
    return await read(caller, f"{made['resourceType']}/{made['id']}")


@pytest.fixture
async def journey(anna: Caller) -> Journey:
    """A plan with two goals, an agreement for the first, conditions and a network."""
    journey = await started(anna, f"Weer met de hond wandelen {SECRET}")
    await journey.add_goal(f"Beter slapen {SECRET}")
    condition = await anna.create(builders.condition())
    team = await anna.create(
        {
            "resourceType": "CareTeam",
            "status": "active",
            "subject": PATIENT,
            "participant": [{"member": PATIENT}, {"member": DOCTOR, "role": [{"text": "Huisarts"}]}],
        }
    )
    about = {"reference": f"Condition/{condition['id']}"}
    target = [{"measure": {"text": "minuten"}, "detailString": f"een half uur {SECRET}", "dueDate": "2027-03-01"}]
    await journey.change("Goal", journey.goal, addresses=[about], target=target)
    detail = {
        "status": "scheduled",
        "description": "Elke dag een ommetje",
        "goal": [{"reference": f"Goal/{journey.goal}"}],
    }
    await journey.change(
        "CarePlan",
        journey.plan,
        careTeam=[{"reference": f"CareTeam/{team['id']}"}],
        addresses=[about],
        activity=[{"id": "walk", "detail": detail}],
    )
    return journey


async def test_measurements_of_every_kind_pass_their_profile(
    service: Service, anna: Caller, fhir_definitions: Path
) -> None:
    for kind in kinds().values():
        if not kind.home:
            continue
        seen = await left(anna, measured(kind))
        profile = kind.profiles["3.0.1"]
        assert faults(seen, fhir_definitions) == [], kind.name
        assert len(claims(seen)) == 1, kind.name
        if profile is None:
            assert claims(seen) in (["nl-core-observation"], ["zib-GeneralMeasurement"]), kind.name
        elif kind.name not in ("pain", "alcohol", "tobacco"):  # which need more told than a number
            assert seen["meta"]["profile"] == [profile]
        assert [each["reference"] for each in seen["performer"]] == ["Patient/anna"]


async def test_the_plan_its_goals_and_its_network_pass_theirs(
    anna: Caller, journey: Journey, fhir_definitions: Path
) -> None:
    plan = await read(anna, f"CarePlan/{journey.plan}")
    assert claims(plan) == ["nl-core-careplan"]
    assert len(plan["goal"]) == 2
    (activity,) = plan["activity"]
    assert activity["detail"]["goal"] == [{"reference": f"Goal/{journey.goal}"}]
    goals = [await read(anna, each["reference"]) for each in plan["goal"]]
    assert [claims(each) for each in goals] == [["zib-TreatmentObjective"]] * 2
    assert "een half uur" in goals[0]["note"][0]["text"]
    (team,) = [await read(anna, each["reference"]) for each in plan["careTeam"]]
    assert claims(team) == ["nl-core-careteam"]
    for each in (plan, *goals, team):
        assert faults(each, fhir_definitions) == []


async def test_the_plan_is_given_with_the_goals_of_its_activities(
    anna: Caller, journey: Journey, fhir_definitions: Path
) -> None:
    answer = await anna.get(BGLZ, STU3)
    assert answer.status_code == 200, answer.text
    entries = decode(answer.content)["entry"]
    assert [each["search"]["mode"] for each in entries if each["resource"]["resourceType"] == "CarePlan"] == ["match"]
    goals = [each["resource"] for each in entries if each["resource"]["resourceType"] == "Goal"]
    assert journey.goal in [each["id"] for each in goals]
    for each in entries:
        assert claims(each["resource"]) != []
        assert faults(each["resource"], fhir_definitions) == []


@pytest.mark.parametrize("kind", ["CarePlan", "Goal", "CareTeam"])
async def test_a_view_is_not_written(anna: Caller, journey: Journey, kind: str) -> None:
    stored = await journey.read("CarePlan", journey.plan)
    team = stored["careTeam"][0]["reference"].partition("/")[2]
    address = f"{kind}/{ {'CarePlan': journey.plan, 'Goal': journey.goal, 'CareTeam': team}[kind] }"
    before = (await anna.get(f"/{address}")).content
    view = await read(anna, address)
    for changed in (view, {**view, "note": [{"text": "Erbij"}]}):
        answers = [
            await anna.put(f"/stu3/{address}", changed, STU3),
            await anna.post("/stu3", builders.transaction(builders.put(changed)), STU3),
        ]
        for answer in answers:
            assert answer.status_code == 422, answer.text
            assert f"CarePlan/{journey.plan}/$propose" in "".join(each["diagnostics"] for each in issues(answer))
    answer = await anna.delete(f"/stu3/{address}", STU3)
    assert answer.status_code == 422, answer.text
    batch = await anna.post("/stu3", builders.batch(builders.put({**view, "language": "nl"})), STU3)
    assert [each["response"]["status"][:3] for each in decode(batch.content)["entry"]] == ["422"]
    assert (await anna.get(f"/{address}")).content == before


async def test_goals_without_an_agreement_come_along_with_the_plan(anna: Caller, journey: Journey) -> None:
    plan = await read(anna, f"CarePlan/{journey.plan}")
    named = {each["reference"] for each in plan["goal"]}
    assert len(named) > len(plan["activity"])
    entries = decode((await anna.get(BGLZ, STU3)).content)["entry"]
    assert {f"Goal/{each['resource']['id']}" for each in entries if each["search"]["mode"] == "include"} == named


@pytest.mark.parametrize("operation", ["", "/$lastn"])
async def test_breathing_is_found_as_zib2017_asks_for_it(anna: Caller, operation: str) -> None:
    seen = await left(anna, measured(kinds()["respiration"]))
    await left(anna, measured(kinds()["weight"]))
    answer = await anna.get(f"/stu3/Observation{operation}?code=http://snomed.info/sct|422834003", STU3)
    assert answer.status_code == 200, answer.text
    assert [each["resource"]["id"] for each in decode(answer.content)["entry"]] == [seen["id"]]


async def test_medication_that_the_person_wrote_down_is_found_as_the_bgz_asks_for_it(
    anna: Caller, fhir_definitions: Path
) -> None:
    seen = await left(
        anna,
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": PATIENT,
            "medicationCodeableConcept": {"text": "Paracetamol"},
            "informationSource": PATIENT,
        },
    )
    assert claims(seen) == ["zib-MedicationUse"]
    assert faults(seen, fhir_definitions) == []
    use = "urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3|6"
    answer = await anna.get(f"/stu3/MedicationStatement?category={use}&_include=MedicationStatement:medication", STU3)
    assert answer.status_code == 200, answer.text
    assert [each["resource"]["id"] for each in decode(answer.content)["entry"]] == [seen["id"]]


async def test_who_may_not_see_goals_is_told_no_word_of_them(service: Service, anna: Caller, journey: Journey) -> None:
    narrow = await token_with(service, "patient/CarePlan.rs patient/CareTeam.rs patient/Patient.rs", "anna")
    for address in (f"/stu3/CarePlan/{journey.plan}", BGLZ, "/stu3/CareTeam?_include=CareTeam:participant"):
        answer = await narrow.get(address, STU3)
        assert answer.status_code in (200, 403), answer.text
        assert SECRET not in answer.text
    answer = await narrow.get(f"/stu3/Goal/{journey.goal}", STU3)
    assert answer.status_code in (403, 404)
    assert SECRET not in answer.text


async def test_a_plan_and_goals_that_were_received_are_given_as_they_came(anna: Caller, journey: Journey) -> None:
    nictiz = "http://nictiz.nl/fhir/StructureDefinition/"
    goal: Resource = {
        "resourceType": "Goal",
        "meta": {"profile": [f"{nictiz}zib-TreatmentObjective"]},
        "status": "accepted",
        "description": {"text": "Zelf douchen"},
        "subject": PATIENT,
        "target": {"measure": {"text": "hulp"}, "detailQuantity": {"value": 0}, "dueDate": "2027-01-01"},
        "note": [{"text": "een"}, {"text": "twee"}],
    }
    answer = await anna.post("/stu3/Goal", goal, STU3)
    assert answer.status_code == 201, answer.text
    made = decode(answer.content)
    plan: Resource = {
        "resourceType": "CarePlan",
        "meta": {"profile": ["http://fhir.nl/fhir/StructureDefinition/nl-core-careplan"]},
        "status": "active",
        "intent": "order",
        "subject": PATIENT,
        "goal": [{"reference": f"Goal/{made['id']}"}],
    }
    answer = await anna.post("/stu3/CarePlan", plan, STU3)
    assert answer.status_code == 201, answer.text
    plans = decode(answer.content)
    for sent, kept in ((goal, made), (plan, plans)):
        seen = await read(anna, f"{kept['resourceType']}/{kept['id']}")
        same = {name: value for name, value in seen.items() if name not in ("id", "meta")}
        assert same == {name: value for name, value in sent.items() if name != "meta"}
        assert seen["meta"]["profile"] == sent["meta"]["profile"]
        answer = await anna.put(f"/stu3/{kept['resourceType']}/{kept['id']}", {**seen, "language": "nl"}, STU3)
        assert answer.status_code == 200, answer.text


async def test_persons_pass_their_profiles(service: Service, anna: Caller, fhir_definitions: Path) -> None:
    expected = {
        "Patient/anna": "nl-core-patient",
        "Practitioner/doctor": "nl-core-practitioner",
        "Organization/practice": "nl-core-organization",
    }
    related = await anna.create(
        {
            "resourceType": "RelatedPerson",
            "patient": PATIENT,
            "name": [{"family": "Proefstra", "given": ["Roos"]}],
            "telecom": [{"system": "phone", "value": "0612345678"}],
        }
    )
    for address, profile in {**expected, f"RelatedPerson/{related['id']}": "nl-core-relatedperson"}.items():
        seen = await read(anna, address)
        assert claims(seen) == [profile]
        assert faults(seen, fhir_definitions) == []


async def test_a_questionnaire_its_request_and_its_answers_pass_theirs(
    service: Service, anna: Caller, operator: Caller, fhir_definitions: Path
) -> None:
    url = "https://example.org/Questionnaire/slaap"
    item = {"linkId": "1", "text": "Hoe slaapt u?", "type": "string"}
    then = {
        "linkId": "2",
        "text": "Waarom?",
        "type": "string",
        "enableWhen": [{"question": "1", "operator": "=", "answerString": "slecht"}],
    }
    held = await operator.create(
        builders.questionnaire(
            url=url, version="2", title="Slaap", date="2026-11-01", status="active", item=[item, then]
        )
    )
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": builders.concept(builders.LOINC, "74468-0"),
        "for": PATIENT,
        "owner": PATIENT,
        "authoredOn": "2026-11-20T08:00:00+01:00",
        "lastModified": "2026-11-20T08:00:00+01:00",
        "input": [{"type": {"text": "Questionnaire"}, "valueCanonical": f"{url}|2"}],
    }
    answers = {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "questionnaire": f"{url}|2",
        "subject": PATIENT,
        "author": PATIENT,
        "source": PATIENT,
        "authored": "2026-11-20T08:00:00+01:00",
        "item": [{"linkId": "1", "answer": [{"valueString": "goed"}]}],
    }
    asked = await read(anna, f"Questionnaire/{held['id']}")
    asker = await actor(service, "professional")
    made = await asker.create(task)
    request = await read(anna, f"Task/{made['id']}")
    answered = await left(anna, answers)
    assert claims(asked) == ["vl-Questionnaire"]
    assert claims(request) == ["vl-QuestionnaireProvisioningTask"]
    assert request["input"][0]["valueReference"]["reference"] == f"Questionnaire/{held['id']}"
    assert claims(answered) == ["vl-QuestionnaireResponse"]
    for each in (asked, request, answered):
        assert faults(each, fhir_definitions) == []


async def test_a_score_and_what_was_computed_leave_without_the_code_of_a_measurement(
    anna: Caller, fhir_definitions: Path
) -> None:
    survey = builders.concept(builders.OBSERVATION_CATEGORY, "survey")
    score = {
        "resourceType": "Observation",
        "status": "final",
        "category": [survey],
        "code": {"text": "Waar sta ik nu?"},
        "subject": PATIENT,
        "performer": [PATIENT],
        "effectiveDateTime": "2026-11-20T08:00:00+01:00",
        "valueInteger": 7,
    }
    seen = await left(anna, score)
    assert claims(seen) == ["zib-GeneralMeasurement"]
    assert seen["valueQuantity"]["value"] == 7
    assert faults(seen, fhir_definitions) == []


async def test_what_was_viewed_and_is_sent_back_stays_as_it_is_stored(anna: Caller, fhir_definitions: Path) -> None:
    """A measurement may be written in STU3, as anything that is no part of the plan: what was not changed stays."""
    seen = await left(anna, measured(kinds()["respiration"]))
    answer = await anna.put(f"/stu3/Observation/{seen['id']}", {**seen, "comment": "Na het traplopen"}, STU3)
    assert answer.status_code == 200, answer.text
    again = await read(anna, f"Observation/{seen['id']}")
    assert again["comment"] == "Na het traplopen"
    assert claims(again) == ["zib-Respiration"]
    assert faults(again, fhir_definitions) == []
    stored = decode((await anna.get(f"/Observation/{seen['id']}")).content)
    assert stored["note"] == [{"text": "Na het traplopen"}]
    assert [each["code"] for each in stored["code"]["coding"]] == ["9279-1"]
