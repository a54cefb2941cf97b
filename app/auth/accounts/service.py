"""What the use cases of accounts share: the database, secrets, limits, the outbox, sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from app.auth.accounts.account import TOTP_SEAL, Account
from app.auth.accounts.emails import folded
from app.auth.accounts.limits import Limits
from app.auth.accounts.mails import is_mailed, told_mail
from app.auth.accounts.outbox import Outbox, outbox_of
from app.auth.accounts.passwords import Passwords
from app.auth.accounts.relying_party import RelyingParty
from app.auth.accounts.sessions import Sessions, end_found
from app.auth.accounts.tables import INSERT_EVENT
from app.auth.oauth.revocation import revoke_account
from app.auth.sealing import Seal
from app.config import Settings
from app.database import Database, Writer
from app.errors import ZelfregieError
from app.server.server import FhirServer

TENANT: Final = 1
_EVENTS: Final = "SELECT at, kind FROM account_event WHERE account = $1 ORDER BY at DESC LIMIT $2"
_SESSIONS: Final = "SELECT hash FROM session WHERE account = $1 AND hash <> $2"
_CHANGED: Final = "UPDATE account SET changed = $2 WHERE id = $1"


class TooMany(ZelfregieError):
    """Too many attempts from one place: wait."""


class Spent(ZelfregieError):
    """A link or a waiting log-in that was used, has expired, or was guessed at too often."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The parts. ``origin``: of our own pages; ``relying_party``: None where passkeys cannot be offered."""

    server: FhirServer
    sessions: Sessions
    passwords: Passwords
    limits: Limits
    outbox: Outbox
    origin: str
    relying_party: RelyingParty | None
    totp_seal: Seal = field(repr=False)
    recovery_seal: Seal = field(repr=False)
    device_seal: Seal = field(repr=False)
    registration_seal: Seal = field(repr=False)
    tenant: int = TENANT

    @property
    def database(self) -> Database:
        """Where accounts are."""
        return self.server.database

    def link(self, path: str) -> str:
        """A page's whole address, for a mail."""
        return f"{self.origin}{path}"

    async def note(self, writer: Writer, account: str, kind: str, *, now: int) -> None:
        """Keep that something happened to an account, as part of a transaction. ``kind``: of ``events.yaml``."""
        await writer.insert(INSERT_EVENT, [(account, now, kind, "{}", int(is_mailed(kind)))])

    def tell(self, account: Account, kind: str, *, now: int) -> None:
        """Mail what was noted, once the transaction is over; to who gave an address."""
        if is_mailed(kind) and folded(account.email):
            recover = self.link("/recover")
            self.outbox.send(told_mail(kind, account.email, account.language, now=now, recover=recover))

    async def events(self, account: str, *, most: int = 20) -> Sequence[tuple[int, str]]:
        """Time and kind of what happened, the newest first."""
        return [(at, kind) for at, kind in await self.database.fetch(_EVENTS, account, most)]


def accounts_of(settings: Settings, server: FhirServer, sessions: Sessions) -> Accounts:
    """The parts as the settings ask for them; the outbox is to be started by who calls."""
    secret = settings.page_key()
    parts = urlsplit(settings.public_url)
    return Accounts(
        server=server,
        sessions=sessions,
        passwords=Passwords(memory=settings.argon2_memory, rounds=settings.argon2_rounds),
        limits=Limits(server.database, secret),
        outbox=outbox_of(settings),
        origin=f"{parts.scheme}://{parts.netloc}",
        relying_party=RelyingParty.at(settings.public_url),
        totp_seal=Seal(secret, TOTP_SEAL),
        recovery_seal=Seal(secret, "recovery"),
        device_seal=Seal(secret, "device"),
        registration_seal=Seal(secret, "registration"),
    )


async def on_credential_change(writer: Writer, account: str, *, now: int, but: bytes = b"") -> None:
    """After a password or a second factor was changed: other sessions than ``but`` end, and so does every app's
    authorization, as part of the transaction. From here on nobody else changes the account until it ends.
    """
    await writer.execute(_CHANGED, account, now)
    await end_sessions(writer, account, but=but)
    await revoke_account(writer, account, now, "credential-changed")


async def end_sessions(writer: Writer, account: str, *, but: bytes = b"") -> int:
    """End the sessions of an account other than ``but``, with the tokens that came from them; how many."""
    return await end_found(writer, _SESSIONS, account, but)
