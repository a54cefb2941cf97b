"""A browser of somebody who is logged in, without a browser: for tests of what comes after the log-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from app.auth.accounts.account import Account, account_of_email
from app.auth.accounts.acting import record_of
from app.auth.accounts.sessions import LogIn, Sessions
from tests.server.service import Service

ORIGIN: Final = "https://zelfregie.test"
COOKIE: Final = "__Host-session"


async def account(service: Service, name: str) -> Account:
    """The account of the sandbox with this first name."""
    found = await account_of_email(service.database, 1, f"{name}@example.org")
    assert found is not None
    return found


@asynccontextmanager
async def logged_in(
    service: Service, name: str, *, record: str | None = "", fresh: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the cookie of ``name``'s session, its second factor just given if ``fresh``, in the record of
    the Patient ``record``: the own one when it is "", none when it is None.
    """
    server = service.server
    now = server.clock()
    sessions = Sessions(service.database, patient_type=server.registry.number("Patient"))
    who = await account(service, name)
    cookie = await sessions.open(LogIn(who.id, who.tenant, "password+totp", fresh=fresh), now=now)
    session = await sessions.find(cookie, now=now)
    assert session is not None
    if record is not None and (record or who.patient is not None):
        chosen = await record_of(server, session, record or name, now=now)
        assert chosen is not None
        await sessions.choose(session, chosen.session_grant())
    transport = httpx.ASGITransport(service.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        client.cookies.set(COOKIE, cookie, domain="zelfregie.test")
        yield client
