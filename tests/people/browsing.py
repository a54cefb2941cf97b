"""A browser without a browser: keeps cookies, sends forms with the token of the page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from html import unescape
from typing import Final

import httpx

from tests.people.people import People
from tests.server.service import Service
from tests.web.login import COOKIE, ORIGIN

_CSRF: Final = re.compile(r'name="csrf" value="([^"]*)"')
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_LINK: Final = re.compile(r"http://zelfregie\.test(/invitations/\S+)")


@dataclass(frozen=True, slots=True)
class Browser:
    """What somebody sees and sends. Nothing is followed by itself."""

    client: httpx.AsyncClient

    async def get(self, address: str) -> httpx.Response:
        return await self.client.get(address)

    async def post(
        self, address: str, fields: Mapping[str, str | Sequence[str]] | None = None, *, page: str = "/account"
    ) -> httpx.Response:
        """Send a form with the token that ``page`` has."""
        shown = await self.client.get(page)
        found = _CSRF.search(shown.text)
        assert found, shown.text
        return await self.client.post(address, data={"csrf": found[1], **dict(fields or {})})


def hidden(answer: httpx.Response) -> dict[str, list[str]]:
    """The hidden fields of a page, but the token."""
    found: dict[str, list[str]] = {}
    for name, value in _HIDDEN.findall(answer.text):
        if name != "csrf":
            found.setdefault(unescape(name), []).append(unescape(value))
    return found


@asynccontextmanager
async def browsing(people: People, name: str = "", *, record: str = "", fresh: bool = True) -> AsyncIterator[Browser]:
    """Somebody at our pages: nobody yet when ``name`` is "", in the record ``record`` when that is given."""
    transport = httpx.ASGITransport(people.service.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        browser = Browser(client)
        if name:
            client.cookies.set(COOKIE, await people.cookie(name, fresh=fresh), domain="zelfregie.test")
        if record:
            assert (await browser.post("/choose", {"record": record}, page="/choose")).status_code == 303
        yield browser


async def invitation(service: Service) -> str:
    """The path of the invitation that was mailed last."""
    assert service.application.parts is not None
    await service.application.parts.accounts.outbox.sent()
    folder = service.application.parts.site.settings.state / "outbox"
    for file in sorted(folder.glob("*.eml"), reverse=True):
        text = message_from_bytes(file.read_bytes(), policy=default).get_content()
        if found := _LINK.search(text):
            return found[1]
    raise AssertionError("No invitation was mailed.")
