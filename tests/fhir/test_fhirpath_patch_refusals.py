"""FHIRPath Patches that are refused, and what is said of them: https://hl7.org/fhir/R4/fhirpatch.html."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from app.errors import Invalid, TooLarge, Unprocessable
from app.fhir.patching import apply_fhirpath_patch
from app.fhir.patching.working_copy import MOST_OPERATIONS
from app.fhir.resource import Resource
from app.fhir.validation import validate
from tests.fhir.patches import HELD_AS, R4, WHY, Json, apply, op, patch, refusal
from tests.fhir.samples import PATIENT, changed


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (op("add", "Patient", {"valueCode": "male"}, name="gender"), "business-rule"),
        (op("add", "Patient", {"valueBoolean": True}, name="multipleBirth"), "business-rule"),
        (op("add", "Patient.name[3]", {"valueString": "x"}, name="text"), "not-found"),
        (op("add", "Patient.name[0].period", {"valueDateTime": "2026"}, name="end"), "not-found"),
        (op("add", "Patient", {"valueString": "x"}, name="colour"), "not-found"),
        (op("add", "Patient", {"valueString": "x"}, name="active"), "structure"),
        (op("add", "Patient", {"valueString": "x"}, name="contact"), "structure"),
        (op("add", "Patient", {"part": [{"name": "x", "valueCode": "x"}]}, name="contact"), "not-found"),
        (op("add", "Patient", {"part": [{"name": "x", "valueCode": "x"}]}, name="active"), "structure"),
        (op("add", "Patient", {"part": [{"name": "x", "valueCode": "x"}]}, name="deceased"), "structure"),
        (op("add", "Patient", {"part": [{"name": "gender", "valueCode": "x"}] * 2}, name="contact"), "structure"),
        (op("add", "Patient", {"valueCode": "x"}, name="contained"), "structure"),
        (op("add", "Patient", {"valueReference": {}}, name="deceased"), "structure"),
        (op("insert", "Patient.identifier", {"valueIdentifier": {"value": "1"}}, index=2), "value"),
        (op("insert", "Patient.gender", {"valueCode": "x"}, index=0), "structure"),
        (op("insert", "Patient.link.other", {"valueReference": {}}, index=0), "not-found"),
        (op("insert", "Patient.contact[0].colour", {"valueCode": "x"}, index=0), "not-found"),
        (op("delete", "Patient.name.given"), "multiple-matches"),
        (op("delete", "Patient.name.given.single()"), "multiple-matches"),
        (op("delete", "Patient.colour"), "not-found"),
        (op("delete", "Patient.name.where(colour = 'x')"), "not-found"),
        (op("delete", "Observation.code"), "value"),
        (op("delete", "Patient"), "not-supported"),
        (op("delete", "Patient.id"), "business-rule"),
        (op("replace", "Patient", {"valueString": "x"}), "not-supported"),
        (op("replace", "Patient.telecom", {"valueContactPoint": {}}), "not-found"),
        (op("replace", "Patient.name.given", {"valueString": "x"}), "multiple-matches"),
        (op("replace", "Patient.birthDate", {"valueInteger": 1950}), "structure"),
        (op("replace", "Patient.id", {"valueId": "p2"}), "business-rule"),
        (op("move", "Patient.identifier", source=1, destination=0), "value"),
        (op("move", "Patient.identifier", source=0, destination=1), "value"),
        (op("move", "Patient.telecom", source=0, destination=0), "value"),
        (op("move", "Patient.gender", source=0, destination=0), "structure"),
    ],
)
def test_what_cannot_be_applied_is_told_with_its_place(operation: Json, code: str) -> None:
    harmless = op("replace", "Patient.gender", {"valueCode": "other"})
    found, expression, text = refusal(PATIENT, harmless, operation)
    kind, path = (part[HELD_AS[part["name"]]] for part in operation["part"][:2])
    assert (found, expression) == (code, ("Parameters.parameter[1]",))
    assert text.startswith(f"Operation [1] ({kind} {path}): ")
    assert "Anna" not in text


def parts(*held: Any) -> Json:
    return {"name": "operation", "part": list(held)}


TYPE, PATH = {"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": "Patient.name"}


@pytest.mark.parametrize(
    "operation",
    [
        "operation",
        {"name": "other", "part": [TYPE, PATH]},
        {"name": "operation"},
        parts(PATH),
        parts({"name": "type", "valueCode": "remove"}, PATH),
        parts({"name": "type", "valueBoolean": True}, PATH),
        parts(TYPE),
        parts(TYPE, PATH, PATH),
        parts(TYPE, PATH, {"name": "colour", "valueString": "x"}),
        parts(TYPE, PATH, {"name": "name", "valueString": "x"}),
        parts(TYPE, PATH, "part"),
        parts(TYPE, {"name": "path"}),
        parts(TYPE, {"name": "path", "valueString": 5}),
        parts(TYPE, {"name": "path", "_valueString": WHY}),
        parts(TYPE, {"name": "path", "valueString": "Patient..name"}),
        op("delete", ""),
        op("delete", "(" * 2000),
        op("delete", f"Patient.name[{'9' * 5000}]"),
        op("delete", "Patient.name | Patient.telecom"),
        op("delete", "Patient.name.exists()"),
        op("delete", "Patient.name.exists().where(true)"),
        op("delete", "Patient.link.other.resolve().name"),
        op("delete", "Patient.name.where(%resource.active)"),
        op("delete", "Patient.name.where(given.select(x))"),
        op("delete", "Patient.name.where((use = 'a').exists(true))"),
        op("delete", "Patient.extension(url)"),
        op("delete", "Patient.name.given = 'Anna'"),
        op("delete", "'Patient'"),
        op("add", "Patient", {"valueString": "x"}),
        op("add", "Patient", name="active"),
        op("add", "Patient", {}, name="active"),
        op("add", "Patient", {"valueString": "x", "valueCode": "x"}, name="active"),
        op("add", "Patient", {"valueNothing": "x"}, name="active"),
        op("add", "Patient", {"valueString": {}}, name="active"),
        op("add", "Patient", {"valueString": ["x"]}, name="active"),
        op("add", "Patient", {"valueString": "x", "_valueString": 1}, name="active"),
        op("add", "Patient", {"valuePeriod": "x"}, name="active"),
        op("add", "Patient", {"valuePeriod": {}, "_valuePeriod": WHY}, name="active"),
        op("add", "Patient", {"resource": {"resourceType": "Colour"}}, name="contained"),
        op("add", "Patient", {"resource": "x"}, name="contained"),
        op("add", "Patient", {"part": []}, name="contact"),
        op("add", "Patient", {"part": [{"valueString": "x"}]}, name="contact"),
        op("add", "Patient", {"part": [{"name": "x"}]}, name="contact"),
        op("insert", "Patient.name", {"valueHumanName": {}}),
        op("insert", "Patient.name", {"valueHumanName": {}}, index=-1),
        op("insert", "Patient.name", {"valueHumanName": {}}, index=True),
        op("insert", "Patient.name[0]", {"valueHumanName": {}}, index=0),
        op("insert", "Patient", {"valueHumanName": {}}, index=0),
        op("move", "Patient.name", source=0),
        op("move", "Patient.name", source=0, destination=0, index=0),
    ],
)
def test_what_is_malformed_is_told(operation: Any) -> None:
    with pytest.raises(Invalid) as refused:
        apply(PATIENT, op("delete", "Patient.name"), operation)
    (issue,) = refused.value.all_issues()
    assert issue.diagnostics.startswith("Operation [1] ")
    assert issue.expression == ("Parameters.parameter[1]",)
    assert len(issue.diagnostics) < 500


def test_everything_malformed_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        apply(PATIENT, parts(), op("delete", "Patient.name"), parts(TYPE))
    assert [issue.expression for issue in refused.value.all_issues()] == [
        ("Parameters.parameter[0]",),
        ("Parameters.parameter[2]",),
    ]


@pytest.mark.parametrize("given_", [PATIENT, {"resourceType": "Parameters", "parameter": {}}, {}])
def test_a_patch_is_parameters(given_: Resource) -> None:
    with pytest.raises(Invalid):
        apply_fhirpath_patch(PATIENT, given_, R4)


def test_all_operations_or_none() -> None:
    patient = copy.deepcopy(PATIENT)
    assert refusal(patient, op("delete", "Patient.name"), op("delete", "Patient.colour"))[1] == (
        "Parameters.parameter[1]",
    )
    assert patient == PATIENT


def test_the_work_of_a_patch_is_bounded() -> None:
    flips = [op("replace", "Patient.gender", {"valueCode": "other"})] * MOST_OPERATIONS
    assert apply(PATIENT, *flips) == changed(PATIENT, gender="other")
    with pytest.raises(TooLarge):
        apply(PATIENT, *flips, flips[0])
    many = {"resourceType": "Patient", "identifier": [{"value": str(number)} for number in range(2000)]}
    searches = [op("delete", "Patient.identifier.where(value = 'x')")] * MOST_OPERATIONS
    with pytest.raises(TooLarge):
        apply(many, *searches)


def test_values_that_are_not_valid_are_left_to_validation() -> None:
    wrong = [
        op("add", "Patient", {"valueHumanName": {"given": "x", "_given": 5, "period": "y"}}, name="name"),
        op("delete", "Patient.name[1].period.start"),
        op("delete", "Patient.name[1].given.extension"),
        op("add", "Patient", {"resource": {"resourceType": "Bundle", "entry": [{"resource": "x"}]}}, name="contained"),
        op("delete", "Patient.contained[1].entry.resource.id"),
        op("add", "Patient", {"valueCoding": {"extension": [None, 1]}}, name="maritalStatus"),
    ]
    assert validate(apply(PATIENT, *wrong[:5]), R4) != []
    assert refusal(PATIENT, *wrong)[0] == "structure"


def test_what_is_nested_without_end_is_refused() -> None:
    value: Json = {"valueString": "x"}
    deep: Json = {}
    for _ in range(3000):
        value = {"part": [{"name": "item", **value}]}
        deep = {"assigner": {"identifier": deep}}
    with pytest.raises(Invalid, match="nested too deeply"):
        apply_fhirpath_patch(PATIENT, patch(op("add", "Patient", value, name="contact")), R4)
    with pytest.raises(Invalid, match="too long"):
        apply(PATIENT, op("delete", "Patient" + ".name" * 3000))
    with pytest.raises(Unprocessable, match="nested too deeply"):
        apply_fhirpath_patch(PATIENT, patch(op("add", "Patient", {"valueIdentifier": deep}, name="identifier")), R4)
