"""Whether a Questionnaire may be used: asked, shown and answered. Wording that is not ours is there only where somebody
installed it, for as long as their licence lasts (MODEL 5). https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from app.errors import Issue
from app.fhir.dates import bounds
from app.questionnaires import refusals
from app.questionnaires.library import Held


def usable(held: Held, *, now: int) -> Issue | None:
    """Why a Questionnaire cannot be used at ``now`` (µs), as an error with code ``questionnaire-licence`` or
    ``questionnaire-licence-ended``; None when it can.

    A Questionnaire that is no instrument is the tenant's own, and usable. ``app.questionnaires.refusals`` makes the
    error to raise of the issue: ``refusals.error(issue)``.
    """
    instrument = held.instrument
    if instrument is None or instrument.wording == "own":
        return None
    title = instrument.row.get("name", instrument.url)
    holder = instrument.licence.holder
    if instrument.wording == "shell":
        return refusals.issue("licence", title=title, holder=holder)
    until = instrument.licence.until
    if until and now >= bounds(until)[1]:
        return refusals.issue("licence-ended", title=title, holder=holder, until=until)
    return None


def may_be_asked(held: Held, *, now: int) -> bool:
    """Whether somebody can be asked to fill in a Questionnaire: it is not retired, and can be used."""
    return held.form.resource.get("status") != "retired" and usable(held, now=now) is None
