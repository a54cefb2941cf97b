"""``/fhir/stu3/metadata`` says what the base does, and the map of parameters is whole.
https://hl7.org/fhir/STU3/capabilitystatement.html
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from fhir.resources.STU3.capabilitystatement import CapabilityStatement

from app.fhir.definitions import load
from app.fhir.definitions.own import served
from app.fhir.resource import Resource, decode
from app.fhir.stu3 import R4_TYPES
from app.fhir.stu3.searching import NotOffered, Offered, parameters
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from tests.server.service import Caller, Service, codes
from tests.stu3.record import ROOT

NICTIZ: Final = "http://nictiz.nl/fhir/SearchParameter/"


@pytest.fixture
async def statement(anonymous: Caller) -> Resource:
    return decode((await anonymous.get(f"{ROOT}/metadata")).content)


def rows(statement: Resource) -> dict[str, Any]:
    return {each["type"]: each for each in statement["rest"][0]["resource"]}


async def test_it_is_a_statement_of_stu3_in_both_formats(anonymous: Caller, statement: Resource) -> None:
    assert validate(statement, load("3.0.1")) == []
    assert CapabilityStatement.model_validate(statement).fhirVersion == "3.0.1"
    xml = await anonymous.get(f"{ROOT}/metadata?_format=xml")
    assert from_xml(xml.content, load("3.0.1")) == statement
    options = await anonymous.send("OPTIONS", ROOT)
    assert decode(options.content) == statement
    etag = (await anonymous.get(f"{ROOT}/metadata")).headers["etag"]
    assert (await anonymous.get(f"{ROOT}/metadata", {"if-none-match": etag})).status_code == 304
    refused = await anonymous.get(f"{ROOT}/metadata?mode=full")
    assert (refused.status_code, codes(refused)) == (400, ["not-supported"])


async def test_it_lists_the_types_with_a_table_and_no_others(service: Service, statement: Resource) -> None:
    stored = service.server.registry.stored
    assert set(rows(statement)) == {name for name, r4 in R4_TYPES.items() if r4 in stored}
    assert "ProcedureRequest" in rows(statement)
    assert "ServiceRequest" not in rows(statement)
    for row in rows(statement).values():
        assert "patch" not in {each["code"] for each in row["interaction"]}


async def test_every_parameter_that_is_listed_can_be_asked(anna: Caller, statement: Resource) -> None:
    values = {"date": "2026-01-01", "number": "1", "quantity": "1", "reference": "x", "composite": "a$b"}
    for name, row in rows(statement).items():
        for each in row["searchParam"]:
            value = {"_id": "x", "_lastUpdated": "2026-01-01"}.get(each["name"], values.get(each["type"], "x"))
            if each["type"] == "composite":
                value = "a$2026-01-01" if "date" in each["name"] else "a$1" if "quantity" in each["name"] else value
            answer = await anna.get(f"{ROOT}/{name}?{each['name']}={value}&_count=1")
            refused = answer.status_code != 200 and "not-supported" in codes(answer)
            assert not refused, (name, each["name"], answer.text)


async def test_the_parameters_of_nictiz_have_their_canonicals(statement: Resource) -> None:
    listed = {
        (name, each["name"]): each["definition"]
        for name, row in rows(statement).items()
        for each in row["searchParam"]
        if each["definition"].startswith(NICTIZ)
    }
    assert listed == {
        ("MedicationDispense", "category"): f"{NICTIZ}Medications-category",
        ("MedicationAdministration", "category"): f"{NICTIZ}Medications-category",
        ("MedicationRequest", "periodofuse"): f"{NICTIZ}Medications-periodofuse",
        ("MedicationDispense", "periodofuse"): f"{NICTIZ}Medications-periodofuse",
        ("CarePlan", "activity-goal"): f"{NICTIZ}careplan-activity-goal",
        ("CarePlan", "activity-outcomereference"): f"{NICTIZ}careplan-activity-outcomereference",
        ("CarePlan", "activity-medicaldevice"): f"{NICTIZ}careplan-medicaldevice",
    }


@pytest.mark.parametrize("name", sorted(R4_TYPES))
def test_every_parameter_of_stu3_is_in_the_map(name: str) -> None:
    known = served().search_parameters[R4_TYPES[name]]
    found = parameters(name)
    assert set(load("3.0.1").search_parameters[name]) <= set(found)
    for each in found.values():
        if isinstance(each, NotOffered):
            assert each.why.endswith(".")
        else:
            assert isinstance(each, Offered)
            assert each.r4.partition(":")[0] in known, each
            for wanted in each.codes.values():
                assert all(code.partition(":")[0] in known for code, _ in wanted.all_of)
