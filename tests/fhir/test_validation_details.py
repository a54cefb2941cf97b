"""The finer points of structure, formats, bindings and references. https://hl7.org/fhir/R4/json.html"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.fhir import definitions
from app.fhir.validation import validate
from app.fhir.validation.primitives import LONGEST
from tests.fhir.refusals import Refused
from tests.fhir.samples import ABSENT, BUNDLE, CARE_PLAN, PATIENT, VALID, WEIGHT, changed, concept

R4 = definitions.load("4.0.1")

FURTHER = {
    "no resourceType": Refused({"id": "1"}, "structure", "Resource"),
    "an array for one": Refused(changed(PATIENT, gender=["female"]), "structure", "Patient.gender"),
    "text for an object": Refused(changed(WEIGHT, code="29463-7"), "structure", "Observation.code"),
    "an object for text": Refused(changed(PATIENT, birthDate={"value": "1950"}), "structure", "Patient.birthDate"),
    "a null": Refused(changed(PATIENT, birthDate=None), "structure", "Patient.birthDate"),
    "a null for a code": Refused(changed(WEIGHT, status=None), "structure", "Observation.status"),
    "a number for a code": Refused(changed(WEIGHT, status=1), "value", "Observation.status"),
    "a null among objects": Refused(changed(PATIENT, name=[None]), "structure", "Patient.name[0]"),
    "a null among texts": Refused(
        changed(PATIENT, name__0__given=["A", None]), "structure", "Patient.name[0].given[1]"
    ),
    "a day that does not exist": Refused(changed(PATIENT, birthDate="2023-02-30"), "value", "Patient.birthDate"),
    "a year that does not exist": Refused(changed(PATIENT, birthDate="0000"), "value", "Patient.birthDate"),
    "a time without a zone": Refused(
        changed(WEIGHT, effectiveDateTime="2026-11-21T09:10:00"), "value", "Observation.effective"
    ),
    "an instant without a time": Refused(changed(WEIGHT, issued="2026-11-21"), "value", "Observation.issued"),
    "text for a decimal": Refused(changed(WEIGHT, valueQuantity__value="81"), "value", "Observation.value.value"),
    "a fraction for an integer": Refused(
        changed(PATIENT, multipleBirthInteger=Decimal("2.0")), "value", "Patient.multipleBirth"
    ),
    "an integer of 33 bits": Refused(changed(PATIENT, multipleBirthInteger=2**31), "value", "Patient.multipleBirth"),
    "zero for a positiveInt": Refused(
        changed(PATIENT, contact__0__telecom__0__rank=0), "value", "Patient.contact[0].telecom[0].rank"
    ),
    "a number for a boolean": Refused(changed(PATIENT, active=1), "value", "Patient.active"),
    "a boolean for an integer": Refused(changed(PATIENT, multipleBirthInteger=True), "value", "Patient.multipleBirth"),
    "whitespace in a uri": Refused(
        changed(WEIGHT, identifier__0__system="urn:a b"), "value", "Observation.identifier[0].system"
    ),
    "whitespace around a code": Refused(changed(WEIGHT, language=" nl"), "value", "Observation.language"),
    "a control character": Refused(changed(PATIENT, name__0__family="van\x00Test"), "value", "Patient.name[0].family"),
    "a very long string": Refused(
        changed(PATIENT, name__0__family="x" * (LONGEST + 1)), "too-long", "Patient.name[0].family"
    ),
    "base64 that is none": Refused(
        changed(PATIENT, photo=[{"contentType": "image/png", "data": "abc"}]), "value", "Patient.photo[0].data"
    ),
    "a media type that is none": Refused(
        changed(PATIENT, photo=[{"contentType": "DICOM WADO"}]), "code-invalid", "Patient.photo[0].contentType"
    ),
    "a missing required object": Refused(changed(WEIGHT, code=ABSENT), "required", "Observation.code"),
    "a required choice that is not made": Refused(
        {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"display": "P"}},
        "required",
        "MedicationRequest.medication",
    ),
    "a choice made again by an extension": Refused(
        changed(WEIGHT, _valueString={"extension": [{"url": "urn:x", "valueCode": "y"}]}),
        "structure",
        "Observation.value",
    ),
    "an extension with a value and extensions": Refused(
        changed(PATIENT, extension=[{"url": "urn:x", "valueCode": "y", "extension": [{"url": "z", "valueCode": "y"}]}]),
        "invariant",
        "Patient.extension[0]",
        "ext-1",
    ),
    "an extension with nothing": Refused(
        changed(PATIENT, extension=[{"url": "urn:x"}]), "invariant", "Patient.extension[0]", "ext-1"
    ),
    "an extension without a url": Refused(
        changed(PATIENT, _birthDate={"extension": [{"valueCode": "y"}]}),
        "required",
        "Patient.birthDate.extension[0].url",
    ),
    "extensions beside an object": Refused(changed(WEIGHT, _code={"id": "a"}), "structure", "Observation.code"),
    "only an id beside no value": Refused(
        changed(PATIENT, _deceasedBoolean={"id": "a"}), "structure", "Patient.deceased", "ele-1"
    ),
    "no extension at the place of a null": Refused(
        changed(PATIENT, name__0__given=["A", None], name__0___given=[{"id": "a"}, None]),
        "structure",
        "Patient.name[0].given[1]",
    ),
    "more beside an array than in it": Refused(
        changed(PATIENT, name__0___given=[{"id": "a"}, {"id": "b"}, {"id": "c"}]),
        "structure",
        "Patient.name[0].given[2]",
        "ele-1",
    ),
    "a code of another system": Refused(
        {
            "resourceType": "Condition",
            "clinicalStatus": concept("http://snomed.info/sct", "active"),
            "subject": {"reference": "Patient/1"},
        },
        "code-invalid",
        "Condition.clinicalStatus",
    ),
    "a status in words only": Refused(
        {"resourceType": "Condition", "clinicalStatus": {"text": "actief"}, "subject": {"reference": "Patient/1"}},
        "code-invalid",
        "Condition.clinicalStatus",
    ),
    "an absolute reference to a wrong type": Refused(
        changed(CARE_PLAN, subject__reference="https://zelfregie.example/fhir/Device/1"),
        "structure",
        "CarePlan.subject.reference",
    ),
    "a stated type that is wrong": Refused(
        changed(WEIGHT, subject={"type": "Practitioner", "display": "Dokter"}), "structure", "Observation.subject.type"
    ),
    "a reference to an unknown type": Refused(
        changed(WEIGHT, focus=[{"reference": "Ingredient/1"}]), "value", "Observation.focus[0].reference"
    ),
    "a reference that is not one": Refused(
        changed(WEIGHT, subject__reference="p1"), "value", "Observation.subject.reference"
    ),
    "a contained resource of a wrong type": Refused(
        changed(PATIENT, contained__0={"resourceType": "Device", "id": "gp"}),
        "structure",
        "Patient.generalPractitioner[0].reference",
    ),
    "a contained resource that is not there": Refused(
        changed(PATIENT, generalPractitioner=[{"reference": "#gp"}, {"reference": "#else"}]),
        "invariant",
        "Patient.generalPractitioner[1].reference",
        "ref-1",
    ),
    "a search as reference outside a transaction": Refused(
        changed(BUNDLE, type="batch"), "value", "Bundle.entry[1].resource.subject.reference"
    ),
    "something wrong in what is contained": Refused(
        changed(PATIENT, contained__0__name=[]), "structure", "Patient.contained[0].name"
    ),
    "something wrong in an entry": Refused(
        changed(BUNDLE, entry__1__resource__status="done"), "code-invalid", "Bundle.entry[1].resource.status"
    ),
}


@pytest.mark.parametrize("case", FURTHER.values(), ids=FURTHER)
def test_one_detail_wrong_is_one_issue_at_its_place(case: Refused) -> None:
    assert case.found(R4) == case.expected


@pytest.mark.parametrize("valid", VALID.values(), ids=VALID)
def test_a_valid_resource_has_no_issues(valid: dict[str, Any]) -> None:
    assert validate(valid, R4) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"_birthDate": {"extension": [{"url": "urn:time", "valueDateTime": "1950-02-28T10:00:00+01:00"}]}},
        {"birthDate": ABSENT, "_birthDate": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}},
        {"_birthDate": {"id": "a"}},
        {
            "name__0__given": [None, "B."],
            "name__0___given": [{"extension": [{"url": "urn:x", "valueCode": "y"}]}, None],
        },
        {"name__0__given": ABSENT, "name__0___given": [{"extension": [{"url": "urn:x", "valueCode": "y"}]}]},
        {"extension": [{"url": "urn:x", "extension": [{"url": "part", "valueDecimal": Decimal("1.50")}]}]},
        {"birthDate": "2024-02-29"},
        {"birthDate": "1950"},
        {"photo": [{"contentType": "image/png; charset=binary", "data": "aGFsbG8g\nd2VyZWxk"}]},
        {"name__0__text": "Anna\n\tvan Test “één” 🙂"},
        {
            "contained": ABSENT,
            "generalPractitioner": [{"type": "Practitioner", "identifier": {"system": "urn:agb", "value": "01"}}],
        },
        {
            "contained": ABSENT,
            "generalPractitioner": [{"reference": "Practitioner/1/_history/2", "type": "Practitioner"}],
        },
        {"contained__0__extension": [{"url": "urn:x", "valueReference": {"reference": "#"}}]},
        {"managingOrganization": {"reference": "https://elders.example/care/organisation?id=4"}},
    ],
)
def test_a_variant_that_fhir_allows_has_no_issues(changes: dict[str, Any]) -> None:
    assert validate(changed(PATIENT, **changes), R4) == []


def test_a_required_element_may_have_extensions_only() -> None:
    unknown = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]
    }
    condition = {"resourceType": "Condition", "subject": {"display": "P"}, "clinicalStatus": unknown}
    assert validate(changed(WEIGHT, status=ABSENT, _status=unknown), R4) == []
    assert validate(condition, R4) == []
