"""Browser sessions: a random cookie, stored as a hash, that stands for a person until it ends or is left alone.

Once the person has chosen a record, the session has a grant of its own (``access_grant`` under the session's hash), so
that what pages read and write goes through the same decision as everything else.
https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final

from app.auth.accounts.tables import INSERT_SESSION
from app.auth.grants import NewGrant, write_grant
from app.auth.roles import Role
from app.auth.tokens import hash_token
from app.database import Database, Row, Writer
from app.errors import Forbidden, Unauthenticated
from app.server.access import Access, load_access

MINUTE: Final = 60_000_000
LONGEST: Final = 12 * 60 * MINUTE
"""How long a session lasts at most."""
IDLE: Final = 30 * MINUTE
"""How long it may be left alone."""
FRESH: Final = 5 * MINUTE
"""How long a second factor counts as just given."""
BEARER: Final = 5 * MINUTE
"""How long a token lasts that a session asks for itself."""
CLIENT: Final = "zelfregie"
"""The client that the access log names for people's own pages."""

_COLUMNS: Final = (
    "s.hash, s.account, s.tenant, a.role, a.name, a.language, s.method, s.assurance, s.issuer, s.organization,"
    " s.identifiers, s.patient, s.created, s.seen, s.expires, s.fresh, s.csrf"
)
_FIND: Final = (
    f"SELECT {_COLUMNS} FROM session s JOIN account a ON a.id = s.account"
    " WHERE s.hash = $1 AND s.expires > $2 AND s.seen > $3 AND a.state = 'active'"
)
_OF_ACCOUNT: Final = (
    f"SELECT {_COLUMNS} FROM session s JOIN account a ON a.id = s.account"
    " WHERE s.account = $1 AND s.expires > $2 AND s.seen > $3 ORDER BY s.seen DESC"
)
_SEEN: Final = "UPDATE session SET seen = $2 WHERE hash = $1"
_FRESHEN: Final = "UPDATE session SET fresh = $2 WHERE hash = $1"
_FRESHEN_GRANT: Final = "UPDATE access_grant SET fresh = $2, stamp = stamp + 1 WHERE hash = $1"
_CHOOSE: Final = "UPDATE session SET patient = $2 WHERE hash = $1"
_END_GRANTS: Final = "DELETE FROM access_grant WHERE hash = $1 OR family = $2"
_END: Final = "DELETE FROM session WHERE hash = $1"
_TIDY: Final = "DELETE FROM session WHERE expires <= $1 OR seen <= $2"


@dataclass(frozen=True, slots=True)
class Session:
    """Who is at the other end of a browser. ``role`` is the account's own; what somebody is in the chosen record
    (``patient``) stands in its grant. Times in µs; ``identifiers`` are a professional's, from the identity provider.
    """

    hash: bytes
    account: str
    tenant: int
    role: Role
    name: str
    language: str
    method: str
    assurance: str
    issuer: str
    organization: str
    identifiers: Mapping[str, str] = field(repr=False)
    patient: int | None
    created: int
    seen: int
    expires: int
    fresh: int
    csrf: bytes = field(repr=False)

    def is_fresh(self, now: int) -> bool:
        """Whether the second factor was just given."""
        return now < self.fresh

    @property
    def family(self) -> str:
        """What the session's own bearers are known by in ``access_grant``."""
        return _family(self.hash)


@dataclass(frozen=True, slots=True)
class LogIn:
    """How somebody logged in. ``method``: passkey, openid, or password or openid with a factor of ours, such as
    password+totp; ``fresh``: a second factor was part of it.
    """

    account: str
    tenant: int
    method: str
    assurance: str = ""
    issuer: str = ""
    organization: str = ""
    identifiers: Mapping[str, str] = field(default_factory=dict, repr=False)
    fresh: bool = True


def session_hash(cookie: str) -> bytes:
    """What is stored of a cookie. Another function than a token's, as what this hashes could be sent as a token too: no
    text with a cookie in it is a token.
    """
    return blake2b(cookie.encode("utf-8", "replace"), digest_size=32, person=b"session").digest()


