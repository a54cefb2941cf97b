"""In which records a person may work, and as what: their own, for somebody under a mandate, as a carer, as a
professional of the organisation where they logged in (MODEL 5).

One answer for pages and for the authorization server: ``records_of`` lists, ``record_of`` checks one, and a
``Record`` gives the grant that a session or an app's token then stands for.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#apps-that-launch-standalone
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from app.auth.accounts.names import display_name
from app.auth.accounts.sessions import Session
from app.auth.grants import NewGrant, write_grant
from app.auth.recipients import app, organization, person
from app.auth.roles import Role
from app.database import Row
from app.errors import Gone, NotFound
from app.fhir.resource import decode
from app.server.access import OWN_USE, SELECT_PATIENT_ID, Access, load_access
from app.server.ids import CATALOGUE, key_of, new_id, write_key
from app.server.server import FhirServer
from app.server.store.read import read

TREATMENT: Final = "treatment"
PAGE: Final = 50
"""How many records are listed at once."""
EVERYTHING: Final = "patient/*.cruds"
"""The scopes of a person's own session: the permits alone decide."""
_MINUTE: Final = 60_000_000
_LIVE: Final = "(SELECT p.tenant FROM partition p WHERE p.patient = m.patient AND p.state = 'live') = $4"
_PERMITS: Final = (
    "SELECT m.patient, m.consent, m.until FROM permit m WHERE m.recipient IN ($1, $2) AND m.purpose = $3"
    f" AND {_LIVE} AND m.since <= $5 AND m.until > $5"
)
_PAGE_OF_PATIENTS: Final = (
    "SELECT DISTINCT m.patient FROM permit m WHERE m.recipient IN ($1, $2) AND m.purpose = $3"
    f" AND {_LIVE} AND m.since <= $5 AND m.until > $5 AND m.patient > $6 ORDER BY m.patient LIMIT $7"
)
_OWN: Final = "SELECT patient FROM account WHERE id = $1 AND state = 'active'"
_MANDATES: Final = (
    "SELECT patient, id, ground, until FROM mandate WHERE account = $1 AND state = 'active' AND since <= $2"
    " AND until > $2"
)
_PAIRED: Final = "SELECT DISTINCT patient FROM pairing WHERE organization = $1 AND value = $2"
_ALIAS: Final = "SELECT a.patient FROM alias a WHERE a.type = $1 AND a.id = $2"
_DELETE_GRANT: Final = "DELETE FROM access_grant WHERE hash = $1"


@dataclass(frozen=True, slots=True)
class Record:
    """One record in which ``account`` may work until ``until`` (µs), and as what.

    ``reason``: own, a mandate's ground, or consent; ``mandate``: that mandate's id. ``name``: as the Patient has it,
    "" where the name is not among what this person may see. ``organization``: of a professional.
    """

    patient: int
    patient_id: str
    name: str = field(repr=False)
    role: Role
    until: int
    reason: str
    account: str
    tenant: int
    organization: str = ""
    mandate: str = ""

    @property
    def purpose(self) -> str:
        """What the data are used for."""
        return TREATMENT if self.role is Role.PROFESSIONAL else OWN_USE

    @property
    def responsible(self) -> str:
        """On whose behalf a representative acts; "" for all others, who act for themselves."""
        return f"Patient/{self.patient_id}" if self.role is Role.REPRESENTATIVE else ""

    @property
    def fhir_user(self) -> str:
        """What the person is in FHIR, as SMART's ``fhirUser`` says it."""
        if self.role is Role.PATIENT:
            return f"Patient/{self.patient_id}"
        if self.role is Role.PROFESSIONAL:
            return f"Practitioner/{practitioner_id(self.account)}"
        return f"RelatedPerson/{related_person_id(self.patient, self.account)}"

    def session_grant(self, token_hash: bytes = b"", *, scopes: str = EVERYTHING) -> NewGrant:
        """What the person's own session stands for in this record; ``Sessions.choose`` fills in what is the
        session's own.
        """
        return self._grant(token_hash, scopes, self._person_or_organization(), self._also())

    def app_grant(self, token_hash: bytes, *, client: str, scopes: str) -> NewGrant:
        """What an app's token stands for that this person uses on this record.

        The app has what the patient allowed it, as far as the person may go. A professional's app works for the
        organisation that it is registered for, as that organisation's and the professional's permits go.
        """
        if self.role is Role.PROFESSIONAL:
            grant = self._grant(token_hash, scopes, organization(self.organization), person(self.account))
        else:
            grant = replace(self._grant(token_hash, scopes, app(client), ""), within=person(self.account))
        return replace(grant, client=client, kind="app")

    def _person_or_organization(self) -> str:
        return organization(self.organization) if self.role is Role.PROFESSIONAL else person(self.account)

    def _also(self) -> str:
        return person(self.account) if self.role is Role.PROFESSIONAL else ""

    def _grant(self, token_hash: bytes, scopes: str, recipient: str, also: str) -> NewGrant:
        return NewGrant(
            hash=token_hash,
            recipient=recipient,
            also=also,
            scopes=scopes,
            tenant=self.tenant,
            purpose=self.purpose,
            person=self.account,
            organization=self.organization,
            patient=self.patient,
            expires=self.until,
            kind="session",
            role=self.role,
            responsible=self.responsible,
            fhir_user=self.fhir_user,
        )


