"""The same checks from the tables of STU3. https://hl7.org/fhir/STU3/validation.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir import definitions
from app.fhir.validation import validate
from tests.fhir.refusals import Refused
from tests.fhir.samples import ABSENT, PATIENT, PRESSURE, WEIGHT, changed

R4 = definitions.load("4.0.1")
STU3 = definitions.load("3.0.1")

ORDER: dict[str, Any] = {
    "resourceType": "ProcedureRequest",
    "status": "active",
    "intent": "order",
    "code": {"text": "Bloeddruk meten"},
    "subject": {"reference": "Patient/p1"},
    "requester": {"agent": {"reference": "Practitioner/d1"}},
}


@pytest.mark.parametrize("valid", [WEIGHT, PRESSURE, PATIENT, ORDER], ids=["weight", "pressure", "patient", "order"])
def test_a_resource_of_stu3_has_no_issues(valid: dict[str, Any]) -> None:
    assert validate(valid, STU3) == []


@pytest.mark.parametrize(
    "case",
    [
        Refused(changed(ORDER, intent=ABSENT), "required", "ProcedureRequest.intent"),
        Refused(
            changed(ORDER, requester__agent=ABSENT, requester__onBehalfOf={"reference": "Organization/1"}),
            "required",
            "ProcedureRequest.requester.agent",
        ),
        Refused(
            changed(ORDER, requester__agent__reference="Patient/1"),
            "structure",
            "ProcedureRequest.requester.agent.reference",
        ),
        Refused(changed(WEIGHT, subject__type="Patient"), "structure", "Observation.subject.type"),
        Refused(changed(WEIGHT, focus=[{"reference": "Patient/1"}]), "structure", "Observation.focus"),
        Refused(changed(WEIGHT, valueInteger=1, valueQuantity=ABSENT), "structure", "Observation.valueInteger"),
        Refused(changed(WEIGHT, dataAbsentReason={"text": "?"}), "invariant", "Observation", "obs-6"),
        Refused({"resourceType": "ServiceRequest"}, "structure", "Resource"),
    ],
    ids=lambda case: case.expression,
)
def test_a_rule_of_stu3_is_held(case: Refused) -> None:
    assert case.found(STU3) == case.expected


def test_a_version_does_not_know_the_resources_of_another() -> None:
    assert [issue.code for issue in validate(ORDER, R4)] == ["structure"]
