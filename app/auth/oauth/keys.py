"""The keys that id_tokens are signed with: made at first need, sealed at rest, rotated, published until they retire.

https://www.rfc-editor.org/rfc/rfc7517 https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from joserfc.jwk import RSAKey

from app.auth.oauth.tables import INSERT_SIGNING_KEY
from app.auth.sealing import Seal
from app.database import Database, Writer

ALGORITHM: Final = "RS256"
"""What every OpenID Connect client must understand."""
_BITS: Final = 2048
RETIRED_AFTER: Final = 24 * 3600 * 1_000_000
"""How long a key that signs no more is published (µs): longer than what it signed is valid."""
KEPT: Final = 60_000_000
"""How long the keys of the database are kept in memory (µs)."""
_SELECT: Final = (
    "SELECT kid, public, private FROM signing_key WHERE retires = 0 OR retires > $1 ORDER BY retires, created DESC, kid"
)
_RETIRE: Final = "UPDATE signing_key SET retires = $1 WHERE retires = 0"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs now."""

    kid: str
    key: RSAKey


@dataclass(frozen=True, slots=True)
class _Known:
    read: int
    signing: SigningKey
    published: list[dict[str, Any]]


class SigningKeys:
    """The keys of the database, opened with the service's own secret."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._known: _Known | None = None
        self._lock = asyncio.Lock()

    async def signing(self, *, now: int) -> SigningKey:
        """The newest key."""
        return (await self._read(now)).signing

    async def jwks(self, *, now: int) -> dict[str, Any]:
        """The public keys, as ``jwks_uri`` has them."""
        return {"keys": (await self._read(now)).published}

    async def rotate(self, *, now: int) -> str:
        """A new key, which signs from now on; its id. The ones before it are published for another day."""
        made = await asyncio.to_thread(RSAKey.generate_key, _BITS, {"use": "sig", "alg": ALGORITHM})

        async def replace(writer: Writer) -> str:
            return await self._store(writer, made, now)

        kid = await self._database.transact(replace)
        self._known = None
        return kid

    async def _read(self, now: int) -> _Known:
        async with self._lock:
            if self._known is None or now - self._known.read > KEPT:
                rows = await self._database.fetch(_SELECT, now)
                if not rows or not await self._signs():
                    await self.rotate(now=now)
                    rows = await self._database.fetch(_SELECT, now)
                kid, _, private = rows[0]
                key = RSAKey.import_key(json.loads(self._seal.open(bytes(private), kid.encode())))
                self._known = _Known(now, SigningKey(kid, key), [json.loads(public) for _, public, _ in rows])
            return self._known

    async def _signs(self) -> bool:
        rows = await self._database.fetch("SELECT 1 FROM signing_key WHERE retires = 0 LIMIT 1")
        return bool(rows)

    async def _store(self, writer: Writer, key: RSAKey, now: int) -> str:
        kid = key.thumbprint()
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM}
        sealed = self._seal.seal(json.dumps(key.as_dict(private=True)).encode(), kid.encode())
        await writer.execute(_RETIRE, now + RETIRED_AFTER)
        await writer.insert(INSERT_SIGNING_KEY, [(kid, ALGORITHM, json.dumps(public), sealed, now, 0)])
        return kid
