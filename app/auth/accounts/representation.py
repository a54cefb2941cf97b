"""Mandates in use: given, asked for, confirmed, ended. What a mandate allows is a row of ``permit`` in the same
transaction, with the mandate's end, so that both a withdrawal and a birthday hold from the next statement on.

A mandate cannot be extended or passed on by whoever has it: only the patient and administrators come here (MODEL 5).
"""

from __future__ import annotations

import secrets
from dataclasses import astuple, dataclass, replace
from typing import Final

from app.auth.accounts.acting import related_person_id
from app.auth.accounts.ages import Birth
from app.auth.accounts.mandates import CHILD_UNTIL, OWN_FROM, Asked, Ground, Refusal, ends, refused
from app.auth.accounts.tables import INSERT_MANDATE
from app.auth.grants import RAISE_STAMP
from app.auth.oauth.revocation import revoke_recipient
from app.auth.recipients import person
from app.auth.roles import Role
from app.database import Reader, Row, Writer
from app.errors import Conflict, NotFound
from app.fhir.scopes import EVERY_ACTION
from app.server.access import OWN_USE
from app.server.labels import EVERY_LABEL
from app.server.tables import INSERT_PERMIT

ASKED: Final = "asked"
ACTIVE: Final = "active"
REFUSED: Final = "refused"
ENDED: Final = "ended"
_COLUMNS: Final = "m.patient, m.id, m.account, m.ground, m.state, m.evidence, m.since, m.until, m.given_by, m.given,"
_ALL: Final = f"{_COLUMNS} m.ended, m.ended_by"
_IN_TENANT: Final = "(SELECT p.tenant FROM partition p WHERE p.patient = m.patient AND p.state = 'live')"
_ONE: Final = f"SELECT {_ALL} FROM mandate m WHERE m.patient = $1 AND m.id = $2"
_OF_PATIENT: Final = f"SELECT {_ALL} FROM mandate m WHERE m.patient = $1 ORDER BY m.given DESC, m.id"
_OF_ACCOUNT: Final = f"SELECT {_ALL} FROM mandate m WHERE m.account = $1 ORDER BY m.given DESC, m.id"
_WAITING: Final = f"SELECT {_ALL} FROM mandate m WHERE m.state = 'asked' AND {_IN_TENANT} = $1 ORDER BY m.given, m.id"
_LOCK: Final = "UPDATE partition SET seq = seq WHERE patient = $1 AND tenant = $2 AND state = 'live' RETURNING seq"
_SET: Final = (
    "UPDATE mandate SET state = $3, evidence = $4, since = $5, until = $6, given_by = $7, given = $8, ended = $9,"
    " ended_by = $10 WHERE patient = $1 AND id = $2"
)
_DELETE_PERMIT: Final = "DELETE FROM permit WHERE recipient = $1 AND patient = $2 AND purpose = $3 AND consent = $4"
_DELETE_GRANTS: Final = (
    f"DELETE FROM access_grant WHERE person = $1 AND patient = $2 AND role = '{Role.REPRESENTATIVE}'"
)
_OWNER: Final = "SELECT 1 FROM account WHERE id = $1 AND patient = $2"
_SETTING: Final = "SELECT value FROM setting WHERE name = $1"
_SET_SETTING: Final = (
    "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True, slots=True)
class Mandate:
    """A row of ``mandate``."""

    patient: int
    id: str
    account: str
    ground: Ground
    state: str
    evidence: str
    since: int
    until: int
    given_by: str
    given: int
    ended: int = 0
    ended_by: str = ""

    def holds(self, now: int) -> bool:
        """Whether it allows anything at ``now``."""
        return self.state == ACTIVE and self.since <= now < self.until

    @property
    def was_given(self) -> bool:
        """Whether somebody else than who asked for it gave it, now or before it ended."""
        return self.state in (ACTIVE, ENDED) and self.given_by != self.account


async def give(
    writer: Writer,
    asked: Asked,
    *,
    patient: int,
    tenant: int,
    account: str,
    given_by: str,
    birth: Birth | None,
    now: int,
) -> Mandate:
    """Let ``account`` act for the patient. ``given_by``: the account that decides.

    Raises ``Unprocessable`` where the rules do not allow it, ``NotFound`` when there is no such record, ``Conflict``
    when that account has a mandate already.
    """
    await _lock(writer, patient, tenant)
    await _check_new(writer, patient, account, now)
    until = ends(asked, birth, now=now, from_12_to_15=await gives_from_12_to_15(writer, tenant))
    mandate = Mandate(
        patient,
        secrets.token_hex(8),
        account,
        asked.ground,
        ACTIVE,
        _evidence(asked),
        asked.since,
        until,
        given_by,
        now,
    )
    await writer.insert(INSERT_MANDATE, [astuple(mandate)])
    await _permit(writer, mandate)
    return mandate


async def ask_as_parent(
    writer: Writer, *, patient: int, tenant: int, account: str, declaration: str, birth: Birth | None, now: int
) -> Mandate:
    """A parent says that they have authority over a child: nothing is allowed until an administrator confirms it.
    Raises as ``give`` does.
    """
    await _lock(writer, patient, tenant)
    await _check_new(writer, patient, account, now)
    asked = Asked(Ground.PARENTAL_AUTHORITY, "administrator", now, None, declaration)
    until = ends(asked, birth, now=now)
    mandate = Mandate(
        patient, secrets.token_hex(8), account, asked.ground, ASKED, declaration, now, until, account, now
    )
    await writer.insert(INSERT_MANDATE, [astuple(mandate)])
    return mandate


async def confirm(
    writer: Writer,
    *,
    patient: int,
    tenant: int,
    mandate_id: str,
    given_by: str,
    evidence: str,
    birth: Birth | None,
    now: int,
) -> Mandate:
    """An administrator has seen what a parent's mandate rests on. Raises as ``give``, and ``Conflict`` when it does not
    wait for that any more.
    """
    waiting = await _waiting_for_decision(writer, patient, tenant, mandate_id)
    asked = Asked(waiting.ground, "administrator", now, None, evidence)
    confirmed = replace(
        waiting,
        state=ACTIVE,
        evidence=evidence.strip(),
        since=now,
        until=ends(asked, birth, now=now),
        given_by=given_by,
        given=now,
    )
    await _set(writer, confirmed)
    await _permit(writer, confirmed)
    return confirmed


async def refuse(writer: Writer, *, patient: int, tenant: int, mandate_id: str, refused_by: str, now: int) -> Mandate:
    """An administrator does not confirm a parent's mandate. Raises ``NotFound`` or ``Conflict``."""
    waiting = await _waiting_for_decision(writer, patient, tenant, mandate_id)
    no = replace(waiting, state=REFUSED, ended=now, ended_by=refused_by)
    await _set(writer, no)
    return no


async def end(writer: Writer, *, patient: int, tenant: int, mandate_id: str, ended_by: str, now: int) -> Mandate:
    """End a mandate now, with the sessions and apps that were working under it. What has ended stays as it is.

    Raises ``NotFound``.
    """
    await _lock(writer, patient, tenant)
    mandate = await find(writer, patient, mandate_id)
    if mandate is None:
        raise NotFound("There is no such mandate.")
    if mandate.state not in (ACTIVE, ASKED):
        return mandate
    ended = replace(mandate, state=ENDED, ended=now, ended_by=ended_by)
    await _set(writer, ended)
    await writer.execute(_DELETE_PERMIT, person(mandate.account), patient, OWN_USE, mandate.id)
    await writer.execute(_DELETE_GRANTS, mandate.account, patient)
    await revoke_recipient(writer, person(mandate.account), patient, now, "mandate-ended")
    await writer.execute(RAISE_STAMP, person(mandate.account))
    return ended


async def find(reader: Reader, patient: int, mandate_id: str) -> Mandate | None:
    """One mandate of a patient."""
    return next(map(_mandate, await reader.fetch(_ONE, patient, mandate_id)), None)


async def of_patient(reader: Reader, patient: int) -> list[Mandate]:
    """Every mandate that there ever was for a patient, the last given first."""
    return list(map(_mandate, await reader.fetch(_OF_PATIENT, patient)))


async def representatives(reader: Reader, patient: int) -> frozenset[str]:
    """Who represents a patient, or did: the RelatedPersons that stand for them in the record, as references."""
    given = [each for each in await of_patient(reader, patient) if each.was_given]
    return frozenset(f"RelatedPerson/{related_person_id(patient, each.account)}" for each in given)


async def of_account(reader: Reader, account: str) -> list[Mandate]:
    """Every mandate that somebody ever had or asked for."""
    return list(map(_mandate, await reader.fetch(_OF_ACCOUNT, account)))


async def waiting(reader: Reader, tenant: int) -> list[Mandate]:
    """The mandates of a tenant that an administrator is to confirm, the first asked first."""
    return list(map(_mandate, await reader.fetch(_WAITING, tenant)))


async def gives_from_12_to_15(reader: Reader, tenant: int) -> bool:
    """Whether a tenant gives parents mandates for children from 12 to 15."""
    rows = await reader.fetch(_SETTING, _setting(tenant))
    return bool(rows) and rows[0][0] == "yes"


async def set_from_12_to_15(writer: Writer, tenant: int, *, gives: bool) -> None:
    """Decide that for a tenant."""
    await writer.execute(_SET_SETTING, _setting(tenant), "yes" if gives else "no")


def _setting(tenant: int) -> str:
    return f"tenant/{tenant}/mandates-{CHILD_UNTIL}-to-{OWN_FROM - 1}"


def _evidence(asked: Asked) -> str:
    agreed = ", ".join(sorted(asked.agreed))
    return asked.evidence.strip() + (f" (agreed: {agreed})" if agreed else "")


async def _lock(writer: Writer, patient: int, tenant: int) -> None:
    if not await writer.fetch(_LOCK, patient, tenant):
        raise NotFound("There is no such record.")


async def _check_new(writer: Writer, patient: int, account: str, now: int) -> None:
    if await writer.fetch(_OWNER, account, patient):
        raise refused(Refusal.ONESELF)
    for each in await of_patient(writer, patient):
        if each.account == account and (each.state == ASKED or (each.state == ACTIVE and now < each.until)):
            raise Conflict("This person has a mandate for this patient already; end that one first.", "duplicate")


async def _waiting_for_decision(writer: Writer, patient: int, tenant: int, mandate_id: str) -> Mandate:
    await _lock(writer, patient, tenant)
    mandate = await find(writer, patient, mandate_id)
    if mandate is None:
        raise NotFound("There is no such mandate.")
    if mandate.state != ASKED:
        raise Conflict("This mandate does not wait for a decision any more.")
    return mandate


async def _set(writer: Writer, mandate: Mandate) -> None:
    await writer.execute(
        _SET,
        mandate.patient,
        mandate.id,
        mandate.state,
        mandate.evidence,
        mandate.since,
        mandate.until,
        mandate.given_by,
        mandate.given,
        mandate.ended,
        mandate.ended_by,
    )


async def _permit(writer: Writer, mandate: Mandate) -> None:
    recipient = person(mandate.account)
    row = (
        recipient,
        mandate.patient,
        OWN_USE,
        mandate.id,
        EVERY_LABEL,
        int(EVERY_ACTION),
        mandate.since,
        mandate.until,
    )
    await writer.insert(INSERT_PERMIT, [row])
    await writer.execute(RAISE_STAMP, recipient)


def _mandate(row: Row) -> Mandate:
    patient, identity, account, ground, *rest = row
    return Mandate(patient, identity, account, Ground(ground), *rest)
