"""What an OpenID Connect provider publishes of itself: its addresses and its keys.

Fetching is held short: https, no redirects, a few kilobytes, a few seconds. What was fetched is kept, and an unknown
key makes us look again no more than twice a minute. https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from app.auth.organizations.identity_providers import IdentityProvider, is_secure
from app.clock import Clock

LARGEST: Final = 256 * 1024
TIMEOUT: Final = 5.0
"""Seconds for one request, all of it."""
KEPT: Final = 600_000_000
"""How long metadata and keys are used before we look again (µs)."""
PAUSE: Final = 30_000_000
"""The least between two looks (µs)."""
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


class Unreachable(Exception):
    """The provider does not answer, or not as the specification has it; why is told to nobody."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a provider takes people and codes. ``says_iss``: its answers to the browser carry ``iss`` (RFC 9207);
    ``basic``: it takes our secret in a header.
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    says_iss: bool
    basic: bool


class Discovery:
    """The metadata and keys of every provider, by issuer."""

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._clock = clock
        self._transport = transport
        self._metadata: dict[str, tuple[int, Metadata]] = {}
        self._keys: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def metadata(self, provider: IdentityProvider) -> Metadata:
        """Where the provider's endpoints are. Raises ``Unreachable``."""
        issuer = provider.issuer
        async with self._locks.setdefault(issuer, asyncio.Lock()):
            fetched, found = self._metadata.get(issuer, (0, None))
            if found is None or self._clock() - fetched > KEPT:
                found = _metadata(await self.fetch("GET", issuer.rstrip("/") + _WELL_KNOWN), issuer)
                self._metadata[issuer] = (self._clock(), found)
            return found

    async def keys(self, provider: IdentityProvider, kid: str) -> list[Mapping[str, Any]]:
        """The provider's keys, ``kid`` among them if it has it ("" for any). Raises ``Unreachable``."""
        metadata = await self.metadata(provider)
        async with self._locks.setdefault(metadata.jwks_uri, asyncio.Lock()):
            fetched, found = self._keys.get(metadata.jwks_uri, (0, {}))
            age = self._clock() - fetched
            if age > KEPT or (age > PAUSE and kid and not _has(found, kid)):
                found = await self.fetch("GET", metadata.jwks_uri)
                self._keys[metadata.jwks_uri] = (self._clock(), found)
        listed = found.get("keys")
        return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []

    async def fetch(
        self, method: str, address: str, *, form: Mapping[str, str] | None = None, auth: tuple[str, str] | None = None
    ) -> Mapping[str, Any]:
        """The JSON object that a provider answers with status 200. Raises ``Unreachable``."""
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._client() as http,
                http.stream(method, address, data=form, auth=auth) as answer,
            ):
                body = bytearray()
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > LARGEST:
                        raise Unreachable
                if answer.status_code != 200 or answer.headers.get("content-encoding", "identity") != "identity":
                    raise Unreachable
            found = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
            raise Unreachable from error
        if not isinstance(found, dict):
            raise Unreachable
        return found

    def _client(self) -> httpx.AsyncClient:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        return httpx.AsyncClient(
            transport=self._transport, follow_redirects=False, timeout=TIMEOUT, headers=headers, trust_env=False
        )


def _metadata(found: Mapping[str, Any], issuer: str) -> Metadata:
    if found.get("issuer") != issuer:
        raise Unreachable
    addresses = [found.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    authorization, token, keys = (each if isinstance(each, str) and is_secure(each) else "" for each in addresses)
    if not authorization or not token or not keys:
        raise Unreachable
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        authorization,
        token,
        keys,
        says_iss=found.get("authorization_response_iss_parameter_supported") is True,
        basic=isinstance(methods, list) and "client_secret_basic" in methods,
    )


def _has(keys: Mapping[str, Any], kid: str) -> bool:
    listed = keys.get("keys")
    return isinstance(listed, list) and any(isinstance(each, dict) and each.get("kid") == kid for each in listed)