class Sessions:
    """All sessions of the service. ``patient_type`` is the number of Patient."""

    def __init__(self, database: Database, *, patient_type: int) -> None:
        self._database = database
        self._patient_type = patient_type

    async def open(self, log_in: LogIn, *, now: int) -> str:
        """A new session; what the cookie holds. The session before it, if any, is to be ended by who calls."""
        cookie = secrets.token_urlsafe(32)
        fresh = now + FRESH if log_in.fresh else 0
        row = (
            session_hash(cookie),
            log_in.account,
            log_in.tenant,
            log_in.method,
            log_in.assurance,
            log_in.issuer,
            log_in.organization,
            json.dumps(dict(log_in.identifiers)),
            None,
            now,
            now,
            now + LONGEST,
            fresh,
            secrets.token_bytes(32),
        )
        async with self._database.write() as writer:
            await writer.insert(INSERT_SESSION, [row])
        return cookie

    async def find(self, cookie: str, *, now: int) -> Session | None:
        """The session of a cookie; None when there is none, it has ended, was left alone or its account is closed."""
        if not cookie:
            return None
        rows = await self._database.fetch(_FIND, session_hash(cookie), now, now - IDLE)
        if not rows:
            return None
        found = _session(rows[0])
        if now - found.seen > MINUTE:
            await self._database.change(_SEEN, found.hash, now)
            return replace(found, seen=now)
        return found

    async def of_account(self, account: str, *, now: int) -> list[Session]:
        """The sessions of an account, the last used first."""
        return [_session(row) for row in await self._database.fetch(_OF_ACCOUNT, account, now, now - IDLE)]

    async def choose(self, session: Session, grant: NewGrant | None) -> Session:
        """Work in one record from now on (or in none). ``grant`` says as what and until when; hash, kind and freshness
        are the session's own, and it ends with the session at the latest.
        """
        async with self._database.write() as writer:
            await writer.execute(_END_GRANTS, session.hash, session.family)
            await writer.execute(_CHOOSE, session.hash, None if grant is None else grant.patient)
            if grant is not None:
                own = replace(
                    grant,
                    hash=session.hash,
                    client=CLIENT,
                    kind="session",
                    fresh=session.fresh,
                    expires=min(grant.expires, session.expires),
                    patients=(),
                )
                await write_grant(writer, own)
        return replace(session, patient=None if grant is None else grant.patient)

    async def access(self, session: Session, *, now: int) -> Access | None:
        """What the session may do in the chosen record; None while none is chosen, or the right to it has ended."""
        return await load_access(self._database, session.hash, now=now, patient_type=self._patient_type)

    async def bearer(self, session: Session, *, now: int) -> tuple[str, int]:
        """A token for the API that is as good as the session, and when it expires (µs). It ends with the session.

        Raises ``Forbidden`` while no record is chosen or the second factor was not just given.
        """
        access = await self.access(session, now=now)
        if access is None or not session.is_fresh(now):
            raise Forbidden("Choose a record and give your second factor again first.")
        token = secrets.token_urlsafe(32)
        expires = min(now + BEARER, session.expires, access.horizon)
        async with self._database.write() as writer:
            await writer.execute(_COPY_GRANT, session.hash, hash_token(token), session.family, session.fresh, expires)
        return token, expires

    async def freshen(self, session: Session, *, now: int) -> Session:
        """The second factor was given again."""
        fresh = now + FRESH
        async with self._database.write() as writer:
            await writer.execute(_FRESHEN, session.hash, fresh)
            await writer.execute(_FRESHEN_GRANT, session.hash, fresh)
        return replace(session, fresh=fresh)

    async def end(self, session: Session) -> None:
        """Nobody is behind this cookie any more, nor behind a token that came from it."""
        async with self._database.write() as writer:
            await end_within(writer, session)

    async def end_all(self, account: str, *, but: bytes = b"", now: int) -> int:
        """End the sessions of an account, except the one with the hash ``but``; how many those were."""
        ended = [each for each in await self.of_account(account, now=now) if each.hash != but]
        async with self._database.write() as writer:
            for each in ended:
                await end_within(writer, each)
        return len(ended)

    async def tidy(self, *, now: int) -> None:
        """Remove the rows of sessions that are over."""
        await self._database.change(_TIDY, now, now - IDLE)


_COPY_GRANT: Final = (
    "INSERT INTO access_grant (hash, stamp, recipient, client, person, organization, tenant, purpose, scopes, patient,"
    " everyone, expires, kind, role, also, within, responsible, fhir_user, family, fresh, services)"
    " SELECT $2::bytea, 1, recipient, client, person, organization, tenant, purpose, scopes, patient, everyone,"
    " $5::bigint, kind, role, also, within, responsible, fhir_user, $3::text, $4::bigint, services"
    " FROM access_grant WHERE hash = $1"
)


def _family(hashed: bytes) -> str:
    return f"session:{hashed.hex()}"


async def end_within(writer: Writer, session: Session) -> None:
    """End a session as part of a transaction."""
    await writer.execute(_END_GRANTS, session.hash, session.family)
    await writer.execute(_END, session.hash)


async def end_found(writer: Writer, sql: str, *binds: str | int | bytes) -> int:
    """End the sessions whose hashes a statement finds, with the tokens that came from them; how many."""
    hashes = [bytes(row[0]) for row in await writer.fetch(sql, *binds)]
    for each in hashes:
        await writer.execute(_END_GRANTS, each, _family(each))
        await writer.execute(_END, each)
    return len(hashes)


def required(session: Session | None) -> Session:
    """The session. Raises ``Unauthenticated`` when there is none."""
    if session is None:
        raise Unauthenticated("Log in first.")
    return session


def _session(row: Row) -> Session:
    (
        *start,
        role,
        name,
        language,
        method,
        assurance,
        issuer,
        organization,
        identifiers,
        patient,
        created,
        seen,
        expires,
        fresh,
        csrf,
    ) = row
    session_id, account, tenant = start
    return Session(
        hash=bytes(session_id),
        account=account,
        tenant=tenant,
        role=Role(role),
        name=name,
        language=language,
        method=method,
        assurance=assurance,
        issuer=issuer,
        organization=organization,
        identifiers=json.loads(identifiers),
        patient=patient,
        created=created,
        seen=seen,
        expires=expires,
        fresh=fresh,
        csrf=bytes(csrf),
    )
