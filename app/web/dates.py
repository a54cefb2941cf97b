"""Times as people read them: Dutch local time, in the page's language. https://babel.pocoo.org"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from app.server.access import FOREVER
from app.web.texts import translate

ZONE: Final = ZoneInfo("Europe/Amsterdam")


def local(at: int) -> datetime:
    """The Dutch local time of µs since the epoch."""
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(ZONE)


def moment(at: int, language: str) -> str:
    """Day and time, such as 3 december 2026 om 14:05."""
    return format_datetime(local(at), "d MMMM y, HH:mm", locale=language)


def date(at: int, language: str) -> str:
    """The day; what has no end says so."""
    if at >= FOREVER:
        return translate(language)("site.forever")
    return format_date(local(at).date(), "d MMMM y", locale=language)
