"""No test begins just before midnight, on the clock of UTC or of the Netherlands: what it reads the date for a second
time would be about another day than the first.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

import pytest

from app.fhir.dates import LOCAL

JUST_BEFORE: Final = 30.0
"""Seconds; most tests take one or two, on a busy machine ten."""
_DAY: Final = 24 * 3600.0


def until_midnight(now: float) -> float:
    """How many seconds are left of the day, where it is over first. ``now``: seconds since 1970 in UTC."""
    moments = (datetime.fromtimestamp(now, zone) for zone in (UTC, LOCAL))
    return min(_DAY - (at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6) for at in moments)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    left = until_midnight(time.time())
    if left <= JUST_BEFORE:
        time.sleep(left)
