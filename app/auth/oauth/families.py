"""Authorizations: one time that somebody let a client in, with all codes and tokens that came from it. What is
revoked, is revoked together. https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Final

from app.auth.oauth.tables import INSERT_AUTHORIZATION
from app.database import Database, Reader, Row, Writer

_COLUMNS: Final = (
    "id, client, tenant, account, patient, organization, recipient, also, within, role, responsible, fhir_user,"
    " purpose, scopes, asked, redirect_uri, text_version, session, nonce, authenticated, assurance, created, expires,"
    " revoked, reason"
)
_FIND: Final = f"SELECT {_COLUMNS} FROM client_authorization WHERE id = $1"
_HOLD: Final = (
    "UPDATE client_authorization SET expires = CASE WHEN expires < $3 THEN $3 ELSE expires END"
    f" WHERE id = $1 AND revoked = 0 AND expires > $2 RETURNING {_COLUMNS}"
)
_LAST: Final = (
    f"SELECT {_COLUMNS} FROM client_authorization WHERE client = $1 AND patient = $2 AND account = $3"
    " AND revoked = 0 ORDER BY created DESC LIMIT 1"
)
_REMEMBERED: Final = 366 * 24 * 3600 * 1_000_000
"""How long it is known what a person was asked, after the last token has expired (µs)."""
_FORGET: Final = "DELETE FROM client_authorization WHERE expires <= $1"
_TIDY: Final = (
    "DELETE FROM authorization_code WHERE expires <= $1",
    "DELETE FROM refresh_token WHERE expires <= $1",
    "DELETE FROM client_assertion WHERE expires <= $1",
    "DELETE FROM access_grant WHERE expires <= $1 AND kind IN ('app', 'system', 'service')",
    "DELETE FROM signing_key WHERE retires <> 0 AND retires <= $1",
)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A row of ``client_authorization``; the table's docstring says what each column is."""

    id: str
    client: str
    tenant: int
    account: str
    patient: int | None
    organization: str
    recipient: str
    also: str
    within: str
    role: str
    responsible: str
    fhir_user: str
    purpose: str
    scopes: str
    asked: str
    redirect_uri: str
    text_version: str
    session: bytes
    nonce: str
    authenticated: int
    assurance: str
    created: int
    expires: int
    revoked: int = 0
    reason: str = ""


def _authorization(row: Row) -> Authorization:
    return Authorization(*row)


async def add_authorization(writer: Writer, authorization: Authorization) -> None:
    """Store a new one."""
    await writer.insert(INSERT_AUTHORIZATION, [astuple(authorization)])


async def find_authorization(reader: Reader | Database, family: str) -> Authorization | None:
    """The authorization, revoked or not."""
    rows = await reader.fetch(_FIND, family)
    return _authorization(rows[0]) if rows else None


async def hold(writer: Writer, family: str, *, now: int, until: int) -> Authorization | None:
    """The authorization when it stands at ``now``; it then lasts at least until ``until``. Nobody revokes it before
    this transaction has ended.
    """
    rows = await writer.fetch(_HOLD, family, now, until)
    return _authorization(rows[0]) if rows else None


async def last_authorization(
    reader: Reader | Database, *, client: str, patient: int, account: str
) -> Authorization | None:
    """The last time that this person let the client in to this record, unless that was revoked."""
    rows = await reader.fetch(_LAST, client, patient, account)
    return _authorization(rows[0]) if rows else None


async def tidy(database: Database, *, now: int) -> None:
    """Remove what has expired. What is gone is refused as what never was."""
    await database.change(_FORGET, now - _REMEMBERED)
    for statement in _TIDY:
        await database.change(statement, now)
