"""Regular expressions of Questionnaires: they match what Python's match, and in bounded time."""

from __future__ import annotations

import random
import re
import time
import warnings

import pytest

from app.questionnaires.answers.patterns import NotUnderstood, pattern_of

_ATOMS = (
    *("a", "b", ".", r"\d", "[a-c]", "[^ab]", "(a|b)", "(?:ab|a)", r"\.", r"\w", "x?", "^", "$", r"[\d-]", "[]a]"),
    *("(a*b){1,2}", "(a?){2}", r"[\w.]", r"\x61", r"[\-a]", "()", r"\S"),
)
_TIMES = ("", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0,1}", "{0}")


def test_an_expression_matches_what_pythons_matches() -> None:
    draw = random.Random(7)
    compared = 0
    for _ in range(4_000):
        expression = "".join(draw.choice(_ATOMS) + draw.choice(_TIMES) for _ in range(draw.randint(1, 4)))
        if draw.random() < 0.3:
            expression += "|" + draw.choice(_ATOMS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ours, theirs = pattern_of(expression), re.compile(expression)
            except (NotUnderstood, re.error):
                continue
        for _ in range(5):
            text = "".join(draw.choice("ab1.cx-") for _ in range(draw.randint(0, 5)))
            assert ours.matches(text) == bool(theirs.fullmatch(text)), (expression, text)
            compared += 1
    assert compared > 10_000


@pytest.mark.parametrize("expression", ["(a+)+b", "(a|a)*b", "(a*)*b", "a*a*a*a*b", "(.*a){20}", r"(\w+\s?)*!"])
def test_an_expression_that_would_take_years_takes_no_time(expression: str) -> None:
    begun = time.process_time()
    assert not pattern_of(expression).matches("a" * 5_000 + "c")
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "expression",
    [
        *("(?=a)a", "(?!a)b", "(?<n>a)", "(?i)a", r"(a)\1", "(a", "a)", "[a", "a**", "*a", "[b-a]", r"\p{L}", "a{3,2}"),
        *("a{9999}", "\\", "(a{900}){900}", r"a\b"),
    ],
)
def test_what_needs_a_memory_or_is_no_expression_is_not_understood(expression: str) -> None:
    with pytest.raises(NotUnderstood):
        pattern_of(expression)


def test_a_text_that_is_too_long_for_its_expression_is_not_looked_at() -> None:
    with pytest.raises(NotUnderstood):
        pattern_of("(a|b|c|d){100}").matches("a" * 100_000)
