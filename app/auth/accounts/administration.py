"""What whoever runs the service does with accounts: list them, let somebody back in, make an administrator.

An administrator who lets somebody in has seen who it is; what they did is told to the person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from app.auth import tickets
from app.auth.accounts import limits
from app.auth.accounts.account import Account, account_of_email, new_account
from app.auth.accounts.emails import folded
from app.auth.accounts.limits import Limits
from app.auth.accounts.mails import told_mail
from app.auth.accounts.outbox import Mail
from app.auth.accounts.resetting import KIND as RECOVER
from app.auth.accounts.service import on_credential_change
from app.auth.accounts.tables import INSERT_ACCOUNT, INSERT_EVENT
from app.auth.roles import Role
from app.database import Reader, Writer
from app.errors import Conflict, Invalid, NotFound
from app.server.server import FhirServer

_SET_UP_SECONDS: Final = 7 * 24 * 3600
_LIST: Final = (
    "SELECT a.email, a.role, a.state, CASE WHEN a.patient IS NULL THEN 0 ELSE 1 END,"
    " CASE WHEN length(a.totp) > 0 THEN 1 ELSE 0 END,"
    " (SELECT COUNT(*) FROM passkey p WHERE p.account = a.id)"
    " FROM account a WHERE a.tenant = $1 ORDER BY a.email"
)
_CLEAR: Final = (
    "UPDATE account SET totp = $2 WHERE id = $1",
    "DELETE FROM passkey WHERE account = $1",
    "DELETE FROM recovery_code WHERE account = $1",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """An account, as an administrator sees it."""

    email: str = field(repr=False)
    role: str
    state: str
    has_record: bool
    has_totp: bool
    passkeys: int


async def listed(reader: Reader, tenant: int) -> list[Listed]:
    """Every account of a tenant, by e-mail address."""
    return [
        Listed(email, role, state, bool(record), bool(totp), passkeys)
        for email, role, state, record, totp, passkeys in await reader.fetch(_LIST, tenant)
    ]


async def unlock(server: FhirServer, email: str, *, tenant: int, now: int, second_factor: bool) -> Mail | None:
    """Forget wrong attempts at an account; with ``second_factor`` its app, passkeys and recovery codes too, so that the
    next log-in sets a new one up. A mail to be sent then, for its owner.

    Raises ``NotFound`` when there is no such account.
    """
    account = await account_of_email(server.database, tenant, folded(email))
    if account is None:
        raise NotFound("There is no account with this e-mail address.")
    counters = Limits(server.database, server.page_key)
    await counters.forget([(rule, account.email) for rule in (limits.LOG_IN, limits.FACTOR, limits.MAIL)])
    if not second_factor:
        return None
    await server.database.transact(lambda writer: _clear(writer, account, now=now))
    recover = f"{server.base.removesuffix('/fhir/')}/recover"
    return told_mail("second-factor-cleared", account.email, account.language, now=now, recover=recover)


async def _clear(writer: Writer, account: Account, *, now: int) -> None:
    empty, *rest = _CLEAR
    await writer.execute(empty, account.id, b"")
    for statement in rest:
        await writer.execute(statement, account.id)
    await on_credential_change(writer, account.id, now=now)
    await writer.insert(INSERT_EVENT, [(account.id, now, "second-factor-cleared", "{}", 1)])


async def make_administrator(server: FhirServer, email: str, *, tenant: int, now: int) -> str:
    """An account for an administrator; the address, which counts once, where its owner chooses a password.

    Raises ``Invalid`` for what is no e-mail address, ``Conflict`` where there is an account that is in use.
    """
    address = folded(email)
    if not address:
        raise Invalid("This is no e-mail address.", "value")

    async def work(writer: Writer) -> str:
        known = await account_of_email(writer, tenant, address)
        if known is not None and (known.role is not Role.ADMINISTRATOR or known.state != "new"):
            raise Conflict("There is an account with this e-mail address.", "duplicate")
        account = known or new_account(
            server.random,
            tenant=tenant,
            role=Role.ADMINISTRATOR,
            email=address,
            name=address.partition("@")[0],
            state="new",
            now=now,
        )
        if known is None:
            await writer.alter([(INSERT_ACCOUNT, [account.row()])])
        return await tickets.issue(writer, RECOVER, now=now, seconds=_SET_UP_SECONDS, account=account.id)

    secret = await server.database.transact(work)
    return f"{server.base.removesuffix('/fhir/')}/recover/{secret}"
