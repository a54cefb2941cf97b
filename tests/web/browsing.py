"""A browser without a screen: keeps cookies, fills in forms with the token of the page, and reads the mail."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from html import unescape
from typing import Final
from urllib.parse import urlencode

import httpx

from app.auth.accounts import totp
from app.auth.accounts.service import Accounts
from tests.server.service import PASSWORD, TOTP, Service

ORIGIN: Final = "https://zelfregie.test"
_TOKEN: Final = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_FIELD: Final = r'name="{}" value="([^"]*)"'
_HEADERS: Final = {"content-type": "application/x-www-form-urlencoded"}


class Time:
    """A clock that stands still until it is moved. µs."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@dataclass
class Browser:
    """``page`` is the last answer; ``time`` the service's clock."""

    http: httpx.AsyncClient
    service: Service
    time: Time
    page: httpx.Response = field(init=False)

    async def open(self, path: str, **headers: str) -> httpx.Response:
        self.page = await self.http.get(path, headers=headers)
        return self.page

    async def submit(self, path: str, /, **fields: str) -> httpx.Response:
        """Post a form of the page that is open."""
        token = _TOKEN.search(self.page.text)
        given = {**({"csrf": token[1]} if token else {}), **fields}
        self.page = await self.http.post(path, content=urlencode(given), headers=_HEADERS)
        return self.page

    async def follow(self) -> httpx.Response:
        assert self.page.status_code == 303, self.page.text
        return await self.open(self.page.headers["location"])

    def hidden(self, name: str) -> str:
        """The value of a field of the page."""
        found = re.search(_FIELD.format(name), self.page.text)
        assert found is not None, self.page.text
        return unescape(found[1])

    @property
    def cookies(self) -> dict[str, str]:
        return {each.name: each.value or "" for each in self.http.cookies.jar}

    async def give_password(self, address: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        await self.open("/login")
        return await self.submit("/login", email=address, password=password, **fields)

    async def log_in(self, name: str, **fields: str) -> httpx.Response:
        """All of it, with the code of the app."""
        await self.give_password(f"{name}@example.org", **fields)
        await self.follow()
        return await self.submit("/login/second-factor", code=code_now(self.time), **fields)


def code_now(time: Time, secret: bytes | None = None) -> str:
    """The code of the app at this moment."""
    return totp.code_at(secret or totp.read_secret(TOTP), time.now // totp.STEP)


def accounts_of(service: Service) -> Accounts:
    assert service.application.parts is not None
    return service.application.parts.accounts


async def mails(service: Service, to: str = "") -> list[EmailMessage]:
    """The mails that were sent, to one address if given, the oldest first; they are taken out."""
    await accounts_of(service).outbox.sent()
    found = []
    for path in sorted((service.application._settings.state / "outbox").glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        if not to or message["To"] == to:
            found.append(message)
            path.unlink()
    return found


def link_in(mail: EmailMessage) -> str:
    """The path of the link in a mail."""
    found = re.search(r"http://zelfregie\.test(/\S+)", mail.get_content())
    assert found is not None
    return found[1]


@asynccontextmanager
async def browsing(service: Service, time: Time) -> AsyncIterator[Browser]:
    transport = httpx.ASGITransport(service.application, client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        yield Browser(http, service, time)
