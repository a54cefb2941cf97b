"""Every error is an OperationOutcome in the asker's format. https://hl7.org/fhir/R4/http.html#Status-Codes"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from app.fhir.xml import from_xml
from app.server.asgi import LARGEST_BODY
from tests.builders import goal, observation
from tests.server.service import BASE, JSON, Caller, Service, codes

Request = tuple[str, str, str, Resource | bytes | None, dict[str, str]]
"""Token, method, address, body and headers."""

ERRORS: dict[str, tuple[int, Request]] = {
    "unreadable body": (400, ("anna", "POST", "/Goal", b"{", {})),
    "unknown parameter": (400, ("anna", "GET", "/Goal?nonsense=1", None, {})),
    "no token": (401, ("", "GET", "/Goal", None, {})),
    "unknown token": (401, ("nonsense", "GET", "/Goal", None, {})),
    "another kind of token": (401, ("", "GET", "/Goal", None, {"authorization": "Basic YTpi"})),
    "wrong scope": (403, ("anna-observations", "GET", "/Goal", None, {})),
    "absent": (404, ("anna", "GET", "/Goal/never", None, {})),
    "unknown type": (404, ("anna", "GET", "/Nothing", None, {})),
    "no such address": (404, ("anna", "GET", "/Goal/a/b/c", None, {})),
    "method": (405, ("anna", "POST", "/Goal/kept", {}, {})),
    "format": (406, ("anna", "GET", "/Goal", None, {"accept": "application/fhir+turtle"})),
    "two of that name": (409, ("practice", "GET", "/Observation/double", None, {})),
    "deleted": (410, ("anna", "GET", "/Goal/gone", None, {})),
    "stale": (412, ("anna", "PUT", "/Goal/kept", goal(id="kept"), {"if-match": 'W/"9"'})),
    "too large": (413, ("anna", "POST", "/Goal", {}, {"content-length": str(LARGEST_BODY + 1)})),
    "body format": (415, ("anna", "POST", "/Goal", b"x", {"content-type": "text/plain"})),
    "patch format": (415, ("anna", "PATCH", "/Goal/kept", b"[]", {"content-type": "application/json"})),
    "not valid": (422, ("anna", "POST", "/Goal", goal(lifecycleStatus="nonsense"), {})),
}
CODES = {
    400: ("structure", "not-supported"),
    401: ("login",),
    403: ("forbidden",),
    404: ("not-found", "not-supported"),
    405: ("not-supported",),
    406: ("not-supported",),
    409: ("multiple-matches",),
    410: ("deleted",),
    412: ("conflict",),
    413: ("too-long",),
    415: ("not-supported",),
    422: ("code-invalid",),
}


@pytest.fixture
async def arranged(service: Service, anna: Caller, practice: Caller) -> Service:
    await anna.keep(goal(id="kept"))
    await anna.keep(goal(id="gone"))
    await anna.delete("/Goal/gone")
    for name in ("anna", "bram"):
        await practice.keep(observation(f"Patient/{name}", id="double"))
    return service


@pytest.mark.parametrize(("status", "request_"), ERRORS.values(), ids=ERRORS.keys())
async def test_every_error_is_an_outcome(arranged: Service, status: int, request_: Request) -> None:
    token, method, address, body, headers = request_
    answer = await arranged.caller(token).send(method, address, body, headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert codes(answer)[0] in CODES[status]
    outcome = decode(answer.content)
    assert all(issue["severity"] in ("fatal", "error") and issue["diagnostics"] for issue in outcome["issue"])
    assert validate(outcome, arranged.server.definitions) == []


@pytest.mark.parametrize("name", [name for name in ERRORS if name != "format"])
async def test_every_error_comes_in_the_askers_format(arranged: Service, name: str) -> None:
    status, (token, method, address, body, headers) = ERRORS[name]
    in_json = await arranged.caller(token).send(method, address, body, headers)
    answer = await arranged.caller(token).send(method, address, body, {"accept": "application/fhir+xml", **headers})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/fhir+xml; charset=utf-8"
    assert from_xml(answer.content, arranged.server.definitions) == decode(in_json.content)


async def test_another_library_can_read_an_outcome(arranged: Service, anna: Caller) -> None:
    from fhir.resources.R4B.operationoutcome import OperationOutcome

    answer = await anna.post("/Goal", goal(lifecycleStatus="nonsense", foo=1))
    read = OperationOutcome.model_validate_json(answer.content)
    assert {(issue.expression or [None])[0] for issue in read.issue} == {"Goal.lifecycleStatus", "Goal.foo"}


async def test_who_sends_no_token_is_told_how(anonymous: Caller) -> None:
    answer = await anonymous.get("/Goal")
    assert answer.headers["www-authenticate"].startswith("Bearer ")


async def test_an_answer_to_a_wrong_method_names_the_right_ones(anna: Caller) -> None:
    for address, allowed in {
        "/": {"GET", "HEAD", "POST"},
        "/_search": {"POST"},
        "/Goal/_search": {"POST"},
        "/Goal": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
        "/Goal/x": {"GET", "HEAD", "PUT", "PATCH", "DELETE"},
        "/Goal/x/_history": {"GET", "HEAD"},
        "/Goal/x/_history/1": {"GET", "HEAD"},
        "/Patient/anna/Goal": {"GET", "HEAD", "POST"},
        "/Patient/anna/$everything": {"GET", "HEAD", "POST"},
        "/metadata": {"GET", "HEAD"},
    }.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
            answer = await anna.send(method, address)
            assert answer.status_code == 405, (method, address)
            assert set(answer.headers["allow"].split(", ")) == allowed, (method, address)
            assert codes(answer) == ["not-supported"]


async def test_types_that_are_only_read_say_so(anna: Caller) -> None:
    answer = await anna.post("/AuditEvent", {"resourceType": "AuditEvent"})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(service: Service) -> None:
    async def endless() -> AsyncIterator[bytes]:
        chunk = b" " * 1024 * 1024
        for _ in range(LARGEST_BODY // len(chunk) + 1):
            yield chunk

    headers = {"authorization": "Bearer anna", "content-type": JSON}
    answer = await service.client.post("/Goal", content=endless(), headers=headers)
    assert answer.status_code == 413


async def test_an_error_repeats_no_value_of_the_body(anna: Caller) -> None:
    secret = "Geheim-4711"
    for wrong in (
        goal(lifecycleStatus=secret),
        goal(foo=secret),
        goal(startDate=secret),
        observation(valueQuantity={"value": secret}),
        observation(f"Patient/{secret}"),
        observation(subject={"reference": secret, "display": secret, "foo": secret}),
    ):
        answer = await anna.post(f"/{wrong['resourceType']}", wrong)
        assert answer.status_code == 422
        assert secret not in answer.text


async def test_the_request_id_of_the_caller_is_given_back_where_it_has_a_safe_form(anna: Caller) -> None:
    assert (await anna.get("/Goal", {"x-request-id": "abc-123_X.y"})).headers["x-request-id"] == "abc-123_X.y"
    made = [
        (await anna.get("/Goal", headers)).headers["x-request-id"]
        for headers in (None, {"x-request-id": "a b"}, {"x-request-id": "x" * 65})
    ]
    assert len(set(made)) == 3
    assert all(" " not in each and len(each) <= 64 for each in made)


async def test_every_answer_may_be_kept_by_nobody(anna: Caller, anonymous: Caller) -> None:
    for answer in (
        await anna.get("/Goal"),
        await anonymous.get("/Goal"),
        await anna.post("/Goal", goal()),
        await anonymous.get("/metadata"),
    ):
        assert answer.headers["cache-control"] == "no-store"


async def test_addresses_outside_the_base_are_not_fhir(service: Service) -> None:
    for address in ("/fhirx/Patient", "/fhi"):
        answer: Any = await service.client.get(f"{BASE.removesuffix('/fhir')}{address}")
        assert answer.status_code == 404


async def test_every_answer_keeps_a_browser_from_guessing_what_it_is(anna: Caller, anonymous: Caller) -> None:
    for answer in (
        await anna.get("/Goal"),
        await anonymous.get("/Goal"),
        await anna.post("/Goal", goal()),
        await anonymous.get("/metadata"),
        await anna.get("/Goal?_format=nonsense"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
