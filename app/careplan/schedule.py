"""When an activity of the plan asks for a questionnaire, or for measuring by a protocol. https://hl7.org/fhir/R4/datatypes.html#Timing

Only whole days count (``timing.py``); what has no beginning of its own counts from the day that the plan was made. What
repeats is asked for the last time that it came round, so that who was away for long is not asked for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.careplan.timing import has_beginning, is_understood, last_day
from app.errors import Invalid
from app.fhir.dates import bounds, local_date
from app.fhir.resource import Resource

_OVER: Final = frozenset({"completed", "cancelled", "stopped", "on-hold", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Asking:
    """A questionnaire, by canonical, that an activity asks for since a day (YYYY-MM-DD)."""

    activity: str
    questionnaire: str
    day: str


def askings(plan: Resource, *, now: int, review: str) -> Iterator[Asking]:
    """The questionnaires that the plan asks for by ``now`` (µs); one without a time of its own is asked for on the day
    of the review, which is "" as long as that has not come.
    """
    for activity in plan.get("activity", ()):
        detail = activity.get("detail", {})
        if detail.get("status") in _OVER:
            continue
        named = _questionnaires(detail)
        day = _day(plan, detail, now=now, review=review) if named else ""
        if day:
            for each in named:
                yield Asking(activity.get("id", ""), each, day)


@dataclass(frozen=True, slots=True)
class Measuring:
    """A protocol, by its code, that an activity asks for since a day (YYYY-MM-DD)."""

    activity: str
    protocol: str
    day: str


def measurings(plan: Resource, *, now: int, system: str) -> Iterator[Measuring]:
    """The protocols that the plan asks for by ``now`` (µs), each with a time of its own. ``system``: of their codes."""
    for activity in plan.get("activity", ()):
        detail = activity.get("detail", {})
        named = _protocol(detail, system)
        if not named or detail.get("status") in _OVER:
            continue
        day = _day(plan, detail, now=now, review="")
        if day:
            yield Measuring(activity.get("id", ""), named, day)


def asks(detail: Resource, system: str) -> bool:
    """Whether an activity that goes on names something that the person is asked at its times. ``system``: of the codes
    of protocols.
    """
    return detail.get("status") not in _OVER and bool(_questionnaires(detail) or _protocol(detail, system))


def counts_from_plan(plan: Resource, system: str) -> bool:
    """Whether an activity asks by a rhythm without a beginning of its own, so that no index has its days."""
    details = (each.get("detail", {}) for each in plan.get("activity", ()))
    return any(
        "scheduledTiming" in each and asks(each, system) and not has_beginning(each["scheduledTiming"])
        for each in details
    )


def unread(plan: Resource, system: str) -> Iterator[str]:
    """The FHIRPaths of times of activities that ask for something, and of which not all counts."""
    for number, activity in enumerate(plan.get("activity", ())):
        detail = activity.get("detail", {})
        if not asks(detail, system):
            continue
        words = "scheduledString" in detail
        timing, period = detail.get("scheduledTiming"), detail.get("scheduledPeriod")
        if words or (timing and not is_understood(timing)) or (period and "start" not in period):
            yield f"CarePlan.activity[{number}].detail.scheduled"


def _questionnaires(detail: Resource) -> list[str]:
    return [each for each in detail.get("instantiatesCanonical", ()) if "/Questionnaire/" in each]


def _protocol(detail: Resource, system: str) -> str:
    codings = detail.get("code", {}).get("coding", ())
    return next((str(each.get("code", "")) for each in codings if each.get("system") == system), "")


def _day(plan: Resource, detail: Resource, *, now: int, review: str) -> str:
    if "scheduledPeriod" in detail:
        start = detail["scheduledPeriod"].get("start", "")
        return local_date(bounds(start)[0]).isoformat() if start and _has_come(start, now) else ""
    if "scheduledTiming" in detail:
        made = plan.get("created", "")
        begins = local_date(bounds(made)[0] if made and _has_come(made, now) else now)
        day = last_day(detail["scheduledTiming"], begins=begins, now=now)
        return "" if day is None else day.isoformat()
    return review


def _has_come(day: str, now: int) -> bool:
    try:
        return bounds(day)[0] <= now
    except Invalid:
        return False
