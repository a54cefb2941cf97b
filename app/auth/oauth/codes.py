"""Authorization codes: one minute, once, for one client, redirect URI and PKCE challenge.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2 https://www.rfc-editor.org/rfc/rfc7636
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from app.auth.oauth.tables import INSERT_AUTHORIZATION_CODE
from app.auth.tokens import hash_token
from app.database import Writer

LIFE: Final = 60_000_000
"""How long a code may be offered (µs)."""
_KEPT: Final = 24 * 3600 * 1_000_000
"""How long a used code is known, so that a second use is seen (µs)."""
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""SHA-256 in base64url. https://www.rfc-editor.org/rfc/rfc7636#section-4.2"""
_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_TAKE: Final = (
    "UPDATE authorization_code SET used = $2, expires = $3 WHERE hash = $1 AND used = 0 AND expires > $2"
    " RETURNING family, client, redirect_uri, challenge"
)
_FAMILY: Final = "SELECT family FROM authorization_code WHERE hash = $1 AND used <> 0"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code was made for. It is used from the moment that somebody has this."""

    family: str
    client: str
    redirect_uri: str
    challenge: str


async def add_code(writer: Writer, *, family: str, client: str, redirect_uri: str, challenge: str, now: int) -> str:
    """A new code (256 bits)."""
    code = secrets.token_urlsafe(32)
    row = (hash_token(code), family, client, redirect_uri, challenge, now + LIFE, 0)
    await writer.insert(INSERT_AUTHORIZATION_CODE, [row])
    return code


async def take_code(writer: Writer, code: str, *, now: int) -> Code | None:
    """Use a code up, before anything is judged: of two at once, one gets it. None when it is unknown, expired or used;
    ``reused_family`` tells which.
    """
    rows = await writer.fetch(_TAKE, hash_token(code), now, now + _KEPT)
    return Code(*rows[0]) if rows else None


async def reused_family(writer: Writer, code: str) -> str | None:
    """The authorization of a code that was used before, which is to be revoked; None for a code that never was."""
    rows = await writer.fetch(_FAMILY, hash_token(code))
    return str(rows[0][0]) if rows else None


def proves(verifier: str, challenge: str) -> bool:
    """Whether a PKCE verifier is the one that the challenge (S256) was made of."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())
