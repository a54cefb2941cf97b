"""One-time codes of an authenticator app: six digits, a new one each half minute. https://www.rfc-editor.org/rfc/rfc6238

A code counts once: the step that it belongs to is kept with the account, and only later ones are taken.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from hashlib import sha1
from typing import Final
from urllib.parse import quote, urlencode

import segno

from app.database import Database

DIGITS: Final = 6
STEP: Final = 30_000_000
"""µs."""
_WINDOW: Final = (-1, 0, 1)
"""A clock may be half a minute off, and a person takes time to type."""
_SECRET: Final = 20
_SPACES: Final = re.compile(r"[\s-]+")
_TAKE_STEP: Final = "UPDATE account SET totp_step = $2 WHERE id = $1 AND totp_step < $2 RETURNING id"


def new_secret() -> bytes:
    """160 random bits, as RFC 4226 (section 4) recommends."""
    return secrets.token_bytes(_SECRET)


def written(secret: bytes) -> str:
    """The secret as an app takes it when it is typed: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def read_secret(text: str) -> bytes:
    """A secret as ``written`` writes it. Raises ValueError."""
    plain = _SPACES.sub("", text).upper()
    try:
        return base64.b32decode(plain + "=" * (-len(plain) % 8))
    except binascii.Error as error:
        raise ValueError("This is not base 32.") from error


def code_at(secret: bytes, step: int) -> str:
    """The code of a step. https://www.rfc-editor.org/rfc/rfc4226#section-5.3"""
    digest = hmac.new(secret, step.to_bytes(8, "big"), sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: bytes, code: str, *, now: int) -> int | None:
    """The step that ``code`` belongs to, of those that count at ``now`` (µs); None for a wrong code."""
    given = _SPACES.sub("", code).encode()
    present = now // STEP
    found = None
    for step in (present + each for each in _WINDOW):
        if hmac.compare_digest(code_at(secret, step).encode(), given):
            found = step
    return found


async def take_step(database: Database, account: str, step: int) -> bool:
    """Use a step up, durably: of two who come with the same code, one gets in."""
    return bool(await database.change(_TAKE_STEP, account, step))


def address(secret: bytes, *, email: str, issuer: str) -> str:
    """What the QR code says. https://github.com/google/google-authenticator/wiki/Key-Uri-Format"""
    label = f"{quote(issuer, safe='')}:{quote(email, safe='@')}"
    return f"otpauth://totp/{label}?{urlencode({'secret': written(secret), 'issuer': issuer})}"


def picture(text: str, *, title: str) -> str:
    """A QR code as an ``<svg>`` element, in the ink of the page. ``title`` is what a screen reader says of it."""
    return segno.make(text, error="m", micro=False).svg_inline(
        scale=5, border=4, dark="#000", light="#fff", title=title, svgclass="qr", lineclass=None, omitsize=True
    )
