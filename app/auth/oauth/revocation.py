"""Revoking: an authorization with every code and token that came from it, one by one or all of an account, a client or
a recipient. https://www.rfc-editor.org/rfc/rfc7009 https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
"""

from __future__ import annotations

from typing import Final

from app.database import Writer

_REVOKE: Final = "UPDATE client_authorization SET revoked = $2, reason = $3 WHERE id = $1 AND revoked = 0"
_DELETE_GRANTS: Final = "DELETE FROM access_grant WHERE family = $1"
_OF_ACCOUNT: Final = "SELECT id FROM client_authorization WHERE account = $1 AND revoked = 0 ORDER BY id"
_OF_CLIENT: Final = "SELECT id FROM client_authorization WHERE client = $1 AND revoked = 0 ORDER BY id"
_GRANTS_OF_CLIENT: Final = "DELETE FROM access_grant WHERE client = $1 AND kind IN ('app', 'system')"
_OF_RECIPIENT: Final = (
    "SELECT id FROM client_authorization WHERE patient = $2 AND (recipient = $1 OR also = $1 OR within = $1)"
    " AND revoked = 0 ORDER BY id"
)
_OF_PROFESSIONALS: Final = (
    "SELECT id FROM client_authorization WHERE organization = $1 AND revoked = 0"
    " AND account IN (SELECT account FROM identity WHERE issuer = $2) ORDER BY id"
)


async def revoke_family(writer: Writer, family: str, now: int, reason: str) -> None:
    """Make every code and token of an authorization worthless; holds from the next statement."""
    await writer.execute(_REVOKE, family, now, reason)
    await writer.execute(_DELETE_GRANTS, family)


async def revoke_account(writer: Writer, account: str, now: int, reason: str) -> int:
    """Revoke all that an account let in; how many those were. For a closed account, or a password that was reset."""
    return await _revoke_all(writer, _OF_ACCOUNT, (account,), now, reason)


async def revoke_client(writer: Writer, client: str, now: int, reason: str) -> int:
    """Revoke all that a client holds, tokens of a system included; how many authorizations those were."""
    revoked = await _revoke_all(writer, _OF_CLIENT, (client,), now, reason)
    await writer.execute(_GRANTS_OF_CLIENT, client)
    return revoked


async def revoke_recipient(writer: Writer, recipient: str, patient: int, now: int, reason: str) -> int:
    """Revoke what lets a recipient (``app/auth/recipients.py``) in to one patient's record, and what apps that it uses
    hold there (``within``); how many authorizations those were.
    """
    return await _revoke_all(writer, _OF_RECIPIENT, (recipient, patient), now, reason)


async def revoke_professionals(writer: Writer, organization: str, issuer: str, now: int, reason: str) -> int:
    """Revoke all that an organisation's professionals let in who log in at an issuer; how many those were."""
    return await _revoke_all(writer, _OF_PROFESSIONALS, (organization, issuer), now, reason)


async def _revoke_all(writer: Writer, sql: str, binds: tuple[str | int, ...], now: int, reason: str) -> int:
    families = [row[0] for row in await writer.fetch(sql, *binds)]
    for family in families:
        await revoke_family(writer, family, now, reason)
    return len(families)
