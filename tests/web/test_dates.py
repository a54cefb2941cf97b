"""Times as people read them."""

from __future__ import annotations

import pytest

from app.server.access import FOREVER
from app.web.dates import date, moment

AT = 1_796_043_900_000_000


def test_a_time_is_dutch_local_time_in_the_language_of_the_page() -> None:
    assert (date(AT, "nl"), date(AT, "en")) == ("30 november 2026", "30 November 2026")
    assert moment(AT, "nl") == "30 november 2026, 14:05"


@pytest.mark.parametrize("at", [FOREVER, FOREVER - 1])
def test_what_has_no_end_says_so(at: int) -> None:
    assert date(at, "nl") == moment(at, "nl") == "zonder einddatum"
    assert date(at, "en") == "without an end date"
