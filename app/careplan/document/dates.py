"""Days as people read them, in Dutch or English. https://babel.pocoo.org"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

from babel.dates import format_date

from app.fhir.dates import LOCAL

Language = Literal["nl", "en"]
_FORMS: Final = ((10, "%Y-%m-%d", "d MMMM y"), (7, "%Y-%m", "LLLL y"), (4, "%Y", "y"))
"""How long a date of FHIR is as far as it is known, how it is written, and how people read it."""


def day(text: str, language: Language) -> str:
    """A date or dateTime of FHIR as its day in Dutch local time: ``14 september 2026``. What is none stays as it is."""
    if "T" in text:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return format_date(moment.astimezone(LOCAL).date(), "d MMMM y", locale=language)
    for length, written, shown in _FORMS:
        if len(text) == length:
            try:
                found = datetime.strptime(text, written)  # noqa: DTZ007 (a date has no zone)
            except ValueError:
                return text
            return format_date(found.date(), shown, locale=language)
    return text


def day_at(at: int, language: Language) -> str:
    """The day of µs since the epoch."""
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(LOCAL)
    return format_date(moment.date(), "d MMMM y", locale=language)


def period(value: object, language: Language) -> tuple[str, str]:
    """The days on which a Period begins and ends; empty where it does not say."""
    if not isinstance(value, dict):
        return "", ""
    start, end = value.get("start", ""), value.get("end", "")
    return (day(start, language) if start else ""), (day(end, language) if end else "")
