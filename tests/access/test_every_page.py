"""Every page × everybody who may ask for it: who is shown it, who is sent to log in or to choose a record, who is
refused (``pages.yaml``). Forms that do not come from our own page are refused for everybody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from app.auth.accounts.acting import record_of
from app.auth.recipients import person
from app.auth.roles import Role
from app.config import Settings
from app.main import create_app
from tests.consents.people import Permissions, registered
from tests.people.people import People
from tests.server.service import Service
from tests.web.login import COOKIE, ORIGIN

EXPECTED: Final[dict[str, dict[str, str]]] = yaml.safe_load(Path(__file__).with_name("pages.yaml").read_text("utf-8"))
VISITORS: Final[Mapping[str, str]] = {
    "nobody": "not logged in",
    "newcomer": "logged in, without a record",
    "patient": "in the own record",
    "representative": "in the record of who is represented",
    "carer": "in a record by its owner's consent",
    "professional": "of an organisation with consent, in the patient's record",
    "administrator": "of the tenant",
}
IN_PATHS: Final = {
    "id": "0123456789abcdef0123456789abcdef", "secret": "nonsense", "ticket": "nonsense", "provider": "nonsense",
    "account": "nonsense", "hash": "00", "name": "style.css", "patient": "1", "erasure": "nonsense", "type": "Goal",
    "export": "nonsense", "client": "app", "at": "0", "kind": "weight",
    "protocol": "peak-flow", "file": "summary",
}  # fmt: skip
NOT_PAGES: Final = ("/health", "/metrics", "/sandbox", "/oauth", "/.well-known", "/fhir", "/assets", "/openapi.json")


def routes(method: str) -> list[str]:
    """The addresses of all pages, as they are registered."""
    found = {path for path, methods in _every(create_app(Settings())._pages.routes) if method in methods}
    return sorted(path for path in found if not path.startswith(NOT_PAGES))


def _every(listed: Any) -> Iterator[tuple[str, set[str]]]:
    for route in listed:
        if hasattr(route, "path") and getattr(route, "methods", None):
            yield route.path, set(route.methods)
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if inner is not None:
            yield from _every(inner.routes)


def filled(path: str) -> str:
    """The address with something in the place of each part that varies."""
    for name, value in IN_PATHS.items():
        path = path.replace("{" + name + "}", value)
    assert "{" not in path, path
    return path


@pytest.fixture
async def visitors(service: Service) -> AsyncIterator[Mapping[str, httpx.AsyncClient]]:
    """A browser for each."""
    people = People(service)
    for name in ("anna", "bram"):
        await people.account(name, record=name)
    for name in ("paula", "carl"):
        await people.account(name)
    await people.account("paul", role=Role.PROFESSIONAL)
    await people.account("beheer", role=Role.ADMINISTRATOR)
    permissions = Permissions(people, await registered(service, "Praktijk De Linde", "01234567"))
    await permissions.represented_by("paula")
    await permissions.give(person(people.accounts["carl"]), categories=["measurements", "identity"])
    await permissions.give(f"organization:{permissions.practice.id}", purpose="treatment")
    async with AsyncExitStack() as stack:

        async def browser(name: str = "", *, record: str = "", organization: str = "") -> httpx.AsyncClient:
            transport = httpx.ASGITransport(service.application)
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=ORIGIN))
            if name:
                cookie = await people.cookie(name, organization=organization)
                session = await people.sessions.find(cookie, now=people.now)
                assert session is not None
                client.cookies.set(COOKIE, cookie, domain="zelfregie.test")
                if record:
                    chosen = await record_of(service.server, session, record, now=people.now)
                    assert chosen is not None
                    await people.sessions.choose(session, chosen.session_grant())
            return client

        yield {
            "nobody": await browser(),
            "newcomer": await browser("carl"),
            "patient": await browser("anna", record="anna"),
            "representative": await browser("paula", record="anna"),
            "carer": await browser("carl", record="anna"),
            "professional": await browser("paul", record="anna", organization=permissions.practice.id),
            "administrator": await browser("beheer"),
        }


def outcome(answer: httpx.Response) -> str:
    """What came of it, in a word or an address."""
    if answer.status_code in (302, 303, 307):
        return answer.headers["location"].partition("?")[0]
    by_status = {200: "page", 403: "refused", 404: "absent", 410: "over"}
    return by_status.get(answer.status_code, str(answer.status_code))


@pytest.mark.parametrize("path", routes("GET"))
async def test_every_page_is_for_whom_the_table_says(visitors: Mapping[str, httpx.AsyncClient], path: str) -> None:
    found = {name: outcome(await client.get(filled(path))) for name, client in visitors.items()}
    assert found == EXPECTED[path]


@pytest.mark.parametrize("path", [path for path in routes("POST") if not path.endswith("/options")])
async def test_a_form_that_is_not_from_our_page_changes_nothing(
    visitors: Mapping[str, httpx.AsyncClient], path: str
) -> None:
    for name, client in visitors.items():
        for fields in ({"csrf": ""}, {"csrf": "0" * 64}):
            answer = await client.post(filled(path), data=fields)
            said = outcome(answer)
            assert said in ("refused", "absent", "over", "/login", "/choose", "/account/confirm"), (name, said)


def test_the_table_has_every_page_for_everybody_and_no_more() -> None:
    assert list(EXPECTED) == routes("GET")
    for row in EXPECTED.values():
        assert list(row) == list(VISITORS)


@pytest.mark.parametrize("name", ["carer", "professional", "administrator", "newcomer"])
def test_what_is_the_persons_own_is_for_nobody_else(name: str) -> None:
    for path in ("/permissions", "/looked", "/data", "/people", "/pairing", "/measurements", "/profile"):
        assert EXPECTED[path][name] != "page", path