def related_person_id(patient: int, account: str) -> str:
    """The id of the RelatedPerson that stands for an account in a patient's record; it follows from both."""
    return following_id(f"{patient}:{account}", patient)


def practitioner_id(account: str) -> str:
    """The id of the Practitioner that stands for a professional's account in the tenant's catalogue."""
    return following_id(f"practitioner:{account}")


def following_id(text: str, partition: int = CATALOGUE) -> str:
    """An id in a partition that follows from a text, where the server makes random ones otherwise."""
    return new_id(write_key(partition), lambda size: sha256(text.encode()).digest()[:size])


async def records_of(
    server: FhirServer, session: Session, *, now: int, find: str = "", after: int = 0, most: int = PAGE
) -> list[Record]:
    """The records in which this person may work at ``now``, the own one first; at most ``most`` of those after the
    key ``after``.

    ``find`` narrows to the Patient with that id or, for professionals, with that number of their own organisation;
    there is no search by name.
    """
    if session.role is Role.ADMINISTRATOR:
        return []
    recipients = _recipients(session)
    purpose = TREATMENT if session.organization else OWN_USE
    binds = (*recipients, purpose, session.tenant, now)
    if find:
        patients = await _found(server, session, find)
    else:
        rows = await server.database.fetch(_PAGE_OF_PATIENTS, *binds, after, most)
        patients = [row[0] for row in rows]
    if not patients:
        return []
    permits = _last(await server.database.fetch(_PERMITS, *binds), patients)
    if not permits:
        return []
    own, mandates = await _standing(server, session, now=now)
    async with _looking(server, session, now=now) as access:
        records = [
            await _record(server, session, access, patient, until, own=own, mandates=mandates, now=now)
            for patient, until in sorted(permits.items())
            if access.may_see(patient)
        ]
    return sorted(records, key=lambda record: (record.role is not Role.PATIENT, record.patient))


async def record_of(server: FhirServer, session: Session, patient_id: str, *, now: int) -> Record | None:
    """The record of the Patient with this id; None when the person may not work in it, or nobody has that id."""
    found = await records_of(server, session, now=now, find=patient_id)
    return next((each for each in found if each.patient_id == patient_id), None)


async def role_for(server: FhirServer, session: Session, patient_id: str, *, now: int) -> Role | None:
    """As what the person may work in a record now; None when they may not."""
    record = await record_of(server, session, patient_id, now=now)
    return None if record is None else record.role


