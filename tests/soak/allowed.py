"""Who may do what, worked out the slow and obvious way from the consents that stand: the judge of the soak test.

Nothing here is shared with what is judged, but for the bits of categories and actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

READ: Final = 2
SEARCH: Final = 16


@dataclass(frozen=True, slots=True)
class Standing:
    """A permission that was given and not taken back: a consent, a mandate, or the own right."""

    recipient: str
    patient: str
    purpose: str
    labels: int
    actions: int
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Party:
    """A caller: those whose permissions count together, the one whose permissions limit them ("" for none), and the
    patient that the token is for ("" for all).
    """

    token: str
    recipients: tuple[str, ...]
    within: str
    purpose: str
    patient: str


@dataclass(slots=True)
class Allowed:
    """What stands, by any key."""

    standing: dict[object, Standing] = field(default_factory=dict)

    def labels(self, party: Party, patient: str, action: int, now: int) -> int:
        """The categories in which the party may do ``action`` for the patient."""
        if party.patient not in ("", patient):
            return 0
        given = self._union(party.recipients, party.purpose, patient, action, now)
        if party.within:
            given &= self._union((party.within,), party.purpose, patient, action, now)
        return given

    def _union(self, recipients: Sequence[str], purpose: str, patient: str, action: int, now: int) -> int:
        union = 0
        for each in self.standing.values():
            if (
                each.recipient in recipients
                and each.purpose == purpose
                and each.patient == patient
                and each.actions & action
                and each.since <= now < each.until
            ):
                union |= each.labels
        return union

    def may(self, party: Party, patient: str, labels: int, action: int, now: int) -> bool:
        """Whether every category of a row is covered."""
        return not labels & ~self.labels(party, patient, action, now) and bool(self.labels(party, patient, action, now))
