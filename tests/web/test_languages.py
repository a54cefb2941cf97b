"""The language of a page. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4"""

from __future__ import annotations

import pytest

from app.web.languages import language


@pytest.mark.parametrize(
    ("asked", "accept", "expected"),
    [
        (None, "", "nl"),
        (None, "*", "nl"),
        (None, "fr-FR, de;q=0.5", "nl"),
        (None, "en", "en"),
        (None, "en-GB,en;q=0.9,nl;q=0.8", "en"),
        (None, "nl-BE, en;q=0.9", "nl"),
        (None, "en;q=0.2, NL;q=0.3", "nl"),
        (None, "en;q=0", "nl"),
        (None, "en;q=nonsense", "nl"),
        ("en", "nl", "en"),
        ("nl", "en", "nl"),
        ("fr", "en", "en"),
    ],
)
def test_a_page_is_in_the_best_language_that_it_has(asked: str | None, accept: str, expected: str) -> None:
    assert language(asked, accept) == expected
