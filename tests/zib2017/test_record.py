"""The plan, the persons, the record and the questionnaires that are born here claim what they pass of zib2017."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from app.bgz.zib2017.around import Around
from app.bgz.zib2017.mapping import is_privacy_consent
from app.careplan.names import Names
from app.careplan.plan import goals_of, is_plan, teams_of
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.fhir.stu3 import STU3_TYPES
from tests import builders
from tests.medmij_profiles.package import examples
from tests.zib2017.leaving import MAPPER, TRANSLATOR, claims, faults, leaving

OWN: Final = Names(CANONICAL_BASE)
PLANS: Final = [each for each in examples().values() if is_plan(each, OWN)]
PARTS: Final = Around(
    parts=frozenset(
        [
            *(("Goal", each) for plan in PLANS for each in goals_of(plan)),
            *(("CareTeam", each) for plan in PLANS for each in teams_of(plan)),
        ]
    ),
    questionnaires={"https://zelfregie.example/fhir/Questionnaire/consultvoorbereiding|0.1.0": "consultvoorbereiding"},
)
EXPECTED: Final = {
    "Patient": "nl-core-patient",
    "Practitioner": "nl-core-practitioner",
    "PractitionerRole": "nl-core-practitionerrole",
    "Organization": "nl-core-organization",
    "RelatedPerson": "nl-core-relatedperson",
    "Condition": "zib-Problem",
    "CarePlan": "nl-core-careplan",
    "Goal": "zib-TreatmentObjective",
    "CareTeam": "nl-core-careteam",
    "QuestionnaireResponse": "vl-QuestionnaireResponse",
    "Questionnaire": "vl-Questionnaire",
}
ANNA: Final = {"reference": "Patient/anna"}
DOCTOR: Final = {"reference": "Practitioner/doctor"}
OURS: Final = [name for name, each in examples().items() if each["resourceType"] in EXPECTED]


def _written_by(answers: Resource) -> bool:
    return str(answers.get("author", ANNA).get("reference")).startswith("Patient/")


@pytest.mark.parametrize("name", OURS)
def test_our_examples_pass_what_they_claim(name: str, fhir_definitions: Path) -> None:
    given = examples()[name]
    seen = leaving(given, PARTS)
    assert faults(seen, fhir_definitions) == []
    if given["resourceType"] == "QuestionnaireResponse" and not _written_by(given):
        assert claims(seen) == []
    else:
        assert claims(seen) == [EXPECTED[given["resourceType"]]]


def test_every_other_example_leaves_without_a_fault(fhir_definitions: Path) -> None:
    others = [
        each
        for name, each in examples().items()
        if name not in OURS and each["resourceType"] in STU3_TYPES and not is_privacy_consent(each)
    ]
    assert others
    for each in others:
        assert faults(leaving(each, PARTS), fhir_definitions) == [], each["id"]


def test_the_plan_says_of_an_agreement_who_how_often_and_when() -> None:
    seen = leaving(examples()["CarePlan/izp-truus"], PARTS)
    walking, measuring, group = seen["activity"]
    assert walking["detail"]["performer"] == [{"reference": "Patient/truus-vermeulen"}]
    assert walking["detail"]["goal"] == [{"reference": "Goal/doel-wandelen"}]
    repeat = walking["detail"]["scheduledTiming"]["repeat"]
    assert (repeat["frequency"], repeat["periodUnit"]) == (3, "wk")
    assert repeat["boundsPeriod"] == {"start": "2026-09-14", "end": "2027-03-01"}
    assert measuring["detail"]["scheduledString"] == "een week lang, voor elke controle"
    assert group["reference"] == {"reference": "Task/wandelgroep-aanmelden"}
    assert [each["reference"] for each in seen["goal"]] == ["Goal/doel-kleinkinderen", "Goal/doel-wandelen"]


def test_no_words_of_a_goal_stand_in_the_plan_or_the_network() -> None:
    words = [each["description"]["text"] for each in examples().values() if each["resourceType"] == "Goal"]
    assert words
    for name, each in examples().items():
        if name.startswith(("CarePlan/izp", "CareTeam/")):
            seen = str(leaving(each, PARTS))
            assert not any(text in seen for text in words)


def test_a_goal_of_the_plan_has_its_main_condition_and_its_targets_in_words() -> None:
    seen = leaving(examples()["Goal/doel-wandelen"], PARTS)
    assert [each["reference"] for each in seen["addresses"]] == ["Condition/copd"]
    (note,) = seen["note"]
    assert "minuten wandelen per keer: 30 min (voor 1 maart 2027)" in note["text"]
    assert {each["url"] for each in seen["extension"]} >= {
        OWN.extension("further-condition"),
        OWN.extension("free-target"),
    }
    assert seen["expressedBy"] == {"reference": "Patient/truus-vermeulen"}


def test_a_goal_of_no_plan_is_not_narrowed() -> None:
    goal = examples()["Goal/doel-wandelen"]
    seen = leaving(goal)
    assert claims(seen) == []
    assert len(seen["addresses"]) == 2
    assert [each["text"] for each in seen["note"]] == [each["text"] for each in goal["note"]]


def _task(**members: Any) -> Resource:
    asked = {"type": {"text": "Questionnaire"}, "valueCanonical": f"{CANONICAL_BASE}/Questionnaire/consult|1"}
    defaults = {
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": "74468-0"}]},
        "for": ANNA,
        "owner": ANNA,
        "requester": DOCTOR,
        "authoredOn": "2026-11-02T09:30:00+01:00",
        "lastModified": "2026-11-02T09:30:00+01:00",
        "input": [asked],
    }
    return builders.made("Task", defaults, members)


HELD: Final = Around(questionnaires={f"{CANONICAL_BASE}/Questionnaire/consult|1": "consult"})


def test_a_request_refers_to_the_questionnaire_that_is_held(fhir_definitions: Path) -> None:
    seen = leaving(_task(), HELD)
    assert claims(seen) == ["vl-QuestionnaireProvisioningTask"]
    assert faults(seen, fhir_definitions) == []
    assert seen["input"][0]["valueReference"]["reference"] == "Questionnaire/consult"


@pytest.mark.parametrize(
    "members",
    [
        {"requester": ANNA},
        {"authoredOn": None},
        {"statusReason": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}},
        {"businessStatus": {"text": "onderweg"}},
        {"status": "completed"},
        {"owner": DOCTOR},
        {"input": [{"type": {"text": "Iets anders"}, "valueString": "x"}]},
    ],
    ids=str,
)
def test_another_request_claims_nothing(members: dict[str, Any], fhir_definitions: Path) -> None:
    seen = leaving(_task(**members), HELD)
    assert claims(seen) == []
    assert faults(seen, fhir_definitions) == []


def test_a_request_for_what_is_not_held_claims_nothing() -> None:
    assert claims(leaving(_task())) == []


RECORD: Final[dict[str, tuple[Resource, str | None]]] = {
    "problem": (builders.condition(), "zib-Problem"),
    "problem-without-status": (builders.condition(clinicalStatus=None), None),
    "allergy": (
        {"resourceType": "AllergyIntolerance", "patient": ANNA, "code": {"text": "Pinda"}, "recorder": ANNA},
        "zib-AllergyIntolerance",
    ),
    "allergy-of-something": ({"resourceType": "AllergyIntolerance", "patient": ANNA}, None),
    "allergy-with-a-reaction": (
        {
            "resourceType": "AllergyIntolerance",
            "patient": ANNA,
            "code": {"text": "Pinda"},
            "reaction": [{"manifestation": [{"text": "jeuk"}]}],
        },
        None,
    ),
    "medication": (
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": ANNA,
            "medicationCodeableConcept": {"text": "Paracetamol"},
            "dateAsserted": "2026-11-20",
            "informationSource": ANNA,
        },
        "zib-MedicationUse",
    ),
    "medication-with-a-dosage": (
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": ANNA,
            "medicationCodeableConcept": {"text": "Paracetamol"},
            "dateAsserted": "2026-11-20",
            "dosage": [{"text": "als het nodig is"}],
        },
        None,
    ),
    "prescription": (
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "subject": ANNA,
            "authoredOn": "2026-11-20",
            "medicationCodeableConcept": {"text": "Paracetamol"},
        },
        None,
    ),
    "device": (
        {"resourceType": "Device", "patient": ANNA, "type": builders.concept(builders.SNOMED, "43770009")},
        "zib-MedicalDeviceProduct",
    ),
    "app": ({"resourceType": "Device", "patient": ANNA, "deviceName": [{"name": "App", "type": "other"}]}, None),
    "use-of-a-device": (
        {
            "resourceType": "DeviceUseStatement",
            "status": "active",
            "subject": ANNA,
            "device": {"reference": "Device/meter"},
        },
        "zib-MedicalDevice",
    ),
    "masked": (
        builders.patient(
            "anna",
            identifier=[
                {
                    "system": builders.BSN,
                    "_value": {
                        "extension": [
                            {
                                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                                "valueCode": "masked",
                            }
                        ]
                    },
                }
            ],
        ),
        "nl-core-patient",
    ),
    "phone-of-no-kind": (builders.patient("anna", telecom=[{"use": "home"}]), None),
    "action-plan": (builders.care_plan(author=ANNA), "nl-core-careplan"),
    "role": (
        {"resourceType": "PractitionerRole", "practitioner": DOCTOR, "organization": {"reference": "Organization/p"}},
        "nl-core-practitionerrole",
    ),
}


@pytest.mark.parametrize("name", RECORD)
def test_the_record_claims_what_it_passes(name: str, fhir_definitions: Path) -> None:
    given, profile = RECORD[name]
    seen = leaving(given)
    assert claims(seen) == ([] if profile is None else [profile])
    assert faults(seen, fhir_definitions) == []


def test_a_permission_is_known_from_a_clinical_consent() -> None:
    assert is_privacy_consent(examples()["Consent/consent-praktijk"])
    assert not is_privacy_consent(builders.consent(scope=None))


@pytest.mark.parametrize("name", ["CarePlan/izp-truus", "Goal/doel-wandelen", "CareTeam/netwerk-truus"])
def test_a_plan_a_goal_and_a_network_that_were_received_are_given_as_they_came(name: str) -> None:
    """Also when they were once ours."""
    received = TRANSLATOR.to_r4(leaving(examples()[name], PARTS))
    assert MAPPER.view(received, PARTS) is received
