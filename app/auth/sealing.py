"""Seals what must be read back (TOTP secrets, keys, archives) with a key that follows from the service's secret.

AES-256-GCM with a random nonce; the key by HKDF-SHA256, one per use, so that what was sealed for one use is not opened
for another. https://www.rfc-editor.org/rfc/rfc5869 https://csrc.nist.gov/pubs/sp/800/38/d/final
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import Conflict

_NONCE: Final = 12


class Seal:
    """Seals and opens for one ``use``, such as ``totp``. ``secret`` is the service's own."""

    def __init__(self, secret: bytes, use: str) -> None:
        info = f"zelfregie/{use}".encode()
        key = HKDF(algorithm=SHA256(), length=64, salt=None, info=info).derive(secret)
        self._cipher = AESGCM(key[:32])
        self._key = key[32:]

    def seal(self, content: bytes, about: bytes = b"") -> bytes:
        """Sealed ``content``; opens only together with the same ``about`` (whose it is)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, about)

    def open(self, sealed: bytes, about: bytes = b"") -> bytes:
        """What was sealed. Raises ``Conflict`` when it was sealed with another secret or about something else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
        except InvalidTag as error:
            raise Conflict(
                "What is stored was sealed with another secret; set ZELFREGIE_SECRET to the one it had."
            ) from error

    def digest(self, content: bytes) -> bytes:
        """A keyed hash (32 bytes) of what must be found again but not be guessed from the database."""
        return hmac.new(self._key, content, sha256).digest()
