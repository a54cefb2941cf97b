"""The public keys of clients: registered with them, or fetched from where they publish them.

Fetching is held short: https, the registered URL and no other, no redirects, a few kilobytes, a few seconds; what was
fetched is kept, and an unknown key makes us look again no more than twice a minute.
https://www.rfc-editor.org/rfc/rfc7517
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

import httpx
import structlog

from app.auth.oauth.assertions import NotProven
from app.auth.oauth.clients import Client
from app.clock import Clock

LARGEST: Final = 64 * 1024
TIMEOUT: Final = 3.0
"""Seconds for the whole of it."""
KEPT: Final = 300_000_000
"""How long keys are used before we look again (µs)."""
PAUSE: Final = 30_000_000
"""The least between two looks (µs)."""
_log: Final = structlog.get_logger(__name__)


class KeySets:
    """The JWKS of every client, by the URL where it was fetched."""

    def __init__(self, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._clock = clock
        self._transport = transport
        self._kept: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def __call__(self, client: Client, kid: str) -> Mapping[str, Any]:
        """The keys among which ``kid`` is to be found. Raises ``NotProven`` when they cannot be had."""
        if not client.jwks_uri:
            return client.jwks
        async with self._locks.setdefault(client.jwks_uri, asyncio.Lock()):
            fetched, keys = self._kept.get(client.jwks_uri, (0, {}))
            age = self._clock() - fetched
            if age > KEPT or (age > PAUSE and not _has(keys, kid)):
                keys = await self._fetch(client)
                self._kept[client.jwks_uri] = (self._clock(), keys)
            return keys

    async def _fetch(self, client: Client) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(TIMEOUT), self._client() as http, http.stream("GET", client.jwks_uri) as answer:
                body = bytearray()
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > LARGEST:
                        raise ValueError("too large")
                if answer.status_code != 200 or answer.headers.get("content-encoding", "identity") != "identity":
                    raise ValueError("no keys")
            found = _key_set(body)
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            _log.warning("oauth.jwks", client=client.id, problem=type(error).__name__)
            self._kept[client.jwks_uri] = (self._clock(), {})  # a client that cannot be reached is not asked at once
            raise NotProven from error
        return found

    def _client(self) -> httpx.AsyncClient:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        return httpx.AsyncClient(
            transport=self._transport, follow_redirects=False, timeout=TIMEOUT, headers=headers, trust_env=False
        )


def _key_set(body: bytes | bytearray) -> Mapping[str, Any]:
    """Raises ValueError for what is no JWKS."""
    found = json.loads(body)
    if isinstance(found, dict) and isinstance(found.get("keys"), list):
        return found
    raise ValueError("no keys")


def _has(keys: Mapping[str, Any], kid: str) -> bool:
    listed = keys.get("keys", ())
    return any(isinstance(each, dict) and each.get("kid") == kid for each in listed)
