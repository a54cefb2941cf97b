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
from app.database import Reader
from app.fhir.scopes import LETTERS, Scopes, parse_scopes
from app.server.ids import catalogues
from app.server.labels import EVERY_LABEL

FOREVER: Final = 2**62
OWN_USE: Final = "own-use"
NOTHING: Final = EVERY_LABEL
"""What is denied where nothing is allowed."""

SELECT_GRANT: Final = (
    "SELECT stamp, recipient, client, person, organization, tenant, purpose, scopes, patient, everyone, expires"
    " FROM access_grant WHERE hash = $1 AND expires > $2"
)
SELECT_PERMITS: Final = (
    "SELECT m.patient, m.labels, m.actions, m.since, m.until FROM permit m"
    " WHERE m.recipient = $1 AND m.purpose = $2 AND m.until > $3"
    # Asked per row and not joined: a join may be planned as a scan of every piece of a table that is spread by patient.
    " AND (SELECT p.tenant FROM partition p WHERE p.patient = m.patient AND p.state = 'live') = $4"
)
SELECT_PATIENT_ID: Final = "SELECT r.id FROM resource r WHERE r.patient = $1 AND r.type = $2 ORDER BY r.n LIMIT 1"
GUARD_STANDS: Final = "SELECT 1 FROM access_grant g WHERE g.hash = $1 AND g.stamp = $2 AND g.expires > $3"

Denied = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Access:
    """What one grant allows until ``horizon`` (µs), when a permit begins or ends or the grant does.

    ``patient`` is the sole patient of the token, ``patient_id`` that Patient's id ("" where there are several).
    ``denied`` gives, per patient and action, the labels that may not be seen; a patient that is not in it does not
    exist for this caller. ``everyone`` is the operator of a tenant: all its patients, nothing denied, and the
    catalogue to write.
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
    def actor(self) -> str:
        """Who did it, for the history: person, else organisation, else client."""
        return self.person or self.organization or self.client


async def load_access(reader: Reader, token_hash: bytes, *, now: int, patient_type: int) -> Access | None:
    """The access behind a token; None when there is no such grant or it has expired. ``patient_type``: the number of
    Patient.
    """
    rows = await reader.fetch(SELECT_GRANT, token_hash, now)
    if not rows:
        return None
    stamp, recipient, client, person, organization, tenant, purpose, scopes, patient, everyone, expires = rows[0]
    horizon = expires
    allowed: dict[int, dict[int, int]] = {}
    if not everyone:
        for patient_key, labels, actions, since, until in await reader.fetch(
            SELECT_PERMITS, recipient, purpose, now, tenant
        ):
            if patient is not None and patient_key != patient:
                continue
            if since > now:
                horizon = min(horizon, since)
                continue
            horizon = min(horizon, until)
            by_action = allowed.setdefault(patient_key, dict.fromkeys(LETTERS.values(), 0))
            for action in LETTERS.values():
                if actions & action:
                    by_action[action] |= labels
    sole = patient if patient is not None else next(iter(allowed)) if len(allowed) == 1 else None
    if sole not in allowed:
        sole = None
    ids = [] if sole is None else await reader.fetch(SELECT_PATIENT_ID, sole, patient_type)
    return Access(
        hash=bytes(token_hash),
        stamp=stamp,
        horizon=horizon,
        recipient=recipient,
        client=client,
        person=person,
        organization=organization,
        tenant=tenant,
        purpose=purpose,
        scopes=parse_scopes(scopes),
        patient=sole,
        patient_id=ids[0][0] if ids else "",
        everyone=bool(everyone),
        denied={key: {action: EVERY_LABEL & ~labels for action, labels in by.items()} for key, by in allowed.items()},
        catalogues=catalogues(tenant),
        agent=Agent(client=client, person=person, organization=organization, purpose=purpose).sealed(),
    )


def actions_of(letters: Any) -> int:
    """The bit set of action letters such as ``rs``. Raises KeyError for another letter."""
    union = 0
    for letter in letters:
        union |= LETTERS[letter]
    return int(union)  # a Flag is iterable, which a driver takes for an array
