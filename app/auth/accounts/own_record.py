"""The record of one's own: a new Patient, or the one that an administrator's code stands for.

One account has one record and a record one account. A record is never found by a name or a birth date: who says that an
existing record is theirs proves it to an administrator, who gives a code that counts once.
https://hl7.org/fhir/R4/patient.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from app.auth import tickets
from app.auth.accounts import limits
from app.auth.accounts.account import Account, account_of_patient, own_permit
from app.auth.accounts.registration import birth_date_problem
from app.auth.accounts.service import Accounts, end_sessions
from app.auth.grants import RAISE_STAMP, service_access
from app.auth.oauth.revocation import revoke_account
from app.auth.recipients import person
from app.auth.roles import Role
from app.database import Writer
from app.errors import Conflict, NotFound, Unprocessable
from app.fhir.resource import Resource
from app.server.ids import new_key, write_key
from app.server.loading import Found, LoadReport, load
from app.server.server import FhirServer
from app.server.store.find import find_patient
from app.server.tables import INSERT_PERMIT

_KIND: Final = "link"
_SECONDS: Final = 7 * 24 * 3600
_NAME: Final = 100
_RESERVE: Final = (
    "UPDATE account SET patient = $2, birth_date = $3 WHERE id = $1 AND patient IS NULL AND state = 'active'"
    " RETURNING id"
)
_COMPLETE: Final = "UPDATE account SET birth_date = '', name = $2 WHERE id = $1 AND birth_date <> '' RETURNING id"
_LINK: Final = (
    "UPDATE account SET patient = $2, birth_date = '' WHERE id = $1 AND (patient IS NULL OR birth_date <> '')"
    " AND state = 'active' RETURNING id"
)
_CLOSE: Final = (
    "UPDATE account SET state = 'closed', email = 'closed:' || id, patient = NULL, password = '', totp = $2"
    " WHERE id = $1"
)
"""The e-mail address is free again: who it belongs to may register anew."""
_DELETE_PASSKEYS: Final = "DELETE FROM passkey WHERE account = $1"
_DELETE_PERMIT: Final = "DELETE FROM permit WHERE recipient = $1 AND patient = $2 AND consent = ''"


@dataclass(frozen=True, slots=True)
class Names:
    """A person's names, as the record has them."""

    given: str = field(repr=False)
    family: str = field(repr=False)

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by field: ``missing`` or ``invalid``."""
        found = {}
        for name, text in (("given", self.given), ("family", self.family)):
            if not text.strip():
                found[name] = "missing"
            elif len(text) > _NAME or not all(each.isprintable() for each in text):
                found[name] = "invalid"
        return found

    @classmethod
    def guessed(cls, name: str) -> Names:
        """From one line: the first word is the first name. The person corrects it."""
        given, _, family = name.partition(" ")
        return cls(given, family)


def needs_record(account: Account) -> bool:
    """Whether the person has yet to start or link a record of their own."""
    return account.role is Role.PATIENT and (account.patient is None or bool(account.birth_date))


async def start_record(accounts: Accounts, account: Account, names: Names, *, now: int, birth_date: str = "") -> int:
    """Make the Patient and the account's right to it; the partition. Done again after a fault, it goes on where it was.

    ``birth_date``: corrects the one of the registration. Raises ``Conflict`` for an account that has a record,
    ``Unprocessable`` for a birth date that will not do.
    """
    born = birth_date or account.birth_date
    if birth_date_problem(born, now=now) is not None:
        raise Unprocessable("An account of one's own needs a birth date at least 16 years ago.", "business-rule")
    key = account.patient
    if key is None:
        key = new_key(accounts.server.random)
        if not await accounts.database.change(_RESERVE, account.id, key, born):
            raise Conflict("There is a record already.", "duplicate")
    await _store(accounts.server, account, _patient(key, names, born), now=now)
    full = f"{names.given.strip()} {names.family.strip()}"

    async def work(writer: Writer) -> None:
        if not await writer.fetch(_COMPLETE, account.id, full):
            raise Conflict("There is a record already.", "duplicate")
        await _give(accounts, writer, account.id, key, "record-started", now=now)

    await accounts.database.transact(work)
    return key


async def make_link_code(server: FhirServer, patient_id: str, *, tenant: int, now: int) -> str:
    """A code that links whoever gives it to this Patient, for an administrator who has seen who it is.

    Raises ``NotFound`` when there is no such Patient.
    """
    number = server.registry.number("Patient")
    async with service_access(server.database, tenant=tenant, reason="link", now=now, patient_type=number) as access:
        key = await find_patient(server.database, access, patient_id, server.registry)
    if key is None:
        raise NotFound(f"There is no Patient/{patient_id}.")
    async with server.database.write() as writer:
        return await tickets.issue(writer, _KIND, now=now, seconds=_SECONDS, data={"patient": key})


async def link_record(accounts: Accounts, account: Account, code: str, *, now: int) -> int | None:
    """Make the record of the code this account's own; the partition. None for a code that does not count.

    An account that had the record before is closed: the administrator's code is for who could no longer get into it.
    Raises ``Conflict`` for an account that has a record.
    """
    if not await accounts.limits.take([(limits.TICKET, f"link {account.id}")], now=now):
        return None

    async def work(writer: Writer) -> tuple[int, Account | None] | None:
        ticket = await tickets.take_within(writer, _KIND, code.strip(), now=now)
        if ticket is None:
            return None
        key = int(ticket.data["patient"])
        before = await account_of_patient(writer, key)
        if before is not None:
            await _close(accounts, writer, before, key, now=now)
        if not await writer.fetch(_LINK, account.id, key):
            raise Conflict("There is a record already.", "duplicate")
        await _give(accounts, writer, account.id, key, "record-linked", now=now)
        return key, before

    linked = await accounts.database.transact(work)
    if linked is None:
        return None
    key, before = linked
    await accounts.limits.forget([(limits.TICKET, f"link {account.id}")])
    if before is not None:
        accounts.tell(before, "closed", now=now)
    accounts.tell(account, "record-linked", now=now)
    return key


async def _give(accounts: Accounts, writer: Writer, account: str, key: int, kind: str, *, now: int) -> None:
    await writer.execute(_DELETE_PERMIT, person(account), key)
    await writer.insert(INSERT_PERMIT, [own_permit(account, key)])
    await writer.execute(RAISE_STAMP, person(account))
    await accounts.note(writer, account, kind, now=now)


async def _close(accounts: Accounts, writer: Writer, account: Account, key: int, *, now: int) -> None:
    await end_sessions(writer, account.id)
    await revoke_account(writer, account.id, now, "closed")
    await writer.execute(_DELETE_PERMIT, person(account.id), key)
    await writer.execute(RAISE_STAMP, person(account.id))
    await writer.execute(_DELETE_PASSKEYS, account.id)
    await writer.execute(_CLOSE, account.id, b"")
    await accounts.note(writer, account.id, "closed", now=now)


def _patient(key: int, names: Names, birth_date: str) -> Resource:
    given, family = names.given.strip(), names.family.strip()
    return {
        "resourceType": "Patient",
        "id": write_key(key),
        "active": True,
        "name": [{"use": "official", "text": f"{given} {family}", "family": family, "given": given.split()}],
        "birthDate": birth_date,
    }


async def _store(server: FhirServer, account: Account, patient: Resource, *, now: int) -> None:
    """Through the same way as everything else, so that it is checked, indexed and has a history."""
    report = LoadReport()
    number = server.registry.number("Patient")
    async with service_access(
        server.database, tenant=account.tenant, reason="registration", now=now, patient_type=number
    ) as access:
        await load(server, access, [Found("registration", patient)], patient=None, report=report)
    if report.refusals:
        raise Unprocessable("This record cannot be made.", issues=report.refusals[0].issues)
