"""Logging in: the password first, then a code; what lies between is a ticket and no session.

Nothing that is answered to a wrong password says whether there is such an account, whether it is locked, or how far off
the password was; the same work is done for each.
https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from app.auth import tickets
from app.auth.accounts import limits, totp
from app.auth.accounts.account import Account, account_of, account_of_email, has_passkey
from app.auth.accounts.devices import is_known
from app.auth.accounts.emails import folded
from app.auth.accounts.limits import Counted, network
from app.auth.accounts.recovery_codes import codes_left, plain_code, use_code
from app.auth.accounts.service import Accounts, Spent, TooMany
from app.auth.accounts.sessions import LogIn

LOG_IN: Final = "log-in"
"""The kind of ticket that a log-in is between password and second factor."""
_SECONDS: Final = 600
_REHASH: Final = "UPDATE account SET password = $2 WHERE id = $1 AND password = $3 RETURNING id"


@dataclass(frozen=True, slots=True)
class Browser:
    """Where somebody is: the network address, and the mark of a browser that was used before ("" for none)."""

    address: str = ""
    mark: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a password. ``account``: whose it was tried for, for the access log only, "" for nobody's;
    ``secret``: of the log-in that waits for its second factor, "" where something was wrong.
    """

    account: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A log-in that waits for its second factor; ``must_set_up`` where there is none yet."""

    account: Account
    has_totp: bool
    has_passkey: bool
    codes: int

    @property
    def must_set_up(self) -> bool:
        """Whether a second factor is to be made before anything else."""
        return not (self.has_totp or self.has_passkey)


async def give_password(accounts: Accounts, email: str, password: str, *, browser: Browser, now: int) -> Tried:
    """Go on to the second factor, or not, for whatever reason.

    Raises ``TooMany`` for an address that tries too often, whatever account it tries.
    """
    place = (limits.LOG_IN_ADDRESS, network(browser.address))
    if not await accounts.limits.take([place], now=now):
        raise TooMany("Too many attempts.")
    address = folded(email)
    account = await account_of_email(accounts.database, accounts.tenant, address)
    counted = _guess(accounts, account, address, browser)
    may_try = await accounts.limits.take([counted], now=now)
    stored = account.password if account is not None and account.active and may_try else ""
    is_right = await accounts.passwords.verify(stored, password)
    if account is None or not is_right:
        return Tried("" if account is None else account.id)
    await accounts.limits.forget([counted])
    await accounts.limits.give_back(place)
    if accounts.passwords.outdated(stored):
        await accounts.database.change(_REHASH, account.id, await accounts.passwords.hash(password), stored)
    return Tried(account.id, await begin(accounts, account, now=now))


async def begin(accounts: Accounts, account: Account, *, now: int, elsewhere: LogIn | None = None) -> str:
    """A log-in that waits for its second factor, for who has shown to be at the account's password or mail, or
    ``elsewhere``: at an identity provider whose word is no second factor.
    """
    data = {} if elsewhere is None else {"issuer": elsewhere.issuer, "assurance": elsewhere.assurance}
    async with accounts.database.write() as writer:
        return await tickets.issue(writer, LOG_IN, now=now, seconds=_SECONDS, account=account.id, data=data)


async def finish(accounts: Accounts, secret: str, account: Account, factor: str, *, now: int) -> LogIn:
    """The log-in that waited, with its second factor: totp, recovery or passkey. Raises ``Spent`` when it is over."""
    ticket = await tickets.take(accounts.database, LOG_IN, secret, now=now)
    if ticket is None:
        raise Spent("This log-in is over.")
    first = "openid" if ticket.data else "password"
    method = factor if factor == "passkey" else f"{first}+{factor}"
    return LogIn(account.id, account.tenant, method, **ticket.data)


async def waiting(accounts: Accounts, secret: str, *, now: int) -> Waiting:
    """The log-in that waits. Raises ``Spent``."""
    ticket = await tickets.look(accounts.database, LOG_IN, secret, now=now)
    account = None if ticket is None else await account_of(accounts.database, ticket.account)
    if account is None or not account.active:
        raise Spent("This log-in is over.")
    return await standing(accounts, account)


async def standing(accounts: Accounts, account: Account) -> Waiting:
    """Which second factors an account has."""
    return Waiting(
        account,
        bool(account.totp),
        await has_passkey(accounts.database, account.id),
        await codes_left(accounts.database, account.id),
    )


async def give_code(
    accounts: Accounts, secret: str, code: str, *, browser: Browser, now: int
) -> tuple[Account, LogIn] | None:
    """Who logs in, once the code is right; None for a wrong one. Raises ``Spent`` when this log-in is over: after five
    wrong codes, or when somebody else finished it.
    """
    found = await waiting(accounts, secret, now=now)
    if not await accounts.limits.take([(limits.TICKET, secret)], now=now):
        await tickets.take(accounts.database, LOG_IN, secret, now=now)
        raise Spent("Too many wrong codes.")
    method = await check_code(accounts, found.account, code, browser=browser, now=now)
    if method is None:
        return None
    return found.account, await finish(accounts, secret, found.account, method, now=now)


async def check_code(accounts: Accounts, account: Account, code: str, *, browser: Browser, now: int) -> str | None:
    """``totp`` or ``recovery`` when the code is right, which uses it up; None for a wrong one, and while too many were
    wrong.
    """
    is_used = is_known(accounts.device_seal, account.id, browser.mark)
    counted = (limits.FACTOR_KNOWN, account.id) if is_used else (limits.FACTOR, account.email)
    if not await accounts.limits.take([counted], now=now):
        return None
    if plain_code(code):
        if not await use_code(accounts.database, accounts.recovery_seal, account.id, code, now=now):
            return None
        await _note(accounts, account, "recovery-code-used", now=now)
        method = "recovery"
    else:
        if not account.totp:
            return None
        secret = accounts.totp_seal.open(account.totp, account.id.encode())
        step = totp.step_of(secret, code, now=now)
        if step is None or not await totp.take_step(accounts.database, account.id, step):
            return None
        method = "totp"
    await accounts.limits.forget([counted])
    return method


async def entered(accounts: Accounts, account: Account, *, browser: Browser, now: int) -> None:
    """Somebody is in: kept, and mailed when the browser is new to us."""
    is_new = not is_known(accounts.device_seal, account.id, browser.mark)
    await _note(accounts, account, "log-in-new-device" if is_new else "log-in", now=now)


async def _note(accounts: Accounts, account: Account, kind: str, *, now: int) -> None:
    async with accounts.database.write() as writer:
        await accounts.note(writer, account.id, kind, now=now)
    accounts.tell(account, kind, now=now)


def _guess(accounts: Accounts, account: Account | None, address: str, browser: Browser) -> Counted:
    """What a password counts for: the account and the browser where that was used before, else the account."""
    if account is not None and is_known(accounts.device_seal, account.id, browser.mark):
        return limits.LOG_IN_KNOWN, f"{account.id} {browser.mark}"
    return limits.LOG_IN, address
