"""Which client is asking, at the token, introspection, revocation and pushed-request endpoints.

Each client has one way to prove who it is, and no other one counts: nothing (a public client, whose proof is PKCE), a
secret by HTTP Basic, or a signed assertion. https://www.rfc-editor.org/rfc/rfc6749#section-2.3
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote_plus

from app.auth.oauth.assertions import ASSERTION_TYPE, FindKeys, NotProven, check_assertion, subject_of
from app.auth.oauth.clients import Client, Kind, find_client, stored_secret
from app.auth.oauth.parameters import Parameters
from app.auth.oauth.refusals import OAuthError, invalid_client, invalid_request
from app.database import Database

_NO_SECRET: Final = stored_secret("")


class ClientAuthentication:
    """Finds and checks clients. ``audiences``: what an assertion may be addressed to, beside the endpoint itself."""

    def __init__(self, database: Database, keys: FindKeys, audiences: Collection[str]) -> None:
        self._database = database
        self._keys = keys
        self._audiences = tuple(audiences)

    async def __call__(self, parameters: Parameters, authorization: str, *, endpoint: str, now: int) -> Client:
        """The client that is asking. ``authorization``: the header, "" without; ``endpoint``: its whole URL.

        Raises ``OAuthError``: ``invalid_client``, or ``invalid_request`` for two ways at once.
        """
        asserted = "client_assertion" in parameters or "client_assertion_type" in parameters
        ways = [bool(authorization), asserted, "client_secret" in parameters]
        if sum(ways) > 1:
            raise invalid_request("A client proves who it is in one way at a time.")
        if authorization:
            client = await self._by_secret(authorization)
        elif asserted:
            client = await self._by_assertion(parameters, endpoint, now)
        elif "client_secret" in parameters:
            raise invalid_client()  # secrets go in the header, where no form is kept
        else:
            client = await self._public(parameters.get("client_id", ""))
        if parameters.get("client_id", client.id) != client.id:
            raise _refused(authorization)
        return client

    async def _public(self, client_id: str) -> Client:
        client = await find_client(self._database, client_id)
        if client is None or not client.is_active or client.kind is not Kind.PUBLIC:
            raise invalid_client()
        return client

    async def _by_secret(self, authorization: str) -> Client:
        client_id, secret = _basic(authorization)
        client = await find_client(self._database, client_id)
        known = client.secret if client is not None and client.kind is Kind.SECRET else ""
        fits = hmac.compare_digest(stored_secret(secret), known or _NO_SECRET)
        if client is None or not known or not secret or not fits or not client.is_active:
            raise _refused(authorization)
        return client

    async def _by_assertion(self, parameters: Parameters, endpoint: str, now: int) -> Client:
        assertion = parameters.get("client_assertion", "")
        if parameters.get("client_assertion_type") != ASSERTION_TYPE or not assertion:
            raise invalid_client()
        client = await find_client(self._database, subject_of(assertion))
        if client is None or not client.is_active or client.kind is not Kind.PRIVATE_KEY_JWT:
            raise invalid_client()
        try:
            await check_assertion(
                self._database, client, assertion, audiences=(*self._audiences, endpoint), keys=self._keys, now=now
            )
        except NotProven as error:
            raise invalid_client() from error
        return client


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret, each form-encoded before they were joined (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise _refused(authorization)
    try:
        client_id, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise _refused(authorization) from error
    if not colon or "\x00" in client_id + secret:
        raise _refused(authorization)
    return unquote_plus(client_id), unquote_plus(secret)


def _refused(authorization: str) -> OAuthError:
    return invalid_client(challenge=bool(authorization))
