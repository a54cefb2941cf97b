"""What a client may hear of its own tokens. Of all other tokens it hears what it hears of one that never was.

https://www.rfc-editor.org/rfc/rfc7662 https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from app.auth.bases import audiences
from app.auth.oauth.clients import Client
from app.auth.tokens import hash_token
from app.database import Database

_ACCESS: Final = (
    "SELECT scopes, expires, patient, person, fhir_user, family FROM access_grant"
    " WHERE hash = $1 AND client = $2 AND expires > $3 AND kind IN ('app', 'system')"
)
_REFRESH: Final = (
    "SELECT r.scopes, r.expires, a.patient, a.account, a.fhir_user FROM refresh_token r"
    " JOIN client_authorization a ON a.id = r.family"
    " WHERE r.hash = $1 AND r.client = $2 AND r.expires > $3 AND r.used = 0 AND a.revoked = 0"
)
INACTIVE: Final[Mapping[str, Any]] = {"active": False}


async def introspect(
    database: Database,
    client: Client,
    token: str,
    *,
    issuer: str,
    base: str,
    subject: Callable[[str, str], str],
    patient_id: Callable[[int], Awaitable[str]],
    now: int,
) -> Mapping[str, Any]:
    """What RFC 7662 says of a token of ``client``. ``subject``: what a client calls an account; ``patient_id``: the id
    of the Patient with this key.
    """
    rows = await database.fetch(_ACCESS, hash_token(token), client.id, now)
    kind = {"token_type": "Bearer"}
    if not rows:
        rows = await database.fetch(_REFRESH, hash_token(token), client.id, now)
        kind = {}
    if not rows:
        return INACTIVE
    scopes, expires, patient, account, fhir_user, *_ = rows[0]
    found: dict[str, Any] = {
        "active": True,
        "scope": scopes,
        "client_id": client.id,
        "exp": expires // 1_000_000,
        "iss": issuer,
        "aud": audiences(base, client.services) if client.services else base,
        **kind,
    }
    if patient is not None:
        found["patient"] = await patient_id(patient)
    if account:
        found["sub"] = subject(client.id, account)
        if "fhirUser" in scopes.split(" ") and fhir_user:
            found["fhirUser"] = f"{base}/{fhir_user}"
    return found
