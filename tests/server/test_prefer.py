"""Prefer: return= on every write. https://hl7.org/fhir/R4/http.html#ops"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import pytest

from app.errors import Issue
from app.fhir.resource import decode
from app.fhir.validation import validate
from tests.builders import goal
from tests.server.service import Caller, codes, issues

KEPT: Final = goal(id="kept", identifier=[{"system": "urn:scale", "value": "42"}])
MEANT: Final = "identifier=urn:scale|42"
PATCH = json.dumps([{"op": "replace", "path": "/description/text", "value": "Anders"}]).encode()
Send = Callable[[Caller, dict[str, str]], Awaitable[httpx.Response]]

WRITES: Final[dict[str, tuple[int, str, Send]]] = {
    "create": (201, "created", lambda caller, headers: caller.post("/Goal", goal(), headers)),
    "update": (200, "updated", lambda caller, headers: caller.put("/Goal/kept", KEPT, headers)),
    "update that creates": (201, "created", lambda caller, headers: caller.put("/Goal/new", goal(id="new"), headers)),
    "conditional update": (200, "updated", lambda caller, headers: caller.put(f"/Goal?{MEANT}", KEPT, headers)),
    "conditional create that finds": (
        200,
        "there already",
        lambda caller, headers: caller.post("/Goal", goal(), {**headers, "if-none-exist": MEANT}),
    ),
    "patch": (
        200,
        "updated",
        lambda caller, headers: caller.send(
            "PATCH", "/Goal/kept", PATCH, {"content-type": "application/json-patch+json", **headers}
        ),
    ),
}  # fmt: skip


@pytest.fixture
async def writer(anna: Caller) -> Caller:
    """Anna, with a goal to write on."""
    await anna.keep(KEPT)
    return anna


@pytest.mark.parametrize(("status", "said", "send"), WRITES.values(), ids=WRITES.keys())
async def test_the_resource_is_what_is_answered(writer: Caller, status: int, said: str, send: Send) -> None:
    for headers in ({}, {"prefer": "return=representation"}, {"prefer": "respond-async"}):
        answer = await send(writer, headers)
        assert answer.status_code in (status, 200), answer.text
        assert decode(answer.content)["resourceType"] == "Goal"
        assert {"etag", "last-modified", "location"} <= set(answer.headers)


@pytest.mark.parametrize(("status", "said", "send"), WRITES.values(), ids=WRITES.keys())
async def test_minimal_is_no_body(writer: Caller, status: int, said: str, send: Send) -> None:
    answer = await send(writer, {"prefer": "return=minimal"})
    assert (answer.status_code, answer.content) == (status, b""), said
    assert {"etag", "last-modified", "location"} <= set(answer.headers)


@pytest.mark.parametrize(("status", "said", "send"), WRITES.values(), ids=WRITES.keys())
async def test_an_outcome_says_what_was_done(writer: Caller, status: int, said: str, send: Send) -> None:
    answer = await send(writer, {"prefer": "return=OperationOutcome"})
    assert answer.status_code == status
    (issue,) = issues(answer)
    assert (issue["severity"], issue["code"]) == ("information", "informational")
    assert said in issue["diagnostics"]
    assert {"etag", "last-modified", "location"} <= set(answer.headers)
    in_xml = await send(writer, {"prefer": "return=OperationOutcome", "accept": "application/fhir+xml"})
    assert b"<OperationOutcome " in in_xml.content


async def test_a_delete_says_what_it_did_to_who_asks(writer: Caller) -> None:
    answer = await writer.delete("/Goal/kept", {"prefer": "return=OperationOutcome"})
    assert (answer.status_code, codes(answer)) == (200, ["informational"])
    assert "was deleted." in answer.text
    again = await writer.delete("/Goal/kept", {"prefer": "return=OperationOutcome"})
    assert (again.status_code, "already" in again.text) == (200, True)
    for preference in ("return=minimal", "return=representation"):
        silent = await writer.delete("/Goal/kept", {"prefer": preference})
        assert (silent.status_code, silent.content) == (204, b"")


async def test_remarks_of_validation_come_instead_of_the_resource(
    writer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the resource is asked for: what was not refused should not be overlooked."""
    remark = Issue("business-rule", "Unlikely, but not impossible.", severity="warning")

    def remarking(*arguments: Any) -> list[Issue]:
        return [*validate(*arguments), remark]

    monkeypatch.setattr("app.server.store.prepare.validate", remarking)
    for name, (status, _, send) in WRITES.items():
        if "finds" in name:
            continue
        answer = await send(writer, {})
        assert (answer.status_code, codes(answer)) == (status, ["informational", "business-rule"]), name
    asked = await WRITES["update"][2](writer, {"prefer": "return=representation"})
    assert decode(asked.content)["resourceType"] == "Goal"
    silent = await WRITES["update"][2](writer, {"prefer": "return=minimal"})
    assert silent.content == b""


async def test_who_may_not_read_is_not_shown_what_was_there(writer: Caller) -> None:
    condition = {"if-none-exist": MEANT, "prefer": "return=representation"}
    answer = await Caller(writer.client, "anna-finder").post("/Goal", goal(), condition)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["location"].endswith("/Goal/kept/_history/1")
