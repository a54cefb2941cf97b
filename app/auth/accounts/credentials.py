"""Changing what an account is logged in to with. Whoever calls has checked that the second factor was just given.

Every change is kept and mailed, ends other sessions and shuts apps out.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from app.auth import tickets
from app.auth.accounts import limits, totp
from app.auth.accounts.account import Account, account_of_email, has_passkey
from app.auth.accounts.emails import folded
from app.auth.accounts.logging_in import LOG_IN
from app.auth.accounts.mails import mail
from app.auth.accounts.recovery_codes import make_codes
from app.auth.accounts.resetting import KIND as RECOVER
from app.auth.accounts.service import Accounts, on_credential_change
from app.database import Writer
from app.errors import Conflict, Unprocessable

_EMAIL: Final = "email"
_SECONDS: Final = 24 * 3600
_KEEP_HASH: Final = "UPDATE account SET password = $2 WHERE id = $1"
_SET_EMAIL: Final = "UPDATE account SET email = $2, verified = $3 WHERE id = $1"
_SET_TOTP: Final = "UPDATE account SET totp = $2, totp_step = $3 WHERE id = $1"
_SET_LANGUAGE: Final = "UPDATE account SET language = $2 WHERE id = $1"


def offer_totp(accounts: Accounts, account: Account) -> tuple[bytes, str]:
    """A new secret, and its sealed form, which the form carries until a code shows that the app has it."""
    secret = totp.new_secret()
    sealed = accounts.totp_seal.seal(secret, f"offer {account.id}".encode())
    return secret, base64.urlsafe_b64encode(sealed).decode()


def offered(accounts: Accounts, account: Account, offer: str) -> bytes:
    """The secret in a form. Raises ``Unprocessable`` for one that we did not offer to this person."""
    try:
        return accounts.totp_seal.open(base64.urlsafe_b64decode(offer.encode()), f"offer {account.id}".encode())
    except (binascii.Error, ValueError, Conflict) as error:
        raise Unprocessable("This form is not of this account.") from error


async def set_totp(
    accounts: Accounts, account: Account, secret: bytes, code: str, *, now: int, session: bytes = b""
) -> list[str] | None:
    """Set an authenticator app up, once it gives the right code. New recovery codes where there were none, else an
    empty list; None for a wrong code. ``session`` goes on.
    """
    step = totp.step_of(secret, code, now=now)
    if step is None:
        return None
    sealed = accounts.totp_seal.seal(secret, account.id.encode())

    async def work(writer: Writer) -> list[str]:
        await writer.execute(_SET_TOTP, account.id, sealed, step)
        return await after_factor_added(accounts, writer, account, "totp-set", now=now, session=session)

    codes = await accounts.database.transact(work)
    accounts.tell(account, "totp-set", now=now)
    return codes


async def after_factor_added(
    accounts: Accounts, writer: Writer, account: Account, kind: str, *, now: int, session: bytes
) -> list[str]:
    """What goes with every new second factor: recovery codes with the first, other sessions end, it is kept."""
    is_first = not await writer.fetch(_ANY_CODE, account.id)
    codes = await make_codes(writer, accounts.recovery_seal, account.id, accounts.server.random) if is_first else []
    await on_credential_change(writer, account.id, now=now, but=session)
    await accounts.note(writer, account.id, kind, now=now)
    return codes


_ANY_CODE: Final = "SELECT 1 FROM recovery_code WHERE account = $1 LIMIT 1"


async def remove_totp(accounts: Accounts, account: Account, *, now: int, session: bytes) -> None:
    """Take the authenticator app away. Raises ``Unprocessable`` when there is no passkey to log in with then."""

    async def work(writer: Writer) -> None:
        await on_credential_change(writer, account.id, now=now, but=session)  # one at a time from here on
        if not await has_passkey(writer, account.id):
            raise Unprocessable("The last second factor cannot be removed.", "business-rule")
        await writer.execute(_SET_TOTP, account.id, b"", account.totp_step)
        await accounts.note(writer, account.id, "totp-removed", now=now)

    await accounts.database.transact(work)
    accounts.tell(account, "totp-removed", now=now)


async def renew_codes(accounts: Accounts, account: Account, *, now: int) -> list[str]:
    """New recovery codes in place of the old; shown once."""

    async def work(writer: Writer) -> list[str]:
        codes = await make_codes(writer, accounts.recovery_seal, account.id, accounts.server.random)
        await accounts.note(writer, account.id, "recovery-codes-made", now=now)
        return codes

    codes = await accounts.database.transact(work)
    accounts.tell(account, "recovery-codes-made", now=now)
    return codes


async def change_password(accounts: Accounts, account: Account, password: str, *, now: int, session: bytes) -> None:
    """Set a password that has no problems."""
    hashed = await accounts.passwords.hash(password)

    async def work(writer: Writer) -> None:
        await writer.execute(_KEEP_HASH, account.id, hashed)
        await tickets.take_all(writer, LOG_IN, account.id)
        await on_credential_change(writer, account.id, now=now, but=session)
        await accounts.note(writer, account.id, "password-changed", now=now)

    await accounts.database.transact(work)
    accounts.tell(account, "password-changed", now=now)


async def ask_email(accounts: Accounts, account: Account, email: str, *, now: int) -> bool:
    """Send a link to the new address; False for what is no address. Nothing tells whether another account has it: its
    owner gets a mail that says so.
    """
    address = folded(email)
    if not address:
        return False
    may_mail = await accounts.limits.take([(limits.MAIL, address)], now=now)
    async with accounts.database.write() as writer:
        known = await account_of_email(writer, account.tenant, address)
        data = {"email": address}
        secret = await tickets.issue(writer, _EMAIL, now=now, seconds=_SECONDS, account=account.id, data=data)
    if not may_mail:
        return True
    if known is None:
        link = accounts.link(f"/account/email/{secret}")
        accounts.outbox.send(mail("new_email", address, account.language, link=link))
    elif known.id != account.id:
        links = {"log_in": accounts.link("/login"), "recover": accounts.link("/recover")}
        accounts.outbox.send(mail("already", address, known.language, **links))
    return True


async def change_email(accounts: Accounts, account: Account, secret: str, *, now: int) -> bool:
    """Use the address that the link was sent to; False when the link does not count for this account."""

    async def work(writer: Writer) -> bool:
        ticket = await tickets.take_within(writer, _EMAIL, secret, now=now)
        if ticket is None or ticket.account != account.id:
            return False
        address = str(ticket.data["email"])
        if await account_of_email(writer, account.tenant, address) is not None:
            return False
        await writer.execute(_SET_EMAIL, account.id, address, now)
        await tickets.take_all(writer, RECOVER, account.id)  # those went to the address of before
        await accounts.note(writer, account.id, "email-changed", now=now)
        return True

    is_done = await accounts.database.transact(work)
    if is_done:
        accounts.tell(account, "email-changed", now=now)  # to the address of before
    return is_done


async def set_language(accounts: Accounts, account: Account, language: str) -> None:
    """The language of mails and, unless a browser asks for another, of pages."""
    await accounts.database.change(_SET_LANGUAGE, account.id, language)
