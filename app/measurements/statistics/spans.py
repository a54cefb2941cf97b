"""Periods and buckets in Dutch local time: a day is from midnight to midnight there, also when the clock changes.

https://hl7.org/fhir/R4/datatypes.html#Period
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

from app.fhir.dates import LOCAL, to_microseconds

Bucket = Literal["day", "week", "month"]
BUCKETS: Final[tuple[Bucket, ...]] = ("day", "week", "month")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST: Final = to_microseconds(datetime(1900, 1, 1, tzinfo=UTC))
LAST: Final = to_microseconds(datetime(2200, 1, 1, tzinfo=UTC))
"""What lies before or after was not measured then: a mistake in the year."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until before ``end``, in µs; None: not limited."""

    start: int | None = None
    end: int | None = None

    def holds(self, moment: int) -> bool:
        """Whether a moment is within."""
        return (self.start is None or moment >= self.start) and (self.end is None or moment < self.end)

    def before(self, *, now: int) -> Span | None:
        """The period before, of the same length on the Dutch clock; None without a begin. A period without an end lasts
        until now.
        """
        end = now if self.end is None else self.end
        if self.start is None or end <= self.start:
            return None
        first, last = _clock(self.start), _clock(end)
        return Span(to_microseconds((first - (last - first)).replace(tzinfo=LOCAL)), self.start)

    def period(self) -> dict[str, Any]:
        """A FHIR Period: days where it is of whole days, else moments. Its end is the last that is within."""
        found = {}
        whole = all(each is None or _clock(each).time() == _MIDNIGHT for each in (self.start, self.end))
        if self.start is not None:
            found["start"] = _clock(self.start).date().isoformat() if whole else written(self.start)
        if self.end is not None:
            last = _clock(self.end).date() - timedelta(days=1)
            found["end"] = last.isoformat() if whole else written(self.end)
        return found

    def days(self) -> tuple[date, date] | None:
        """The first and the last day; None when it is not limited on both sides."""
        if self.start is None or self.end is None:
            return None
        return _clock(self.start).date(), _clock(self.end - 1).date()


_MIDNIGHT: Final = time()
_ONE: Final = timedelta(days=1)


def local(moment: int) -> datetime:
    """A moment in µs on the Dutch clock."""
    return (_EPOCH + timedelta(microseconds=moment)).astimezone(LOCAL)


def written(moment: int) -> str:
    """A FHIR dateTime with the Dutch offset."""
    found = local(moment)
    return found.isoformat(timespec="microseconds" if found.microsecond else "seconds")


def bucketed(moments: Sequence[int], bucket: Bucket) -> Iterator[tuple[tuple[date, date], int, int]]:
    """The buckets that hold any of ``moments``, which are in their order: the first and the last day, and the places
    from which and until before which its moments are.
    """
    place = 0
    while place < len(moments):
        days, ends = _buckets(local(moments[place]).year, bucket)
        count = len(moments) if moments[-1] < ends[-1] else bisect_left(moments, ends[-1], lo=place)
        at = 0
        while place < count:
            moment = moments[place]
            if moment >= ends[at]:
                at = bisect_right(ends, moment, lo=at)
            until = place + 1
            if until < count and moments[until] < ends[at]:
                until = bisect_left(moments, ends[at], lo=until, hi=count)
            yield days[at], place, until
            place = until


@lru_cache(maxsize=64)
def _buckets(year: int, bucket: Bucket) -> tuple[Sequence[tuple[date, date]], Sequence[int]]:
    """The buckets that have days of a year: the first and the last day of each, and the moment at which it ends. They
    are asked for by the day, and a year has few of them.
    """
    first, days, ends = _begin(date(year, 1, 1), bucket), [], []
    while first.year <= year:
        after = _next(first, bucket)
        days.append((first, after - _ONE))
        ends.append(_midnight(after))
        first = after
    return days, ends


def _clock(moment: int) -> datetime:
    return local(moment).replace(tzinfo=None)


def _midnight(day: date) -> int:
    return to_microseconds(datetime(day.year, day.month, day.day, tzinfo=LOCAL))


def _begin(day: date, bucket: Bucket) -> date:
    if bucket == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket == "month" else day


def _next(day: date, bucket: Bucket) -> date:
    if bucket == "week":
        return day + timedelta(days=7)
    if bucket == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=1)
