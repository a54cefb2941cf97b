"""FHIRPath Patch of a resource: https://hl7.org/fhir/R4/fhirpatch.html."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.fhir.patching import apply_fhirpath_patch
from app.fhir.resource import Resource
from app.fhir.validation import validate
from tests.fhir.patches import R4, URL, WHY, Json, apply, extension, op, refusal
from tests.fhir.samples import ABSENT, BUNDLE, CARE_PLAN, LOINC, PATIENT, PRESSURE, RESPONSE, WEIGHT, changed, concept


def test_nothing_to_do() -> None:
    assert apply(PATIENT) == PATIENT
    assert apply_fhirpath_patch(PATIENT, {"resourceType": "Parameters"}, R4) == PATIENT


@pytest.mark.parametrize(
    ("resource", "operation", "changes"),
    [
        (PATIENT, op("add", "Patient", {"valueBoolean": True}, name="active"), {"active": True}),
        (
            PATIENT,
            op("add", "Patient", {"valueCodeableConcept": {"text": "Weduwe"}}, name="maritalStatus"),
            {"maritalStatus": {"text": "Weduwe"}},
        ),
        (
            PATIENT,
            op("add", "Patient", {"valueIdentifier": {"value": "b"}}, name="identifier"),
            {"identifier": [*PATIENT["identifier"], {"value": "b"}]},
        ),
        (
            PATIENT,
            op("add", "Patient.name", {"valueString": "Carla"}, name="given"),
            {"name__0__given": ["Anna", "B.", "Carla"]},
        ),
        (
            PATIENT,
            op("add", "Patient.contact[0].name", {"valueString": "Jan"}, name="given"),
            {"contact__0__name__given": ["Jan"]},
        ),
        (
            PATIENT,
            op("add", "Patient.contact.telecom", {"valuePeriod": {"start": "2026"}}, name="period"),
            {"contact__0__telecom__0__period": {"start": "2026"}},
        ),
        (
            changed(PATIENT, name__0={"family": "Test"}),
            op("add", "Patient.name", {"valueString": "Jan", "_valueString": WHY}, name="given"),
            {"name__0__given": ["Jan"], "name__0___given": [WHY]},
        ),
        (
            PATIENT,
            op("add", "Patient", extension("a", "x"), name="extension"),
            {"extension": [{"url": URL + "a", "valueCode": "x"}]},
        ),
        (
            PRESSURE,
            op("add", "Observation", {"valueQuantity": {"value": Decimal("81.50")}}, name="value"),
            {"valueQuantity": {"value": Decimal("81.50")}},
        ),
        (PRESSURE, op("add", "Observation", {"valueString": "goed"}, name="valueString"), {"valueString": "goed"}),
        (
            CARE_PLAN,
            op("add", "CarePlan.activity[0].detail", {"valueDate": "2026-12-01"}, name="scheduled"),
            "scheduled[x] of an activity is no date",
        ),
    ],
)
def test_an_addition_appends_or_sets(resource: Resource, operation: Json, changes: Json | str) -> None:
    if isinstance(changes, str):
        assert refusal(resource, operation)[0] == "structure"
        return
    after = apply(resource, operation)
    assert after == changed(resource, **changes)
    assert validate(after, R4) == []


def test_a_value_of_a_type_without_a_name_is_given_in_parts() -> None:
    contact = {
        "part": [
            {"name": "relationship", "valueCodeableConcept": {"text": "Zus"}},
            {"name": "relationship", "valueCodeableConcept": {"text": "Buur"}},
            {"name": "name", "valueHumanName": {"text": "Jo"}},
            {"name": "gender", "valueCode": "female", "_valueCode": WHY},
        ]
    }
    made = {
        "relationship": [{"text": "Zus"}, {"text": "Buur"}],
        "name": {"text": "Jo"},
        "gender": "female",
        "_gender": WHY,
    }
    assert apply(PATIENT, op("add", "Patient", contact, name="contact"))["contact"] == [*PATIENT["contact"], made]
    assert apply(PATIENT, op("insert", "Patient.contact", contact, index=0))["contact"] == [made, *PATIENT["contact"]]
    assert apply(PATIENT, op("replace", "Patient.contact[0]", contact))["contact"] == [made]


def test_parts_may_have_parts_choices_and_primitives_that_repeat() -> None:
    entered = {
        "part": [
            {"name": "linkId", "valueString": "3"},
            {"name": "answer", "part": [{"name": "value", "valueDecimal": Decimal("1.50")}]},
        ]
    }
    after = apply(RESPONSE, op("add", "QuestionnaireResponse.item[0]", entered, name="item"))
    assert after["item"][0]["item"][1] == {"linkId": "3", "answer": [{"valueDecimal": Decimal("1.50")}]}
    name = {"part": [{"name": "given", "valueString": "A"}, {"name": "given", "_valueString": WHY}]}
    after = apply(PATIENT, op("replace", "Patient.name[0]", name))
    assert after["name"] == [{"given": ["A", None], "_given": [None, WHY]}]
    assert validate(after, R4) == []


def test_a_contained_resource_may_be_added_changed_and_deleted() -> None:
    other = {"resourceType": "Organization", "id": "org", "name": "Praktijk"}
    after = apply(
        PATIENT,
        op("add", "Patient", {"resource": other}, name="contained"),
        op("replace", "Patient.contained[1].name", {"valueString": "Andere praktijk"}),
        op("delete", "Patient.contained.where(id = 'gp')"),
        op("delete", "Patient.contained.ofType(Practitioner).name"),
    )
    assert after["contained"] == [{**other, "name": "Andere praktijk"}]


def test_an_entry_of_a_bundle_is_reached_through_its_resource() -> None:
    after = apply(BUNDLE, op("replace", "Bundle.entry[1].resource.status", {"valueCode": "amended"}))
    assert after["entry"][1]["resource"]["status"] == "amended"


@pytest.mark.parametrize(("index", "expected"), [(0, "xAB"), (1, "AxB"), (2, "ABx")])
def test_an_insertion_goes_to_its_index(index: int, expected: str) -> None:
    patient = changed(PATIENT, name__0__given=["A", "B"], name__0___given=[None, WHY])
    after = apply(patient, op("insert", "Patient.name[0].given", {"valueString": "x"}, index=index))
    assert "".join(after["name"][0]["given"]) == expected
    assert after["name"][0]["_given"].index(WHY) == expected.index("B")
    assert validate(after, R4) == []


def test_an_insertion_makes_the_list() -> None:
    after = apply(PATIENT, op("insert", "Patient.telecom", {"valueContactPoint": {"value": "1"}}, index=0))
    assert after["telecom"] == [{"value": "1"}]
    after = apply(PATIENT, op("insert", "Patient.birthDate.extension", extension("why", "unknown"), index=0))
    assert (after["birthDate"], after["_birthDate"]) == ("1950-02-28", WHY)


@pytest.mark.parametrize(
    ("resource", "path", "changes"),
    [
        (PATIENT, "Patient.birthDate", {"birthDate": ABSENT}),
        (changed(PATIENT, _birthDate=WHY), "Patient.birthDate", {"birthDate": ABSENT, "_birthDate": ABSENT}),
        (PATIENT, "Patient.multipleBirth", {"multipleBirthInteger": ABSENT}),
        (PATIENT, "birthDate", {"birthDate": ABSENT}),
        (PATIENT, "Patient.name", {"name": ABSENT}),
        (PATIENT, "Patient.name[0].given[0]", {"name__0__given": ["B."]}),
        (PATIENT, "Patient.name.given.last()", {"name__0__given": ["Anna"]}),
        (PATIENT, "Patient.contact[0].name.family", {"contact__0__name": ABSENT}),
        (PATIENT, "Patient.contact[0].telecom.where(system = 'phone' and rank = 1)", {"contact__0__telecom": ABSENT}),
        (PATIENT, "Patient.contact.telecom.first().single().rank", {"contact__0__telecom__0__rank": ABSENT}),
        (WEIGHT, "Observation.value", {"valueQuantity": ABSENT}),
        (WEIGHT, "Observation.value.ofType(Quantity)", {"valueQuantity": ABSENT}),
        (WEIGHT, "(Observation.value as Quantity).unit", {"valueQuantity__unit": ABSENT}),
        (WEIGHT, "Observation.value.ofType(string)", {}),
        (WEIGHT, "Observation.note", {}),
        (WEIGHT, "Observation.component[3].code.coding", {}),
        (WEIGHT, "DomainResource.category", {"category": ABSENT}),
        (RESPONSE, "QuestionnaireResponse.item[1].answer.item", {"item__1__answer__0__item": ABSENT}),
        (
            PRESSURE,
            "Observation.component.where(code.coding.code = '8480-6').value",
            {"component__0__valueQuantity": ABSENT},
        ),
    ],
)
def test_a_deletion_takes_the_element_and_what_it_leaves_empty(
    resource: Resource, path: str, changes: dict[str, Any]
) -> None:
    assert apply(resource, op("delete", path)) == changed(resource, **changes)


def test_a_deletion_empties_upwards() -> None:
    patient = {"resourceType": "Patient", "id": "p1", "contact": [{"name": {"given": ["A"]}}], "_gender": WHY}
    assert apply(patient, op("delete", "Patient.contact.name.given"), op("delete", "Patient.gender.extension")) == {
        "resourceType": "Patient",
        "id": "p1",
    }
    given_names = changed(PATIENT, name__0__given=["A", None], name__0___given=[WHY, WHY])
    after = apply(given_names, op("delete", "Patient.name.given[1].extension"))
    assert after["name"][0] | {"use": "official"} == {
        "use": "official",
        "family": "van Test",
        "given": ["A"],
        "_given": [WHY],
    }
    after = apply(given_names, op("delete", "Patient.name.given[0].extension"))
    assert (after["name"][0]["given"], after["name"][0]["_given"]) == (["A", None], [None, WHY])


def test_the_siblings_of_primitives_go_along_in_arrays() -> None:
    patient = changed(PATIENT, name__0__given=["A", "B", "C"], name__0___given=[None, WHY])
    after = apply(patient, op("delete", "Patient.name.given[0]"))
    assert (after["name"][0]["given"], after["name"][0]["_given"]) == (["B", "C"], [WHY, None])
    after = apply(patient, op("delete", "Patient.name.given[1]"))
    assert (after["name"][0]["given"], "_given" in after["name"][0]) == (["A", "C"], False)
    after = apply(patient, op("move", "Patient.name[0].given", source=1, destination=2))
    assert (after["name"][0]["given"], after["name"][0]["_given"]) == (["A", "C", "B"], [None, None, WHY])


@pytest.mark.parametrize(
    ("resource", "path", "value", "changes"),
    [
        (PATIENT, "Patient.gender", {"valueCode": "other"}, {"gender": "other"}),
        (PATIENT, "Patient.gender", {"valueString": "other"}, {"gender": "other"}),
        (PATIENT, "Patient.name[0].given[1]", {"valueString": "Bea"}, {"name__0__given": ["Anna", "Bea"]}),
        (PATIENT, "Patient.name.where(use = 'official')", {"valueHumanName": {"text": "A"}}, {"name": [{"text": "A"}]}),
        (PATIENT, "Patient.text.div", {"valueString": "<div>x</div>"}, {"text__div": "<div>x</div>"}),
        (
            WEIGHT,
            "Observation.value.value",
            {"valueDecimal": Decimal("80.10")},
            {"valueQuantity__value": Decimal("80.10")},
        ),
        (WEIGHT, "Observation.value", {"valueQuantity": {"value": 80}}, {"valueQuantity": {"value": 80}}),
        (PATIENT, "Patient.multipleBirth", {"valueInteger": 3}, {"multipleBirthInteger": 3}),
        (WEIGHT, "Observation.code.coding", {"valueCoding": {"code": "x"}}, {"code__coding": [{"code": "x"}]}),
    ],
)
def test_a_replacement_takes_the_place(resource: Resource, path: str, value: Json, changes: Json) -> None:
    assert apply(resource, op("replace", path, value)) == changed(resource, **changes)


def test_a_choice_may_be_replaced_by_another_type() -> None:
    after = apply(
        changed(PATIENT, _multipleBirthInteger=WHY), op("replace", "Patient.multipleBirth", {"valueBoolean": True})
    )
    assert after["multipleBirthBoolean"] is True
    assert not {"multipleBirthInteger", "_multipleBirthInteger"} & after.keys()


def test_a_primitive_is_replaced_with_all_that_stands_beside_it() -> None:
    patient = changed(PATIENT, _birthDate=WHY)
    assert apply(patient, op("replace", "Patient.birthDate", {"valueDate": "1951"})) == changed(
        PATIENT, birthDate="1951"
    )
    after = apply(PATIENT, op("replace", "Patient.birthDate", {"_valueDate": WHY}))
    assert "birthDate" not in after
    assert after["_birthDate"] == WHY


def test_extensions_are_reached_by_url() -> None:
    sent = [{"url": URL + "a", "valueCode": "x"}, {"url": URL + "b", "extension": [{"url": "c", "valueInteger": 1}]}]
    patient = changed(PATIENT, extension=sent, _birthDate={"id": "i", **WHY})
    after = apply(
        patient,
        op("replace", f"Patient.extension('{URL}a').value", {"valueString": "y"}),
        op("replace", f"Patient.extension('{URL}b').extension('c').value", {"valueInteger": 2}),
        op("replace", f"Patient.birthDate.extension('{URL}why').value", {"valueCode": "masked"}),
        op("add", "Patient.gender", extension("a", "x"), name="extension"),
    )
    assert after["extension"] == [
        {"url": URL + "a", "valueString": "y"},
        {"url": URL + "b", "extension": [{"url": "c", "valueInteger": 2}]},
    ]
    assert after["_birthDate"] == {"id": "i", "extension": [{"url": URL + "why", "valueCode": "masked"}]}
    assert after["_gender"] == {"extension": [sent[0]]}
    assert apply(patient, op("delete", f"Patient.birthDate.extension('{URL}why')"))["_birthDate"] == {"id": "i"}
    assert apply(patient, op("delete", f"Patient.extension('{URL}none')")) == patient


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [(3, 1, "ADBC"), (3, 0, "DABC"), (0, 3, "BCDA"), (1, 1, "ABCD"), (1, 2, "ACBD")],
)
def test_a_move_reorders_a_list(source: int, destination: int, expected: str) -> None:
    patient = changed(PATIENT, identifier=[{"value": each} for each in "ABCD"])
    after = apply(patient, op("move", "Patient.identifier", source=source, destination=destination))
    assert "".join(each["value"] for each in after["identifier"]) == expected


def test_operations_see_what_those_before_them_did() -> None:
    after = apply(
        PATIENT,
        op("add", "Patient", {"part": [{"name": "gender", "valueCode": "male"}]}, name="contact"),
        op("add", "Patient.contact[1]", {"valueHumanName": {"text": "Piet"}}, name="name"),
        op("delete", "Patient.contact[0]"),
        op("replace", "Patient.contact.name.text", {"valueString": "Jan"}),
    )
    assert after["contact"] == [{"gender": "male", "name": {"text": "Jan"}}]


NAMES = changed(
    PATIENT,
    active=True,
    name=[{"use": "official", "given": ["A", "B"]}, {"use": "usual", "family": "B"}, {"family": "C", "_use": WHY}],
)


@pytest.mark.parametrize(
    ("criteria", "left"),
    [
        ("use = 'official'", "12"),
        ("use != 'official'", "02"),
        ("use = 'usual' or use = 'old'", "02"),
        ("use = 'usual' and family = 'X'", "012"),
        ("given = 'A'", "012"),
        ("given.first() = 'A'", "12"),
        ("given.exists()", "12"),
        ("given.empty() and use = 'usual'", "02"),
        ("use.empty()", "012"),
        ("(use = 'official').not() and family.exists()", "02"),
        ("given.exists(extension.exists())", "012"),
        ("use.exists(extension.exists())", "01"),
        ("use is code and given.exists()", "12"),
        (f"use.extension('{URL}why').value = 'unknown'", "01"),
        ("true = false or use = 'official'", "12"),
        ("family = 1", "012"),
        ("given.where(extension.exists()).exists()", "012"),
        ("given[1] = 'B'", "12"),
    ],
)
def test_criteria_choose(criteria: str, left: str) -> None:
    after = apply(NAMES, op("delete", f"Patient.name.where({criteria})"))
    assert after["name"] == [NAMES["name"][int(index)] for index in left]


def test_the_version_is_the_servers() -> None:
    after = apply(
        WEIGHT,
        op("replace", "Observation.meta.versionId", {"valueId": "9"}),
        op("delete", "Observation.meta.lastUpdated"),
        op("add", "Observation.meta", {"valueUri": URL + "app"}, name="source"),
    )
    assert after == changed(WEIGHT, meta__source=URL + "app")
    assert apply(WEIGHT, op("delete", "Observation.meta")) == WEIGHT


def test_a_patch_of_a_coded_value() -> None:
    body = concept(LOINC, "8867-4")
    after = apply(WEIGHT, op("replace", "Observation.code", {"valueCodeableConcept": body}))
    assert after == changed(WEIGHT, code=body)
