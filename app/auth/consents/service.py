"""Consents: give, change, withdraw. Each is a new version, and what it allows is written into ``permit`` in the same
transaction, so it holds from the next statement on. MODEL 5; https://profiles.ihe.net/ITI/PCF/

All versions of a patient's consents are made under the lock of that patient's partition: of two changes at once the
second sees the first, and the highest version is the one that counts.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from app.auth.consents import tables
from app.auth.consents.allowances import GRANTABLE, grantable_to
from app.auth.consents.purposes import purpose_named
from app.auth.grants import RAISE_STAMP
from app.auth.oauth.revocation import revoke_recipient
from app.auth.recipients import parts
from app.database import Reader, Row, Writer
from app.errors import Conflict, NotFound, Unprocessable
from app.fhir.scopes import EVERY_ACTION, Action
from app.server.tables import INSERT_PERMIT

ACTIVE: Final = "active"
WITHDRAWN: Final = "withdrawn"
_KINDS: Final = frozenset({"app", "person", "organization"})
_LANGUAGES: Final = frozenset({"nl", "en"})

_COLUMNS: Final = (
    "c.patient, c.id, c.version, c.tenant, c.state, c.recipient, c.recipient_name, c.purpose, c.labels, c.actions,"
    " c.since, c.until, c.language, c.text_version, c.text_hash, c.text, c.given_by, c.method, c.recorded, c.reason"
)
_HIGHEST: Final = "c.version = (SELECT max(o.version) FROM consent o WHERE o.patient = c.patient AND o.id = c.id)"
_LOCK: Final = "UPDATE partition SET seq = seq WHERE patient = $1 AND state = 'live' RETURNING tenant"
_CURRENT: Final = f"SELECT {_COLUMNS} FROM consent c WHERE c.patient = $1 AND {_HIGHEST} ORDER BY c.recorded DESC, c.id"
_ONE: Final = f"SELECT {_COLUMNS} FROM consent c WHERE c.patient = $1 AND c.id = $2 ORDER BY c.version DESC LIMIT 1"
_VERSIONS: Final = f"SELECT {_COLUMNS} FROM consent c WHERE c.patient = $1 AND c.id = $2 ORDER BY c.version DESC"
_ACTIVE_TO: Final = (
    f"SELECT {_COLUMNS} FROM consent c WHERE c.patient = $1 AND c.recipient = $2 AND c.state = '{ACTIVE}'"
    f" AND {_HIGHEST} ORDER BY c.recorded, c.id"
)
# A permit names the version: "<id>/<version>". "/" and "0" are neighbours, so this is every version of one consent.
_DELETE_PERMITS: Final = (
    "DELETE FROM permit WHERE recipient = $1 AND patient = $2 AND purpose = $3 AND consent > $4 AND consent < $5"
)
_PERMITS_LEFT: Final = "SELECT 1 FROM permit WHERE recipient = $1 AND patient = $2 AND purpose = $3 LIMIT 1"
_ANY_PERMIT_LEFT: Final = "SELECT 1 FROM permit WHERE recipient = $1 AND patient = $2 LIMIT 1"
_DELETE_PAIRINGS: Final = "DELETE FROM pairing WHERE organization = $1 AND patient = $2"
_DELETE_CODES: Final = "DELETE FROM pairing_code WHERE organization = $1 AND patient = $2"


@dataclass(frozen=True, slots=True)
class Consent:
    """One version of one consent, as ``tables.consent`` has it. Times in µs since the epoch."""

    patient: int
    id: str
    version: int
    tenant: int
    state: str
    recipient: str
    recipient_name: str
    purpose: str
    labels: int
    actions: int
    since: int
    until: int
    language: str
    text_version: str
    text_hash: bytes
    text: str
    given_by: str
    method: str
    recorded: int
    reason: str

    def holds(self, now: int) -> bool:
        """Whether it allows anything at ``now``."""
        return self.state == ACTIVE and self.since <= now < self.until

    def covers(self, *, labels: int, actions: int, since: int, until: int) -> bool:
        """Whether those allow nothing that this version does not: to change into them is to narrow."""
        return (
            self.state == ACTIVE
            and not labels & ~self.labels
            and not actions & ~self.actions
            and since >= self.since
            and until <= self.until
        )

    def row(self) -> tuple[object, ...]:
        """For ``INSERT_CONSENT``."""
        return tuple(getattr(self, name) for name in self.__slots__)

    def permit(self) -> tuple[object, ...]:
        """For ``INSERT_PERMIT``."""
        return (
            self.recipient,
            self.patient,
            self.purpose,
            f"{self.id}/{self.version}",
            self.labels,
            self.actions,
            self.since,
            self.until,
        )


async def give(
    writer: Writer,
    *,
    patient: int,
    tenant: int,
    recipient: str,
    recipient_name: str,
    purpose: str,
    labels: int,
    actions: int,
    since: int,
    until: int,
    given_by: str,
    method: str,
    language: str,
    text: str,
    text_version: str,
    now: int,
    consent_id: str | None = None,
) -> str:
    """Store a consent with its permit; its id. With ``consent_id``: that consent, made anew with a version more where
    it is there. ``text`` is exactly what was shown to ``given_by`` (an account), who may decide (``deciding.py``);
    ``labels`` and ``actions`` are bit sets (``allowances.py``); it holds from ``since`` until just before ``until``,
    in µs. Raises ``Unprocessable`` for what cannot be given, ``NotFound`` without such a record, ``Conflict`` when the
    consent was withdrawn or is somebody else's.
    """
    _check(recipient, purpose, labels, actions, language=language, text=text)
    _check_period(since, until, now)
    await lock(writer, patient, tenant)
    known = None if consent_id is None else await _replaced(writer, patient, consent_id, recipient, purpose)
    given = Consent(
        patient=patient,
        id=consent_id or secrets.token_hex(16),
        version=1 if known is None else known.version + 1,
        tenant=tenant,
        state=ACTIVE,
        recipient=recipient,
        recipient_name=recipient_name,
        purpose=purpose,
        labels=labels,
        actions=actions,
        since=since,
        until=until,
        language=language,
        text_version=text_version,
        text_hash=sha256(text.encode()).digest(),
        text=text,
        given_by=given_by,
        method=method,
        recorded=now,
        reason="",
    )
    await writer.insert(tables.INSERT_CONSENT, [given.row()])
    if known is not None:
        await _delete_permits(writer, known)
    await writer.insert(INSERT_PERMIT, [given.permit()])
    await writer.execute(RAISE_STAMP, recipient)
    return given.id


async def _replaced(writer: Writer, patient: int, consent_id: str, recipient: str, purpose: str) -> Consent | None:
    """The version that is made anew; None where there is none. Raises ``Conflict``."""
    known = await find(writer, patient, consent_id)
    if known is not None and (known.state != ACTIVE or (known.recipient, known.purpose) != (recipient, purpose)):
        raise Conflict("This consent was withdrawn, or is for somebody else or for another purpose; give a new one.")
    return known


async def withdraw(
    writer: Writer, *, patient: int, consent_id: str, given_by: str, method: str, now: int, reason: str = ""
) -> Consent:
    """End a consent, with all that came from it: permits, authorizations, refresh tokens, pairing. What was withdrawn
    before stays as it is. Raises ``NotFound``.
    """
    await lock(writer, patient)
    known = await find(writer, patient, consent_id)
    if known is None:
        raise NotFound("There is no such consent.")
    if known.state != ACTIVE:
        return known
    ended = replace(
        known,
        version=known.version + 1,
        state=WITHDRAWN,
        given_by=given_by,
        method=method,
        recorded=now,
        reason=reason,
    )
    await writer.insert(tables.INSERT_CONSENT, [ended.row()])
    await _delete_permits(writer, known)
    await writer.execute(RAISE_STAMP, known.recipient)
    if not await writer.fetch(_PERMITS_LEFT, known.recipient, patient, known.purpose):
        await revoke_recipient(writer, known.recipient, patient, now, "consent-withdrawn")
    kind, organization = parts(known.recipient)
    if kind == "organization" and not await writer.fetch(_ANY_PERMIT_LEFT, known.recipient, patient):
        await writer.execute(_DELETE_PAIRINGS, organization, patient)
        await writer.execute(_DELETE_CODES, organization, patient)
    return ended


async def withdraw_all(
    writer: Writer, *, patient: int, recipient: str, given_by: str, method: str, now: int, reason: str = ""
) -> list[Consent]:
    """Withdraw every consent of a patient to one recipient; those that were ended by this."""
    await lock(writer, patient)
    return [
        await withdraw(
            writer, patient=patient, consent_id=each.id, given_by=given_by, method=method, now=now, reason=reason
        )
        for each in await active_to(writer, patient, recipient)
    ]


async def lock(writer: Writer, patient: int, tenant: int | None = None) -> None:
    """Let nobody else change this patient's consents, or records, until the transaction ends. Raises ``NotFound`` where
    there is no such record, or none in ``tenant``.
    """
    rows = await writer.fetch(_LOCK, patient)
    if not rows or tenant not in (None, rows[0][0]):
        raise NotFound("There is no such record.")


async def current(reader: Reader, patient: int) -> list[Consent]:
    """The last version of every consent of a patient, the latest change first."""
    return list(map(_consent, await reader.fetch(_CURRENT, patient)))


async def active_to(reader: Reader, patient: int, recipient: str) -> list[Consent]:
    """The consents to one recipient that were not withdrawn, also those that begin later or have ended by themselves;
    the oldest first.
    """
    return list(map(_consent, await reader.fetch(_ACTIVE_TO, patient, recipient)))


async def find(reader: Reader, patient: int, consent_id: str) -> Consent | None:
    """The last version of one consent."""
    return next(map(_consent, await reader.fetch(_ONE, patient, consent_id)), None)


async def versions(reader: Reader, patient: int, consent_id: str) -> list[Consent]:
    """Every version of one consent, the last first."""
    return list(map(_consent, await reader.fetch(_VERSIONS, patient, consent_id)))


def _check(recipient: str, purpose: str, labels: int, actions: int, *, language: str, text: str) -> None:
    """Raises ``Unprocessable`` for what no consent can say."""
    kind, recipient_id = parts(recipient)
    if kind not in _KINDS or not recipient_id:
        raise Unprocessable("A consent is for an app, a person or an organisation.", "value")
    if labels <= 0 or labels & ~GRANTABLE:
        raise Unprocessable("A consent names one or more data categories that can be given.", "code-invalid")
    if labels & ~grantable_to(recipient):
        raise Unprocessable("Permissions and the access log cannot be given to an app.", "business-rule")
    if actions <= 0 or actions & ~EVERY_ACTION:
        raise Unprocessable("A consent allows to see, to add or to change.", "code-invalid")
    if purpose_named(purpose).secondary and actions & ~(Action.READ | Action.SEARCH):
        raise Unprocessable("For a secondary purpose, data can only be seen.", "business-rule")
    if language not in _LANGUAGES or not text:
        raise Unprocessable("A consent keeps the text that was shown, in Dutch or English.", "value")


def _check_period(since: int, until: int, now: int) -> None:
    """Raises ``Unprocessable`` for a consent that would never hold any more."""
    if until <= max(since, now):
        raise Unprocessable("A consent ends after it begins, and not in the past.", "business-rule")


async def _delete_permits(writer: Writer, consent: Consent) -> None:
    await writer.execute(
        _DELETE_PERMITS, consent.recipient, consent.patient, consent.purpose, f"{consent.id}/", f"{consent.id}0"
    )


def _consent(row: Row) -> Consent:
    values = list(row)
    values[14] = bytes(values[14])
    return Consent(*values)
