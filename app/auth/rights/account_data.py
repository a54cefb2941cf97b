"""What the service keeps of a person outside the record: the account, how they log in, who may act for them."""

from __future__ import annotations

from typing import Any, Final

from app.database import Reader, Row
from app.fhir.dates import instant

_ACCOUNT: Final = "SELECT id, email, name, language, created, verified FROM account WHERE id = $1 AND patient = $2"
_PASSKEYS: Final = "SELECT name, created, used FROM passkey WHERE account = $1 ORDER BY created"
_IDENTITIES: Final = "SELECT issuer, assurance, linked, used FROM identity WHERE account = $1 ORDER BY linked"
_EVENTS: Final = "SELECT at, kind FROM account_event WHERE account = $1 ORDER BY at"
_MANDATES: Final = (
    "SELECT m.id, (SELECT a.name FROM account a WHERE a.id = m.account), m.ground, m.state, m.since, m.until, m.given"
    " FROM mandate m WHERE m.patient = $1 ORDER BY m.given, m.id"
)
_APPS: Final = (
    "SELECT (SELECT c.name FROM client c WHERE c.id = a.client), a.scopes, a.created, a.expires, a.revoked"
    " FROM client_authorization a WHERE a.patient = $1 ORDER BY a.created, a.id"
)
_ERASURES: Final = "SELECT id, scope, finished, resources, versions, proof FROM erasure WHERE patient = $1 ORDER BY id"
_MOMENTS: Final = frozenset({"created", "verified", "used", "linked", "at", "since", "until", "given", "expires",
                             "revoked", "finished"})  # fmt: skip
_FAR: Final = 2**57
"""Later than any date that can be written: it does not end."""


async def account_data(reader: Reader, patient: int, account: str) -> dict[str, Any]:
    """All of it, as JSON; what is of ``account`` itself only where the record is its own."""
    own = await _listed(reader, _ACCOUNT, ("id", "email", "name", "language", "created", "verified"), account, patient)
    found: dict[str, Any] = {}
    if own:
        found["account"] = own[0]
        found["passkeys"] = await _listed(reader, _PASSKEYS, ("name", "created", "used"), account)
        found["identities"] = await _listed(reader, _IDENTITIES, ("issuer", "assurance", "linked", "used"), account)
        found["events"] = await _listed(reader, _EVENTS, ("at", "kind"), account)
    mandate = ("id", "name", "ground", "state", "since", "until", "given")
    found["mandates"] = await _listed(reader, _MANDATES, mandate, patient)
    found["apps"] = await _listed(reader, _APPS, ("name", "scopes", "created", "expires", "revoked"), patient)
    erasure = ("id", "scope", "finished", "resources", "versions", "proof")
    found["erasures"] = await _listed(reader, _ERASURES, erasure, patient)
    return found


async def _listed(reader: Reader, statement: str, names: tuple[str, ...], *binds: Any) -> list[dict[str, Any]]:
    return [_readable(names, row) for row in await reader.fetch(statement, *binds)]


def _readable(names: tuple[str, ...], row: Row) -> dict[str, Any]:
    return {
        name: (instant(value) if 0 < value < _FAR else None) if name in _MOMENTS else value
        for name, value in zip(names, row, strict=True)
    }
