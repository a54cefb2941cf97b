"""Whose account somebody is who logged in at an identity provider: by issuer and subject, never by e-mail or name.

A professional's account belongs to one organisation's provider: a person in two organisations logs in at the one for
which they work now (MODEL 5). https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability
"""

from __future__ import annotations

from typing import Final

from app.auth.accounts.account import Account, account_of, new_account, new_account_id
from app.auth.accounts.acting import following_id, practitioner_id
from app.auth.accounts.persons import keep_in_catalogue
from app.auth.accounts.sessions import LogIn, Session, end_found
from app.auth.accounts.tables import INSERT_ACCOUNT
from app.auth.organizations.claims import SYSTEMS, Person
from app.auth.organizations.identity_providers import IdentityProvider
from app.auth.organizations.openid import NotLoggedIn, Reason, Returned
from app.auth.organizations.tables import INSERT_IDENTITY
from app.auth.roles import Role
from app.database import Reader, Writer
from app.fhir.resource import Resource, decode
from app.server.server import FhirServer

_IDENTITY: Final = "SELECT account FROM identity WHERE issuer = $1 AND subject = $2"
_USED: Final = "UPDATE identity SET used = $3, assurance = $4 WHERE issuer = $1 AND subject = $2"
_IDENTITIES: Final = "SELECT issuer, linked FROM identity WHERE account = $1 ORDER BY linked, issuer"
_UNLINK: Final = "DELETE FROM identity WHERE account = $1 AND issuer = $2"
_SESSIONS: Final = "SELECT hash FROM session WHERE account = $1 AND issuer = $2"
_OTHER_WAYS: Final = (
    "SELECT 1 FROM account a WHERE a.id = $1 AND (a.password <> '' OR EXISTS (SELECT 1 FROM passkey p WHERE p.account ="
    " a.id) OR EXISTS (SELECT 1 FROM identity i WHERE i.account = a.id AND i.issuer <> $2))"
)
_STORED: Final = "SELECT body FROM resource WHERE patient = $1 AND type = $2 AND id = $3 AND deleted = 0"


async def log_in(server: FhirServer, returned: Returned, *, language: str, now: int) -> LogIn:
    """The session that somebody gets who came back; an account is made the first time. Raises ``NotLoggedIn``."""
    provider, who = returned.provider, returned.person
    async with server.database.write() as writer:
        account = await _account(writer, server, provider, who, language=language, now=now)
        await writer.execute(_USED, provider.issuer, who.subject, now, who.assurance)
    if provider.organization:
        await _keep_professional(server, provider, who, account, now=now)
    return LogIn(
        account=account.id,
        tenant=provider.tenant,
        method="openid",
        assurance=who.assurance,
        issuer=provider.issuer,
        organization=provider.organization,
        identifiers=who.identifiers,
        fresh=who.strong,
    )


async def link(server: FhirServer, returned: Returned, session: Session | None, *, now: int) -> None:
    """Let the person also log in to the account of this session by this provider from now on.

    Only from the session in which it began, and with a fresh second factor. Raises ``NotLoggedIn``.
    """
    provider, who = returned.provider, returned.person
    own = session is not None and session.account == returned.account and session.is_fresh(now)
    if session is None or not own or provider.organization or session.organization:
        raise NotLoggedIn(Reason.LINKED)
    async with server.database.write() as writer:
        if await writer.fetch(_IDENTITY, provider.issuer, who.subject) or session.tenant != provider.tenant:
            raise NotLoggedIn(Reason.LINKED)
        row = (provider.issuer, who.subject, session.account, who.assurance, now, now)
        await writer.insert(INSERT_IDENTITY, [row])


async def again(server: FhirServer, returned: Returned, session: Session | None) -> Session:
    """The session, of which the same person has just proven anew who they are; its second factor counts as fresh.
    Raises ``NotLoggedIn``.
    """
    provider, who = returned.provider, returned.person
    rows = await server.database.fetch(_IDENTITY, provider.issuer, who.subject)
    if session is None or not rows or rows[0][0] != session.account or session.account != returned.account:
        raise NotLoggedIn(Reason.LINKED)
    if not who.strong or session.organization != provider.organization:
        raise NotLoggedIn(Reason.LINKED)
    return session


async def linked(reader: Reader, account: str) -> list[tuple[str, int]]:
    """The issuers by which somebody may log in to an account, each with when it was linked (µs)."""
    return [(issuer, when) for issuer, when in await reader.fetch(_IDENTITIES, account)]


async def unlink(writer: Writer, account: str, issuer: str) -> bool:
    """Log in no more by this issuer, and end the sessions that began there; False, and nothing is done, where it is
    the only way in.
    """
    if not await writer.fetch(_OTHER_WAYS, account, issuer):
        return False
    await writer.execute(_UNLINK, account, issuer)
    await end_found(writer, _SESSIONS, account, issuer)
    return True


async def _account(
    writer: Writer, server: FhirServer, provider: IdentityProvider, who: Person, *, language: str, now: int
) -> Account:
    rows = await writer.fetch(_IDENTITY, provider.issuer, who.subject)
    if rows:
        account = await account_of(writer, rows[0][0])
        if account is None or not account.active or account.tenant != provider.tenant:
            raise NotLoggedIn(Reason.ACCOUNT)
        if (account.role is Role.PROFESSIONAL) != bool(provider.organization):
            raise NotLoggedIn(Reason.ACCOUNT)
        return account
    identity = new_account_id(server.random)
    account = new_account(
        server.random,
        id=identity,
        tenant=provider.tenant,
        role=Role.PROFESSIONAL if provider.organization else Role.PATIENT,
        email=no_address(identity),
        name=who.name,
        language=language,
        now=now,
    )
    await writer.insert(INSERT_ACCOUNT, [account.row()])
    row = (provider.issuer, who.subject, account.id, who.assurance, now, now)
    await writer.insert(INSERT_IDENTITY, [row])
    return account


def no_address(account: str) -> str:
    """What stands in place of an e-mail address that nobody gave: no address, and each account's own."""
    return f"none:{account}"


async def _keep_professional(
    server: FhirServer, provider: IdentityProvider, who: Person, account: Account, *, now: int
) -> None:
    """The professional in the tenant's catalogue, with the numbers that the organisation's provider gave."""
    practitioner: Resource = {
        "resourceType": "Practitioner",
        "id": practitioner_id(account.id),
        "identifier": [{"system": SYSTEMS[name], "value": value} for name, value in sorted(who.identifiers.items())],
        "active": True,
        **({"name": [{"text": who.name}]} if who.name else {}),
    }
    role: Resource = {
        "resourceType": "PractitionerRole",
        "id": following_id(f"practitioner-role:{account.id}"),
        "active": True,
        "practitioner": {"reference": f"Practitioner/{practitioner['id']}"},
        "organization": {"reference": f"Organization/{provider.organization}"},
        **({"code": [{"text": who.role}]} if who.role else {}),
    }
    for resource in (practitioner, role):
        number = server.registry.number(resource["resourceType"])
        rows = await server.database.fetch(_STORED, -provider.tenant, number, resource["id"])
        stored = decode(rows[0][0]) if rows else {}
        stored.pop("meta", None)
        if stored != resource:
            await keep_in_catalogue(server, resource, tenant=provider.tenant, now=now)
