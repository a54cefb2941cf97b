"""A device that makes and uses passkeys, in software, and lies where it is told to.

https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

Json = dict[str, Any]
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def content(written: str) -> bytes:
    return urlsafe_b64decode(written + "=" * (-len(written) % 4))


@dataclass
class Authenticator:
    """``origin`` is what the browser says; ``flags`` what the device saw of its owner."""

    origin: str = "http://localhost:8000"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    handle: bytes = b""

    def __post_init__(self) -> None:
        self._key = generate_private_key(SECP256R1())

    def make(self, options: Json) -> str:
        """The answer to ``navigator.credentials.create``."""
        self.handle = content(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        public = encode_cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + credential
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        told = self._told("webauthn.create", options["challenge"])
        return self._answer({"clientDataJSON": text(told), "attestationObject": text(attestation)})

    def use(self, options: Json) -> str:
        """The answer to ``navigator.credentials.get``."""
        self.count += 1
        data = self._data(options["rpId"], self.flags)
        told = self._told("webauthn.get", options["challenge"])
        signature = self._key.sign(data + sha256(told).digest(), ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": text(told),
                "authenticatorData": text(data),
                "signature": text(signature),
                "userHandle": text(self.handle),
            }
        )

    def _data(self, party: str, flags: int) -> bytes:
        return sha256(party.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _told(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, response: Json) -> str:
        return json.dumps({"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response})
