"""Tokens: a code or a refresh token is redeemed once, a backend service gets one for a short time.

Each exchange is one transaction: what is offered is used up first, then judged, and what is given is stored with it; it
is committed whatever the judgement is. So of two who offer the same at once exactly one is given something, and the
other one's offer is a reuse, which ends the whole family, the winner's tokens included.
https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 https://www.rfc-editor.org/rfc/rfc9700#section-4.14
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from app.auth.grants import NewGrant, write_grant
from app.auth.oauth.clients import Client
from app.auth.oauth.codes import proves, reused_family, take_code
from app.auth.oauth.families import Authorization, find_authorization, hold
from app.auth.oauth.refusals import OAuthError, invalid_grant, invalid_request
from app.auth.oauth.revocation import revoke_family
from app.auth.oauth.scopes import Granted, narrower, read_granted
from app.auth.oauth.tables import INSERT_REFRESH_TOKEN
from app.auth.roles import Role
from app.auth.tokens import hash_token
from app.database import Writer
from app.fhir.definitions import Definitions

SECOND: Final = 1_000_000
BACKEND: Final = 300 * SECOND
"""How long a token of a backend service lasts."""
_REFRESH: Final = "SELECT family, client, scopes, expires, used FROM refresh_token WHERE hash = $1"
_USE: Final = "UPDATE refresh_token SET used = $2 WHERE hash = $1 AND used = 0 AND expires > $2 RETURNING hash"
_ACCOUNT: Final = "SELECT 1 FROM account WHERE id = $1 AND state = 'active'"
_SESSION: Final = "SELECT 1 FROM session WHERE hash = $1 AND expires > $2"
_PERMIT: Final = (
    "SELECT 1 FROM permit WHERE recipient IN ($1, $2) AND patient = $3 AND purpose = $4 AND since <= $5 AND until > $5"
    " LIMIT 1"
)
_ORGANIZATION: Final = "SELECT 1 FROM organization WHERE id = $1 AND tenant = $2 AND state = 'active'"


@dataclass(frozen=True, slots=True)
class Lives:
    """How long tokens last (µs). ``access``: at most an hour; ``refresh``: from each use on."""

    access: int
    refresh: int


@dataclass(frozen=True, slots=True)
class Issued:
    """What was given. ``authorization`` is None for a backend service. ``first``: for a code."""

    authorization: Authorization | None
    scopes: Granted
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    seconds: int
    first: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was given, and to which authorization it was about, for the access log."""

    error: OAuthError
    authorization: Authorization | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client sends for a code; "" for what it left out."""

    code: str = field(repr=False)
    redirect_uri: str
    verifier: str = field(repr=False)


async def redeem_code(writer: Writer, client: Client, offer: Offer, *, lives: Lives, now: int) -> Issued | Refusal:
    """Tokens for a code. The caller commits in either case."""
    code = await take_code(writer, offer.code, now=now)
    if code is None:
        return await _reused(writer, await reused_family(writer, offer.code), "code-reused", now)
    problem = _problem(offer, code.redirect_uri, code.challenge)
    if problem is None and code.client != client.id:
        problem = invalid_grant()
    if problem is not None:
        await revoke_family(writer, code.family, now, "code-misused")
        return Refusal(problem, await find_authorization(writer, code.family))
    authorization = await hold(writer, code.family, now=now, until=now + lives.access)
    if authorization is None:
        return Refusal(invalid_grant())
    scopes = read_granted(authorization.scopes)
    return await _issue(writer, authorization, scopes, client, lives=lives, now=now, first=True)


def _problem(offer: Offer, redirect_uri: str, challenge: str) -> OAuthError | None:
    if not offer.redirect_uri:
        return invalid_request("redirect_uri is missing.")
    if not offer.verifier:
        return invalid_request("code_verifier is missing.")
    if offer.redirect_uri != redirect_uri or not proves(offer.verifier, challenge):
        return invalid_grant()
    return None


async def refresh(
    writer: Writer, client: Client, token: str, scope: str, *, definitions: Definitions, lives: Lives, now: int
) -> Issued | Refusal:
    """New tokens for a refresh token, which is used up. ``scope``: less than was given, "" for the same. The caller
    commits in either case.
    """
    token_hash = hash_token(token)
    rows = await writer.fetch(_REFRESH, token_hash)
    if not rows:
        return Refusal(invalid_grant())
    family, owner, scopes, expires, used = rows[0]
    if owner != client.id:
        return await _reused(writer, family, "refresh-token-of-another", now)
    try:
        wanted = narrower(scope, scopes, definitions)
    except OAuthError as error:
        return Refusal(error, await find_authorization(writer, family))
    if not await writer.fetch(_USE, token_hash, now):
        if used or expires > now:
            return await _reused(writer, family, "refresh-token-reused", now)
        return Refusal(invalid_grant(), await find_authorization(writer, family))
    authorization = await hold(writer, family, now=now, until=now + lives.access)
    if authorization is None:
        return Refusal(invalid_grant(), await find_authorization(writer, family))
    ended = await _ended(writer, authorization, now)
    if ended:
        await revoke_family(writer, family, now, ended)
        return Refusal(invalid_grant(), authorization)
    return await _issue(writer, authorization, wanted, client, lives=lives, now=now, whole=scopes)


async def _reused(writer: Writer, family: str | None, reason: str, now: int) -> Refusal:
    if family is None:
        return Refusal(invalid_grant())
    await revoke_family(writer, family, now, reason)
    return Refusal(invalid_grant(), await find_authorization(writer, family))


async def _ended(writer: Writer, given: Authorization, now: int) -> str:
    """Why an authorization has come to its end by itself; "" when it stands."""
    if not await writer.fetch(_ACCOUNT, given.account):
        return "account-closed"
    if given.session and not await writer.fetch(_SESSION, given.session, now):
        return "session-ended"
    if given.organization and not await writer.fetch(_ORGANIZATION, given.organization, given.tenant):
        return "organization-closed"
    if given.patient is None or not read_granted(given.scopes).resources:
        return ""
    own = given.also or given.recipient
    if not await writer.fetch(_PERMIT, given.recipient, own, given.patient, given.purpose, now):
        return "consent-ended"
    if given.within and not await writer.fetch(_PERMIT, given.within, given.within, given.patient, given.purpose, now):
        return "person-may-no-longer"
    return ""


async def _issue(
    writer: Writer,
    given: Authorization,
    scopes: Granted,
    client: Client,
    *,
    lives: Lives,
    now: int,
    first: bool = False,
    whole: str = "",
) -> Issued:
    access_token = secrets.token_urlsafe(32)
    await write_grant(
        writer,
        NewGrant(
            hash=hash_token(access_token),
            recipient=given.recipient,
            also=given.also,
            within=given.within,
            scopes=scopes.text,
            tenant=given.tenant,
            purpose=given.purpose,
            client=given.client,
            person=given.account,
            organization=given.organization,
            patient=given.patient,
            expires=now + lives.access,
            kind="app",
            role=given.role,
            responsible=given.responsible,
            fhir_user=given.fhir_user,
            family=given.id,
            services=client.services,
        ),
    )
    refresh_token = ""
    if read_granted(given.scopes).refreshes:
        refresh_token = secrets.token_urlsafe(32)
        until = now + lives.refresh
        row = (hash_token(refresh_token), given.id, given.client, whole or given.scopes, until, 0)
        await writer.insert(INSERT_REFRESH_TOKEN, [row])
        await hold(writer, given.id, now=now, until=until)
    return Issued(given, scopes, access_token, refresh_token, lives.access // SECOND, first)


async def issue_to_backend(writer: Writer, client: Client, scopes: Granted, *, now: int) -> Issued | Refusal:
    """A token for a system of an organisation: the patients are those with a consent to it."""
    if not await writer.fetch(_ORGANIZATION, client.organization, client.tenant):
        return Refusal(OAuthError("unauthorized_client", "The organisation of this client takes no part any more."))
    access_token = secrets.token_urlsafe(32)
    await write_grant(
        writer,
        NewGrant(
            hash=hash_token(access_token),
            recipient=client.recipient,
            scopes=scopes.text,
            tenant=client.tenant,
            purpose=client.purpose,
            client=client.id,
            organization=client.organization,
            expires=now + BACKEND,
            kind="system",
            role=Role.ORGANIZATION,
            fhir_user=f"Organization/{client.organization}",
        ),
    )
    return Issued(None, scopes, access_token, "", BACKEND // SECOND, first=True)
