"""Escapes in values. https://hl7.org/fhir/R4/search.html#escaping"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.search.escaping import split, unescape

WORDS = st.lists(st.text(alphabet="ab,$|\\"), min_size=1, max_size=4)


def escape(text: str) -> str:
    return "".join(f"\\{letter}" if letter in ",$|\\" else letter for letter in text)


@given(WORDS, st.sampled_from(",$|"))
def test_what_was_escaped_is_parted_and_read_as_it_was(words: list[str], separator: str) -> None:
    assert [unescape(each) for each in split(separator.join(map(escape, words)), separator)] == words


@pytest.mark.parametrize(
    ("text", "expected"), [("a\\", "a\\"), ("a\\b", "a\\b"), ("a\\,b", "a,b"), ("\\\\,", "\\,"), ("", "")]
)
def test_a_backslash_before_anything_else_is_a_backslash(text: str, expected: str) -> None:
    assert unescape(text) == expected
