"""The proof of an erasure: a signed statement of when and how much, with nothing of what it was.

A JSON Web Signature with an Ed25519 key that follows from the service's secret, so that it can be checked for as long
as that secret is kept, however often the keys of log-ins are renewed.
https://www.rfc-editor.org/rfc/rfc7515 https://www.rfc-editor.org/rfc/rfc8037
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from app.auth.sealing import Seal
from app.errors import Invalid
from app.fhir.dates import instant

_ALGORITHM: Final = "Ed25519"
_TYPE: Final = "erasure+jwt"


@dataclass(frozen=True, slots=True)
class Statement:
    """``id`` of the erasure; ``scope``: one, source or everything; ``at`` in µs."""

    id: str
    scope: str
    at: int
    resources: int
    versions: int


class Prover:
    """Signs statements and checks them. ``issuer``: the address of the service."""

    def __init__(self, secret: bytes, issuer: str) -> None:
        seed = Seal(secret, "erasure-proof").digest(_ALGORITHM.encode())
        private = Ed25519PrivateKey.from_private_bytes(seed)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = OKPKey.import_key(pem)
        self._issuer = issuer

    def sign(self, statement: Statement) -> str:
        """The statement as a compact JWS."""
        claims = {
            "iss": self._issuer,
            "iat": statement.at // 1_000_000,
            "jti": statement.id,
            "erased": {
                "scope": statement.scope,
                "at": instant(statement.at),
                "resources": statement.resources,
                "versions": statement.versions,
            },
        }
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": self._key.thumbprint()}
        return jwt.encode(header, claims, self._key, algorithms=[_ALGORITHM])

    def verify(self, text: str) -> dict[str, Any]:
        """What a statement says. Raises ``Invalid`` when this service did not sign it, or it was changed since."""
        try:
            token = jwt.decode(text.strip(), self._key, algorithms=[_ALGORITHM])
        except (JoseError, ValueError) as error:
            raise Invalid("This is no proof of an erasure by this service, or it was changed.") from error
        if token.header.get("typ") != _TYPE:
            raise Invalid("This is signed by this service and is no proof of an erasure.")
        return dict(token.claims)
