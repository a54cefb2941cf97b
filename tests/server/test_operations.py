"""Who may call an operation, how, and with what. https://hl7.org/fhir/R4/operations.html"""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.server.standard_operations import STANDARD_OPERATIONS
from tests.builders import goal, observation
from tests.server.service import JSON, Caller, Service, codes

READING: Final = (
    "/Patient/anna/$everything",
    "/Patient/$everything",
    "/Observation/$lastn",
    "/Observation/o/$meta",
    "/Observation/o/_history/1/$meta",
    "/Observation/o/$validate",
    "/ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/observation-status",
)
CHANGING: Final = ("/Observation/o/$meta-add", "/Observation/o/$meta-delete")
META: Final = {
    "resourceType": "Parameters",
    "parameter": [{"name": "meta", "valueMeta": {"tag": [{"system": "urn:tags", "code": "a"}]}}],
}


def parameters(**values: object) -> Resource:
    """A Parameters resource of text, numbers and truths."""
    kinds = {str: "valueString", int: "valueInteger", bool: "valueBoolean"}
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, kinds[type(value)]: value} for name, value in values.items()],
    }


@pytest.fixture(autouse=True)
async def _observed(anna: Caller) -> None:
    await anna.keep(observation(id="o"))


@pytest.mark.parametrize("address", READING)
async def test_what_changes_nothing_answers_get_and_post_alike(service: Service, anna: Caller, address: str) -> None:
    got, posted = await anna.get(address), await anna.post(address)
    assert got.status_code == posted.status_code == 200, got.text
    first, second = decode(got.content), decode(posted.content)
    first.get("expansion", {}).pop("timestamp", None)
    second.get("expansion", {}).pop("timestamp", None)
    assert first == second
    assert [
        each for each in validate(decode(got.content), service.server.definitions) if each.severity == "error"
    ] == []


@pytest.mark.parametrize("address", [*READING, *CHANGING])
async def test_nobody_calls_an_operation_without_a_token(anonymous: Caller, address: str) -> None:
    assert (await anonymous.post(address, META)).status_code == 401


@pytest.mark.parametrize("address", [each for each in (*READING, *CHANGING) if "/o/" in each or "/anna/" in each])
async def test_what_is_of_another_is_as_what_is_not_there(anna: Caller, bram: Caller, address: str) -> None:
    body = META if address in CHANGING else None
    other = await bram.post(address, body)
    absent = await bram.post(address.replace("/o/", "/x/").replace("/anna/", "/nobo/"), body)
    assert other.status_code == absent.status_code == 404
    assert other.content.replace(b"/o", b"/x").replace(b"anna", b"nobo") == absent.content


@pytest.mark.parametrize("address", [*READING, *CHANGING])
async def test_scopes_are_those_of_what_an_operation_does(service: Service, address: str) -> None:
    body = META if address in CHANGING else None
    blind = await service.caller("anna-writer").post(address, body)
    assert (blind.status_code, codes(blind)) == (403, ["forbidden"])
    if address in CHANGING:
        assert (await service.caller("anna-reader").post(address, body)).status_code == 403
    else:
        assert (await service.caller("anna-reader").post(address, body)).status_code == 200


@pytest.mark.parametrize("address", CHANGING)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_what_changes_something_is_posted(anna: Caller, address: str, method: str) -> None:
    answer = await anna.send(method, address)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("address", [each for each in READING if "lastn" not in each])
async def test_a_parameter_that_is_not_known_is_named(anna: Caller, address: str) -> None:
    got = await anna.get(f"{address}{'&' if '?' in address else '?'}nonsense=1")
    posted = await anna.post(address, parameters(nonsense="x"))
    assert got.status_code == posted.status_code == 400
    assert "'nonsense'" in got.text
    assert "'nonsense'" in posted.text


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Parameters", "parameter": {"name": "_count", "valueInteger": 1}},
        {"resourceType": "Parameters", "parameter": ["_count"]},
        {"resourceType": "Parameters", "parameter": [{"valueInteger": 1}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_count"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": 1, "valueString": "1"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueString": "1"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": -1}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": True}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": 1}] * 2},
        {"resourceType": "Parameters", "parameter": [{"name": "_count", "resource": goal()}]},
        {"resourceType": "Parameters", "parameter": [{"name": "start", "valueDate": "2026-02-30"}]},
        goal(),
    ],
)
async def test_a_bad_body_is_refused(anna: Caller, body: Resource) -> None:
    answer = await anna.post("/Patient/anna/$everything", body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("address", READING)
async def test_an_operation_speaks_xml(anna: Caller, address: str) -> None:
    body = b'<Parameters xmlns="http://hl7.org/fhir"/>'
    xml = {"content-type": "application/fhir+xml", "accept": "application/fhir+xml"}
    answer = await anna.post(address, body, xml)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+xml")
    refused = await anna.post(address, b"<Parameters/>", {**xml, "content-type": "text/plain"})
    assert refused.status_code == 415


async def test_a_withdrawn_grant_calls_nothing(service: Service, anna: Caller) -> None:
    await service.database.change("UPDATE access_grant SET expires = 1, stamp = stamp + 1 RETURNING hash")
    for address in READING:
        assert (await anna.get(address)).status_code == 401


async def test_operations_are_of_their_own_types_and_levels(anna: Caller) -> None:
    for address in (
        "/$lastn",
        "/Goal/$lastn",
        "/Observation/o/$lastn",
        "/$meta",
        "/Observation/$meta",
        "/Goal/$expand",
        "/$validate",
        "/Observation/o/_history/1/$validate",
        "/Observation/o/_history/1/$meta-add",
        "/Observation/$never",
    ):
        answer = await anna.post(address, META)
        assert answer.status_code == 404, address


async def test_every_operation_is_in_the_capability_statement(anonymous: Caller) -> None:
    statement = decode((await anonymous.get("/metadata", {"accept": JSON})).content)
    text = str(statement)
    assert all(f"'{each.name}'" in text for each in STANDARD_OPERATIONS)
