"""Passkeys: WebAuthn credentials that the device checks its owner for, so that one alone is a whole log-in.

https://www.w3.org/TR/webauthn-3/ https://pages.nist.gov/800-63-4/sp800-63b.html#syncable
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.auth import tickets
from app.auth.accounts import limits
from app.auth.accounts.account import Account, account_of
from app.auth.accounts.credentials import after_factor_added
from app.auth.accounts.limits import network
from app.auth.accounts.logging_in import Browser
from app.auth.accounts.relying_party import RelyingParty
from app.auth.accounts.service import Accounts, TooMany, on_credential_change
from app.auth.accounts.sessions import LogIn
from app.auth.accounts.tables import INSERT_PASSKEY
from app.database import Writer
from app.errors import Conflict, NotFound, Unprocessable

_MAKE: Final = "passkey-make"
_USE: Final = "passkey-use"
_SECONDS: Final = 300
_NAME: Final = 60
_MOST: Final = 20
_OF_ACCOUNT: Final = "SELECT id, name, created, used, transports FROM passkey WHERE account = $1 ORDER BY created"
_FIND: Final = "SELECT account, public_key, sign_count FROM passkey WHERE id = $1"
_COUNT: Final = (
    "UPDATE passkey SET sign_count = $2, used = $3 WHERE id = $1"
    " AND (sign_count < $2 OR (sign_count = 0 AND $2 = 0)) RETURNING account"
)
_DELETE: Final = "DELETE FROM passkey WHERE id = $1 AND account = $2 RETURNING id"
_OTHERS: Final = "SELECT 1 FROM passkey WHERE account = $1 AND id <> $2 LIMIT 1"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of an account, as its owner sees it. Times in µs; ``used`` is 0 for never."""

    id: bytes
    name: str
    created: int
    used: int
    transports: tuple[str, ...]


async def passkeys_of(accounts: Accounts, account: str) -> list[Passkey]:
    """The passkeys of an account, the oldest first."""
    rows = await accounts.database.fetch(_OF_ACCOUNT, account)
    return [Passkey(bytes(key), name, created, used, tuple(via.split())) for key, name, created, used, via in rows]


def _party(accounts: Accounts) -> RelyingParty:
    if accounts.relying_party is None:
        raise NotFound("Passkeys are not offered at this address.")
    return accounts.relying_party


async def begin_making(accounts: Accounts, account: Account, *, now: int) -> dict[str, Any]:
    """What the browser is to make a passkey from, with the ticket that goes back with it. Raises ``NotFound`` where
    passkeys are not offered.
    """
    party = _party(accounts)
    known = await passkeys_of(accounts, account.id)
    if len(known) >= _MOST:
        raise Unprocessable("There are too many passkeys.", "business-rule")
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=account.handle,
        user_name=account.email,
        user_display_name=account.name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=each.id, transports=_transports(each.transports)) for each in known
        ],
    )
    return await _asked(accounts, _MAKE, webauthn.options_to_json(options), options.challenge, account.id, now=now)


async def finish_making(
    accounts: Accounts, account: Account, ticket: str, answer: str, *, name: str, now: int, session: bytes = b""
) -> list[str] | None:
    """Keep the passkey that the browser made. New recovery codes where there were none, else an empty list; None when
    it is not what was asked for.
    """
    party = _party(accounts)
    asked = await tickets.take(accounts.database, _MAKE, ticket, now=now)
    if asked is None or asked.account != account.id:
        return None
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64.b64decode(asked.data["challenge"]),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        return None
    transports = " ".join(_told_transports(answer))
    called = " ".join(name.split())[:_NAME] or "Passkey"
    row = (made.credential_id, account.id, called, made.credential_public_key, made.sign_count, transports, now, 0)

    async def work(writer: Writer) -> list[str]:
        await writer.alter([(INSERT_PASSKEY, [row])])
        return await after_factor_added(accounts, writer, account, "passkey-added", now=now, session=session)

    try:
        codes = await accounts.database.transact(work)
    except Conflict:
        return None  # somebody has this very passkey
    accounts.tell(account, "passkey-added", now=now)
    return codes


async def begin_using(accounts: Accounts, *, browser: Browser, now: int) -> dict[str, Any]:
    """What the browser is to answer with a passkey, whoever's; with the ticket that goes back with it.

    Raises ``NotFound`` where passkeys are not offered, ``TooMany`` for an address that asks too often.
    """
    party = _party(accounts)
    if not await accounts.limits.take([(limits.OPTIONS_ADDRESS, network(browser.address))], now=now):
        raise TooMany("Too many attempts.")
    options = webauthn.generate_authentication_options(
        rp_id=party.id, user_verification=UserVerificationRequirement.REQUIRED
    )
    return await _asked(accounts, _USE, webauthn.options_to_json(options), options.challenge, "", now=now)


async def finish_using(accounts: Accounts, ticket: str, answer: str, *, now: int) -> tuple[Account, LogIn] | None:
    """Whose passkey answered; None for one that is unknown, wrong, or a copy of one that was used since."""
    party = _party(accounts)
    asked = await tickets.take(accounts.database, _USE, ticket, now=now)
    if asked is None:
        return None
    try:
        credential = webauthn.helpers.parse_authentication_credential_json(answer)
        rows = await accounts.database.fetch(_FIND, credential.raw_id)
        if not rows:
            return None
        owner, public_key, sign_count = rows[0]
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=base64.b64decode(asked.data["challenge"]),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=bytes(public_key),
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        return None
    account = await account_of(accounts.database, owner)
    handle = credential.response.user_handle
    if account is None or not account.active or (handle is not None and handle != account.handle):
        return None
    if not await accounts.database.change(_COUNT, credential.raw_id, verified.new_sign_count, now):
        return None
    return account, LogIn(account.id, account.tenant, "passkey")


async def remove_passkey(accounts: Accounts, account: Account, passkey: bytes, *, now: int, session: bytes) -> None:
    """Take a passkey away. Raises ``Unprocessable`` when it is the last second factor, ``NotFound`` when there is no
    such passkey.
    """

    async def work(writer: Writer) -> None:
        await on_credential_change(writer, account.id, now=now, but=session)  # one at a time from here on
        latest = await account_of(writer, account.id)
        if (latest is None or not latest.totp) and not await writer.fetch(_OTHERS, account.id, passkey):
            raise Unprocessable("The last second factor cannot be removed.", "business-rule")
        if not await writer.fetch(_DELETE, passkey, account.id):
            raise NotFound("There is no such passkey.")
        await accounts.note(writer, account.id, "passkey-removed", now=now)

    await accounts.database.transact(work)
    accounts.tell(account, "passkey-removed", now=now)


async def _asked(
    accounts: Accounts, kind: str, options: str, challenge: bytes, account: str, *, now: int
) -> dict[str, Any]:
    data = {"challenge": base64.b64encode(challenge).decode()}
    async with accounts.database.write() as writer:
        secret = await tickets.issue(writer, kind, now=now, seconds=_SECONDS, account=account, data=data)
    return {"ticket": secret, "options": msgspec.json.decode(options)}


def _told_transports(answer: str) -> list[str]:
    """How the device can be reached, as the browser says it."""
    told = msgspec.json.decode(answer)["response"].get("transports")
    known = {each.value for each in AuthenticatorTransport}
    return [each for each in told if isinstance(each, str) and each in known] if isinstance(told, list) else []


def _transports(names: tuple[str, ...]) -> list[AuthenticatorTransport]:
    return [AuthenticatorTransport(each) for each in names]
