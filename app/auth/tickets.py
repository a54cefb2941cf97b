"""Secrets that count once and not for long, such as an e-mail link or a waiting authorization request."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from app.auth.accounts.tables import INSERT_TICKET
from app.database import Database, Writer

_TAKE: Final = (
    "DELETE FROM ticket WHERE hash = $1 AND kind = $2 AND expires > $3 RETURNING account, data, created, expires"
)
_LOOK: Final = "SELECT account, data, created, expires FROM ticket WHERE hash = $1 AND kind = $2 AND expires > $3"
_TAKE_ALL: Final = "DELETE FROM ticket WHERE account = $1 AND kind = $2"
_TIDY: Final = "DELETE FROM ticket WHERE expires <= $1"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a secret stood for. ``account`` is "" where it was nobody's yet."""

    account: str
    data: dict[str, Any]
    created: int
    expires: int


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


async def issue(
    writer: Writer, kind: str, *, now: int, seconds: int, account: str = "", data: dict[str, Any] | None = None
) -> str:
    """A new secret (256 bits, URL-safe) that stands for ``data`` until it is taken or ``seconds`` have passed."""
    secret = secrets.token_urlsafe(32)
    row = (_hash(secret), kind, account, json.dumps(data or {}), now, now + seconds * 1_000_000)
    await writer.insert(INSERT_TICKET, [row])
    return secret


async def take(database: Database, kind: str, secret: str, *, now: int) -> Ticket | None:
    """What the secret stood for, the first time that it is asked for in time; None otherwise. Durable when it returns:
    of two who take it at once, one gets it.
    """
    rows = await database.change(_TAKE, _hash(secret), kind, now)
    return _ticket(rows[0]) if rows else None


async def take_within(writer: Writer, kind: str, secret: str, *, now: int) -> Ticket | None:
    """As ``take``, as part of a transaction: not taken when that is undone."""
    rows = await writer.fetch(_TAKE, _hash(secret), kind, now)
    return _ticket(rows[0]) if rows else None


async def look(database: Database, kind: str, secret: str, *, now: int) -> Ticket | None:
    """What the secret stands for, without taking it."""
    rows = await database.fetch(_LOOK, _hash(secret), kind, now)
    return _ticket(rows[0]) if rows else None


async def take_all(writer: Writer, kind: str, account: str) -> None:
    """Make every secret of this kind of an account worthless."""
    await writer.execute(_TAKE_ALL, account, kind)


async def tidy(database: Database, *, now: int) -> None:
    """Remove what has expired."""
    await database.change(_TIDY, now)


def _ticket(row: Any) -> Ticket:
    account, data, created, expires = row
    return Ticket(account, json.loads(data), created, expires)
