"""When an activity of the plan asks for a questionnaire, or for measuring by a protocol. https://hl7.org/fhir/R4/datatypes.html#Timing

Only whole days count. What repeats is asked for the last time that it came round, so that who was away for long is not
asked for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.errors import Invalid
from app.fhir.dates import LOCAL, bounds
from app.fhir.resource import Resource

_OVER: Final = frozenset({"completed", "cancelled", "stopped", "on-hold", "entered-in-error"})
_DAYS: Final = {"s": 0, "min": 0, "h": 0, "d": 1, "wk": 7}
_MONTHS: Final = {"mo": 1, "a": 12}
_MICROSECONDS: Final = 1_000_000
_MOST_ROUNDS: Final = 10_000


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
        named = [each for each in detail.get("instantiatesCanonical", ()) if "/Questionnaire/" in each]
        day = _day(detail, now=now, review=review) if named else ""
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
        codings = detail.get("code", {}).get("coding", ())
        named = next((str(each.get("code", "")) for each in codings if each.get("system") == system), "")
        if not named or detail.get("status") in _OVER:
            continue
        day = _day(detail, now=now, review="")
        if day:
            yield Measuring(activity.get("id", ""), named, day)


def _day(detail: Resource, *, now: int, review: str) -> str:
    if "scheduledPeriod" in detail:
        start = detail["scheduledPeriod"].get("start", "")
        return _written(bounds(start)[0]) if start and _has_come(start, now) else ""
    if "scheduledTiming" in detail:
        return _timed(detail["scheduledTiming"], now=now)
    return review


def _timed(timing: Resource, *, now: int) -> str:
    """The last day until ``now``; "" when there is none."""
    days = [_written(bounds(each)[0]) for each in timing.get("event", ()) if _has_come(each, now)]
    repeat: dict[str, Any] = timing.get("repeat", {})
    start = repeat.get("boundsPeriod", {}).get("start", "")
    if start and _has_come(start, now):
        end = repeat["boundsPeriod"].get("end", "")
        days.append(_last_round(_local(bounds(start)[0]), repeat, until=min(now, bounds(end)[1] - 1) if end else now))
    return max(days, default="")


def _last_round(first: datetime, repeat: dict[str, Any], *, until: int) -> str:
    """The last of the days ``first``, ``first`` + period, … until a moment. More often than daily counts as daily."""
    unit, period, frequency = repeat.get("periodUnit", ""), repeat.get("period"), repeat.get("frequency", 1)
    last = _local(until)
    if not period or unit not in {*_DAYS, *_MONTHS}:
        return first.strftime("%Y-%m-%d")
    if unit in _DAYS:
        step = max(1, int(period * _DAYS[unit] / max(1, frequency)))
        rounds = (last.date() - first.date()).days // step
        return (first + timedelta(days=rounds * step)).strftime("%Y-%m-%d")
    months = max(1, int(period * _MONTHS[unit] / max(1, frequency)))
    found = first
    for number in range(1, _MOST_ROUNDS):
        following = _later(first, months * number)
        if following.date() > last.date():
            break
        found = following
    return found.strftime("%Y-%m-%d")


def _later(day: datetime, months: int) -> datetime:
    """The same day some months on, or the last one of that month."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    for last in (day.day, 30, 29, 28):
        try:
            return day.replace(year=year, month=month, day=last)
        except ValueError:
            continue
    return day.replace(year=year, month=month, day=28)


def _has_come(day: str, now: int) -> bool:
    try:
        return bounds(day)[0] <= now
    except Invalid:
        return False


def _local(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / _MICROSECONDS, LOCAL)


def _written(moment: int) -> str:
    return _local(moment).strftime("%Y-%m-%d")
