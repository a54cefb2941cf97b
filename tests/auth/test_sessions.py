"""A browser session stands for a person until it ends, is left alone, or its account is closed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.auth.accounts.sessions import BEARER, FRESH, IDLE, LONGEST, LogIn, Session, Sessions, session_hash
from app.auth.accounts.tables import INSERT_ACCOUNT
from app.auth.grants import NewGrant, write_grant
from app.auth.recipients import person
from app.auth.tokens import hash_token
from app.errors import Forbidden
from app.server.access import load_access
from tests.server.service import Service

NOW = 1_800_000_000_000_000
ACCOUNT = "account000000001"


@pytest.fixture
async def sessions(service: Service) -> Sessions:
    """The sessions of a service in which Anna has an account."""
    anna = await service.key_of("anna")
    database = service.database
    await database.change("DELETE FROM session WHERE account = $1", ACCOUNT)
    await database.change("DELETE FROM account WHERE id = $1", ACCOUNT)
    row = (
        ACCOUNT,
        1,
        "patient",
        "proef@example.org",
        "Anna",
        "nl",
        "active",
        "",
        b"",
        0,
        b"h",
        anna,
        "",
        NOW,
        NOW,
        NOW,
    )
    async with database.write() as writer:
        await writer.insert(INSERT_ACCOUNT, [row])
    return Sessions(database, patient_type=service.server.registry.number("Patient"))


async def opened(sessions: Sessions, *, fresh: bool = True) -> tuple[str, Session]:
    cookie = await sessions.open(LogIn(ACCOUNT, 1, "password+totp", fresh=fresh), now=NOW)
    found = await sessions.find(cookie, now=NOW)
    assert found is not None
    return cookie, found


async def own_record(service: Service, sessions: Sessions, session: Session) -> Session:
    """Anna in her own record."""
    anna = await service.key_of("anna")
    own = NewGrant(b"own", person(ACCOUNT), "patient/*.cruds", 1, "own-use", patients=[anna], patient=anna)
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM access_grant WHERE recipient = $1", own.recipient)
        await writer.execute("DELETE FROM permit WHERE recipient = $1", own.recipient)
        await write_grant(writer, own)
    return await sessions.choose(session, own)


async def test_a_cookie_is_not_kept_as_it_is(sessions: Sessions, service: Service) -> None:
    cookie, found = await opened(sessions)
    assert found.hash == session_hash(cookie)
    assert cookie.encode() not in b"".join(map(bytes, [found.hash, found.csrf]))


@pytest.mark.parametrize(("later", "is_there"), [(IDLE - 1, True), (IDLE, False), (LONGEST, False)])
async def test_a_session_that_is_left_alone_is_over(sessions: Sessions, later: int, *, is_there: bool) -> None:
    cookie, _ = await opened(sessions)
    assert (await sessions.find(cookie, now=NOW + later) is not None) is is_there


async def test_a_session_that_is_used_lasts_but_not_for_ever(sessions: Sessions) -> None:
    cookie, _ = await opened(sessions)
    at = NOW
    while at + IDLE // 2 < NOW + LONGEST:
        at += IDLE // 2
        assert await sessions.find(cookie, now=at) is not None
    assert await sessions.find(cookie, now=NOW + LONGEST) is None


async def test_a_closed_account_has_no_session(sessions: Sessions, service: Service) -> None:
    cookie, _ = await opened(sessions)
    await service.database.change("UPDATE account SET state = 'closed' WHERE id = $1", ACCOUNT)
    assert await sessions.find(cookie, now=NOW) is None


async def test_an_ended_session_is_nobody_and_neither_is_its_token(sessions: Sessions, service: Service) -> None:
    cookie, session = await opened(sessions)
    session = await own_record(service, sessions, session)
    token, _ = await sessions.bearer(session, now=NOW)
    await sessions.end(session)
    assert await sessions.find(cookie, now=NOW) is None
    assert await sessions.access(session, now=NOW) is None
    assert await load_access(service.database, hash_token(token), now=NOW, patient_type=103) is None


async def test_a_cookie_is_no_token(sessions: Sessions, service: Service) -> None:
    cookie, session = await opened(sessions)
    await own_record(service, sessions, session)
    for token in (cookie, f"session:{cookie}"):
        assert await load_access(service.database, hash_token(token), now=NOW, patient_type=103) is None
        answer = await service.caller(token).get("/Patient")
        assert answer.status_code == 401


async def test_the_chosen_record_is_the_only_one_and_as_the_session(sessions: Sessions, service: Service) -> None:
    _, session = await opened(sessions)
    assert await sessions.access(session, now=NOW) is None
    session = await own_record(service, sessions, session)
    access = await sessions.access(session, now=NOW)
    assert access is not None
    assert (access.kind, access.patient_id, access.client) == ("session", "anna", "zelfregie")
    assert access.fresh == NOW + FRESH
    assert await sessions.access(session, now=session.expires) is None
    session = await sessions.choose(session, None)
    assert session.patient is None
    assert await sessions.access(session, now=NOW) is None


async def test_a_token_of_a_session_needs_a_fresh_second_factor(sessions: Sessions, service: Service) -> None:
    _, session = await opened(sessions, fresh=False)
    session = await own_record(service, sessions, session)
    with pytest.raises(Forbidden):
        await sessions.bearer(session, now=NOW)
    session = await sessions.freshen(session, now=NOW)
    token, expires = await sessions.bearer(session, now=NOW)
    assert expires == NOW + BEARER
    access = await load_access(service.database, hash_token(token), now=NOW, patient_type=103)
    assert access is not None
    assert (access.kind, access.fresh, access.patient_id) == ("session", NOW + FRESH, "anna")
    assert await load_access(service.database, hash_token(token), now=expires, patient_type=103) is None


async def test_all_sessions_but_one_end_together(sessions: Sessions) -> None:
    kept, session = await opened(sessions)
    others = [(await opened(sessions))[0] for _ in range(3)]
    assert await sessions.end_all(ACCOUNT, but=session.hash, now=NOW) == 3
    assert [await sessions.find(each, now=NOW) for each in others] == [None] * 3
    assert await sessions.find(kept, now=NOW) == replace(session)
