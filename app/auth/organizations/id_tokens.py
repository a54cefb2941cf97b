"""Checks the ID token of a provider: signed by its own key in one of these ways, for us, now, in this very log-in.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256, sha384, sha512
from typing import Any, Final, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from app.auth.strict_json import read_object

ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""Per algorithm the ``kty`` and ``crv`` of its keys: public keys only, so nothing can be signed with what all know."""
_HASHES: Final = {"256": sha256, "384": sha384, "512": sha512}
LONGEST: Final = 16 * 1024
SKEW: Final = 60
"""Seconds that the provider's clock may differ."""
OLDEST: Final = 600
"""Seconds since the token was made."""
_HEADER: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a header may say: no key of its own (``jwk``, ``x5c``), no address (``jku``, ``x5u``), nothing critical."""
_SUBJECT: Final = 255


class NotValid(Exception):
    """The token is not to be believed; why is told to nobody."""


def kid_of(token: str) -> str:
    """The id of the key that a token says it is signed with, "" for none. Raises ``NotValid``."""
    kid = _header(token).get("kid", "")
    if not isinstance(kid, str):
        raise NotValid
    return kid


def claims_of(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str,
    now: int,
) -> Mapping[str, Any]:
    """The claims of an ID token that all checks let through. ``now`` in µs. Raises ``NotValid``."""
    header = _header(token)
    algorithm = header.get("alg")
    known = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
    if known is None or set(header) - _HEADER or str(header.get("typ", "JWT")).upper() not in ("JWT", "ID_TOKEN"):
        raise NotValid
    key = _key(keys, kid_of(token), str(algorithm), *known)
    try:
        claims = read_object(jws.deserialize_compact(token, key, algorithms=[str(algorithm)]).payload)
    except (JoseError, ValueError) as error:
        raise NotValid from error
    _check_parties(claims, issuer, client_id)
    _check_times(claims, now // 1_000_000)
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode("utf-8", "replace"), nonce.encode()):
        raise NotValid
    if "at_hash" in claims and claims["at_hash"] != _half_hash(access_token, str(algorithm)):
        raise NotValid
    return claims


def _check_parties(claims: Mapping[str, Any], issuer: str, client_id: str) -> None:
    if claims.get("iss") != issuer:
        raise NotValid
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if client_id not in audiences or (len(audiences) > 1 and "azp" not in claims):
        raise NotValid
    if claims.get("azp", client_id) != client_id:
        raise NotValid
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT or not subject.isascii():
        raise NotValid


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    expires, made, since = claims.get("exp"), claims.get("iat"), claims.get("nbf", 1)
    if not _is_time(expires) or expires + SKEW <= now:
        raise NotValid
    if not _is_time(made) or not now - OLDEST <= made <= now + SKEW:
        raise NotValid
    if not _is_time(since) or since > now + SKEW:
        raise NotValid


def _is_time(value: object) -> TypeGuard[int]:
    """A whole number that is no boolean, and within what dates take."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**40


def _half_hash(text: str, algorithm: str) -> str:
    """https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken"""
    digest = _HASHES[algorithm[2:]](text.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _key(keys: Sequence[Mapping[str, Any]], kid: str, algorithm: str, kty: str, curve: str) -> RSAKey | ECKey:
    """The one key of this kind with this id, or the only one where the token names none."""
    fitting = [
        each
        for each in keys
        if each.get("kty") == kty
        and each.get("crv", "") == curve
        and each.get("use", "sig") == "sig"
        and each.get("alg", algorithm) == algorithm
        and (not kid or each.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise NotValid
    try:
        return RSAKey.import_key(dict(fitting[0])) if kty == "RSA" else ECKey.import_key(dict(fitting[0]))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotValid from error


def _header(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not token.isascii():
        raise NotValid
    try:
        return read_object(urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError) as error:
        raise NotValid from error
