"""A stored score in a shape to show, and what is said of a change."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from app.questionnaires.names import Names
from app.questionnaires.scoring.compute import Change, score
from app.questionnaires.scoring.observations import Origin, observations_of
from app.questionnaires.scoring.program import Words
from app.questionnaires.scoring.shown import Shown, change_words, compared, remark, shown
from tests import builders
from tests.questionnaires.scoring import answered, dimension, form, program
from tests.questionnaires.test_scores_written import obtained

NAMES: Final = Names(CANONICAL_BASE)
BANDS: Final = [{"class": "all", "nl": "alles", "en": "everything", "confirmed": False}]
DIMENSIONS: Final = (
    dimension(items=["1", "2"], change={"at_least": 2}, bands=BANDS),
    dimension(
        "half", of=["total"], then=[{"linear": {"from": [0, 6], "to": [0, 3]}}], round={"digits": 1, "rule": "up"}
    ),
    dimension("each", method="items", items=["1", "2"], meaning=None),
)


def made(answers: str, **members: Any) -> list[Shown]:
    """What is shown of the results of these answers, as they are stored."""
    key = program(*DIMENSIONS, **members)
    response = answered(answers)
    origin = Origin(response, "x", 7, "anna", form(2), Words("Nepscore", "Fake score"), response["authored"])
    found = [
        shown(decode(encode(each)), NAMES) for each in observations_of(score(key, form(2), response), origin, NAMES)
    ]
    return [each for each in found if each is not None]


def test_what_was_computed_is_shown_with_its_words() -> None:
    panel, total, half, each = made("bc")
    assert (panel.words, panel.parts) == (Words("Nepscore", "Fake score"), (total.id, half.id, each.id))
    assert (str(total.value), total.raw, total.level) == ("3", None, Words("alles", "everything"))
    assert (str(half.value), str(half.raw)) == ("1.5", "3")
    assert [(asked, answer["valueCodeableConcept"]["coding"][0]["code"]) for asked, answer in each.answers] == [
        ("1", "b"),
        ("2", "c"),
    ]
    assert all(one.computed for one in (panel, total, half, each))
    assert [one.confirmed for one in (panel, total, half)] == [True, False, True]


def test_so_is_why_there_is_no_score() -> None:
    _, total, *_ = made("b.")
    assert total.value is None
    assert total.reason is not None
    assert total.reason.nl.startswith("Er zijn te weinig")
    assert total.reason.en.startswith("There are too few")


def test_a_key_that_was_not_confirmed_makes_nothing_that_is() -> None:
    assert not any(each.confirmed for each in made("bc", confirmed=False))


def test_what_was_obtained_elsewhere_is_shown_as_it_was_given() -> None:
    found = shown(obtained(), NAMES)
    assert found is not None
    assert (str(found.value), str(found.raw), found.level) == ("99.9", "52", Words("Niveau 1", "Niveau 1"))
    assert not found.computed
    assert found.basis["scoredBy"] == "Dienst van de licentiehouder"


def test_a_level_alone_is_shown_too() -> None:
    given: Resource = {**obtained(), "valueCodeableConcept": {"coding": [{"code": "3", "display": "Niveau 3"}]}}
    del given["valueQuantity"], given["component"]
    found = shown(given, NAMES)
    assert found is not None
    assert (found.value, found.level) == (None, Words("Niveau 3", "Niveau 3"))


def test_another_observation_is_no_score() -> None:
    assert shown(builders.observation(), NAMES) is None


def test_two_results_by_one_key_are_compared() -> None:
    total = program(*DIMENSIONS).dimensions[0]
    assert compared(total, made("cc")[1], made("bb")[1]) == Change(Fraction(2), counts=True)
    assert compared(total, made("bb")[1], made("bc")[1]) == Change(Fraction(-1), counts=False)
    assert compared(total, made("b.")[1], made("bb")[1]) is None
    assert compared(total, made("bb", version="2")[1], made("bb")[1]) is None


@pytest.mark.parametrize("counts", [True, False, None])
def test_words_of_a_change_judge_nothing(counts: bool | None) -> None:  # noqa: FBT001
    words = change_words(Change(Fraction(1), counts))
    for text in (words.nl, words.en, remark("unconfirmed").nl, remark("elsewhere").en):
        assert all(len(sentence.split()) <= 15 for sentence in text.split(". "))
        assert not {"beter", "slechter", "goed", "better", "worse", "good"} & set(text.lower().split())
