"""Who is asking, as one predicate. It is part of every statement; there is no store without it.

A token's hash finds a ``access_grant`` row (who, for whom, which scopes, until when) and the recipient's ``permit``
rows (which patient, which data categories, which actions, since and until when). What they add up to is kept in memory
under the grant's ``stamp``; every statement checks that the stamp still stands, and everything that changes a permit
raises it, so a withdrawal holds from the next statement in every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.audit import Agent
from app.database import Reader, Row
from app.fhir.scopes import LETTERS, LEVELS, Scopes, parse_scopes
from app.server.ids import catalogues
from app.server.labels import EVERY_LABEL

FOREVER: Final = 2**62
OWN_USE: Final = "own-use"
BY: Final = " by "
"""Stands between source and person in ``history.actor``."""
FOR: Final = " for "
"""Stands between who acts and on whose behalf in ``history.actor``."""
APP: Final = "app"
"""The ``kind`` of an app's token."""
SYSTEM: Final = "system"
"""That of an organisation's system's."""
SERVICE: Final = "service"
"""That of the service itself: load, restore and seeds."""
SANDBOX: Final = "sandbox"
"""That of a token of a sandbox file."""
ADMINISTRATOR: Final = "administrator"
"""The ``role`` of who keeps a tenant's catalogue and sees no patient's data."""
NOTHING: Final = EVERY_LABEL
"""What is denied where nothing is allowed."""

SELECT_GRANT: Final = (
    "SELECT stamp, recipient, client, person, organization, tenant, purpose, scopes, patient, everyone, expires,"
    " kind, role, also, within, responsible, fhir_user, family, fresh, services"
    " FROM access_grant WHERE hash = $1 AND expires > $2"
)
SELECT_PERMITS: Final = (
    "SELECT m.recipient, m.patient, m.consent, m.labels, m.actions, m.since, m.until FROM permit m"
    " WHERE m.recipient IN ($1, $5, $6) AND m.purpose = $2 AND m.until > $3"
    # Asked per row and not joined: a join may be planned as a scan of every piece of a table that is spread by patient.
    " AND (SELECT p.tenant FROM partition p WHERE p.patient = m.patient AND p.state = 'live') = $4"
)
SELECT_PATIENT_ID: Final = "SELECT r.id FROM resource r WHERE r.patient = $1 AND r.type = $2 ORDER BY r.n LIMIT 1"


def standing(grant: str, stamp: str, now: str) -> str:
    """The guard: the condition that a grant stands as it is known, which limits every statement over what patients have
    to who may see it now. The three are placeholders.
    """
    return f"EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = {grant} AND g.stamp = {stamp} AND g.expires > {now})"


def guarded(first: int) -> str:
    """The guard with its placeholders in a row: hash and stamp of the access, and the time, from ``first`` on."""
    return standing(f"${first}", f"${first + 1}", f"${first + 2}")


GUARD_STANDS: Final = f"SELECT 1 WHERE {guarded(1)}"

_OF_A_PATIENT: Final = LEVELS
_OF_NOBODY: Final = LEVELS - {"patient"}
"""A scope of a patient says nothing where none is in context: it is not one of all that the caller may see.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#patient-specific-scopes
"""

Denied = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Access:
    """What one grant allows until ``horizon`` (µs), when a permit begins or ends or the grant does.

    ``patient`` is the sole patient of the token, ``patient_id`` that Patient's id ("" where there are several).
    ``denied`` gives, per patient and action, the labels that may not be seen; a patient that is not in it does not
    exist for this caller. ``everyone`` is the operator of a tenant: all its patients, nothing denied, and the
    catalogue to write.

    ``kind`` tells an app's token from a person's own session, a system's, the service's and a sandbox's; ``role`` is
    that of who is behind it, ``responsible`` on whose behalf they act, ``fhir_user`` what they are in FHIR;
    ``family`` the authorization that the token came from. Until ``fresh`` (µs) the second factor of a session counts
    as just given. ``services``: the MedMij data services that a token is for; none for every other one. ``viewed``:
    what is born here is seen as a view (``app/server/border.py``), so the plan and its parts are not written.
    """

    hash: bytes
    stamp: int
    horizon: int
    recipient: str
    client: str
    person: str
    organization: str
    tenant: int
    purpose: str
    scopes: Scopes
    patient: int | None
    patient_id: str
    everyone: bool
    denied: Mapping[int, Denied]
    catalogues: tuple[int, int]
    agent: msgspec.Raw
    kind: str = ""
    role: str = ""
    responsible: str = ""
    fhir_user: str = ""
    family: str = ""
    fresh: int = 0
    services: frozenset[str] = frozenset()
    viewed: bool = False

    def denied_labels(self, patient: int, action: int) -> int:
        """The labels of ``patient`` that ``action`` may not touch; ``NOTHING`` allowed gives all of them."""
        if self.everyone or patient <= 0:
            return 0
        by_action = self.denied.get(patient)
        return NOTHING if by_action is None else by_action[action]

    def may_see(self, patient: int) -> bool:
        """Whether this patient is among the caller's own (an operator's tenant is checked where the partition is
        read).
        """
        return self.everyone or patient in self.denied

    @property
    def keeps_catalogue(self) -> bool:
        """Whether what this caller adds and belongs to no patient goes to the tenant's catalogue."""
        return self.everyone or self.role == ADMINISTRATOR

    def may_change(self, partition: int) -> bool:
        """Whether this is a patient's partition, whose labels decide, or a catalogue that is the caller's to change:
        an administrator's is that of the tenant, and not the one that all tenants share.
        """
        return partition > 0 or self.everyone or (self.keeps_catalogue and partition == self.catalogues[0])

    @property
    def is_system(self) -> bool:
        """Whether nobody enters by hand what comes through it: the system of an organisation, or the service itself;
        in a sandbox whoever has scopes of a system.
        """
        return self.kind in (SYSTEM, SERVICE) or (self.kind == SANDBOX and "system" in self.scopes.levels)

    @property
    def source(self) -> str:
        """Through whom something comes in: an app, a person, an organisation or the service, as recipients are
        written; a sandbox's caller by name.
        """
        return self.recipient if self.kind not in ("", SANDBOX) else self.person or self.organization or self.client

    @property
    def actor(self) -> str:
        """Who did it, for the history: the source; the person where that is somebody else; and on whose behalf, where
        a representative acts.
        """
        source = self.source
        by = source if not self.person or source.endswith(self.person) else f"{source}{BY}{self.person}"
        return f"{by}{FOR}{self.responsible}" if self.responsible else by


