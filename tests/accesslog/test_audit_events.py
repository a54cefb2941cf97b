"""The access log as AuditEvents: only the own record's, only for who may see permissions, and read-only.

https://hl7.org/fhir/R4/auditevent.html
"""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from app.fhir.resource import decode, encode
from app.fhir.validation import validate
from tests import builders
from tests.server.service import Caller, Service, codes, ids


@pytest.fixture
async def logged(service: Service, anna: Caller, bram: Caller, practice: Caller) -> Service:
    """Something happened in Anna's record, and in Bram's."""
    await moved(service)
    for table in (
        "audit",
        "audit_patient",
    ):  # a sandbox keeps its log when the rest is put back: begin with an empty one
        await service.database.change(f"DELETE FROM {table}")
    goal = await anna.create(builders.goal())
    await practice.get(f"/Goal/{goal['id']}")
    await practice.get("/Goal?patient=anna&lifecycle-status=active")
    await bram.get("/Patient/bram")
    await moved(service)
    return service


async def moved(service: Service) -> None:
    assert service.application.parts is not None
    await service.application.parts.mover.drain()


async def events(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    found = await caller.pages(f"/AuditEvent{query}")
    return [entry["resource"] for page in found for entry in page.get("entry", ())]


@pytest.fixture
def owner(service: Service) -> Caller:
    """Anna, who may see her permissions and her access log."""
    return service.caller("anna-permissions")


async def test_the_log_of_the_own_record_is_there_newest_first(logged: Service, owner: Caller) -> None:
    found = await events(owner)
    subtypes = [each["subtype"][0]["code"] for each in found]
    assert subtypes[:3] == ["search-type", "read", "create"]
    assert [each["recorded"] for each in found] == sorted((each["recorded"] for each in found), reverse=True)
    assert {entity["what"]["reference"] for each in found for entity in each["entity"][:1]} == {"Patient/anna"}


async def test_every_event_is_valid_and_parses_elsewhere(logged: Service, owner: Caller) -> None:
    for event in await events(owner):
        assert validate(decode(encode(event)), logged.server.definitions) == []
        AuditEvent.model_validate_json(encode(event))


async def test_an_event_says_who_on_which_ground_and_what(logged: Service, owner: Caller) -> None:
    read = next(each for each in await events(owner) if each["subtype"][0]["code"] == "read")
    assert read["action"] == "R"
    assert read["outcome"] == "0"
    assert read["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    assert [each["what"]["reference"].partition("/")[0] for each in read["entity"][:2]] == ["Patient", "Goal"]
    assert [each["requestor"] for each in read["agent"]].count(True) == 1
    values = [each["who"]["identifier"]["value"] for each in read["agent"]]
    assert "organization:De Proef" in values


async def test_what_was_searched_with_is_named_and_its_values_are_not(logged: Service, owner: Caller) -> None:
    found = next(each for each in await events(owner) if each["subtype"][0]["code"] == "search-type")
    query = found["entity"][-1]
    assert query["description"].split()[0] == "Goal"
    assert "lifecycle-status" in query["description"]
    assert "active" not in str(found)


async def test_others_do_not_exist_for_it(
    logged: Service, owner: Caller, anna: Caller, bram: Caller, practice: Caller
) -> None:
    (first, *_) = await events(owner)
    assert (await owner.get(f"/AuditEvent/{first['id']}")).json()["id"] == first["id"]
    for caller in (anna, bram, practice):
        assert await events(caller) == []
        assert (await caller.get(f"/AuditEvent/{first['id']}")).status_code == 404
    assert (await logged.caller("").get("/AuditEvent")).status_code == 401
    absent = await owner.get("/AuditEvent/00000000-0000-8000-8000-000000000000")
    assert (absent.status_code, codes(absent)) == (404, ["not-found"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
async def test_nobody_writes_it(logged: Service, owner: Caller, operator: Caller, method: str) -> None:
    (first, *_) = await events(owner)
    address = "/AuditEvent" if method == "POST" else f"/AuditEvent/{first['id']}"
    body = None if method == "DELETE" else {key: value for key, value in first.items() if key != "meta"}
    for caller in (owner, operator):
        answer = await caller.send(method, address, body)
        assert answer.status_code in (403, 405)
    assert (await owner.get(f"/AuditEvent/{first['id']}")).json() == first


async def test_it_is_not_written_by_a_transaction_either(logged: Service, owner: Caller) -> None:
    (first, *_) = await events(owner)
    answer = await owner.post("", builders.transaction(builders.put(first)))
    assert answer.status_code == 403


async def test_reading_the_log_is_in_the_log(logged: Service, owner: Caller) -> None:
    await events(owner, "?type=rest")
    await moved(logged)
    newest = (await events(owner))[0]
    assert newest["entity"][-1]["description"] == "AuditEvent type"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?subtype=read", {"read"}),
        ("?action=C", {"create"}),
        ("?subtype=read,create", {"read", "create"}),
        ("?agent:identifier=organization:De Proef&subtype=read", {"read"}),
        ("?agent:identifier=organization:Another", set()),
        ("?outcome=8", set()),
        ("?patient=anna&subtype=create", {"create"}),
        ("?patient=bram", set()),
        ("?date=ge2000&subtype=create", {"create"}),
        ("?date=lt2000", set()),
        ("?type=http://terminology.hl7.org/CodeSystem/audit-event-type|rest&subtype=read", {"read"}),
        ("?entity=Patient/anna&subtype=read", {"read"}),
        ("?entity=Patient/bram", set()),
    ],
)
async def test_a_search_gives_what_it_asks_for(logged: Service, owner: Caller, query: str, expected: set[str]) -> None:
    assert {each["subtype"][0]["code"] for each in await events(owner, query)} == expected


async def test_an_unknown_parameter_is_refused_by_name(logged: Service, owner: Caller) -> None:
    answer = await owner.get("/AuditEvent?nonsense=1")
    assert answer.status_code == 400
    assert "nonsense" in answer.text


async def test_pages_give_every_line_once(logged: Service, owner: Caller, anna: Caller) -> None:
    for _ in range(25):
        await anna.get("/Patient/anna")
    await moved(logged)
    every = [each["id"] for each in await events(owner, "?_count=1000&date=le2100")]
    paged: list[str] = []
    for page in await owner.pages("/AuditEvent?_count=7&date=le2100"):
        paged += ids(page)
    assert [each for each in paged if each in every] == every
    assert len(paged) == len(set(paged))
    total = (await owner.bundle("/AuditEvent?subtype=read&_total=accurate&_count=2"))["total"]
    assert total >= 26


async def test_the_whole_record_has_it_only_when_it_is_named(logged: Service, owner: Caller) -> None:
    types = {entry["resource"]["resourceType"] for entry in (await owner.bundle("/Patient/anna/$everything"))["entry"]}
    assert "AuditEvent" not in types
    named = await owner.pages("/Patient/anna/$everything?_type=AuditEvent")
    assert {entry["resource"]["resourceType"] for page in named for entry in page["entry"]} == {"AuditEvent"}
