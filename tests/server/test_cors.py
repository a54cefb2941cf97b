"""OPTIONS, and what web pages of other origins may do. https://fetch.spec.whatwg.org/#http-cors-protocol"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.config import CANONICAL_BASE, Settings
from app.database.migrations import migrate
from app.fhir.resource import decode
from app.main import create_app
from app.server.cors import Origins
from tests.builders import goal
from tests.server.service import BASE, Caller, codes

ORIGIN = {"origin": "https://app.example"}
ASKING = {**ORIGIN, "access-control-request-method": "PUT", "access-control-request-headers": "authorization"}


def listed(answer: httpx.Response, name: str) -> set[str]:
    return {each.strip().lower() for each in answer.headers[name].split(",")}


async def test_a_browser_may_ask_without_a_token_before_it_sends(anonymous: Caller) -> None:
    answer = await anonymous.send("OPTIONS", "/Goal/x", headers=ASKING)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert listed(answer, "access-control-allow-methods") == {"get", "head", "put", "patch", "delete", "options"}
    assert listed(answer, "access-control-allow-headers") >= {
        *("authorization", "content-type", "accept", "prefer", "if-match", "if-none-match", "if-none-exist"),
        *("if-modified-since", "x-security-context", "x-request-id"),
    }
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answer.headers


async def test_every_address_says_which_methods_it_takes(anonymous: Caller) -> None:
    for address, methods in {
        "/Goal": {"get", "head", "post", "put", "patch", "delete", "options"},
        "/Goal/_search": {"post", "options"},
        "/Goal/x/_history/1": {"get", "head", "options"},
        "/Patient/anna/$everything": {"get", "head", "post", "options"},
        "/AuditEvent": {"get", "head", "options"},
        "/AuditEvent/_search": {"post", "options"},
        "/AuditEvent/x": {"get", "head", "options"},
        "/metadata": {"get", "head", "options"},
        "/_search": {"post", "options"},
    }.items():
        answer = await anonymous.send("OPTIONS", address)
        assert answer.status_code == 204, address
        assert listed(answer, "allow") == methods, address
        assert "access-control-allow-methods" not in answer.headers


async def test_options_of_what_is_not_there_is_an_outcome(anonymous: Caller) -> None:
    for address in ("/Nothing", "/Goal/a/b/c", "/Goal/x/$nonsense"):
        answer = await anonymous.send("OPTIONS", address, headers=ASKING)
        assert (answer.status_code, codes(answer)) in ((404, ["not-found"]), (404, ["not-supported"])), address
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_options_of_the_base_is_the_statement(anonymous: Caller) -> None:
    for address in ("", "/"):
        answer = await anonymous.send("OPTIONS", address)
        assert answer.status_code == 200
        assert decode(answer.content) == decode((await anonymous.get("/metadata")).content)
        assert "post" in listed(answer, "allow")
    assert (await anonymous.send("OPTIONS", "", headers=ASKING)).status_code == 204


async def test_a_page_may_read_answers_and_their_headers_refusals_too(anna: Caller, anonymous: Caller) -> None:
    for answer in (
        await anna.post("/Goal", goal(), ORIGIN),
        await anna.get("/Goal", ORIGIN),
        await anna.get("/Goal/absent", ORIGIN),
        await anonymous.get("/Goal", ORIGIN),
        await anonymous.get("/metadata", ORIGIN),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert listed(answer, "access-control-expose-headers") >= {
            *("etag", "location", "content-location", "last-modified", "x-request-id", "allow"),
        }


async def test_who_is_no_page_hears_nothing_of_it(anna: Caller) -> None:
    answer = await anna.get("/Goal")
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_list_of_origins_lets_no_other_in() -> None:
    origins = Origins("https://app.example, https://other.example/")
    for origin in (b"https://app.example", b"https://other.example"):
        assert dict(origins.headers(origin))[b"access-control-allow-origin"] == origin
    for origin in (b"https://app.example.evil", b"http://app.example", b"null", b"*", b""):
        assert origins.headers(origin) == [(b"vary", b"Origin")]
    assert Origins("").headers(b"https://app.example") == [(b"vary", b"Origin")]


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A service for the pages of one origin."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    await migrate(url, canonical_base=CANONICAL_BASE)
    settings = Settings(database=url, state=tmp_path, base_url=BASE, allowed_origins="https://app.example")
    application = create_app(settings)
    async with (
        application.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=BASE) as http,
    ):
        yield http


async def test_the_setting_closes_the_service_to_other_pages(closed: httpx.AsyncClient) -> None:
    answer = await closed.options("/Goal", headers=ASKING)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "origin" in listed(answer, "vary")
    other = await closed.options("/Goal", headers={**ASKING, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    assert "origin" in listed(other, "vary")
