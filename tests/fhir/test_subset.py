"""Parts of a resource: ``_summary`` and ``_elements``. https://hl7.org/fhir/R4/search.html#summary"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.fhir import xml
from app.fhir.definitions import Definitions, load
from app.fhir.resource import Resource
from app.fhir.subset import SUBSETTED, data_only, elements_only, summarise, text_only
from tests.fhir import examples
from tests.fhir.samples import BUNDLE, CARE_PLAN, PATIENT, RESPONSE, VALID, WEIGHT, changed

R4 = load("4.0.1")
TAGS = [dict(SUBSETTED)]
UNKNOWN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def untagged(resource: Resource) -> Resource:
    """The resource without the tag that every part has."""
    assert resource["meta"]["tag"] == TAGS
    meta = {name: each for name, each in resource["meta"].items() if name != "tag"}
    rest = {name: each for name, each in resource.items() if name != "meta"}
    return rest | ({"meta": meta} if meta else {})


def test_a_summary_has_the_marked_elements_only() -> None:
    assert untagged(summarise(PATIENT, R4)) == {
        name: PATIENT[name] for name in ("resourceType", "id", "identifier", "name", "gender", "birthDate")
    }
    observation = changed(
        WEIGHT,
        note=[{"text": "Nuchter gewogen"}],
        component=[{"code": WEIGHT["code"], "valueInteger": 1, "referenceRange": [{"text": "tot 3"}]}],
    )
    summary = untagged(summarise(observation, R4))
    assert "note" not in summary
    assert "category" not in summary
    assert "performer" in summary
    assert summary["component"] == [{"code": WEIGHT["code"], "valueInteger": 1}]


def test_a_summary_leaves_out_what_is_not_marked_within_a_data_type() -> None:
    attachment = {"contentType": "image/png", "data": "AAAA", "title": "Pasfoto"}
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": attachment}],
        "subject": {"reference": "Patient/p1", "extension": UNKNOWN["extension"], "id": "x"},
    }
    summary = summarise(document, R4)
    assert summary["content"] == [{"attachment": {"contentType": "image/png", "title": "Pasfoto"}}]
    assert summary["subject"] == {"reference": "Patient/p1"}


def test_a_summary_drops_what_nothing_is_left_of() -> None:
    plan = CARE_PLAN | {"replaces": [{"id": "a"}, {"reference": "CarePlan/2"}]}
    plan |= {"addresses": [{"id": "c"}], "encounter": {"id": "d"}}
    summary = untagged(summarise(plan, R4))
    assert not {"addresses", "encounter"} & summary.keys()
    assert summary["replaces"] == [{"reference": "CarePlan/2"}]
    assert "activity" not in summary


def test_a_summary_keeps_why_there_is_no_value() -> None:
    patient = changed(PATIENT, birthDate=None, _birthDate=UNKNOWN, identifier=[UNKNOWN])
    del patient["birthDate"]
    summary = summarise(patient, R4)
    assert summary["_birthDate"] == UNKNOWN
    assert summary["identifier"] == [UNKNOWN]


def test_a_summary_keeps_whole_what_modifies_the_meaning() -> None:
    modifier = [{"url": "https://zelfregie.example/not", "extension": [{"url": "why", "valueString": "vergissing"}]}]
    summary = summarise(changed(WEIGHT, modifierExtension=modifier, implicitRules="https://zelfregie.example/r"), R4)
    assert summary["modifierExtension"] == modifier
    assert summary["implicitRules"] == "https://zelfregie.example/r"


def test_a_summary_of_a_bundle_has_summaries_of_its_resources() -> None:
    summary = summarise(BUNDLE, R4)
    assert [entry["resource"] for entry in summary["entry"]] == [
        untagged(summarise(entry["resource"], R4)) for entry in BUNDLE["entry"]
    ]


def test_a_summary_of_a_version_has_what_that_version_marks() -> None:
    stu3 = {"resourceType": "Observation", "status": "final", "comment": "Nuchter", "issued": "2018-01-01T10:00:00Z"}
    found = untagged(summarise(stu3, load("3.0.1")))
    assert found == {name: each for name, each in stu3.items() if name != "comment"}


def test_only_the_text_comes_with_what_the_type_must_have() -> None:
    assert untagged(text_only(PATIENT, R4)) == {name: PATIENT[name] for name in ("resourceType", "id", "text")}
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">81,5 kg</div>'}
    weight = {"status": "final", "_status": UNKNOWN, **changed(WEIGHT, text=text)}
    wanted = ("resourceType", "id", "meta", "text", "status", "_status", "code")
    assert untagged(text_only(weight, R4)) == {name: weight[name] for name in wanted}
    medication = {"medicationReference": {"reference": "#m"}, "status": "active", "note": [{"text": "x"}]}
    request = {"resourceType": "MedicationRequest", **medication}
    assert list(text_only(request, R4)) == ["resourceType", "meta", "medicationReference", "status"]


def test_only_the_data_is_all_but_the_text() -> None:
    assert untagged(data_only(PATIENT)) == {name: each for name, each in PATIENT.items() if name != "text"}


def test_elements_come_with_what_the_type_must_have_and_what_modifies() -> None:
    found = untagged(elements_only(WEIGHT, ["subject"], R4))
    assert found == {name: WEIGHT[name] for name in ("resourceType", "id", "meta", "status", "code", "subject")}
    patient = changed(PATIENT, active=False, deceasedBoolean=False)
    assert untagged(elements_only(patient, ["gender"], R4)) == {
        name: patient[name] for name in ("resourceType", "id", "gender", "active", "deceasedBoolean")
    }


@pytest.mark.parametrize("name", ["value", "valueQuantity"])
def test_a_choice_is_named_without_or_with_its_type(name: str) -> None:
    assert elements_only(WEIGHT, [name], R4)["valueQuantity"] == WEIGHT["valueQuantity"]
    assert "effectiveDateTime" not in elements_only(WEIGHT, [name], R4)


def test_elements_come_with_what_stands_beside_them() -> None:
    patient = changed(PATIENT, _birthDate=UNKNOWN, _gender=UNKNOWN)
    found = elements_only(patient, ["birthDate"], R4)
    assert (found["birthDate"], found["_birthDate"]) == ("1950-02-28", UNKNOWN)
    assert "_gender" not in found


def test_a_dotted_name_narrows() -> None:
    assert elements_only(PATIENT, ["name.family"], R4)["name"] == [{"use": "official", "family": "van Test"}]
    assert elements_only(PATIENT, ["contact.telecom.value"], R4)["contact"] == [{"telecom": [{"value": "0612345678"}]}]
    assert elements_only(PATIENT, ["name.family", "name"], R4)["name"] == PATIENT["name"]
    assert elements_only(WEIGHT, ["value.unit"], R4)["valueQuantity"] == {"unit": "kg"}
    found = elements_only(RESPONSE, ["item.item.linkId"], R4)
    assert found["item"] == [{"linkId": "1", "item": [{"linkId": "1.1"}]}, {"linkId": "2"}]


def test_a_name_of_hundreds_of_steps_is_answered() -> None:
    nested: dict[str, Any] = {"linkId": "deep"}
    for _ in range(30):
        nested = {"linkId": "x", "item": [nested]}
    response = changed(RESPONSE, item=[nested])
    assert elements_only(response, [".".join(["item"] * 2000)], R4)["item"] == [nested]


def test_a_name_that_the_type_does_not_have_says_nothing() -> None:
    assert elements_only(PATIENT, ["component", "name.colour"], R4) == elements_only(PATIENT, ["name.use"], R4)


def test_the_tag_stands_beside_the_others_and_once() -> None:
    tag = {"system": "https://zelfregie.example/tags", "code": "a"}
    tagged = data_only(changed(WEIGHT, meta__tag=[tag]))
    assert tagged["meta"] == {**WEIGHT["meta"], "tag": [tag, *TAGS]}
    assert data_only(tagged)["meta"]["tag"] == [tag, *TAGS]
    assert list(data_only(PATIENT))[:3] == ["resourceType", "id", "meta"]


@pytest.mark.parametrize("name", VALID)
def test_what_was_given_stays_as_it_was(name: str) -> None:
    resource = VALID[name]
    before = copy.deepcopy(resource)
    summarise(resource, R4)
    text_only(resource, R4)
    data_only(resource)
    elements_only(resource, ["id", "name", "item.item"], R4)
    assert resource == before


def members(value: Any, type_name: str, definitions: Definitions, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Type, member and path of every element in the value that is not within an extension or beside a primitive."""
    type_name = value.get("resourceType", type_name)
    for member, each in value.items():
        if member == "resourceType" or member.startswith("_"):
            continue
        element = definitions.types[type_name][member]
        yield type_name, member, f"{path}.{member}"
        if not element.is_primitive and element.type != "Extension":
            for item in each if isinstance(each, list) else [each]:
                yield from members(item, element.type, definitions, f"{path}.{member}")


@pytest.mark.parametrize("version", ["4.0.1", "3.0.1"])
def test_summaries_of_the_examples_have_every_marked_element_and_no_other(version: str, fhir_definitions: Path) -> None:
    definitions = load(version)
    count = 0
    for _, content in examples.nictiz(fhir_definitions, version):
        resource = xml.from_xml(content, definitions)
        summary = summarise(resource, definitions)
        assert summary["meta"]["tag"][-1] == TAGS[0]
        within = list(members(summary, "", definitions))
        found = {path for _, _, path in within}
        for type_name, member, path in within:
            element = definitions.types[type_name][member]
            assert element.summary or element.modifier or member == "extension", path
        for type_name, member, path in members(resource, "", definitions):
            parent = path.rpartition(".")[0]
            if definitions.types[type_name][member].summary and (not parent or parent in found):
                held = definitions.types[type_name][member]
                assert path in found or not held.is_primitive, path
        count += 1
    assert count > 100
