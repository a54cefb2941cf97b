"""When an activity of the plan asks for a questionnaire, or for measuring by a protocol. https://hl7.org/fhir/R4/datatypes.html#Timing

Only whole days count (``timing.py``); what has no beginning of its own counts from the day that the plan was made, or
where that cannot be read from the day that its phase began. What repeats is asked for the last time that it came round,
so that who was away for long is not asked for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final

from app.careplan.timing import day_of, has_beginning, is_understood, last_day
from app.fhir.dates import bounds
from app.fhir.resource import Resource

_OVER: Final = frozenset({"completed", "cancelled", "stopped", "on-hold", "entered-in-error"})


@dataclass(frozen=True, slots=True)
class Asking:
    """A questionnaire, by canonical, that an activity asks for since a day (YYYY-MM-DD)."""

    activity: str
    questionnaire: str
    day: str


def askings(plan: Resource, *, now: int, review: str, since: str) -> Iterator[Asking]:
    """The questionnaires that the plan asks for by ``now`` (µs); one without a time of its own is asked for on the day
    of the review, which is "" as long as that has not come. ``since``: when the phase of its cycle began, a dateTime.
    """
    for activity in plan.get("activity", ()):
        detail = activity.get("detail", {})
        if detail.get("status") in _OVER:
            continue
        named = _questionnaires(detail)
        day = _day(plan, detail, now=now, review=review, since=since) if named else ""
        if day:
            for each in named:
                yield Asking(activity.get("id", ""), each, day)


@dataclass(frozen=True, slots=True)
class Measuring:
    """A protocol, by its code, that an activity asks for since a day (YYYY-MM-DD)."""

    activity: str
    protocol: str
    day: str


def measurings(plan: Resource, *, now: int, system: str, since: str) -> Iterator[Measuring]:
    """The protocols that the plan asks for by ``now`` (µs), each with a time of its own. ``system``: of their codes;
    ``since`` as above.
    """
    for activity in plan.get("activity", ()):
        detail = activity.get("detail", {})
        named = _protocol(detail, system)
        if not named or detail.get("status") in _OVER:
            continue
        day = _day(plan, detail, now=now, review="", since=since)
        if day:
            yield Measuring(activity.get("id", ""), named, day)


def asks(detail: Resource, system: str) -> bool:
    """Whether an activity that goes on names something that the person is asked at its times. ``system``: of the codes
    of protocols.
    """
    return detail.get("status") not in _OVER and bool(_questionnaires(detail) or _protocol(detail, system))


def one_by_one(plan: Resource, system: str, *, most: int) -> Iterator[Resource]:
    """The plan with each of the first ``most`` activities that ask for something by itself. ``system``: as above."""
    listed = (each for each in plan.get("activity", ()) if asks(each.get("detail", {}), system))
    for each in islice(listed, most):
        yield {**plan, "activity": [each]}


def counts_from_plan(plan: Resource, system: str) -> bool:
    """Whether an activity asks by a rhythm without a beginning of its own, so that no index has its days."""
    details = (each.get("detail", {}) for each in plan.get("activity", ()))
    return any(
        "scheduledTiming" in each and asks(each, system) and not has_beginning(each["scheduledTiming"])
        for each in details
    )


def unread(plan: Resource, system: str, *, since: str | None, most: int) -> Iterator[str]:
    """The FHIRPaths of times of activities that ask for something, and of which not all counts, and of the activities
    after the first ``most``. ``since`` as above, ""
    where the plan does not say; None for a proposal, whose activities count from the plan that they come in.
    """
    begins = since is None or any(day_of(each) is not None for each in (plan.get("created"), since))
    asking = 0
    for number, activity in enumerate(plan.get("activity", ())):
        detail = activity.get("detail", {})
        if not asks(detail, system):
            continue
        asking += 1
        if asking > most:
            yield f"CarePlan.activity[{number}].detail"
            continue
        words = "scheduledString" in detail
        timing, period = detail.get("scheduledTiming"), detail.get("scheduledPeriod")
        rhythm = bool(timing) and (not is_understood(timing) or not (begins or has_beginning(timing)))
        if words or rhythm or (period and day_of(period.get("start")) is None):
            yield f"CarePlan.activity[{number}].detail.scheduled"


def _questionnaires(detail: Resource) -> list[str]:
    return [each for each in detail.get("instantiatesCanonical", ()) if "/Questionnaire/" in each]


def _protocol(detail: Resource, system: str) -> str:
    codings = detail.get("code", {}).get("coding", ())
    return next((str(each.get("code", "")) for each in codings if each.get("system") == system), "")


def _day(plan: Resource, detail: Resource, *, now: int, review: str, since: str) -> str:
    if "scheduledPeriod" in detail:
        start = _come(detail["scheduledPeriod"].get("start"), now)
        return "" if start is None else start.isoformat()
    if "scheduledTiming" in detail:
        begins = _come(plan.get("created"), now) or _come(since, now)
        day = last_day(detail["scheduledTiming"], begins=begins, now=now)
        return "" if day is None else day.isoformat()
    return review


def _come(text: str | None, now: int) -> date | None:
    """The day of a date or dateTime that has come; None as long as it has not, and for what cannot be read."""
    day = day_of(text)
    return day if day is not None and bounds(str(text))[0] <= now else None
