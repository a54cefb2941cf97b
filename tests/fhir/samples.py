"""Valid resources of ours for the tests of ``app/fhir``, and a way to change one thing in them."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, Final

ABSENT: Final = object()
"""Given to ``changed`` to take a member away."""


def changed(resource: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with other members; a path is written ``name__0__use``, and ``ABSENT`` removes."""
    result = copy.deepcopy(resource)
    for path, value in changes.items():
        *parents, last = [int(step) if step.isdigit() else step for step in path.split("__")]
        target: Any = result
        for step in parents:
            target = target[step]
        if value is ABSENT:
            del target[last]
        else:
            target[last] = value
    return result


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


LOINC: Final = "http://loinc.org"

WEIGHT: Final[dict[str, Any]] = {
    "resourceType": "Observation",
    "id": "weight-1",
    "meta": {"versionId": "3", "lastUpdated": "2026-11-21T09:12:33.123+01:00"},
    "identifier": [{"use": "official", "system": "https://zelfregie.example/ids", "value": "a-17"}],
    "status": "final",
    "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")],
    "code": concept(LOINC, "29463-7"),
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-11-21T09:10:00+01:00",
    "performer": [{"reference": "Patient/p1"}],
    "valueQuantity": {"value": Decimal("81.50"), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}

PRESSURE: Final[dict[str, Any]] = {
    "resourceType": "Observation",
    "status": "final",
    "code": concept(LOINC, "85354-9"),
    "subject": {"reference": "Patient/p1"},
    "effectivePeriod": {"start": "2026-11-21T09:10:00+01:00", "end": "2026-11-21T09:15:00+01:00"},
    "component": [
        {"code": concept(LOINC, "8480-6"), "valueQuantity": {"value": 128}},
        {"code": concept(LOINC, "8462-4"), "valueQuantity": {"value": 81}},
    ],
}

PATIENT: Final[dict[str, Any]] = {
    "resourceType": "Patient",
    "id": "p1",
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Een <b>testpatiënt</b></p></div>',
    },
    "identifier": [{"use": "official", "system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999911120"}],
    "name": [{"use": "official", "family": "van Test", "given": ["Anna", "B."]}],
    "gender": "female",
    "birthDate": "1950-02-28",
    "multipleBirthInteger": 2,
    "contact": [{"name": {"family": "Test"}, "telecom": [{"system": "phone", "value": "0612345678", "rank": 1}]}],
    "generalPractitioner": [{"reference": "#gp"}],
    "contained": [{"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Dokter"}]}],
}

CARE_PLAN: Final[dict[str, Any]] = {
    "resourceType": "CarePlan",
    "status": "active",
    "intent": "plan",
    "subject": {"reference": "https://zelfregie.example/fhir/Patient/p1"},
    "activity": [
        {"detail": {"status": "in-progress", "description": "Iedere ochtend wegen"}},
        {"reference": {"reference": "urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"}},
    ],
}

RESPONSE: Final[dict[str, Any]] = {
    "resourceType": "QuestionnaireResponse",
    "questionnaire": "https://zelfregie.example/fhir/Questionnaire/morning|1.0",
    "status": "completed",
    "item": [
        {"linkId": "1", "item": [{"linkId": "1.1", "answer": [{"valueBoolean": True}]}]},
        {
            "linkId": "2",
            "answer": [{"valueInteger": 7, "item": [{"linkId": "2.1", "answer": [{"valueDate": "2026-11"}]}]}],
        },
    ],
}

BUNDLE: Final[dict[str, Any]] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": "urn:uuid:6d0c6f3a-6a52-4f5e-9a52-0d0f0f6b7a01",
            "resource": PATIENT,
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "resource": changed(WEIGHT, subject={"reference": "Patient?identifier=urn:test|1"}),
            "request": {"method": "POST", "url": "Observation"},
        },
    ],
}

VALID: Final = {
    "weight": WEIGHT,
    "pressure": PRESSURE,
    "patient": PATIENT,
    "care plan": CARE_PLAN,
    "response": RESPONSE,
    "bundle": BUNDLE,
}
