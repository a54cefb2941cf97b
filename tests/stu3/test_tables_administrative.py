"""Persons, administration, care planning, documents and workflow: what STU3 says stands in R4's own elements, and back.
https://hl7.org/fhir/R4/versions.html
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.fhir.stu3 import Translator

TRANSLATOR: Final = Translator(CANONICAL_BASE)
ACHIEVEMENT: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
CLASS: Final = "http://terminology.hl7.org/CodeSystem/coverage-class"
NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/questionnaire-"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
ADDED: Final = f"{CANONICAL_BASE}/StructureDefinition/added-in-translation"
FROM_STU3: Final = "http://hl7.org/fhir/3.0/StructureDefinition/extension-"
FROM_R4: Final = "http://hl7.org/fhir/4.0/StructureDefinition/extension-"
PATIENT: Final = {"reference": "Patient/p"}


def added(version: str, reason: str | None = None) -> list[dict[str, str]]:
    """The extensions of a member that was only added."""
    mark = {"url": ADDED, "valueCode": version}
    return [mark] if reason is None else [{"url": ABSENT, "valueCode": reason}, mark]


def goal(**members: Any) -> Resource:
    return {"resourceType": "Goal", "description": {"text": "Lopen"}, "subject": PATIENT, **members}


def achieved(code: str) -> dict[str, Any]:
    return {"coding": [{"system": ACHIEVEMENT, "code": code}]}


def question(**members: Any) -> Resource:
    item = {"linkId": "1", "type": "choice", **members}
    return {"resourceType": "Questionnaire", "status": "active", "item": [item]}


def of_class(code: str, value: str, **members: str) -> dict[str, Any]:
    return {"type": {"coding": [{"system": CLASS, "code": code}]}, "value": value, **members}


BOTH_WAYS: Final[Mapping[str, tuple[Resource, Resource]]] = {
    "a goal that is accepted": (goal(status="accepted"), goal(lifecycleStatus="accepted")),
    "a goal that is rejected": (goal(status="rejected"), goal(lifecycleStatus="rejected")),
    "a goal in progress": (
        goal(status="in-progress"),
        goal(lifecycleStatus="active", achievementStatus=achieved("in-progress")),
    ),
    "a goal that is sustained": (
        goal(status="sustaining"),
        goal(lifecycleStatus="active", achievementStatus=achieved("sustaining")),
    ),
    "a goal that is achieved": (
        goal(status="achieved"),
        goal(lifecycleStatus="completed", achievementStatus=achieved("achieved")),
    ),
    "a goal's target": (
        goal(status="planned", target={"measure": {"text": "m"}, "detailQuantity": {"value": 3}, "dueDate": "2026-12"}),
        goal(
            lifecycleStatus="planned",
            target=[{"measure": {"text": "m"}, "detailQuantity": {"value": 3}, "dueDate": "2026-12"}],
        ),
    ),
    "a plan": (
        {
            "resourceType": "CarePlan",
            "status": "suspended",
            "intent": "plan",
            "subject": PATIENT,
            "context": {"reference": "Encounter/e"},
            "definition": [{"reference": "https://zelfregie.example/PlanDefinition/a", "display": "Longen"}],
            "author": [{"reference": "Practitioner/a"}],
            "activity": [
                {"reference": {"reference": "ProcedureRequest/x"}},
                {
                    "detail": {
                        "status": "cancelled",
                        "statusReason": "Verhuisd",
                        "prohibited": True,
                        "definition": {"reference": "urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"},
                    }
                },
            ],
        },
        {
            "resourceType": "CarePlan",
            "status": "on-hold",
            "intent": "plan",
            "subject": PATIENT,
            "encounter": {"reference": "Encounter/e"},
            "instantiatesCanonical": ["https://zelfregie.example/PlanDefinition/a"],
            "_instantiatesCanonical": [
                {
                    "extension": [
                        {"url": "http://hl7.org/fhir/StructureDefinition/display", "valueString": "Longen"},
                    ]
                }
            ],
            "author": {"reference": "Practitioner/a"},
            "activity": [
                {"reference": {"reference": "ServiceRequest/x"}},
                {
                    "detail": {
                        "status": "cancelled",
                        "statusReason": {"text": "Verhuisd"},
                        "doNotPerform": True,
                        "instantiatesCanonical": ["urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"],
                    }
                },
            ],
        },
    ),
    "a team": (
        {
            "resourceType": "CareTeam",
            "context": {"reference": "Encounter/e"},
            "participant": [{"role": {"text": "Huisarts"}, "member": {"reference": "Practitioner/a"}}],
        },
        {
            "resourceType": "CareTeam",
            "encounter": {"reference": "Encounter/e"},
            "participant": [{"role": [{"text": "Huisarts"}], "member": {"reference": "Practitioner/a"}}],
        },
    ),
    "a task": (
        {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "definitionReference": {"reference": "https://zelfregie.example/ActivityDefinition/a"},
            "context": {"reference": "Encounter/e"},
            "requester": {"agent": {"reference": "Organization/o", "display": "Huisartsenpraktijk"}},
            "reason": {"text": "Longen"},
        },
        {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "instantiatesCanonical": "https://zelfregie.example/ActivityDefinition/a",
            "encounter": {"reference": "Encounter/e"},
            "requester": {"reference": "Organization/o", "display": "Huisartsenpraktijk"},
            "reasonCode": {"text": "Longen"},
        },
    ),
    "an insurance": (
        {
            "resourceType": "Coverage",
            "status": "active",
            "beneficiary": PATIENT,
            "payor": [{"reference": "Organization/o"}],
            "grouping": {"group": "1", "groupDisplay": "Werkgever", "subClass": "9"},
            "sequence": "2",
        },
        {
            "resourceType": "Coverage",
            "status": "active",
            "beneficiary": PATIENT,
            "payor": [{"reference": "Organization/o"}],
            "class": [of_class("group", "1", name="Werkgever"), of_class("subclass", "9"), of_class("sequence", "2")],
        },
    ),
    "an encounter": (
        {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://hl7.org/fhir/v3/ActCode", "code": "AMB"},
            "appointment": {"reference": "Appointment/a"},
            "reason": [{"text": "Benauwd"}],
            "diagnosis": [{"condition": {"reference": "Condition/c"}, "role": {"text": "hoofd"}}],
        },
        {
            "resourceType": "Encounter",
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "appointment": [{"reference": "Appointment/a"}],
            "reasonCode": [{"text": "Benauwd"}],
            "diagnosis": [{"condition": {"reference": "Condition/c"}, "use": {"text": "hoofd"}}],
        },
    ),
    "an appointment": (
        {
            "resourceType": "Appointment",
            "status": "booked",
            "serviceCategory": {"text": "Huisarts"},
            "reason": [{"text": "Controle"}],
            "indication": [{"reference": "Condition/c"}],
            "participant": [{"actor": PATIENT, "status": "accepted"}],
        },
        {
            "resourceType": "Appointment",
            "status": "booked",
            "serviceCategory": [{"text": "Huisarts"}],
            "reasonCode": [{"text": "Controle"}],
            "reasonReference": [{"reference": "Condition/c"}],
            "participant": [{"actor": PATIENT, "status": "accepted"}],
        },
    ),
    "a document": (
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": {"text": "Brief"},
            "class": {"text": "Verslag"},
            "indexed": "2026-11-21T09:12:33Z",
            "content": [{"attachment": {"url": "Binary/b", "contentType": "application/pdf"}}],
            "context": {
                "encounter": {"reference": "Encounter/e"},
                "related": [{"identifier": {"system": "urn:s", "value": "1"}, "ref": {"reference": "Task/t"}}],
            },
        },
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "type": {"text": "Brief"},
            "category": [{"text": "Verslag"}],
            "date": "2026-11-21T09:12:33Z",
            "content": [{"attachment": {"url": "Binary/b", "contentType": "application/pdf"}}],
            "context": {
                "encounter": [{"reference": "Encounter/e"}],
                "related": [{"identifier": {"system": "urn:s", "value": "1"}, "reference": "Task/t"}],
            },
        },
    ),
    "bytes": (
        {"resourceType": "Binary", "contentType": "text/plain", "content": "YWxmYQ=="},
        {"resourceType": "Binary", "contentType": "text/plain", "data": "YWxmYQ=="},
    ),
    "a service": (
        {
            "resourceType": "HealthcareService",
            "category": {"text": "Zorg"},
            "eligibility": {"text": "Leden"},
            "eligibilityNote": "Met pas",
            "programName": ["Longen"],
        },
        {
            "resourceType": "HealthcareService",
            "category": [{"text": "Zorg"}],
            "eligibility": [{"code": {"text": "Leden"}, "comment": "Met pas"}],
            "program": [{"text": "Longen"}],
        },
    ),
    "options": (
        question(option=[{"valueCoding": {"code": "a"}}, {"valueCoding": {"code": "b"}}], initialCoding={"code": "b"}),
        question(
            answerOption=[{"valueCoding": {"code": "a"}}, {"valueCoding": {"code": "b"}, "initialSelected": True}]
        ),
    ),
    "a value set of answers": (
        question(options={"reference": "http://hl7.org/fhir/ValueSet/yesnodontknow"}),
        question(answerValueSet="http://hl7.org/fhir/ValueSet/yesnodontknow"),
    ),
    "an initial value": (question(initialDate="2026-11-21"), question(initial=[{"valueDate": "2026-11-21"}])),
    "a condition": (
        question(enableWhen=[{"question": "0", "hasAnswer": False}]),
        question(enableWhen=[{"question": "0", "operator": "exists", "answerBoolean": False}]),
    ),
    "an equal answer": (
        question(enableWhen=[{"question": "0", "answerCoding": {"code": "a"}}]),
        question(enableWhen=[{"question": "0", "operator": "=", "answerCoding": {"code": "a"}}]),
    ),
    "conditions as Nictiz has them": (
        question(
            extension=[{"url": f"{NICTIZ}enableBehavior", "valueCode": "all"}],
            enableWhen=[
                {
                    "question": "0",
                    "answerInteger": 3,
                    "extension": [{"url": f"{NICTIZ}enableOperator", "valueCode": ">="}],
                },
                {"question": "2", "hasAnswer": True},
            ],
        ),
        question(
            enableBehavior="all",
            enableWhen=[
                {"question": "0", "operator": ">=", "answerInteger": 3},
                {"question": "2", "operator": "exists", "answerBoolean": True},
            ],
        ),
    ),
    "answers": (
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "questionnaire": {"reference": "http://zelfregie.example/Questionnaire/a|1"},
            "parent": [{"reference": "Procedure/p"}],
            "context": {"reference": "Encounter/e"},
            "basedOn": [{"reference": "ProcedureRequest/x"}],
        },
        {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "questionnaire": "http://zelfregie.example/Questionnaire/a|1",
            "partOf": [{"reference": "Procedure/p"}],
            "encounter": {"reference": "Encounter/e"},
            "basedOn": [{"reference": "ServiceRequest/x"}],
        },
    ),
    "where something comes from": (
        {
            "resourceType": "Provenance",
            "target": [{"reference": "Task/t"}],
            "period": {"start": "2026"},
            "recorded": "2026-11-21T09:12:33Z",
            "reason": [{"code": "a"}],
            "agent": [{"whoUri": "urn:oid:2.16.1", "onBehalfOfReference": {"reference": "Organization/o"}}],
            "entity": [{"role": "source", "whatIdentifier": {"system": "urn:s", "value": "1"}}],
        },
        {
            "resourceType": "Provenance",
            "target": [{"reference": "Task/t"}],
            "occurredPeriod": {"start": "2026"},
            "recorded": "2026-11-21T09:12:33Z",
            "reason": [{"coding": [{"code": "a"}]}],
            "agent": [
                {
                    "who": {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.1"}},
                    "onBehalfOf": {"reference": "Organization/o"},
                }
            ],
            "entity": [{"role": "source", "what": {"identifier": {"system": "urn:s", "value": "1"}}}],
        },
    ),
}


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_both_say_the_same(name: str) -> None:
    stu3, r4 = BOTH_WAYS[name]
    assert TRANSLATOR.to_r4(copy.deepcopy(stu3)) == r4
    assert TRANSLATOR.to_stu3(copy.deepcopy(r4)) == stu3


@pytest.mark.parametrize(
    ("status", "life"),
    [("on-target", "active"), ("ahead-of-target", "active"), ("behind-target", "active")],
)
def test_how_a_goal_keeps_to_its_schedule_is_carried_and_its_life_is_said(status: str, life: str) -> None:
    within = TRANSLATOR.to_r4(goal(status=status))
    assert within["lifecycleStatus"] == life
    assert within["achievementStatus"] == achieved("in-progress")
    assert within["extension"] == [{"url": f"{FROM_STU3}Goal.status", "valueCode": status}]
    assert TRANSLATOR.to_stu3(within) == goal(status=status)


def test_a_carried_original_does_not_come_back_over_a_change() -> None:
    within = TRANSLATOR.to_r4(goal(status="on-target"))
    changed = {**within, "lifecycleStatus": "completed", "achievementStatus": achieved("achieved")}
    assert TRANSLATOR.to_stu3(changed) == goal(status="achieved")


@pytest.mark.parametrize(
    ("life", "how_far", "status"),
    [
        ("active", None, "in-progress"),
        ("active", "improving", "in-progress"),
        ("active", "achieved", "sustaining"),
        ("completed", None, "cancelled"),
        ("completed", "not-achieved", "cancelled"),
        ("completed", "achieved", "achieved"),
    ],
)
def test_a_goal_of_r4_has_the_status_of_stu3_that_says_no_more(life: str, how_far: str | None, status: str) -> None:
    born = goal(lifecycleStatus=life)
    if how_far is not None:
        born["achievementStatus"] = achieved(how_far)
    without = TRANSLATOR.to_stu3(born)
    assert without["status"] == status
    assert "modifierExtension" not in without
    assert TRANSLATOR.to_r4(without) == born


def test_an_insurance_that_says_nothing_gets_no_status_and_none_goes_out() -> None:
    given = {"resourceType": "Coverage", "identifier": [{"value": "1"}]}
    within = TRANSLATOR.to_r4(given)
    assert within["_status"] == {"extension": added("4.0", "unknown")}
    assert within["beneficiary"] == {"extension": added("4.0", "unknown")}
    assert within["payor"] == [{"extension": added("4.0", "unknown")}]
    assert TRANSLATOR.to_stu3(within) == given


def test_an_added_status_that_was_really_set_stays() -> None:
    within = TRANSLATOR.to_r4({"resourceType": "Coverage", "beneficiary": PATIENT, "payor": [PATIENT]})
    del within["_status"]
    assert TRANSLATOR.to_stu3({**within, "status": "active"})["status"] == "active"


def test_an_added_status_that_was_set_beside_its_mark_stays() -> None:
    within = TRANSLATOR.to_r4({"resourceType": "Coverage", "beneficiary": PATIENT, "payor": [PATIENT]})
    out = TRANSLATOR.to_stu3({**within, "status": "cancelled"})
    assert out["status"] == "cancelled"
    assert "_status" not in out


def test_in_stu3_one_condition_of_several_is_enough() -> None:
    asked = question(enableWhen=[{"question": "0", "hasAnswer": True}, {"question": "2", "hasAnswer": True}])
    within = TRANSLATOR.to_r4(asked)
    assert within["item"][0]["enableBehavior"] == "any"
    assert within["item"][0]["_enableBehavior"] == {"extension": added("4.0")}
    assert TRANSLATOR.to_stu3(within) == asked


def test_an_extension_of_nictiz_comes_back_in_its_place() -> None:
    others = [{"url": "urn:a", "valueCode": "x"}, {"url": "urn:b", "valueCode": "y"}]
    said = {"url": f"{NICTIZ}enableBehavior", "valueCode": "any"}
    asked = question(extension=[others[0], said, others[1]])
    within = TRANSLATOR.to_r4(asked)
    assert within["item"][0]["enableBehavior"] == "any"
    assert within["item"][0]["extension"] == others
    assert TRANSLATOR.to_stu3(within) == asked


@pytest.mark.parametrize(
    "extensions",
    [
        [{"url": f"{NICTIZ}enableBehavior", "valueCode": "any"}],
        [
            {"url": f"{NICTIZ}enableBehavior", "valueCode": "any"},
            {"url": f"{NICTIZ}enableBehavior", "valueCode": "all"},
        ],
        [{"url": f"{NICTIZ}enableBehavior", "valueString": "any"}],
    ],
)
@pytest.mark.parametrize("behavior", [None, "all"])
def test_an_extension_of_nictiz_in_r4_stays_one(extensions: list[Resource], behavior: str | None) -> None:
    asked = question(extension=extensions, **({} if behavior is None else {"enableBehavior": behavior}))
    assert TRANSLATOR.to_r4(TRANSLATOR.to_stu3(asked)) == asked


@pytest.mark.parametrize("operator", ["=", "exists"])
def test_an_operator_that_stu3_says_by_itself_stays_an_extension(operator: str) -> None:
    said = {"url": f"{NICTIZ}enableOperator", "valueCode": operator}
    asked = question(enableWhen=[{"question": "0", "answerBoolean": True, "extension": [said]}])
    within = TRANSLATOR.to_r4(asked)
    assert within["item"][0]["enableWhen"][0]["operator"] == operator
    assert TRANSLATOR.to_stu3(within) == asked


def test_an_activity_that_was_entered_in_error_is_not_overlooked() -> None:
    plan = {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": PATIENT}
    born = {**plan, "activity": [{"detail": {"status": "entered-in-error"}}]}
    detail = TRANSLATOR.to_stu3(born)["activity"][0]["detail"]
    assert detail == {
        "_status": {"extension": added("3.0", "unknown")},
        "modifierExtension": [{"url": f"{FROM_R4}CarePlan.activity.detail.status", "valueCode": "entered-in-error"}],
    }
    assert TRANSLATOR.to_r4(TRANSLATOR.to_stu3(born)) == born


def test_the_time_of_a_bundle_is_carried_in_its_meta() -> None:
    born = {"resourceType": "Bundle", "type": "collection", "timestamp": "2026-11-21T09:12:33Z"}
    without = TRANSLATOR.to_stu3(born)
    assert without["meta"]["extension"] == [
        {"url": f"{FROM_R4}Bundle.timestamp", "valueInstant": "2026-11-21T09:12:33Z"}
    ]
    assert TRANSLATOR.to_r4(without) == born


def test_a_document_has_the_time_of_its_composition() -> None:
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "Brief"},
        "subject": PATIENT,
        "date": "2026-11-21T09:12:33Z",
        "author": [{"reference": "Practitioner/a"}],
        "title": "Brief",
    }
    given = {"resourceType": "Bundle", "type": "document", "entry": [{"resource": composition}]}
    within = TRANSLATOR.to_r4(given)
    assert within["timestamp"] == "2026-11-21T09:12:33Z"
    assert TRANSLATOR.to_stu3(within) == given


@pytest.mark.parametrize(
    ("born", "status"), [("checked-in", "arrived"), ("waitlist", "proposed"), ("fulfilled", "fulfilled")]
)
def test_an_appointment_of_r4_has_a_status_of_stu3(born: str, status: str) -> None:
    appointment = {
        "resourceType": "Appointment",
        "status": born,
        "participant": [{"actor": PATIENT, "status": "accepted"}],
    }
    without = TRANSLATOR.to_stu3(appointment)
    assert without["status"] == status
    assert TRANSLATOR.to_r4(without) == appointment


def test_a_referral_is_referred_to_by_what_r4_can_say_of_it() -> None:
    given = {
        "resourceType": "Encounter",
        "status": "planned",
        "class": {"code": "AMB"},
        "incomingReferral": [{"reference": "ReferralRequest/r", "display": "Verwijzing"}],
    }
    within = TRANSLATOR.to_r4(given)
    assert within["basedOn"][0]["display"] == "Verwijzing"
    assert "reference" not in within["basedOn"][0]
    assert TRANSLATOR.to_stu3(within) == given


def test_an_episode_of_care_is_carried() -> None:
    given = {"resourceType": "CareTeam", "context": {"reference": "EpisodeOfCare/e"}}
    within = TRANSLATOR.to_r4(given)
    assert within == {
        "resourceType": "CareTeam",
        "extension": [
            {"url": f"{FROM_STU3}CareTeam.context", "valueReference": {"reference": "EpisodeOfCare/e"}},
        ],
    }
    assert TRANSLATOR.to_stu3(within) == given


@pytest.mark.parametrize("held", [{"valueUuid": "urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"}, {"part": []}])
def test_a_parameter_of_a_type_that_stu3_lacks_has_no_value_there(held: Resource) -> None:
    part = {"name": "b", "valueInteger": 3}
    parameter = {"name": "a", **({"part": [part]} if "part" in held else held)}
    born = {"resourceType": "Parameters", "parameter": [parameter]}
    without = TRANSLATOR.to_stu3(born)
    assert ("_valueString" in without["parameter"][0]) == ("valueUuid" in held)
    assert TRANSLATOR.to_r4(without) == born


def test_an_extension_that_modifies_is_carried_where_stu3_has_none() -> None:
    timing = {"code": {"text": "x"}, "modifierExtension": [{"url": "urn:never", "valueBoolean": True}]}
    given = {"resourceType": "Parameters", "parameter": [{"name": "a", "valueTiming": timing}]}
    without = TRANSLATOR.to_stu3(given)
    assert "modifierExtension" not in without["parameter"][0]["valueTiming"]
    assert TRANSLATOR.to_r4(without) == given
