"""How a translation is told in a test: small resources in both versions, what is carried, and what is added."""

from __future__ import annotations

import copy
from typing import Any, Final

from fhir.resources.R4B import get_fhir_model_class as r4b_model
from fhir.resources.STU3 import get_fhir_model_class as stu3_model

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, encode
from app.fhir.stu3 import R4_TYPES
from tests.stu3.examples import R4, STU3, TRANSLATOR, errors

Members = dict[str, Any]
MARK: Final = f"{CANONICAL_BASE}/StructureDefinition/added-in-translation"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem"
UNREAD: Final = ("_occurrenceDateTime", "_doseNumberPositiveInt")
"""Demanded choices that have only the reason why there is no value: ``fhir.resources`` wants a value."""

SUBJECT: Final[Members] = {"subject": {"reference": "Patient/anna"}}
PATIENT: Final[Members] = {"patient": {"reference": "Patient/anna"}}
MEDICATION: Final[Members] = {"medicationCodeableConcept": {"text": "paracetamol"}}


def carried(version: str, path: str, **value: Any) -> Members:
    """The extension in which a resource has an element of the other version, ``3.0`` or ``4.0``."""
    return {"url": f"http://hl7.org/fhir/{version}/StructureDefinition/extension-{path}", **value}


def added(version: str, *, absent: str = "") -> Members:
    """What stands beside, or in, what was added for a version: the mark, and the reason why there is no value."""
    reason = [{"url": ABSENT, "valueCode": absent}] if absent else []
    return {"extension": [*reason, {"url": MARK, "valueCode": version}]}


def coded(system: str, code: str) -> Members:
    """A concept of one Coding, its system below HL7's terminology in R4."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def goes_in(kind: str, stu3: Members, r4: Members) -> None:
    """A resource of STU3 is this one in R4, and comes back from it."""
    given: Resource = {"resourceType": kind, **stu3}
    before = copy.deepcopy(given)
    within = TRANSLATOR.to_r4(given)
    assert within == {"resourceType": R4_TYPES[kind], **r4}
    assert TRANSLATOR.to_stu3(within) == given == before
    assert_valid(given, within)


def goes_out(kind: str, r4: Members, stu3: Members) -> None:
    """A resource of R4 (``kind`` is the type of STU3) is this one in STU3, and comes back from it."""
    assert goes_out_as(kind, r4) == {"resourceType": kind, **stu3}


def goes_out_as(kind: str, r4: Members) -> Resource:
    """What a resource of R4 is in STU3; it comes back from it."""
    given: Resource = {"resourceType": R4_TYPES[kind], **r4}
    before = copy.deepcopy(given)
    without = TRANSLATOR.to_stu3(given)
    assert TRANSLATOR.to_r4(without) == given == before
    assert_valid(without, given)
    return without


def assert_valid(stu3: Resource, r4: Resource) -> None:
    """By HL7's definitions of its version, and to ``fhir.resources``."""
    assert errors(stu3, STU3) == []
    assert errors(r4, R4) == []
    stu3_model(stu3["resourceType"]).model_validate_json(encode(stu3))
    if not any(f"'{each}'" in str(r4) for each in UNREAD):
        r4b_model(r4["resourceType"]).model_validate_json(encode(r4))
