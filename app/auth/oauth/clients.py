"""Registered apps and systems. https://www.rfc-editor.org/rfc/rfc7591 gives the names and rules; registering is done
by an administrator (``registration.py``), never by the client.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from app.auth import recipients
from app.auth.oauth.revocation import revoke_client
from app.database import Database, Reader, Row, Writer
from app.errors import NotFound

_COLUMNS: Final = (
    "id, tenant, name, kind, users, organization, purpose, secret, jwks, jwks_uri, redirect_uris, launch_uri, scopes,"
    " state, created, services"
)
_FIND: Final = f"SELECT {_COLUMNS} FROM client WHERE id = $1"
_LIST: Final = f"SELECT {_COLUMNS} FROM client WHERE tenant = $1 ORDER BY name, id"
_SET_STATE: Final = "UPDATE client SET state = $3 WHERE id = $1 AND tenant = $2 RETURNING id"
_RENEW: Final = "UPDATE client SET secret = $3 WHERE id = $1 AND tenant = $2 AND kind = 'secret' RETURNING id"
ACTIVE: Final = "active"
DISABLED: Final = "disabled"


class Kind(StrEnum):
    """How a client proves who it is."""

    PUBLIC = "public"
    SECRET = "secret"  # noqa: S105 - the name of a way
    PRIVATE_KEY_JWT = "private_key_jwt"


class Users(StrEnum):
    """Who uses a client."""

    PATIENTS = "patients"
    PROFESSIONALS = "professionals"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. ``secret``: SHA-256, in hexadecimal, of its secret; ``jwks``: its public keys, {} when
    they are fetched from ``jwks_uri`` or it has none; ``scopes``: the most that it may be given;
    ``services``: the MedMij data services that its tokens are for.
    """

    id: str
    tenant: int
    name: str
    kind: Kind
    users: Users
    organization: str
    purpose: str
    secret: str = field(repr=False)
    jwks: dict[str, Any] = field(repr=False)
    jwks_uri: str
    redirect_uris: tuple[str, ...]
    launch_uri: str
    scopes: str
    state: str
    created: int
    services: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        return self.state == ACTIVE

    @property
    def recipient(self) -> str:
        """Whose permits its tokens have."""
        return recipients.app(self.id) if self.users is Users.PATIENTS else recipients.organization(self.organization)

    def row(self) -> tuple[Any, ...]:
        """As the table has it."""
        jwks = json.dumps(self.jwks) if self.jwks else ""
        uris = json.dumps(list(self.redirect_uris))
        return (
            *(self.id, self.tenant, self.name, self.kind, self.users, self.organization, self.purpose, self.secret),
            *(jwks, self.jwks_uri, uris, self.launch_uri, self.scopes, self.state, self.created),
            " ".join(self.services),
        )


def _client(row: Row) -> Client:
    client, tenant, name, kind, users, organization, purpose, secret, jwks, jwks_uri, uris, *rest = row
    launch_uri, scopes, state, created, services = rest
    return Client(
        id=client,
        tenant=tenant,
        name=name,
        kind=Kind(kind),
        users=Users(users),
        organization=organization,
        purpose=purpose,
        secret=secret,
        jwks=json.loads(jwks) if jwks else {},
        jwks_uri=jwks_uri,
        redirect_uris=tuple(json.loads(uris)),
        launch_uri=launch_uri,
        scopes=scopes,
        state=state,
        created=created,
        services=tuple(services.split()),
    )


async def find_client(reader: Reader | Database, client_id: str) -> Client | None:
    """The client with this id, active or not; None when there is none."""
    rows = await reader.fetch(_FIND, client_id)
    return _client(rows[0]) if rows else None


async def list_clients(reader: Reader | Database, *, tenant: int) -> Sequence[Client]:
    """Every client of a tenant, by name."""
    return [_client(row) for row in await reader.fetch(_LIST, tenant)]


async def disable(writer: Writer, client_id: str, *, tenant: int, now: int) -> None:
    """Nobody is let in through this client any more, and what it holds is worthless. Raises ``NotFound``."""
    if not await writer.fetch(_SET_STATE, client_id, tenant, DISABLED):
        raise _unknown()
    await revoke_client(writer, client_id, now, "client-disabled")


async def enable(writer: Writer, client_id: str, *, tenant: int) -> None:
    """Let a client that was disabled begin anew. Raises ``NotFound``."""
    if not await writer.fetch(_SET_STATE, client_id, tenant, ACTIVE):
        raise _unknown()


async def renew_secret(writer: Writer, client_id: str, *, tenant: int) -> str:
    """A new secret, which is shown once; the old one is worthless at once. Raises ``NotFound`` for a client that is
    not known or has no secret.
    """
    secret = new_secret()
    if not await writer.fetch(_RENEW, client_id, tenant, stored_secret(secret)):
        raise _unknown()
    return secret


def new_secret() -> str:
    """256 random bits, in characters that go anywhere."""
    return secrets.token_urlsafe(32)


def stored_secret(secret: str) -> str:
    """What is stored of a client's secret. It is random and long, so a plain hash cannot be guessed back."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _unknown() -> NotFound:
    return NotFound("There is no such client here, or it has no secret.")
