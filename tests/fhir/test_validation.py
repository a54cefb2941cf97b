"""What is refused, and where; what is not. https://hl7.org/fhir/R4/validation.html"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import definitions, resource
from app.fhir.validation import validate
from app.fhir.validation.problems import MOST
from tests.fhir.refusals import Refused
from tests.fhir.samples import (
    ABSENT,
    BUNDLE,
    CARE_PLAN,
    PATIENT,
    PRESSURE,
    RESPONSE,
    VALID,
    WEIGHT,
    changed,
)

R4 = definitions.load("4.0.1")


THE_24 = {
    "a missing required primitive": Refused(changed(WEIGHT, status=ABSENT), "required", "Observation.status"),
    "an unknown element": Refused(changed(WEIGHT, mood="good"), "structure", "Observation.mood"),
    "no array": Refused(changed(PATIENT, name=PATIENT["name"][0]), "structure", "Patient.name"),
    "a bad dateTime": Refused(changed(WEIGHT, effectiveDateTime="21-11-2026"), "value", "Observation.effective"),
    "two value[x]": Refused(changed(WEIGHT, valueString="81 kg"), "structure", "Observation.value"),
    "a status that is none": Refused(changed(WEIGHT, status="done"), "code-invalid", "Observation.status"),
    "a gender that is none": Refused(changed(PATIENT, gender="f"), "code-invalid", "Patient.gender"),
    "an identifier use that is none": Refused(
        changed(WEIGHT, identifier__0__use="mine"), "code-invalid", "Observation.identifier[0].use"
    ),
    "a detail status that is none": Refused(
        changed(CARE_PLAN, activity__0__detail__status="busy"), "code-invalid", "CarePlan.activity[0].detail.status"
    ),
    "an intent that is none": Refused(changed(CARE_PLAN, intent="wish"), "code-invalid", "CarePlan.intent"),
    "an empty array": Refused(changed(WEIGHT, performer=[]), "structure", "Observation.performer"),
    "an empty object": Refused(changed(WEIGHT, subject={}), "structure", "Observation.subject", "ele-1"),
    "only whitespace": Refused(changed(PATIENT, name__0__family=" \t "), "value", "Patient.name[0].family"),
    "an id that is too long": Refused(changed(WEIGHT, id="x" * 65), "value", "Observation.id"),
    "a resource of R4B": Refused(
        changed(BUNDLE, entry__0__resource={"resourceType": "Ingredient"}), "structure", "Bundle.entry[0].resource"
    ),
    "a resource of nobody": Refused(
        changed(BUNDLE, entry__1__resource={"resourceType": "Foo"}), "structure", "Bundle.entry[1].resource"
    ),
    "obs-6": Refused(
        changed(WEIGHT, dataAbsentReason={"text": "Weegschaal stuk"}), "invariant", "Observation", "obs-6"
    ),
    "obs-7": Refused(
        changed(PRESSURE, valueInteger=1, component__1__code=PRESSURE["code"]), "invariant", "Observation", "obs-7"
    ),
    "per-1": Refused(
        changed(PRESSURE, effectivePeriod__end="2026-11-21T09:09:59+01:00"),
        "invariant",
        "Observation.effective",
        "per-1",
    ),
    "pat-1": Refused(
        changed(PATIENT, contact__0={"relationship": [{"text": "buurvrouw"}]}),
        "invariant",
        "Patient.contact[0]",
        "pat-1",
    ),
    "cpl-3": Refused(
        changed(CARE_PLAN, activity__0__reference={"reference": "Task/1"}),
        "invariant",
        "CarePlan.activity[0]",
        "cpl-3",
    ),
    "qrs-1": Refused(
        changed(RESPONSE, item__1__item=[{"linkId": "2.2"}]), "invariant", "QuestionnaireResponse.item[1]", "qrs-1"
    ),
    "dom-2": Refused(
        changed(
            PATIENT,
            contained__0__contained=[
                {"resourceType": "Basic", "id": "o", "code": {"text": "x"}, "subject": {"reference": "#"}}
            ],
        ),
        "invariant",
        "Patient",
        "dom-2",
    ),
    "a reference to a wrong type": Refused(
        changed(WEIGHT, subject__reference="Practitioner/1"), "structure", "Observation.subject.reference"
    ),
}


@pytest.mark.parametrize("case", THE_24.values(), ids=THE_24)
def test_one_thing_wrong_is_one_issue_at_its_place(case: Refused) -> None:
    assert case.found(R4) == case.expected


def test_the_cases_of_the_study_are_all_there() -> None:
    assert len(THE_24) == 24


def test_all_problems_come_at_once_and_in_their_places() -> None:
    broken = changed(
        WEIGHT,
        status="done",
        mood="good",
        code__coding__0__code=7,
        subject__reference="Practitioner/1",
        effectiveDateTime="gisteren",
        dataAbsentReason={"text": "?"},
        meta__tag=[{"system": "a b"}, {"code": "c", "extension": [{"url": "urn:x"}]}],
    )
    assert {(issue.expression[0], issue.code) for issue in validate(broken, R4)} == {
        ("Observation.status", "code-invalid"),
        ("Observation.mood", "structure"),
        ("Observation.code.coding[0].code", "value"),
        ("Observation.subject.reference", "structure"),
        ("Observation.effective", "value"),
        ("Observation", "invariant"),
        ("Observation.meta.tag[0].system", "value"),
        ("Observation.meta.tag[1].extension[0]", "invariant"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"name__0__given": [7] * 5000},
        {"name": [{}] * 5000},
        {"name": [{"given": [7] * 150}] * 150},
        {f"unknown{number}": 1 for number in range(5000)},
        {"name__0___given": [{"id": "a"}] * 5000},
    ],
    ids=["texts", "objects", "texts in objects", "members", "extensions"],
)
def test_of_very_many_problems_the_first_are_listed(changes: dict[str, Any]) -> None:
    issues = validate(changed(PATIENT, **changes), R4)
    assert len(issues) == MOST + 1
    assert [issue.severity for issue in issues[-2:]] == ["error", "information"]


def test_many_references_to_what_is_contained_hide_no_problem() -> None:
    practitioners = [{"reference": "#gp"}] * MOST * 2
    assert validate(changed(PATIENT, generalPractitioner=practitioners), R4) == []
    issues = validate(changed(PATIENT, generalPractitioner=[*practitioners, {"reference": "#none"}]), R4)
    assert [issue.expression for issue in issues] == [(f"Patient.generalPractitioner[{MOST * 2}].reference",)]


def test_many_nulls_are_right_when_all_have_extensions() -> None:
    many = MOST * 2
    extension = {"extension": [{"url": "urn:x", "valueCode": "y"}]}
    patient = changed(PATIENT, name__0__given=[None] * many, name__0___given=[extension] * many)
    assert validate(patient, R4) == []
    del patient["name"][0]["_given"][-1]
    assert [issue.expression for issue in validate(patient, R4)] == [(f"Patient.name[0].given[{many - 1}]",)]


def test_a_type_first_met_at_the_end_of_the_stack_is_checked_later() -> None:
    fresh = definitions.load.__wrapped__("4.0.1")
    nested: dict[str, Any] = {
        "resourceType": "Appointment",
        "status": "proposed",
        "participant": [{"status": "accepted", "actor": {"display": "P"}}],
    }
    appointment = nested
    for _ in range(400):
        nested = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": nested}]}
        validate(nested, fresh)
    assert [issue.code for issue in validate(nested, fresh)] == ["structure"]
    assert validate(appointment, fresh) == []


def test_a_resource_nested_without_end_is_refused() -> None:
    extension: dict[str, Any] = {"url": "urn:x", "valueCode": "y"}
    for _ in range(5000):
        extension = {"url": "urn:x", "extension": [extension]}
    issues = validate(changed(PATIENT, extension=[extension]), R4)
    assert [issue.code for issue in issues] == ["structure"]


def test_a_decimal_keeps_its_digits_through_validation() -> None:
    body = resource.encode(WEIGHT)
    decoded = resource.decode(body)
    assert validate(decoded, R4) == []
    assert b'"value":81.50' in body
    assert resource.encode(decoded) == body


def test_no_text_repeats_what_the_resource_says() -> None:
    secret = "geheim-81"
    cases = [
        changed(WEIGHT, status=secret),
        changed(PATIENT, birthDate=secret, gender=secret, multipleBirthInteger=secret),
        changed(WEIGHT, subject={"reference": secret, "type": secret}),
        changed(WEIGHT, **{"een " + secret: 1}),
        changed(PATIENT, text__div=f"<div>{secret}"),
        changed(WEIGHT, code=secret, category=secret),
        {"resourceType": secret},
    ]
    for case in cases:
        issues = validate(case, R4)
        assert issues
        assert not [issue for issue in issues if secret in f"{issue.diagnostics} {issue.expression}"]


def test_a_text_names_the_codes_that_are_allowed() -> None:
    (issue,) = validate(changed(PATIENT, gender="f"), R4)
    assert issue.diagnostics == "The code is not one of female, male, other, unknown."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    sample=st.sampled_from(sorted(VALID)),
    junk=JSON,
    place=st.integers(min_value=0),
)
def test_any_json_in_any_place_gives_issues_and_no_error(sample: str, junk: object, place: int) -> None:
    broken = copy.deepcopy(VALID[sample])
    places = [(each, member) for each in resource.walk_dicts(broken) for member in each]
    target, member = places[place % len(places)]
    target[member] = junk
    issues = validate(broken, R4)
    assert all(issue.expression and issue.diagnostics for issue in issues)


@given(sample=st.sampled_from(sorted(VALID)), place=st.integers(min_value=0), name=st.text(min_size=1, max_size=8))
def test_a_member_that_fhir_does_not_know_is_always_found(sample: str, place: int, name: str) -> None:
    broken = copy.deepcopy(VALID[sample])
    objects = list(resource.walk_dicts(broken))
    objects[place % len(objects)][name + " X"] = 1
    assert [issue.code for issue in validate(broken, R4)] == ["structure"]
