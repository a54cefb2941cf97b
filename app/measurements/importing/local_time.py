"""Dates and times as people write them, in Dutch local time. https://hl7.org/fhir/R4/datatypes.html#dateTime"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from app.errors import Invalid
from app.fhir.dates import LOCAL, bounds, to_microseconds
from app.measurements.importing.lines import Problem

_DUTCH: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)
_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_WHOLE: Final = re.compile(
    r"(?P<date>[^T\s]{8,10})(?:T|\s+)(?P<time>\d{1,2}:\d\d(?::\d\d)?)(?:\.\d{1,9})?\s?(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_TIME: Final = re.compile(r"(\d{1,2})[:.](\d\d)(?:[:.](\d\d))?(?: ?uur)?", re.ASCII)
_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_FIRST_YEAR: Final = 1900


class Moment:
    """What a date and a time come to: a FHIR dateTime with the time in µs, or a date; and what there is to say of
    them.
    """

    __slots__ = ("at", "problems", "text")

    def __init__(self, text: str = "", at: int | None = None, problems: tuple[Problem, ...] = ()) -> None:
        self.text, self.at, self.problems = text, at, problems


def moment_of(date: str, time: str, *, date_place: str, time_place: str) -> Moment:
    """A date (dd-mm-yyyy or yyyy-mm-dd), which may have the time in it, and a time (empty: none was told)."""
    zone = ""
    whole = _WHOLE.fullmatch(date)
    if whole is not None and not time:
        date, time, zone = whole["date"], whole["time"], whole["zone"] or ""
        time_place = date_place
    day = _day(date)
    if day is None:
        return Moment(problems=(Problem("date", date_place),))
    if not time:
        return Moment(day.strftime("%Y-%m-%d"))
    found = _TIME.fullmatch(time)
    hour, minute, second = (int(each or 0) for each in found.groups()) if found is not None else (24, 0, 0)
    if hour > 23 or minute > 59 or second > 59:
        return Moment(problems=(Problem("time", time_place),))
    return _at(day.replace(hour=hour, minute=minute, second=second), zone, time_place)


def _day(text: str) -> datetime | None:
    dutch, iso = _DUTCH.fullmatch(text), _ISO.fullmatch(text)
    if dutch is not None:
        day, month, year = (int(each) for each in dutch.groups())
    elif iso is not None:
        year, month, day = (int(each) for each in iso.groups())
    else:
        return None
    try:
        return datetime(year, month, day) if year >= _FIRST_YEAR else None  # noqa: DTZ001 - the zone comes with the time
    except ValueError:
        return None


def _at(naive: datetime, zone: str, place: str) -> Moment:
    """A time of the day in a zone, or in Dutch local time: in the night that the clock goes forward an hour is not
    there, and in the one that it goes back an hour is there twice; the first is taken, and that is said.
    """
    if zone:
        text = f"{naive.isoformat()}{_zone(zone)}"
        try:
            return Moment(text, bounds(text)[0])
        except Invalid:
            return Moment(problems=(Problem("time", place),))
    local = naive.replace(tzinfo=LOCAL)
    if local.astimezone(UTC).astimezone(LOCAL).replace(tzinfo=None) != naive:
        return Moment(problems=(Problem("no-such-hour", place),))
    twice = local.utcoffset() != local.replace(fold=1).utcoffset()
    said = (Problem("hour-twice", place, refuses=False),) if twice else ()
    return Moment(local.isoformat(), to_microseconds(local), said)


def _zone(text: str) -> str:
    found = _ZONE.fullmatch(text)
    return "Z" if found is None else f"{found[1]}{found[2]}:{found[3]}"
