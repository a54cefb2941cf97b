"""Ends what a client was let in for: its authorizations, and with them every code, refresh token and access token that
came from them. https://www.rfc-editor.org/rfc/rfc7009
"""

from __future__ import annotations

from typing import Final

from app.database import Writer

_DELETE_GRANTS: Final = (
    "DELETE FROM access_grant WHERE family IN (SELECT a.id FROM client_authorization a"
    " WHERE a.patient = $2 AND (a.recipient = $1 OR a.within = $1))"
)
_REVOKE: Final = (
    "UPDATE client_authorization SET revoked = $3, reason = $4"
    " WHERE patient = $2 AND (recipient = $1 OR within = $1) AND revoked = 0"
)


async def revoke_recipient(writer: Writer, recipient: str, patient: int, now: int, reason: str) -> None:
    """End every authorization of a recipient for one patient: its own, and those of apps that it uses (``within``).
    Holds from the next statement on.
    """
    await writer.execute(_DELETE_GRANTS, recipient, patient)
    await writer.execute(_REVOKE, recipient, patient, now, reason)
