"""The id_token: who logged in, when, and what they are in FHIR; never a name, an e-mail address or a BSN.

https://openid.net/specs/openid-connect-core-1_0.html#IDToken
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

from __future__ import annotations

from typing import Any, Final

from joserfc import jwt

from app.auth.oauth.families import Authorization
from app.auth.oauth.keys import ALGORITHM, SigningKey
from app.auth.oauth.scopes import FHIR_USER, Granted
from app.auth.sealing import Seal

LIFE: Final = 3600
"""Seconds."""
_SUBJECT: Final = 40
"""Characters of a subject."""


def subject(seal: Seal, client: str, account: str) -> str:
    """What a client calls an account: another name for each client, so that two cannot compare notes."""
    return seal.digest(f"{client}\n{account}".encode()).hex()[:_SUBJECT]


def id_token(
    given: Authorization, scopes: Granted, *, issuer: str, base: str, key: SigningKey, seal: Seal, now: int
) -> str:
    """A signed JWT. ``base``: the FHIR base, below which ``fhirUser`` is."""
    seconds = now // 1_000_000
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject(seal, given.client, given.account),
        "aud": given.client,
        "iat": seconds,
        "exp": seconds + LIFE,
        "auth_time": given.authenticated // 1_000_000,
    }
    if given.nonce:
        claims["nonce"] = given.nonce
    if given.assurance:
        claims["acr"] = given.assurance
    if FHIR_USER in scopes.context and given.fhir_user:
        claims["fhirUser"] = f"{base}/{given.fhir_user}"
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, key.key, algorithms=[ALGORITHM])
