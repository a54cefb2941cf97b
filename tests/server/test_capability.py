"""The CapabilityStatement does not lie. https://hl7.org/fhir/R4/capabilitystatement.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.server.server import FhirServer
from tests.server.service import Caller, Service

VALUES = {"token": "x", "date": "ge2020", "string": "x", "reference": "Patient/anna"}


async def statement(caller: Caller) -> Resource:
    answer = await caller.get("/metadata")
    assert answer.status_code == 200
    return decode(answer.content)


async def resources(caller: Caller) -> list[Resource]:
    listed: list[Resource] = (await statement(caller))["rest"][0]["resource"]
    return listed


async def test_everybody_may_read_what_the_server_can_do(anonymous: Caller, anna: Caller) -> None:
    assert await statement(anonymous) == await statement(anna)


async def test_the_statement_is_valid(service: Service, anonymous: Caller) -> None:
    found = await statement(anonymous)
    assert [
        issue for issue in validate(found, service.server.definitions) if issue.severity in ("error", "fatal")
    ] == []


async def test_another_library_can_read_the_statement(anonymous: Caller) -> None:
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement

    read = CapabilityStatement.model_validate_json((await anonymous.get("/metadata")).content)
    assert read.fhirVersion == "4.0.1"
    assert read.rest
    assert {each.type for each in read.rest[0].resource or ()} >= {"Patient", "CarePlan", "Goal", "Observation"}


async def test_the_statement_can_be_read_as_xml(anonymous: Caller) -> None:
    answer = await anonymous.get("/metadata?_format=xml")
    assert answer.status_code == 200
    assert b'<fhirVersion value="4.0.1"/>' in answer.content


async def test_every_type_that_is_listed_can_be_searched_and_no_other(service: Service, anna: Caller) -> None:
    listed = {row["type"]: {each["code"] for each in row["interaction"]} for row in await resources(anna)}
    for name in service.server.definitions.resource_types:
        status = (await anna.get(f"/{name}?_count=1")).status_code
        assert status == (200 if "search-type" in listed.get(name, ()) else 404), name


async def test_every_parameter_that_is_listed_can_be_used_in_one_record(anna: Caller) -> None:
    used = 0
    for row in await resources(anna):
        for param in row["searchParam"]:
            value = VALUES[param["type"]]
            answer = await anna.get(f"/{row['type']}?{param['name']}={value}&_count=1")
            assert answer.status_code == 200, (row["type"], param["name"], answer.text)
            used += 1
    assert used > 1000


async def test_every_parameter_that_is_listed_can_be_used_among_several_patients(practice: Caller) -> None:
    for row in (await resources(practice))[::3]:
        params = [f"{param['name']}={VALUES[param['type']]}" for param in row["searchParam"] if param["name"] != "_id"]
        for start in range(0, len(params), 8):
            answer = await practice.get(f"/{row['type']}?{'&'.join(params[start : start + 8])}")
            assert answer.status_code == 200, (row["type"], answer.text)


async def test_the_modifiers_of_every_kind_can_be_used(anna: Caller) -> None:
    modifiers = {
        "token": ("missing", "not"),
        "string": ("missing", "exact", "contains"),
        "date": ("missing",),
        "reference": ("missing",),
    }
    for row in await resources(anna):
        if row["type"] in ("Observation", "Patient", "CarePlan", "Appointment", "Provenance"):
            for param in row["searchParam"]:
                for modifier in (
                    () if param["name"].startswith("_last") or param["name"] == "_id" else modifiers[param["type"]]
                ):
                    value = "true" if modifier == "missing" else VALUES[param["type"]]
                    answer = await anna.get(f"/{row['type']}?{param['name']}:{modifier}={value}")
                    assert answer.status_code == 200, (row["type"], param["name"], modifier, answer.text)


async def test_every_parameter_of_a_kind_that_is_served_is_listed(service: Service, anonymous: Caller) -> None:
    server: FhirServer = service.server
    left_out = {"_text", "_content", "_query", "_filter"}
    for row in await resources(anonymous):
        defined = {
            code
            for code, each in server.definitions.search_parameters[row["type"]].items()
            if each.type in VALUES and each.expression and code not in left_out
        }
        assert {param["name"] for param in row["searchParam"]} >= defined, row["type"]


@pytest.mark.parametrize("kind", ["AuditEvent"])
async def test_what_cannot_be_written_does_not_say_so(anonymous: Caller, kind: str) -> None:
    row: dict[str, Any] = next(each for each in await resources(anonymous) if each["type"] == kind)
    assert not {"create", "update", "delete"} & {each["code"] for each in row["interaction"]}
    assert row["updateCreate"] is False
    assert row["conditionalCreate"] is False


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_statement_can_only_be_read(anna: Caller, method: str) -> None:
    answer = await anna.send(method, "/metadata")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
