"""Opaque bearer tokens: stored as SHA-256, looked up once, kept in memory under their stamp.
https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from app.database import Database
from app.errors import Unauthenticated
from app.server.access import Access, load_access

_MOST: Final = 20_000


def hash_token(token: str) -> bytes:
    """What is stored of a token."""
    return sha256(token.encode()).digest()


class TokenAuthenticator:
    """From the Authorization header to an ``Access``. What is kept in memory is checked by the guard in every
    statement.
    """

    def __init__(self, database: Database, *, patient_type: int) -> None:
        self._database = database
        self._patient_type = patient_type
        self._known: dict[bytes, Access] = {}

    async def __call__(self, authorization: str, now: int) -> Access:
        """Who is asking at ``now`` (µs). Raises ``Unauthenticated``."""
        if authorization[:7].lower() != "bearer ":  # schemes are written in either case
            raise Unauthenticated("Send an access token: Authorization: Bearer <token>.")
        token_hash = sha256(authorization[7:].encode("latin-1")).digest()
        access = self._known.get(token_hash)
        if access is not None and now < access.horizon:
            return access
        access = await load_access(self._database, token_hash, now=now, patient_type=self._patient_type)
        if access is None:
            self._known.pop(token_hash, None)
            raise Unauthenticated("The token is unknown, has expired or was withdrawn.")
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[token_hash] = access
        return access

    def forget(self, token_hash: bytes) -> None:
        """Look this grant up again at its next use."""
        self._known.pop(token_hash, None)

    def forget_all(self) -> None:
        """Look every grant up again."""
        self._known.clear()
