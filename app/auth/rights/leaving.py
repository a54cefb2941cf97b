"""When a person erases everything: what else than the record itself goes, and what of it stays as minimal proof.

Of consents stays that there was one, for whom, for what purpose and when; not what it said. The account is closed,
unless it still acts for others; then it only loses its own record.
"""

from __future__ import annotations

from typing import Final

from app.auth.accounts.invitations import tickets_of
from app.database import Writer

_PERMITTED: Final = "(SELECT m.recipient FROM permit m WHERE m.patient = $1)"
_FAMILIES: Final = "(SELECT a.id FROM client_authorization a WHERE a.patient = $1)"
_LOOK_AGAIN: Final = (
    f"UPDATE access_grant SET stamp = stamp + 1 WHERE patient IS NULL AND (recipient IN {_PERMITTED}"
    f" OR also IN {_PERMITTED} OR within IN {_PERMITTED})"
)
"""Every process looks again, at the next statement, at what those with several patients may do."""
_KEEP_THAT_THERE_WAS_CONSENT: Final = (
    "UPDATE consent SET state = 'erased', recipient_name = '', labels = 0, actions = 0, language = '', text = '',"
    " given_by = '', method = '', reason = '' WHERE patient = $1"
)
_OF_RECORD: Final = (
    _LOOK_AGAIN,
    "DELETE FROM access_grant WHERE patient = $1",
    "DELETE FROM permit WHERE patient = $1",
    f"DELETE FROM refresh_token WHERE family IN {_FAMILIES}",
    f"DELETE FROM authorization_code WHERE family IN {_FAMILIES}",
    "DELETE FROM client_authorization WHERE patient = $1",
    "DELETE FROM pairing WHERE patient = $1",
    "DELETE FROM pairing_code WHERE patient = $1",
    "DELETE FROM mandate WHERE patient = $1",
    "DELETE FROM export_part WHERE patient = $1",
    "DELETE FROM export WHERE patient = $1",
    "DELETE FROM import_part WHERE patient = $1",
    "DELETE FROM import_told WHERE patient = $1",
    "DELETE FROM import_job WHERE patient = $1",
    "DELETE FROM delivered WHERE patient = $1",
    "DELETE FROM delivered_under WHERE patient = $1",
    "DELETE FROM quarantine WHERE patient = $1",
    "DELETE FROM tombstone WHERE patient = $1",
    "DELETE FROM tombstone_identifier WHERE patient = $1",
    "UPDATE erasure SET account = '' WHERE patient = $1",
    _KEEP_THAT_THERE_WAS_CONSENT,
    "UPDATE session SET patient = NULL WHERE patient = $1",
)
_ACCOUNTS: Final = "SELECT id FROM account WHERE patient = $1"
_END_VISITS: Final = (
    "DELETE FROM access_grant WHERE person = $1",
    "DELETE FROM session WHERE account = $1",
    "DELETE FROM ticket WHERE account = $1",
)
_DELETE_INVITATIONS: Final = "DELETE FROM ticket WHERE account = $1"
_UNLINK: Final = "UPDATE account SET patient = NULL, changed = $2 WHERE id = $1"
_ACTS: Final = "SELECT 1 FROM mandate WHERE account = $1 AND state = 'active' AND until > $2 LIMIT 1"
_CLOSE: Final = (
    "DELETE FROM passkey WHERE account = $1",
    "DELETE FROM recovery_code WHERE account = $1",
    "DELETE FROM identity WHERE account = $1",
    "DELETE FROM account_event WHERE account = $1",
    "UPDATE account SET state = 'closed', email = 'closed:' || id, name = '', password = '' WHERE id = $1",
)
_EMPTY: Final = "UPDATE account SET totp = $2, totp_step = 0, handle = $3, verified = 0 WHERE id = $1"


async def leave(writer: Writer, patient: int, *, now: int) -> None:
    """End everything outside the record's own tables that says something of this patient."""
    for statement in _OF_RECORD:
        await writer.execute(statement, patient)
    await writer.execute(_DELETE_INVITATIONS, tickets_of(patient))
    for (account,) in await writer.fetch(_ACCOUNTS, patient):
        for statement in _END_VISITS:
            await writer.execute(statement, account)
        await writer.execute(_UNLINK, account, now)
        if not await writer.fetch(_ACTS, account, now):
            await _close(writer, account)


async def _close(writer: Writer, account: str) -> None:
    """Nobody can log in any more; the row keeps the pseudonym, which the access log names."""
    for statement in _CLOSE:
        await writer.execute(statement, account)
    await writer.execute(_EMPTY, account, b"", b"closed:" + account.encode())
