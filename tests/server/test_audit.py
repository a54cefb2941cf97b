"""One line for every request, before its answer; no answer without a line."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from app.audit import Event
from app.fhir.resource import Resource
from tests.builders import (
    asking,
    care_plan,
    deleted,
    goal,
    observation,
    patched,
    patient,
    posted,
    reference,
    transaction,
)
from tests.server.service import BASE, Caller, Service, codes


@pytest.fixture
def lines(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events that are in the journal by now."""
    written: list[Event] = []
    write = service.journal.write

    def recorded(event: Event) -> int:
        number = write(event)
        written.append(event)
        return number

    monkeypatch.setattr(service.journal, "write", recorded)
    return written


NO_CHANGE: Resource = {"resourceType": "Parameters"}
"""A FHIRPath Patch of no operations."""
REQUESTS: dict[str, tuple[str, str, str, Resource | None, int, str]] = {
    # token, method, address, body, status, interaction
    "read": ("anna", "GET", "/Goal/kept", None, 200, "read"),
    "head": ("anna", "HEAD", "/Goal/kept", None, 200, "read"),
    "vread": ("anna", "GET", "/Goal/kept/_history/1", None, 200, "vread"),
    "history": ("anna", "GET", "/Goal/kept/_history", None, 200, "history-instance"),
    "search": ("anna", "GET", "/Goal?lifecycle-status=proposed", None, 200, "search-type"),
    "everything": ("anna", "GET", "/Patient/anna/$everything", None, 200, "$everything"),
    "create": ("anna", "POST", "/Goal", goal(), 201, "create"),
    "update": ("anna", "PUT", "/Goal/kept", goal(id="kept"), 200, "update"),
    "conditional update": ("anna", "PUT", "/Goal?_id=kept", goal(), 200, "update"),
    "patch": ("anna", "PATCH", "/Goal/kept", NO_CHANGE, 200, "patch"),
    "conditional patch": ("anna", "PATCH", "/Goal?_id=kept", NO_CHANGE, 200, "patch"),
    "delete": ("anna", "DELETE", "/Goal/kept", None, 204, "delete"),
    "conditional delete": ("anna", "DELETE", "/Goal?_id=kept", None, 204, "delete"),
    "conditional delete of nothing": ("anna", "DELETE", "/Goal?_id=never", None, 200, "delete"),
    "transaction": ("anna", "POST", "/", transaction(posted(goal()), deleted("Goal/kept")), 200, "transaction"),
    "capabilities": ("", "GET", "/metadata", None, 200, "capabilities"),
    "no token": ("", "GET", "/Goal/kept", None, 401, "refusal"),
    "wrong scope": ("anna-observations", "GET", "/Goal/kept", None, 403, "refusal"),
    "another patient": ("bram", "GET", "/Goal/kept", None, 404, "refusal"),
    "gone": ("anna", "GET", "/Goal/gone", None, 410, "read"),
    "not valid": ("anna", "POST", "/Goal", goal(lifecycleStatus="x"), 422, "refusal"),
    "method": ("anna", "POST", "/Goal/kept", {}, 405, "refusal"),
    "format": ("anna", "GET", "/Goal?_format=html", None, 406, "refusal"),
    "unknown parameter": ("anna", "GET", "/Goal?nonsense=1", None, 400, "refusal"),
}


@pytest.fixture
async def kept(anna: Caller) -> None:
    await anna.keep(goal(id="kept"))
    await anna.keep(goal(id="gone"))
    await anna.delete("/Goal/gone")


@pytest.mark.parametrize("name", REQUESTS)
async def test_every_request_is_one_line(service: Service, kept: None, lines: list[Event], name: str) -> None:
    token, method, address, body, status, interaction = REQUESTS[name]
    before = service.journal.line
    answer = await service.caller(token).send(method, address, body)
    assert answer.status_code == status
    assert service.journal.line == before + 1
    (event,) = lines
    assert (event.interaction, event.status) == (interaction, status)
    assert event.request == answer.headers["x-request-id"]
    agent = json.loads(bytes(event.agent))
    known = token and status != 406  # what cannot be answered is refused before a look at who asks
    assert agent.get("person", "") == (f"Patient/{token.partition('-')[0]}" if known else "")
    if status < 300 and token:
        assert event.patients == (await service.key_of("anna"),)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_conditional_write_says_by_what_it_looked(
    anna: Caller, kept: None, lines: list[Event], method: str
) -> None:
    body = {"PUT": goal(), "PATCH": NO_CHANGE, "DELETE": None}[method]
    await anna.send(method, "/Goal?_id=kept&lifecycle-status=proposed", body)
    (event,) = lines
    assert (event.parameters, event.type) == (("_id", "lifecycle-status"), "Goal")
    assert event.resources[0].startswith("Goal/kept")


@pytest.mark.parametrize("identifier", ["geheim", "other"])
async def test_a_create_on_condition_says_by_what_it_looked(anna: Caller, lines: list[Event], identifier: str) -> None:
    await anna.create(goal(identifier=[{"system": "urn:a", "value": "geheim"}]))
    lines.clear()
    await anna.post("/Goal", goal(), {"if-none-exist": f"identifier=urn:a|{identifier}&patient.name=proef"})
    (event,) = lines
    assert event.parameters == ("identifier", "patient.name")


