"""FHIR dates, as precise as they were written, as half-open intervals of microseconds.
https://hl7.org/fhir/R4/search.html#date

A value without a zone is Dutch local time: an evening reading of 31 December is found under that day, not under the
day UTC was in.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from app.errors import Invalid

LOCAL: Final = ZoneInfo("Europe/Amsterdam")
NO_DATE: Final = -(2**63)
"""Sorts before every date: the resource has none."""
OPEN_START: Final = NO_DATE + 1
"""The low bound of a period without a start."""
OPEN_END: Final = 2**63 - 1
"""The high bound of a period without an end."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PARTIAL: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,12}))?)?(?P<zone>Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?"
)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.([0-9]{1,12}))?"
    r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
)
"""Nearly every moment that something is measured or sent at: a whole time, in a zone, that is no leap second."""


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> str:
    """A FHIR ``instant`` in UTC with microseconds, such as ``2026-11-23T09:00:00.000001Z``."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def midnight(day: date) -> int:
    """The first moment (µs) of a day in the Netherlands."""
    return to_microseconds(datetime(day.year, day.month, day.day, tzinfo=LOCAL))


def local_date(now: int) -> date:
    """The day in the Netherlands at ``now`` (µs). As a FHIR ``date``: its ``isoformat``."""
    return (_EPOCH + timedelta(microseconds=now)).astimezone(LOCAL).date()


def _next_month(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _moment(year: int, month: int, day: int, zone: tzinfo) -> int:
    if year > 9999:
        return OPEN_END - 1
    return to_microseconds(datetime(year, month, day, tzinfo=zone))


@lru_cache(maxsize=2048)
def bounds(text: str) -> tuple[int, int]:
    """First microsecond of the date, dateTime or instant, and the first one after it.

    ``2024`` spans a year, ``2024-01-01T10:00:00Z`` a second, ``…00.250Z`` a millisecond. Raises ``Invalid`` (code
    ``value``).
    """
    found = _MOMENT.fullmatch(text)
    if found is not None:
        return _moment_bounds(text, found[1])
    found = _PARTIAL.fullmatch(text)
    if found is None:
        raise Invalid("Not a date or dateTime as FHIR writes them (YYYY, YYYY-MM, YYYY-MM-DD or with a time).", "value")
    year = int(found["year"])
    zone = LOCAL if found["zone"] is None else UTC
    try:
        if found["month"] is None:
            return _moment(year, 1, 1, zone), _moment(year + 1, 1, 1, zone)
        month = int(found["month"])
        if found["day"] is None:
            return _moment(year, month, 1, zone), _moment(*_next_month(year, month), 1, zone)
        day = int(found["day"])
        if found["hour"] is None:
            start = datetime(year, month, day, tzinfo=zone)
            after = (start + timedelta(days=1)) if (year, month, day) != (9999, 12, 31) else None
            return to_microseconds(start), to_microseconds(after) if after else OPEN_END - 1
        return _time_bounds(found)
    except (ValueError, OverflowError) as error:
        raise _no_such_date() from error


def _no_such_date() -> Invalid:
    return Invalid("This date does not exist in the calendar.", "value")


def _moment_bounds(text: str, fraction: str | None) -> tuple[int, int]:
    try:
        low = (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except ValueError as error:
        raise _no_such_date() from error
    if fraction is None:
        return low, low + 1_000_000
    return low, low + 10 ** max(0, 6 - len(fraction))


def _time_bounds(found: re.Match[str]) -> tuple[int, int]:
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    leap = second == 60
    zone: tzinfo = LOCAL
    offset = timedelta(0)
    if found["zone"] is not None:
        zone = UTC
        if found["zone"] != "Z":
            sign = 1 if found["zone"][0] == "+" else -1
            offset = sign * timedelta(hours=int(found["zone"][1:3]), minutes=int(found["zone"][4:6]))
    midnight = datetime(int(found["year"]), int(found["month"]), int(found["day"]), tzinfo=zone)
    day_part = timedelta(hours=hour, minutes=minute, seconds=59 if leap else second)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("no such time of day")
    # A wall-clock time in a local day is looked up in the calendar, so that the days of the clock change come out
    # right.
    moment = (
        midnight.replace(hour=hour, minute=minute, second=59 if leap else second)
        if zone is LOCAL
        else midnight + day_part
    )
    low = to_microseconds(moment) - offset // _MICROSECOND + (1_000_000 if leap else 0)
    if found["second"] is None:
        return low, low + 60_000_000
    fraction = found["fraction"]
    if fraction is None:
        return low, low + 1_000_000
    low += int(fraction[:6].ljust(6, "0"))
    return low, low + 10 ** max(0, 6 - len(fraction))
