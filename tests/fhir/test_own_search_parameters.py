"""Our own search parameters stand beside HL7's, under the canonical base of whoever runs the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.config import CANONICAL_BASE
from app.fhir.definitions import load, numbers
from app.fhir.definitions.own import FOLDER, extended, read_search_parameters, served
from app.fhir.paths import compile_walker
from app.fhir.resource import encode
from app.fhir.validation import validate
from app.server.search.kinds import KINDS
from app.server.search.registry import INDEXED

R4 = load("4.0.1")
STU3 = load("3.0.1")
HL7_LAST = max(
    R4.parameter_numbers[code] for loaded in (R4, STU3) for each in loaded.search_parameters.values() for code in each
)
OWN = read_search_parameters()


def parameter(**members: Any) -> dict[str, Any]:
    defaults = {
        "resourceType": "SearchParameter",
        "url": "https://proef.example/fhir/SearchParameter/Task-phase",
        "code": "phase",
        "base": ["Task"],
        "type": "token",
        "expression": "Task.status",
    }
    return {**defaults, **members}


def test_ours_are_for_the_plan_and_for_what_requests_of_stu3_ask_by() -> None:
    assert {(base, each["code"], each["type"]) for each in OWN for base in each["base"]} == {
        ("CarePlan", "phase", "token"),
        ("CarePlan", "cycle", "number"),
        ("CarePlan", "next-review", "date"),
        ("Observation", "goal-focus", "reference"),
        # What requests of STU3 and of MedMij ask by.
        ("CarePlan", "activity-goal", "reference"),
        ("CarePlan", "activity-medicaldevice", "reference"),
        ("CarePlan", "activity-outcomereference", "reference"),
        ("DeviceUseStatement", "pertains-to-goal", "reference"),
        ("MedicationAdministration", "medications-category", "token"),
        ("MedicationDispense", "medications-category", "token"),
        ("MedicationDispense", "periodofuse", "date"),
        ("MedicationRequest", "periodofuse", "date"),
        ("Observation", "related-result", "reference"),
    }


@pytest.mark.parametrize("resource", OWN, ids=lambda each: str(each["id"]))
def test_each_is_a_search_parameter_that_can_be_searched_by(resource: dict[str, Any]) -> None:
    assert validate(resource, R4) == []
    assert resource["url"] == f"{CANONICAL_BASE}/SearchParameter/{resource['id']}"
    for base in resource["base"]:
        found = served().search_parameters[base][resource["code"]]
        assert (found.url, found.type) == (resource["url"], resource["type"])
        assert found.type in INDEXED
        walker = compile_walker(found.expression, base, served())
        assert walker.kinds
        assert walker.elements, "it costs nothing where its element is not there"
        assert set(resource.get("comparator", ())) == set(KINDS[found.type].prefixes)


@pytest.mark.parametrize("resource", OWN, ids=lambda each: str(each["id"]))
def test_each_has_a_number_of_its_own_behind_those_of_hl7(resource: dict[str, Any]) -> None:
    assert R4.parameter_numbers[resource["code"]] > HL7_LAST
    assert numbers.read()["parameters"][resource["code"]] == R4.parameter_numbers[resource["code"]]


def test_hl7s_own_are_as_they_were() -> None:
    for name in R4.resource_types:
        known, there = R4.search_parameters[name], served().search_parameters[name]
        assert {code: there[code] for code in known} == dict(known)
        assert there.keys() - known.keys() == {each["code"] for each in OWN if name in each["base"]}
        assert list(there) == sorted(there)
    assert served().types is R4.types


def test_canonicals_and_extensions_begin_with_the_base_of_the_settings() -> None:
    elsewhere = served("https://zorggroep.example/r4")
    assert elsewhere is served("https://zorggroep.example/r4")
    phase = elsewhere.search_parameters["CarePlan"]["phase"]
    assert phase.url == "https://zorggroep.example/r4/SearchParameter/CarePlan-phase"
    assert "'https://zorggroep.example/r4/StructureDefinition/plan-cycle'" in phase.expression
    assert CANONICAL_BASE not in str([elsewhere.search_parameters[name] for name in ("CarePlan", "Observation")])


def test_one_of_every_resource_stands_under_each_type() -> None:
    definitions = extended(R4, [parameter(base=["DomainResource"], expression="DomainResource.text.status")])
    assert definitions.search_parameters["Goal"]["phase"].expression == "DomainResource.text.status"
    assert "phase" not in definitions.search_parameters["Bundle"]
    assert "phase" not in R4.search_parameters["Goal"]


def test_one_of_several_types_has_the_alternatives_of_each() -> None:
    definitions = extended(R4, [parameter(base=["Task", "Goal"], expression="Task.status | Goal.lifecycleStatus")])
    assert definitions.search_parameters["Task"]["phase"].expression == "Task.status"
    assert definitions.search_parameters["Goal"]["phase"].expression == "Goal.lifecycleStatus"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"code": "status"}, "Task cannot have search parameters named status"),
        ({"code": "goal", "base": ["Observation"], "expression": "Observation.focus"}, "named goal"),
        ({"code": "unheard-of"}, "unheard-of has no number"),
        ({"base": ["Plan"]}, "no type Plan"),
    ],
)
def test_one_that_would_move_what_is_stored_is_refused(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        extended(R4, [parameter(**members)])


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_bytes(encode(parameter(id=name, url=f"{CANONICAL_BASE}/{name}")))
    read = read_search_parameters(tmp_path, canonical_base='https://x.example/"quoted"')
    assert [each["url"] for each in read] == ['https://x.example/"quoted"/a', 'https://x.example/"quoted"/b']
    assert read_search_parameters(tmp_path / "absent") == []
    assert len(OWN) == len(list(FOLDER.glob("*.json")))