async def load_access(reader: Reader, token_hash: bytes, *, now: int, patient_type: int) -> Access | None:
    """The access behind a token; None when there is no such grant or it has expired. ``patient_type``: the number of
    Patient.
    """
    rows = await reader.fetch(SELECT_GRANT, token_hash, now)
    if not rows:
        return None
    grant = _Grant(*rows[0])
    scopes = parse_scopes(grant.scopes, _OF_A_PATIENT if grant.patient is not None else _OF_NOBODY)
    if grant.kind == APP and "system" in scopes.levels:
        return None
    permits = _Permits(grant)
    if not grant.everyone and grant.role != ADMINISTRATOR:
        binds = (grant.recipient, grant.purpose, now, grant.tenant, grant.also, grant.within)
        for row in await reader.fetch(SELECT_PERMITS, *binds):
            permits.add(row, now=now)
    allowed = permits.allowed()
    patient = grant.patient
    sole = patient if patient is not None else next(iter(allowed)) if len(allowed) == 1 else None
    if sole not in allowed:
        sole = None
    ids = [] if sole is None else await reader.fetch(SELECT_PATIENT_ID, sole, patient_type)
    return Access(
        hash=bytes(token_hash),
        stamp=grant.stamp,
        horizon=permits.horizon,
        recipient=grant.recipient,
        client=grant.client,
        person=grant.person,
        organization=grant.organization,
        tenant=grant.tenant,
        purpose=grant.purpose,
        scopes=scopes,
        patient=sole,
        patient_id=ids[0][0] if ids else "",
        everyone=bool(grant.everyone),
        denied={key: {action: EVERY_LABEL & ~labels for action, labels in by.items()} for key, by in allowed.items()},
        catalogues=catalogues(grant.tenant),
        agent=Agent(
            client=grant.client,
            person=grant.person,
            role=grant.role,
            responsible=grant.responsible,
            organization=grant.organization,
            purpose=grant.purpose,
            consent=permits.consent(sole),
        ).sealed(),
        kind=grant.kind,
        role=grant.role,
        responsible=grant.responsible,
        fhir_user=grant.fhir_user,
        family=grant.family,
        fresh=grant.fresh,
        services=frozenset(grant.services.split()),
    )


@dataclass(frozen=True, slots=True)
class _Grant:
    """A row of ``SELECT_GRANT``."""

    stamp: int
    recipient: str
    client: str
    person: str
    organization: str
    tenant: int
    purpose: str
    scopes: str
    patient: int | None
    everyone: int
    expires: int
    kind: str
    role: str
    also: str
    within: str
    responsible: str
    fhir_user: str
    family: str
    fresh: int
    services: str


ByAction = dict[int, int]


class _Permits:
    """What the permits of one grant add up to: those of ``recipient`` and of ``also`` together, as far as those of
    ``within`` go.
    """

    def __init__(self, grant: _Grant) -> None:
        self._grant = grant
        self._given: dict[int, ByAction] = {}
        self._limits: dict[int, ByAction] = {}
        self._consents: dict[int, list[str]] = {}
        self.horizon = grant.expires

    def add(self, row: Row, *, now: int) -> None:
        """Take in one row of ``SELECT_PERMITS``. What begins later only says until when the rest holds."""
        recipient, patient, consent, labels, actions, since, until = row
        if self._grant.patient is not None and patient != self._grant.patient:
            return
        if since > now:
            self.horizon = min(self.horizon, since)
            return
        self.horizon = min(self.horizon, until)
        if recipient == self._grant.within:
            _unite(self._limits, patient, labels, actions)
        if recipient in (self._grant.recipient, self._grant.also):
            _unite(self._given, patient, labels, actions)
            if consent:
                self._consents.setdefault(patient, []).append(consent)

    def allowed(self) -> dict[int, ByAction]:
        """Per patient and action, the labels that may be seen."""
        if not self._grant.within:
            return self._given
        return {
            patient: {action: labels & self._limits[patient][action] for action, labels in by.items()}
            for patient, by in self._given.items()
            if patient in self._limits
        }

    def consent(self, patient: int | None) -> str:
        """The consents that this rests on, for the access log."""
        return "" if patient is None else " ".join(sorted(self._consents.get(patient, ())))


def _unite(found: dict[int, ByAction], patient: int, labels: int, actions: int) -> None:
    by_action = found.setdefault(patient, dict.fromkeys(LETTERS.values(), 0))
    for action in LETTERS.values():
        if actions & action:
            by_action[action] |= labels


def actions_of(letters: Any) -> int:
    """The bit set of action letters such as ``rs``. Raises KeyError for another letter."""
    union = 0
    for letter in letters:
        union |= LETTERS[letter]
    return int(union)  # a Flag is iterable, which a driver takes for an array
