"""Making an account: what is asked, the mail that proves the address, and the password once more with it.

An account is stored only when its mail was opened by who knows the password, so nobody can take an address that is not
theirs, nor prepare an account for somebody else. Whether an address is known already is told to its owner, by mail, and
to nobody else. Own account from 16 (MODEL 5).
https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html#account-creation
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from app.auth import tickets
from app.auth.accounts import limits, passwords
from app.auth.accounts.account import Account, account_of_email, new_account
from app.auth.accounts.emails import folded
from app.auth.accounts.limits import network
from app.auth.accounts.logging_in import Browser, begin
from app.auth.accounts.mails import mail
from app.auth.accounts.service import Accounts, Spent, TooMany
from app.auth.accounts.tables import INSERT_ACCOUNT
from app.auth.roles import Role
from app.auth.tickets import Ticket
from app.database import Writer
from app.errors import Conflict

YOUNGEST: Final = 16
_OLDEST: Final = 125
_NAME: Final = 100
_KIND: Final = "verify"
_SECONDS: Final = 24 * 3600
_ZONE: Final = ZoneInfo("Europe/Amsterdam")
Problems = dict[str, str]
"""What is wrong, by field: a code such as ``missing``, ``invalid``, ``young``, or one of ``passwords.Problem``."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a person says of themselves. ``birth_date``: yyyy-mm-dd."""

    email: str = field(repr=False)
    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    password: str = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the link of the mail stands for, sealed."""

    email: str
    name: str
    birth_date: str
    password: str
    language: str


def problems_of(asked: Registration, *, now: int) -> Problems:
    """Everything that is wrong with it."""
    found: Problems = {}
    if not asked.email.strip():
        found["email"] = "missing"
    elif not folded(asked.email):
        found["email"] = "invalid"
    name = " ".join(asked.name.split())
    if not name:
        found["name"] = "missing"
    elif len(name) > _NAME or not all(each.isprintable() for each in name):
        found["name"] = "invalid"
    if problem := birth_date_problem(asked.birth_date, now=now):
        found["birth_date"] = problem
    if password := passwords.problem(asked.password, about=(asked.email, asked.name)):
        found["password"] = password
    return found


def birth_date_problem(text: str, *, now: int) -> str | None:
    """``missing``, ``invalid``, ``young``, or None where it will do."""
    if not text.strip():
        return "missing"
    try:
        born = date.fromisoformat(text.strip())
    except ValueError:
        return "invalid"
    today = datetime.fromtimestamp(now // 1_000_000, UTC).astimezone(_ZONE).date()
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if born > today or age > _OLDEST:
        return "invalid"
    return "young" if age < YOUNGEST else None


async def register(accounts: Accounts, asked: Registration, *, browser: Browser, now: int) -> None:
    """Send the mail that goes on from here: to finish the account, or to say that there is one already. ``asked`` has
    no problems.

    Raises ``TooMany`` for an address of the network that registers too often. What is done, and how long it takes, is
    the same whether the e-mail address is known or not.
    """
    if not await accounts.limits.take([(limits.REGISTER_ADDRESS, network(browser.address))], now=now):
        raise TooMany("Too many registrations.")
    email = folded(asked.email)
    may_mail = await accounts.limits.take([(limits.MAIL, email)], now=now)
    kept = _Kept(
        email,
        " ".join(asked.name.split()),
        asked.birth_date.strip(),
        await accounts.passwords.hash(asked.password),
        asked.language,
    )
    sealed = accounts.registration_seal.seal(msgspec.json.encode(kept))
    data = {"sealed": base64.b64encode(sealed).decode()}
    async with accounts.database.write() as writer:
        known = await account_of_email(writer, accounts.tenant, email)
        secret = await tickets.issue(writer, _KIND, now=now, seconds=_SECONDS, data=data)
    if not may_mail:
        return
    if known is None:
        accounts.outbox.send(mail("verify", email, asked.language, link=accounts.link(f"/verify/{secret}")))
    else:
        links = {"log_in": accounts.link("/login"), "recover": accounts.link("/recover")}
        accounts.outbox.send(mail("already", email, known.language, **links))


async def opened(accounts: Accounts, secret: str, *, now: int) -> str:
    """The e-mail address that the link was sent to. Raises ``Spent``."""
    ticket = await tickets.look(accounts.database, _KIND, secret, now=now)
    if ticket is None:
        raise Spent("This link is over.")
    return _opened(accounts, ticket).email


async def verify(accounts: Accounts, secret: str, password: str, *, now: int) -> str | None:
    """Make the account; the secret of a log-in that waits for its second factor. None for another password than the one
    that was chosen. Raises ``Spent`` when the link was used, has expired, or was guessed at five times.
    """
    ticket = await tickets.look(accounts.database, _KIND, secret, now=now)
    if ticket is None:
        raise Spent("This link is over.")
    if not await accounts.limits.take([(limits.TICKET, secret)], now=now):
        await tickets.take(accounts.database, _KIND, secret, now=now)
        raise Spent("Too many wrong passwords.")
    kept = _opened(accounts, ticket)
    if not await accounts.passwords.verify(kept.password, password):
        return None

    async def work(writer: Writer) -> Account:
        if await tickets.take_within(writer, _KIND, secret, now=now) is None:
            raise Spent("This link is over.")
        if await account_of_email(writer, accounts.tenant, kept.email) is not None:
            raise Spent("There is an account by now.")
        account = new_account(
            accounts.server.random,
            tenant=accounts.tenant,
            role=Role.PATIENT,
            now=now,
            verified=now,
            **asdict(kept),
        )
        await writer.alter([(INSERT_ACCOUNT, [account.row()])])
        await accounts.note(writer, account.id, "registered", now=now)
        return account

    try:
        account = await accounts.database.transact(work)
    except Conflict as error:  # of two links of one address, opened at once, one makes the account
        raise Spent("There is an account by now.") from error
    return await begin(accounts, account, now=now)


def _opened(accounts: Accounts, ticket: Ticket) -> _Kept:
    content = accounts.registration_seal.open(base64.b64decode(ticket.data["sealed"]))
    return msgspec.json.decode(content, type=_Kept)
