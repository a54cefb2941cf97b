"""What holds for every key and every set of answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.fhir.resource import Resource, walk_dicts
from app.questionnaires.items import form_of
from app.questionnaires.scoring.compute import decimal_of, rounded, score
from app.questionnaires.scoring.program import Rounding
from tests.questionnaires.scoring import ANSWERS, CODES, answered, dimension, form, program, questionnaire, scored

FILLED = st.lists(st.sampled_from(CODES), min_size=1, max_size=12).map("".join)
GAPS = st.lists(st.sampled_from(f"{CODES}."), min_size=1, max_size=12).map("".join)
HALF_UP = {"digits": 3, "rule": "half-up"}


def items(answers: str) -> list[str]:
    return [str(number) for number in range(1, len(answers) + 1)]


def total(answers: str, **members: Any) -> Fraction | None:
    return scored(answers, dimension(**{"items": items(answers), **members})).results[0].value


@given(FILLED)
def test_a_reversed_item_is_the_other_end_of_the_scale(answers: str) -> None:
    upside_down: list[Any] = [{"item": each, "reverse": True} for each in items(answers)]
    straight, reverse = total(answers), total(answers, items=upside_down, range=[0, 3])
    assert straight is not None
    assert reverse == 3 * len(answers) - straight


@given(FILLED)
def test_reversing_twice_changes_nothing(answers: str) -> None:
    weights = {each: [3, 2, 1, 0] for each in items(answers)}  # the Questionnaire counts the other way round
    key = program(dimension(items=[{"item": each, "reverse": True} for each in items(answers)], range=[0, 3]))
    found = score(key, form(len(answers), weights=weights), answered(answers)).results[0].value
    assert found == total(answers)


@given(GAPS, st.randoms(use_true_random=False))
def test_the_order_of_items_makes_no_difference(answers: str, by: random.Random) -> None:
    mixed = by.sample(items(answers), len(answers))
    response = answered(answers)
    by.shuffle(response["item"])
    members: dict[str, Any] = {"minimum": 1, "prorate": "mean", "round": HALF_UP}
    one = score(program(dimension(items=items(answers), **members)), form(len(answers)), answered(answers)).results[0]
    other = score(program(dimension(items=mixed, **members)), form(len(answers)), response).results[0]
    assert (one.value, one.reason, set(one.missing)) == (other.value, other.reason, set(other.missing))


@given(FILLED)
def test_the_language_of_a_questionnaire_makes_no_difference(answers: str) -> None:
    key = program(dimension(items=items(answers)))
    found = set()
    for language in ("nl", "en", "tr"):
        asked = questionnaire(len(answers), language=language)
        response = answered(answers, language=language)
        for coding in walk_dicts(response):
            if coding.get("system") == ANSWERS:
                coding["display"] = f"{language} {coding['code']}"
        found.add(score(key, form_of(asked), response).results[0].value)
    assert len(found) == 1


@given(FILLED)
def test_groups_around_questions_make_no_difference(answers: str) -> None:
    def grouped(resource: Resource) -> Resource:
        return {**resource, "item": [{"linkId": "g", "type": "group", "item": resource["item"]}]}

    key = program(dimension(items=items(answers)))
    asked, response = form_of(grouped(questionnaire(len(answers)))), grouped(answered(answers))
    assert score(key, asked, response).results[0].value == total(answers)


@given(FILLED)
def test_nothing_is_prorated_when_nothing_is_missing(answers: str) -> None:
    assert total(answers, prorate="mean", round=HALF_UP) == total(answers)


@given(GAPS)
def test_a_prorated_sum_is_the_mean_times_the_number_of_items(answers: str) -> None:
    members: dict[str, Any] = {"minimum": 1, "round": {"digits": 6, "rule": "half-up"}}
    mean, whole = total(answers, method="mean", **members), total(answers, prorate="mean", **members)
    if mean is None or whole is None:
        assert mean is whole
    else:
        assert abs(mean * len(answers) - whole) <= Fraction(len(answers), 1_000_000)


@given(GAPS)
def test_every_item_is_answered_or_missing_and_no_result_is_silent(answers: str) -> None:
    (found,) = scored(answers, dimension(items=items(answers))).results
    assert found.answered + len(found.missing) == len(answers)
    assert (found.value is None) == bool(found.reason)


@given(
    st.fractions(min_value=-1000, max_value=1000, max_denominator=10_000),
    st.integers(0, 6),
    st.sampled_from(["half-up", "half-even", "down", "up"]),
)
def test_rounding_is_to_a_neighbour_and_done_once(value: Fraction, digits: int, rule: Any) -> None:
    made = rounded(value, Rounding(digits, rule))
    assert abs(made - value) < Fraction(1, 10**digits)
    assert rounded(made, Rounding(digits, rule)) == made
    assert Fraction(decimal_of(made, digits)) == made
    assert -decimal_of(made, digits).as_tuple().exponent == digits  # type: ignore[operator] # a finite number


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12, unique=True).map(sorted), st.integers(-60, 60))
def test_bands_that_touch_give_every_number_one_class(edges: Sequence[int], number: int) -> None:
    bands = [{"class": "first", "nl": "x", "en": "x", "below": edges[0]}]
    ends = [*edges[1:], None]
    for low, high in zip(edges, ends, strict=True):
        end = {} if high is None else {"below": high}
        bands.append({"class": f"from{low}", "nl": "x", "en": "x", "from": low, **end})
    (made,) = program(dimension(items=["1"], bands=bands)).dimensions
    holding = [each.code for each in made.bands["1"] if each.holds(Fraction(number))]
    below = [each for each in edges if each <= number]
    assert holding == [f"from{below[-1]}" if below else "first"]
