"""People in their own sessions, as the rights ask for them."""

from __future__ import annotations

from dataclasses import dataclass

from app.auth.accounts.acting import record_of
from app.auth.accounts.sessions import LogIn, Session, Sessions
from app.auth.rights.erasing import Erasures
from app.auth.rights.tombstones import Tombstones
from app.server.access import Access
from tests.server.service import Service
from tests.web.login import account


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody in a record."""

    session: Session
    access: Access


def sessions_of(service: Service) -> Sessions:
    return Sessions(service.database, patient_type=service.server.registry.number("Patient"))


async def visit(service: Service, name: str, *, record: str = "", fresh: bool = True) -> Visit:
    """``name`` in the record of the Patient ``record``, the own one when that is not said."""
    server, now = service.server, service.server.clock()
    sessions = sessions_of(service)
    who = await account(service, name)
    cookie = await sessions.open(LogIn(who.id, who.tenant, "password+totp", fresh=fresh), now=now)
    session = await sessions.find(cookie, now=now)
    assert session is not None
    chosen = await record_of(server, session, record or name, now=now)
    assert chosen is not None
    session = await sessions.choose(session, chosen.session_grant())
    access = await sessions.access(session, now=now)
    assert access is not None
    return Visit(session, access)


async def bearer(service: Service, name: str, *, record: str = "") -> str:
    """A token that is as good as the session of ``name``."""
    found = await visit(service, name, record=record)
    token, _ = await sessions_of(service).bearer(found.session, now=service.server.clock())
    return token


def erasures(service: Service) -> Erasures:
    return Erasures(service.server, Tombstones(service.server.page_key, service.server.definitions.type_numbers))
