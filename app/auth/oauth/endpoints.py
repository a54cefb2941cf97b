"""What clients ask the authorization server for themselves: tokens, introspection, revocation, pushed requests.

https://www.rfc-editor.org/rfc/rfc6749 https://www.rfc-editor.org/rfc/rfc7009 https://www.rfc-editor.org/rfc/rfc7662
https://www.rfc-editor.org/rfc/rfc9126
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.auth import tickets
from app.auth.oauth.clients import Client, Kind, Users
from app.auth.oauth.id_token import id_token, subject
from app.auth.oauth.introspection import introspect
from app.auth.oauth.metadata import INTROSPECT, PAR, REVOKE, TOKEN
from app.auth.oauth.parameters import Parameters, needed
from app.auth.oauth.refusals import OAuthError, invalid_client, invalid_grant
from app.auth.oauth.requests import Stopped
from app.auth.oauth.revocation import revoke_family
from app.auth.oauth.scopes import LAUNCH, OPENID, decide
from app.auth.oauth.server import AuthorizationServer
from app.auth.oauth.tokens import Issued, Offer, Refusal, issue_to_backend, redeem_code, refresh
from app.auth.tokens import hash_token
from app.database import Writer

PUSHED: Final = "pushed-request"
REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"
PUSHED_SECONDS: Final = 60
_REVOKE_ACCESS: Final = (
    "DELETE FROM access_grant WHERE hash = $1 AND client = $2 AND kind IN ('app', 'system') RETURNING family"
)
_CLIENT_OF_REFRESH: Final = "SELECT client FROM refresh_token WHERE hash = $1"
_IDENTIFIES: Final = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
_FAMILY_OF_REFRESH: Final = "SELECT family FROM refresh_token WHERE hash = $1 AND client = $2"


async def token(oauth: AuthorizationServer, parameters: Parameters, authorization: str) -> Mapping[str, Any]:
    """The answer of the token endpoint. Raises ``OAuthError``."""
    named = await _named(oauth, parameters, authorization)
    client = await oauth.authenticate(named, authorization, endpoint=oauth.issuer + TOKEN, now=oauth.now())
    try:
        outcome = await _exchange(oauth, client, parameters)
    except OAuthError as error:
        outcome = Refusal(error)
    if isinstance(outcome, Refusal):
        await oauth.record("token", outcome.error.status, client=client.id, about=outcome.authorization)
        raise outcome.error
    await oauth.record("token", 200, client=client.id, about=outcome.authorization)
    return await _answer(oauth, outcome)


async def _named(oauth: AuthorizationServer, parameters: Parameters, authorization: str) -> Parameters:
    """With the name of the client. SMART lets one that cannot prove who it is leave it out when it refreshes: the token
    says whose it is. https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token
    """
    refreshes = parameters.get("grant_type") == "refresh_token" and "refresh_token" in parameters
    if authorization or not refreshes or _IDENTIFIES & set(parameters):
        return parameters
    rows = await oauth.database.fetch(_CLIENT_OF_REFRESH, hash_token(parameters["refresh_token"]))
    if not rows:
        raise invalid_grant()
    return {**parameters, "client_id": rows[0][0]}


async def _exchange(oauth: AuthorizationServer, client: Client, parameters: Parameters) -> Issued | Refusal:
    kind = needed(parameters, "grant_type")
    if kind == "authorization_code":
        needed(parameters, "code")
        return await oauth.database.transact(lambda writer: _code(oauth, writer, client, parameters))
    if kind == "refresh_token":
        needed(parameters, "refresh_token")
        return await oauth.database.transact(lambda writer: _refresh(oauth, writer, client, parameters))
    if kind == "client_credentials":
        return await _backend(oauth, client, parameters)
    raise OAuthError("unsupported_grant_type", "grant_type is authorization_code, refresh_token or client_credentials.")


async def _code(oauth: AuthorizationServer, writer: Writer, client: Client, parameters: Parameters) -> Issued | Refusal:
    offer = Offer(parameters["code"], parameters.get("redirect_uri", ""), parameters.get("code_verifier", ""))
    return await redeem_code(writer, client, offer, lives=oauth.lives, now=oauth.now())


async def _refresh(
    oauth: AuthorizationServer, writer: Writer, client: Client, parameters: Parameters
) -> Issued | Refusal:
    return await refresh(
        writer,
        client,
        parameters["refresh_token"],
        parameters.get("scope", ""),
        definitions=oauth.fhir.definitions,
        lives=oauth.lives,
        now=oauth.now(),
    )


async def _backend(oauth: AuthorizationServer, client: Client, parameters: Parameters) -> Issued | Refusal:
    if client.users is not Users.NONE or client.kind is not Kind.PRIVATE_KEY_JWT:
        return Refusal(OAuthError("unauthorized_client", "This client acts for people; it is let in by them."))
    scopes = decide(parameters.get("scope", ""), client, oauth.fhir.definitions)
    return await oauth.database.transact(lambda writer: issue_to_backend(writer, client, scopes, now=oauth.now()))


async def _answer(oauth: AuthorizationServer, issued: Issued) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.seconds,
        "scope": issued.scopes.text,
    }
    if issued.refresh_token:
        found["refresh_token"] = issued.refresh_token
    given = issued.authorization
    if given is None:
        return found
    if given.patient is not None and issued.scopes.needs_patient:
        found["patient"] = await oauth.patient_id(given.patient)
        found["need_patient_banner"] = LAUNCH not in issued.scopes.context
    if issued.first and OPENID in issued.scopes.context:
        found["id_token"] = id_token(
            given,
            issued.scopes,
            issuer=oauth.issuer,
            base=oauth.metadata.base,
            key=await oauth.keys.signing(now=oauth.now()),
            seal=oauth.subjects,
            now=oauth.now(),
        )
    return found


async def introspection(oauth: AuthorizationServer, parameters: Parameters, authorization: str) -> Mapping[str, Any]:
    """The answer of the introspection endpoint, for clients that prove who they are. Raises ``OAuthError``."""
    client = await oauth.authenticate(parameters, authorization, endpoint=oauth.issuer + INTROSPECT, now=oauth.now())
    if client.kind is Kind.PUBLIC:
        raise invalid_client()
    found = await introspect(
        oauth.database,
        client,
        needed(parameters, "token"),
        issuer=oauth.issuer,
        base=oauth.metadata.base,
        subject=lambda client_id, account: subject(oauth.subjects, client_id, account),
        patient_id=oauth.patient_id,
        now=oauth.now(),
    )
    await oauth.record("introspect", 200, client=client.id)
    return found


async def revocation(oauth: AuthorizationServer, parameters: Parameters, authorization: str) -> None:
    """Revoke a token of the client that asks: an access token alone, a refresh token with all that came with it. What
    is not there, or another client's, is passed over. Raises ``OAuthError``.
    """
    client = await oauth.authenticate(parameters, authorization, endpoint=oauth.issuer + REVOKE, now=oauth.now())
    token_hash = hash_token(needed(parameters, "token"))

    async def revoke(writer: Writer) -> None:
        if not await writer.fetch(_REVOKE_ACCESS, token_hash, client.id):
            for row in await writer.fetch(_FAMILY_OF_REFRESH, token_hash, client.id):
                await revoke_family(writer, row[0], oauth.now(), "revoked-by-client")

    await oauth.database.transact(revoke)
    await oauth.record("revoke", 200, client=client.id)


async def push(oauth: AuthorizationServer, parameters: Parameters, authorization: str) -> Mapping[str, Any]:
    """Take an authorization request ahead of the browser. Raises ``OAuthError``."""
    now = oauth.now()
    client = await oauth.authenticate(parameters, authorization, endpoint=oauth.issuer + PAR, now=now)
    if client.users is Users.NONE:
        raise OAuthError("unauthorized_client", "This client acts for nobody.")
    try:
        redirect_uri = oauth.check.redirect_uri(client, parameters)
    except Stopped as error:
        raise OAuthError("invalid_request", "redirect_uri is not one that is registered.") from error
    checked = await oauth.check(client, redirect_uri, parameters, now=now)
    async with oauth.database.write() as writer:
        secret = await tickets.issue(writer, PUSHED, now=now, seconds=PUSHED_SECONDS, data=checked.as_data())
    await oauth.record("push", 201, client=client.id)
    return {"request_uri": REQUEST_URI + secret, "expires_in": PUSHED_SECONDS}
