"""Client assertions: a client proves who it is by a JWT that it signs (``private_key_jwt``).

https://www.rfc-editor.org/rfc/rfc7523 https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Collection, Mapping
from hashlib import sha256
from typing import Any, Final, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from app.auth.oauth.clients import Client
from app.auth.strict_json import read_object
from app.database import Database

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = {"RS384": ("RSA", ""), "ES384": ("EC", "P-384")}
"""Per algorithm the ``kty`` and ``crv`` of its keys. SMART names these two."""
RSA_BITS: Final = 2048
LONGEST: Final = 8192
LIFE: Final = 300
"""Seconds that an assertion may have left."""
SKEW: Final = 30
"""Seconds that a client's clock may be ahead, for ``iat`` and ``nbf``."""
_HEADER: Final = frozenset({"alg", "kid", "typ", "jku"})
"""What a header may say: no key of its own (``jwk``, ``x5c``, ``x5u``), nothing critical, no ``b64``."""
_JTI: Final = 255
_TAKE: Final = (
    "INSERT INTO client_assertion (client, jti, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING jti"
)

FindKeys = Callable[[Client, str], Awaitable[Mapping[str, Any]]]
"""The JWKS of a client in which a key with this ``kid`` is looked for."""


class NotProven(Exception):
    """The assertion does not prove that this is the client; why is told to nobody."""


def subject_of(assertion: str) -> str:
    """The client that an assertion says it is from; "" when it cannot be read. Nothing is proven by this."""
    try:
        claims = read_object(_part(assertion, 1))
    except (NotProven, ValueError):
        return ""
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else ""


async def check_assertion(
    database: Database, client: Client, assertion: str, *, audiences: Collection[str], keys: FindKeys, now: int
) -> None:
    """Raises ``NotProven`` unless ``client`` signed this for us (``audiences``), a moment ago, for one use only."""
    if len(assertion) > LONGEST:
        raise NotProven
    try:
        header = read_object(_part(assertion, 0))
    except ValueError as error:
        raise NotProven from error
    algorithm, kid = header.get("alg"), header.get("kid")
    known = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
    if known is None or not isinstance(kid, str) or not kid or set(header) - _HEADER:
        raise NotProven
    if header.get("typ", "JWT") != "JWT" or header.get("jku", client.jwks_uri) != client.jwks_uri:
        raise NotProven
    key = _key(await keys(client, kid), kid, str(algorithm), *known)
    try:
        claims = read_object(jws.deserialize_compact(assertion, key, algorithms=[str(algorithm)]).payload)
    except (JoseError, ValueError) as error:
        raise NotProven from error
    expires = _check_claims(claims, client, audiences, now // 1_000_000)
    digest = sha256(claims["jti"].encode("utf-8", "replace")).hexdigest()
    if not await database.change(_TAKE, client.id, digest, (expires + 1) * 1_000_000):
        raise NotProven


def _check_claims(claims: Mapping[str, Any], client: Client, audiences: Collection[str], now: int) -> int:
    """When it expires (s)."""
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if claims.get("iss") != client.id or claims.get("sub") != client.id or audience not in tuple(audiences):
        raise NotProven
    expires = claims.get("exp")
    if not _is_time(expires) or not now < expires <= now + LIFE:
        raise NotProven
    for name in ("iat", "nbf"):
        began = claims.get(name, now)
        if not _is_time(began) or began > now + SKEW:
            raise NotProven
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI:
        raise NotProven
    return expires


def _is_time(value: object) -> TypeGuard[int]:
    """A whole number that is no boolean, and within what a database takes."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**40


def _key(jwks: Mapping[str, Any], kid: str, algorithm: str, kty: str, curve: str) -> RSAKey | ECKey:
    """The one key with this id, kind and use."""
    listed = jwks.get("keys")
    fitting = [
        each
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and each.get("kid") == kid and each.get("kty") == kty
    ]
    if len(fitting) != 1:
        raise NotProven
    key = fitting[0]
    if key.get("alg", algorithm) != algorithm or key.get("use", "sig") != "sig" or key.get("crv", "") != curve:
        raise NotProven
    if kty == "RSA" and not is_long_enough(key):
        raise NotProven
    try:
        return RSAKey.import_key(key) if kty == "RSA" else ECKey.import_key(key)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotProven from error


def is_long_enough(key: Mapping[str, Any]) -> bool:
    """Whether an RSA key has the bits that make it a proof. https://www.rfc-editor.org/rfc/rfc7518#section-3.3"""
    modulus = key.get("n")
    try:
        return isinstance(modulus, str) and int.from_bytes(_decoded(modulus)).bit_length() >= RSA_BITS
    except (binascii.Error, ValueError):
        return False


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _part(assertion: str, index: int) -> bytes:
    parts = assertion.split(".")
    if len(assertion) > LONGEST or len(parts) != 3:
        raise NotProven
    try:
        return _decoded(parts[index])
    except (binascii.Error, ValueError) as error:
        raise NotProven from error
