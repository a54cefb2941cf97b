"""Accept-Language, and texts in both languages. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4"""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import languages
from app.fhir.languages import LANGUAGES, Both, accepted, chosen, in_both, language_of
from app.fhir.resource import decode, encode


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("*", None),
        ("fr", None),
        ("fr, *", None),
        ("nl", "nl"),
        ("NL-be", "nl"),
        ("en-GB,en;q=0.9,nl;q=0.8", "en"),
        ("nl-BE, en;q=0.9", "nl"),
        ("en;q=0.2 , nl ; q = 0.3", "nl"),
        ("en;Q=0.2,nl;q=0.3", "nl"),
        ("en;q=0.5,nl;q=0.5", "en"),
        ("nl;q=0.5,en;q=0.5", "nl"),
        ("fr,en;q=0.001", "en"),
        ("en;q=0.1, en-GB, nl;q=0.5", "en"),
        ("nl;q=0.5, *;q=0.8", "en"),
        ("nl;q=0.5, *;q=0.2", "nl"),
        ("en;q=0", "nl"),
        ("nl;q=0", "en"),
        ("nl;q=0.000, *", "en"),
        ("nl;q=0, en;q=0", None),
        ("nl;q=0, *;q=0", None),
        ("nl;q=2, en;q=0.1", "en"),
        ("nl;q=nan, en;q=0.1", "en"),
        ("nl;q=, en;q=0.1", "en"),
        ("nl_NL, en;q=0.1", "en"),
        (";q=1,,en;q=0.1", "en"),
    ],
)
def test_the_language_that_a_header_likes_best(header: str, expected: str | None) -> None:
    assert language_of(header) == expected


def test_of_a_header_no_more_is_read_and_kept_than_anybody_has_languages() -> None:
    sizes = [len(languages._ranges(f"nl;q=0.{number}, " + "en-GB, " * 100_000)) for number in range(3)]
    assert max(sizes) < 200
    assert chosen("nl, " + "en," * 1_000_000) == "nl"
    before = languages._read.cache_info().currsize
    for number in range(5):
        chosen("nl, " + "fr, " * 1_000 + f"x-{number}")
    assert languages._read.cache_info().currsize <= before + 1, "what is not read is not told apart"


@given(st.text(st.sampled_from("nleq=;,.*-0159 \t"), max_size=60))
def test_whatever_a_header_says_it_is_read_as_one_of_those_known_or_none(header: str) -> None:
    assert chosen(header) in (None, *LANGUAGES)
    assert all(each != "*" for each in accepted(header))


def test_a_text_in_both_languages_is_a_text_of_which_one_can_be_taken() -> None:
    both = Both("No goal", "Geen doel")
    assert both == "No goal / Geen doel"
    assert (both.said_in("nl"), both.said_in("en")) == ("Geen doel", "No goal")
    assert decode(encode({"text": both, "list": [both]})) == {"text": str(both), "list": [str(both)]}
    for copied in (pickle.loads(pickle.dumps(both)), copy.deepcopy(both)):
        assert (copied, copied.said_in("nl")) == (both, "Geen doel")
    changed = in_both(both, str.upper)
    assert isinstance(changed, Both)
    assert changed.said_in("nl") == "GEEN DOEL"
    assert in_both("goal", str.upper) == "GOAL"
