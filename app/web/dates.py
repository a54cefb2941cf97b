"""Times as people read them: Dutch local time, in the page's language. https://babel.pocoo.org"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from app.fhir.dates import bounds
from app.web.texts import translate

ZONE: Final = ZoneInfo("Europe/Amsterdam")
_NO_END: Final = 253_370_764_800_000_000
"""The year 9999: from then on there is no end, which access writes as FOREVER or as the moment before it."""
_FORMS: Final = (("%Y-%m-%d", "d MMMM y"), ("%Y-%m", "LLLL y"), ("%Y", "y"))
"""How a date of FHIR is written, in full or in part, and how people read it."""


def local(at: int) -> datetime:
    """The Dutch local time of µs since the epoch."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(ZONE)


def moment(at: int, language: str) -> str:
    """Day and time, such as 3 december 2026, 14:05; what has no end says so."""
    if at >= _NO_END:
        return translate(language)("site.forever")
    return format_datetime(local(at), "d MMMM y, HH:mm", locale=language)


def day(text: str, language: str) -> str:
    """A date of FHIR, of which day and month may be left out; anything else as it is."""
    for written, shown in _FORMS:
        try:
            found = datetime.strptime(text, written)  # noqa: DTZ007 (a date has no zone)
        except ValueError:
            continue
        return format_date(found.date(), shown, locale=language)
    return text


def day_of(text: str, language: str) -> str:
    """The day of a date or time of FHIR: of a time, that on the Dutch clock."""
    if "T" not in text:
        return day(text, language)
    return format_date(local(bounds(text)[0]).date(), "d MMMM y", locale=language)


def short(text: str, language: str) -> str:
    """A date of FHIR for a narrow column: 3 dec 2026, dec 2026."""
    for written, shown in (("%Y-%m-%d", "d MMM y"), ("%Y-%m", "MMM y")):
        try:
            found = datetime.strptime(text, written)  # noqa: DTZ007 (a date has no zone)
        except ValueError:
            continue
        return format_date(found.date(), shown, locale=language)
    return text


def date(at: int, language: str) -> str:
    """The day; what has no end says so."""
    if at >= _NO_END:
        return translate(language)("site.forever")
    return format_date(local(at).date(), "d MMMM y", locale=language)
