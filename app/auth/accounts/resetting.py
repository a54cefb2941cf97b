"""A lost password: a link by mail, and the second factor with it. The link alone opens nothing.

https://cheatsheetseries.owasp.org/cheatsheets/Forgot_Password_Cheat_Sheet.html
"""

from __future__ import annotations

from typing import Final

from app.auth import tickets
from app.auth.accounts import limits, passwords
from app.auth.accounts.account import Account, account_of, account_of_email
from app.auth.accounts.emails import folded
from app.auth.accounts.limits import network
from app.auth.accounts.logging_in import LOG_IN, Browser, Waiting, check_code, standing
from app.auth.accounts.mails import mail
from app.auth.accounts.service import Accounts, Spent, TooMany, on_credential_change
from app.auth.accounts.sessions import LogIn
from app.database import Writer

KIND: Final = "recover"
_SECONDS: Final = 30 * 60
_SET: Final = (
    "UPDATE account SET password = $2, state = 'active',"
    " verified = CASE WHEN verified = 0 THEN $3::bigint ELSE verified END"
    " WHERE id = $1 AND state <> 'closed' RETURNING id"
)


async def ask(accounts: Accounts, email: str, *, browser: Browser, now: int) -> None:
    """Send the link to the owner of an account with this address. Nothing tells whether there is one.

    Raises ``TooMany`` for an address of the network that asks too often.
    """
    if not await accounts.limits.take([(limits.RECOVER_ADDRESS, network(browser.address))], now=now):
        raise TooMany("Too many requests.")
    address = folded(email)
    may_mail = await accounts.limits.take([(limits.MAIL, address)], now=now)
    async with accounts.database.write() as writer:
        account = await account_of_email(writer, accounts.tenant, address)
        known = account if account is not None and account.active else None
        # Where there is no account the same is written, for nobody: it takes as long, and opens nothing.
        whose = known.id if known is not None else ""
        secret = await tickets.issue(writer, KIND, now=now, seconds=_SECONDS, account=whose)
    if known is not None and may_mail:
        accounts.outbox.send(mail("recover", known.email, known.language, link=accounts.link(f"/recover/{secret}")))


async def opened(accounts: Accounts, secret: str, *, now: int) -> Waiting:
    """Whose link it is, and which second factors they have. Raises ``Spent``."""
    ticket = await tickets.look(accounts.database, KIND, secret, now=now)
    account = await account_of(accounts.database, ticket.account) if ticket is not None else None
    if account is None or account.state == "closed":
        raise Spent("This link is over.")
    return await standing(accounts, account)


def problem_of(account: Account, password: str) -> passwords.Problem | None:
    """Why a password will not do for this person."""
    return passwords.problem(password, about=(account.email, account.name))


async def reset(
    accounts: Accounts, secret: str, password: str, code: str, *, browser: Browser, now: int
) -> tuple[Account, LogIn | None] | None:
    """Set a new password, which has no problems; who is logged in by that, without a ``LogIn`` where a second factor
    is yet to be made. None for a wrong code. Raises ``Spent``, after five wrong codes too.

    Every session ends, every log-in that waits for its code, and every app is shut out, as whoever had the old password
    may be behind them.
    """
    found = await opened(accounts, secret, now=now)
    account = found.account
    if not await accounts.limits.take([(limits.TICKET, secret)], now=now):
        await tickets.take(accounts.database, KIND, secret, now=now)
        raise Spent("Too many wrong codes.")
    method = ""
    if not found.must_set_up:
        checked = await check_code(accounts, account, code, browser=browser, now=now)
        if checked is None:
            return None
        method = checked
    hashed = await accounts.passwords.hash(password)

    async def work(writer: Writer) -> None:
        if await tickets.take_within(writer, KIND, secret, now=now) is None:
            raise Spent("This link is over.")
        if not await writer.fetch(_SET, account.id, hashed, now):
            raise Spent("This account is closed.")
        for kind in (KIND, LOG_IN):
            await tickets.take_all(writer, kind, account.id)
        await on_credential_change(writer, account.id, now=now)
        await accounts.note(writer, account.id, "password-changed", now=now)

    await accounts.database.transact(work)
    accounts.tell(account, "password-changed", now=now)
    return account, LogIn(account.id, account.tenant, f"password+{method}") if method else None
