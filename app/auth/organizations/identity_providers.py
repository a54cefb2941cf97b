"""The OpenID Connect providers that people of a tenant log in with: patients at the tenant's own, professionals at
their organisation's. https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from app.auth.accounts.sessions import end_found
from app.auth.oauth.revocation import revoke_professionals
from app.auth.organizations import registry
from app.auth.organizations.tables import INSERT_IDENTITY_PROVIDER
from app.auth.sealing import Seal
from app.database import Database, Reader, Row
from app.errors import Conflict, Invalid, Issue, NotFound

SEAL: Final = "identity-provider"
"""The use under which client secrets are sealed."""
ACTIVE: Final = "active"
_LONGEST: Final = 500
_COLUMNS: Final = (
    "i.id, i.tenant, i.organization, i.name, i.issuer, i.client_id, i.client_secret, i.claims, i.state, i.created"
)
_ALL: Final = f"SELECT {_COLUMNS} FROM identity_provider i WHERE i.tenant = $1 ORDER BY i.organization, i.name, i.id"
_ONE: Final = f"SELECT {_COLUMNS} FROM identity_provider i WHERE i.id = $1"
_CLOSE: Final = "UPDATE identity_provider SET state = 'closed' WHERE tenant = $1 AND id = $2 RETURNING id"
_SESSIONS: Final = "SELECT hash FROM session WHERE tenant = $1 AND issuer = $2"


@dataclass(frozen=True, slots=True)
class Claims:
    """Which claim says what. ``bsn``: further names under which this provider would give a BSN, which is refused;
    ``strong``: the assurance levels that count as a second factor, none for those that the provider says nothing of.
    """

    assurance: str = "acr"
    name: str = "name"
    agb: str = "agb"
    big: str = "big"
    uzi: str = "uzi"
    role: str = "role"
    scope: str = "openid profile"
    bsn: tuple[str, ...] = ()
    strong: tuple[str, ...] = ()

    def text(self) -> str:
        """As it is stored."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A row of ``identity_provider``. ``organization``: whose professionals log in there; "" for patients."""

    id: str
    tenant: int
    organization: str
    name: str
    issuer: str
    client_id: str
    client_secret: bytes = field(repr=False)
    claims: Claims
    state: str
    created: int

    @property
    def active(self) -> bool:
        """Whether people may log in there."""
        return self.state == ACTIVE

    def secret(self, seal: Seal) -> str:
        """The secret that we are known by there, "" for none. Raises ``Conflict`` when it cannot be opened."""
        return seal.open(self.client_secret, self.id.encode()).decode() if self.client_secret else ""


async def add(
    database: Database,
    seal: Seal,
    *,
    tenant: int,
    name: str,
    issuer: str,
    client_id: str,
    client_secret: str = "",
    organization: str = "",
    claims: Claims | None = None,
    now: int,
) -> IdentityProvider:
    """Register a provider. ``seal`` is for ``SEAL``. Raises ``Invalid`` with every problem, ``NotFound`` for an
    organisation that is not there, ``Conflict`` for an issuer that is there already.
    """
    name, issuer, client_id = " ".join(name.split()), issuer.strip(), client_id.strip()
    issues = [
        Issue("required", f"This is needed, in at most {_LONGEST} characters.", (field,))
        for field, value in (("name", name), ("issuer", issuer), ("client_id", client_id))
        if not value or len(value) > _LONGEST
    ]
    if issuer and not is_secure(issuer):
        issues.append(Issue("value", "An issuer is an https address without query and fragment.", ("issuer",)))
    if issues:
        raise Invalid("The identity provider cannot be registered.", issues=tuple(issues))
    if organization:
        found = await registry.find(database, tenant, organization)
        if found is None or not found.active:
            raise NotFound("There is no such organisation.")
    if any(each.issuer == issuer for each in await listed(database, tenant)):
        raise Conflict("An identity provider with this issuer is registered already.", "duplicate")
    identity = secrets.token_hex(8)
    sealed = seal.seal(client_secret.encode(), identity.encode()) if client_secret else b""
    made = IdentityProvider(
        identity, tenant, organization, name, issuer, client_id, sealed, claims or Claims(), ACTIVE, now
    )
    row = (identity, tenant, organization, name, issuer, client_id, sealed, made.claims.text(), ACTIVE, now)
    async with database.write() as writer:
        await writer.insert(INSERT_IDENTITY_PROVIDER, [row])
    return made


async def close(database: Database, *, tenant: int, provider: str, now: int) -> None:
    """Nobody logs in there any more, and who did is logged out; a professional also out of the apps that they let in
    for the organisation. Raises ``NotFound``.
    """
    async with database.write() as writer:
        if not await writer.fetch(_CLOSE, tenant, provider):
            raise NotFound("There is no such identity provider.")
        found = await find(writer, provider)
        assert found is not None, "it is kept"
        await end_found(writer, _SESSIONS, tenant, found.issuer)
        if found.organization:
            await revoke_professionals(writer, found.organization, found.issuer, now, "identity-provider-closed")


async def listed(reader: Reader, tenant: int) -> list[IdentityProvider]:
    """Every provider of a tenant: those of patients first, closed ones too."""
    return list(map(_provider, await reader.fetch(_ALL, tenant)))


async def find(reader: Reader, provider: str) -> IdentityProvider | None:
    """The provider with this id."""
    return next(map(_provider, await reader.fetch(_ONE, provider)), None)


def is_secure(address: str) -> bool:
    """Whether an address of a provider is one to which secrets may go: https, or this very machine."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or parts.username or parts.password or not parts.hostname or port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _provider(row: Row) -> IdentityProvider:
    identity, tenant, organization, name, issuer, client_id, sealed, claims, state, created = row
    table = _claims(json.loads(claims))
    return IdentityProvider(
        identity, tenant, organization, name, issuer, client_id, bytes(sealed), table, state, created
    )


def _claims(stored: Mapping[str, Any]) -> Claims:
    lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
    return Claims(**{**stored, **lists})