def _recipients(session: Session) -> tuple[str, str]:
    """Whose permits count: the person's, and those of the organisation where they logged in."""
    own = person(session.account)
    return own, organization(session.organization) if session.organization else own


async def _found(server: FhirServer, session: Session, find: str) -> list[int]:
    """Partitions that may be meant. Whether the person may know of them is decided by the permits."""
    keys = {row[0] for row in await server.database.fetch(_ALIAS, server.registry.number("Patient"), find)}
    if (key := key_of(find)) is not None:
        keys.add(key)
    if session.organization:
        keys.update(row[0] for row in await server.database.fetch(_PAIRED, session.organization, find))
    return sorted(keys)


def _last(rows: Sequence[Row], patients: Sequence[int]) -> dict[int, int]:
    """Until when the last permit for each of ``patients`` holds."""
    wanted = set(patients)
    found: dict[int, int] = {}
    for patient, _, until in rows:
        if patient in wanted:
            found[patient] = max(until, found.get(patient, 0))
    return found


Mandates = dict[int, tuple[str, str, int]]
"""Per patient: id, ground and end of the mandate that lasts longest."""


async def _standing(server: FhirServer, session: Session, *, now: int) -> tuple[int | None, Mandates]:
    """The own record, and the mandates. A professional at work has neither."""
    if session.organization:
        return None, {}
    rows = await server.database.fetch(_OWN, session.account)
    mandates: Mandates = {}
    for patient, mandate, ground, until in await server.database.fetch(_MANDATES, session.account, now):
        if patient not in mandates or mandates[patient][2] < until:
            mandates[patient] = (mandate, ground, until)
    return (rows[0][0] if rows else None), mandates


async def _record(
    server: FhirServer,
    session: Session,
    access: Access,
    patient: int,
    until: int,
    *,
    own: int | None,
    mandates: Mandates,
    now: int,
) -> Record:
    ids = await server.database.fetch(SELECT_PATIENT_ID, patient, server.registry.number("Patient"))
    patient_id = str(ids[0][0]) if ids else write_key(patient)
    role, reason, mandate = Role.CARER, "consent", ""
    if session.organization:
        role = Role.PROFESSIONAL
    elif patient == own:
        role, reason = Role.PATIENT, "own"
    elif patient in mandates:
        role = Role.REPRESENTATIVE
        mandate, reason, until = mandates[patient]
    return Record(
        patient=patient,
        patient_id=patient_id,
        name=await _name(server, access, patient, patient_id, now=now),
        role=role,
        until=until,
        reason=reason,
        account=session.account,
        tenant=session.tenant,
        organization=session.organization,
        mandate=mandate,
    )


async def _name(server: FhirServer, access: Access, patient: int, patient_id: str, *, now: int) -> str:
    try:
        stored = await read(
            server.database, access, "Patient", patient_id, registry=server.registry, now=now, partition=patient
        )
    except (NotFound, Gone):
        return ""  # the name is not among what this person may see
    return display_name(decode(stored.body))


@asynccontextmanager
async def _looking(server: FhirServer, session: Session, *, now: int) -> AsyncIterator[Access]:
    """The access with which names are read while a record is being chosen: the person's own permits, and a grant for
    Patients only that is gone afterwards.
    """
    first, second = _recipients(session)
    grant = NewGrant(
        hash=secrets.token_bytes(32),
        recipient=second,
        also=first if first != second else "",
        scopes="user/Patient.r",
        tenant=session.tenant,
        purpose=TREATMENT if session.organization else OWN_USE,
        person=session.account,
        organization=session.organization,
        expires=now + _MINUTE,
        kind="session",
        role=Role.PROFESSIONAL if session.organization else session.role,
    )
    async with server.database.write() as writer:
        await write_grant(writer, grant)
    try:
        number = server.registry.number("Patient")
        access = await load_access(server.database, grant.hash, now=now, patient_type=number)
        assert access is not None, "the grant was written a moment ago"
        yield access
    finally:
        await server.database.change(_DELETE_GRANT, grant.hash)