async def test_a_transaction_says_by_what_it_looked(anna: Caller, kept: None, lines: list[Event]) -> None:
    entries = (
        posted(care_plan(goal=[reference("Goal?_id=kept&lifecycle-status=proposed")])),
        posted(goal(), ifNoneExist="start-date=2031-01-01"),
        asking("PUT", "Goal?target-date=2031-01-01", goal()),
        patched("Goal?_id=kept", NO_CHANGE),
        deleted("Observation?code=geheim"),
    )
    answer = await anna.post("/", transaction(*entries))
    assert answer.status_code == 200, answer.text
    (event,) = lines
    assert set(event.parameters) == {"_id", "lifecycle-status", "start-date", "target-date", "code"}
    assert len(event.parameters) == 5
    lines.clear()
    await anna.post("/", transaction(posted(goal())))
    assert lines[0].parameters == ()


async def test_a_line_says_what_was_seen_and_never_what_was_said(
    service: Service, anna: Caller, kept: None, lines: list[Event]
) -> None:
    await anna.keep(goal(id="kept", startDate="2021-01-01"))
    lines.clear()
    await anna.get("/Goal/kept")
    await anna.get("/Goal?lifecycle-status=proposed&start-date=ge2020-05-06")
    made = await anna.create(goal(description={"text": "Geheim-4711"}))
    read, search, create = lines
    assert read.resources == ("Goal/kept",)
    assert (search.type, search.parameters, search.rows) == ("Goal", ("lifecycle-status", "start-date"), 1)
    assert create.resources == (f"Goal/{made['id']}/_history/1",)
    written = b"".join(
        json.dumps({name: str(getattr(each, name)) for name in each.__struct_fields__}).encode() for each in lines
    )
    for value in (b"2020-05-06", b"proposed", b"Geheim"):
        assert value not in written


async def test_a_line_names_the_organisation_and_the_purpose(practice: Caller, kept: None, lines: list[Event]) -> None:
    await practice.get("/Goal/kept")
    agent = json.loads(bytes(lines[0].agent))
    assert (agent["organization"], agent["purpose"]) == ("De Proef", "treatment")


async def test_a_search_over_several_patients_names_all_whose_data_was_given(
    service: Service, practice: Caller, lines: list[Event]
) -> None:
    for name in ("anna", "bram"):
        await practice.create(observation(f"Patient/{name}"))
    lines.clear()
    await practice.found("/Observation")
    assert len(lines[0].patients) == 2
    assert lines[0].rows == 2


async def test_a_history_knows_who_did_it_and_by_which_request(service: Service, anna: Caller) -> None:
    answer = await anna.post("/Goal", goal(), {"x-request-id": "abc-1"})
    assert answer.status_code == 201
    rows = await service.database.fetch("SELECT actor, request FROM history WHERE request = 'abc-1'")
    assert [tuple(row) for row in rows] == [("Patient/anna", "abc-1")]


@pytest.mark.parametrize("name", ["read", "create", "no token", "capabilities"])
async def test_the_line_is_written_before_the_answer_leaves(
    service: Service, kept: None, lines: list[Event], name: str
) -> None:
    token, method, address, body, status, _ = REQUESTS[name]
    seen: list[tuple[str, int]] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def watching(message: MutableMapping[str, Any]) -> None:
            seen.append((message["type"], len(lines)))
            if status == 201:
                assert (
                    service.journal.synced == service.journal.line
                )  # a write is acknowledged when its line is on disk
            await send(message)

        await service.application(scope, receive, watching)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(watched), base_url=BASE) as client:
        answer = await Caller(client, token).send(method, address, body)
    assert answer.status_code == status
    assert seen == [("http.response.start", 1), ("http.response.body", 1)]


@pytest.mark.parametrize("name", REQUESTS)
async def test_no_answer_is_given_that_cannot_be_recorded(
    service: Service, kept: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    token, method, address, body, *_ = REQUESTS[name]
    with monkeypatch.context() as broken:
        broken.setattr(service.journal, "_fault", "the disk is full")
        answer = await service.caller(token).send(method, address, body)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "etag" not in answer.headers
    assert "location" not in answer.headers
    if method != "HEAD":
        assert codes(answer) == ["transient"]
        assert "kept" not in answer.text
    assert (await service.caller("anna").get("/metadata")).status_code == 200


async def test_a_write_whose_line_does_not_reach_the_disk_is_not_acknowledged(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.errors import Unavailable

    async def failing() -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(service.journal, "durable", failing)
        assert (await anna.post("/Goal", goal())).status_code == 503
        assert (await anna.get("/Patient/anna")).status_code == 200


async def test_a_name_is_in_no_line(anna: Caller, lines: list[Event]) -> None:
    await anna.put("/Patient/anna", patient("anna", name=[{"family": "Zeldzaam"}]))
    await anna.get("/Patient?name=Zeldzaam")
    assert len(lines) == 2
    assert all("Zeldzaam" not in str(event) for event in lines)
