"""Who may act for a patient, on which ground and until when (MODEL 5): pure rules.

Children: Dutch law of medical treatment (WGBO) lets parents decide under 12, child and parents together from 12 to 15,
and the person alone from 16: https://wetten.overheid.nl/jci1.3:c:BWBR0005290&boek=7&titeldeel=7&afdeling=5 (articles
447 and 450). Curators and mentors are appointed by a court and account for it every five years.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from app.auth.accounts.ages import Birth, birthday
from app.errors import Issue, Unprocessable
from app.fhir.dates import local_date, midnight

CHILD_UNTIL: Final = 12
"""The birthday on which a parent's mandate ends."""
OWN_FROM: Final = 16
"""From this birthday a person has an account of their own and decides alone."""
ADULT_FROM: Final = 18
LONGEST_YEARS: Final = 5
"""For how long a mandate of an adult is given at most; then it is looked at again."""


class Ground(StrEnum):
    """Why somebody may act for a patient. Stored as they are written."""

    PARENTAL_AUTHORITY = "parental-authority"
    CURATOR = "curator"
    MENTOR = "mentor"
    WRITTEN_AUTHORISATION = "written-authorisation"


class Refusal(StrEnum):
    """Why a mandate is not given; pages explain it by this word."""

    BIRTH_DATE = "mandate-birth-date"
    FROM_12 = "mandate-from-12"
    BOTH_CONSENTS = "mandate-both-consents"
    FROM_16 = "mandate-from-16"
    UNDER_16 = "mandate-under-16"
    UNDER_18 = "mandate-under-18"
    GIVEN_BY = "mandate-given-by"
    EVIDENCE = "mandate-evidence"
    PERIOD = "mandate-period"
    ONESELF = "mandate-oneself"


_TEXTS: Final = {
    Refusal.BIRTH_DATE: "The patient's birth date is not known well enough to decide this.",
    Refusal.FROM_12: "From 12 to 15 a parent cannot be given a mandate here: the child has a say of its own.",
    Refusal.BOTH_CONSENTS: "From 12 to 15 both the child and the parent must have agreed, and both must be recorded.",
    Refusal.FROM_16: "From 16 a person decides alone, with an account of their own.",
    Refusal.UNDER_16: "Under 16 nobody can authorise somebody else in writing here.",
    Refusal.UNDER_18: "Curators and mentors are appointed for adults.",
    Refusal.GIVEN_BY: "A mandate on this ground is not given by the one who gives it here.",
    Refusal.EVIDENCE: "Say which decision or document the mandate rests on.",
    Refusal.PERIOD: "The period must end after it begins and after today, and last five years at most.",
    Refusal.ONESELF: "Nobody represents themselves.",
}
GivenBy = Literal["patient", "administrator"]
Party = Literal["child", "parent"]


def refused(why: Refusal) -> Unprocessable:
    """The refusal, which pages explain by its rule."""
    return Unprocessable(_TEXTS[why], "business-rule", (Issue("business-rule", _TEXTS[why], rule=why),))


@dataclass(frozen=True, slots=True)
class Asked:
    """A mandate that is to be given. ``since`` and ``until`` in µs, ``until`` None for as long as the ground allows;
    ``evidence`` refers to the decision or document; ``agreed``: who agreed, where both must have.
    """

    ground: Ground
    given_by: GivenBy
    since: int
    until: int | None = None
    evidence: str = ""
    agreed: frozenset[Party] = frozenset()


def ends(asked: Asked, birth: Birth | None, *, now: int, from_12_to_15: bool = False) -> int:
    """Until when (µs) the mandate holds that is asked for at ``now``. Raises ``Unprocessable`` where it may not be
    given; the issue's ``rule`` is the ``Refusal``.

    ``from_12_to_15``: the tenant gives mandates for those ages, when child and parent both agreed.
    """
    if birth is None:
        raise refused(Refusal.BIRTH_DATE)
    if asked.given_by != _GIVER[asked.ground]:
        raise refused(Refusal.GIVEN_BY)
    if asked.ground is Ground.PARENTAL_AUTHORITY:
        latest = _end_of_parental_authority(asked, birth, now=now, from_12_to_15=from_12_to_15)
        until = latest if asked.until is None else min(asked.until, latest)
    else:
        until = _end_for_adult(asked, birth, now=now)
    if asked.given_by == "administrator" and not asked.evidence.strip():
        raise refused(Refusal.EVIDENCE)
    if until <= max(now, asked.since):
        raise refused(Refusal.PERIOD)
    return until


_GIVER: Final[dict[Ground, GivenBy]] = {
    Ground.PARENTAL_AUTHORITY: "administrator",
    Ground.CURATOR: "administrator",
    Ground.MENTOR: "administrator",
    Ground.WRITTEN_AUTHORISATION: "patient",
}


def _end_of_parental_authority(asked: Asked, birth: Birth, *, now: int, from_12_to_15: bool) -> int:
    if birth.maybe_turned(OWN_FROM, now):
        raise refused(Refusal.FROM_16)
    if not birth.maybe_turned(CHILD_UNTIL, now):
        return birth.turns_at_first(CHILD_UNTIL)
    if not from_12_to_15:
        raise refused(Refusal.FROM_12)
    if asked.agreed != {"child", "parent"}:
        raise refused(Refusal.BOTH_CONSENTS)
    return birth.turns_at_first(OWN_FROM)


def _end_for_adult(asked: Asked, birth: Birth, *, now: int) -> int:
    if asked.ground is Ground.WRITTEN_AUTHORISATION:
        if not birth.surely_turned(OWN_FROM, now):
            raise refused(Refusal.UNDER_16)
    elif not birth.surely_turned(ADULT_FROM, now):
        raise refused(Refusal.UNDER_18)
    latest = midnight(birthday(local_date(max(now, asked.since)), LONGEST_YEARS))
    if asked.until is not None and asked.until > latest:
        raise refused(Refusal.PERIOD)
    return latest if asked.until is None else asked.until


def may_have_account(birth: Birth | None, *, now: int) -> bool:
    """Whether a person is surely old enough for an account with a record of their own."""
    return birth is not None and birth.surely_turned(OWN_FROM, now)
