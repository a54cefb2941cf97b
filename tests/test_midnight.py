"""Tests wait for a day that is nearly over. https://en.wikipedia.org/wiki/Central_European_Time"""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.midnight import until_midnight


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2026-01-31T22:59:50Z", 10),  # in winter the day is over in the Netherlands an hour before it is in UTC
        ("2026-01-31T23:00:00Z", 3600),
        ("2026-01-31T23:59:59.500Z", 0.5),
        ("2026-07-31T21:59:50Z", 10),  # in summer, two
        ("2026-07-31T22:00:00Z", 7200),
        ("2026-03-29T12:00:00Z", 36_000),
    ],
)
def test_the_day_is_over_where_that_is_first(now: str, left: float) -> None:
    assert until_midnight(datetime.fromisoformat(now).timestamp()) == pytest.approx(left, abs=1e-3)
