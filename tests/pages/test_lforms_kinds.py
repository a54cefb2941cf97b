"""LHC-Forms renders every kind of item of R4 that we serve, and its answers are accepted; what it does not support is
named, and is accepted from another app. https://hl7.org/fhir/R4/valueset-item-type.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Error, Page

from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.questionnaires.items import value_in
from tests.pages.lhc import TOKEN, lhc_page, made, opened, said, shown
from tests.pages.lhc_kinds import (
    KINDS,
    NOT_ASKED,
    NOT_SHOWN,
    OTHERWISE,
    REPEATED,
    URL,
    lhc_answers,
    lhc_one,
    lhc_questionnaire,
    lhc_value_set,
)
from tests.pages.serving import tell
from tests.process import Process

pytestmark = pytest.mark.timeout(300)
OPERATOR: Final = "demo-operator"
UNSEEN: Final = frozenset({"hidden", "not-enabled"})
TYPES: Final = {
    *("group", "display", "boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text", "url"),
    *("choice", "open-choice", "attachment", "reference", "quantity"),
}
"""Those of R4 that an item may have; ``question`` is abstract."""


@pytest.fixture(scope="module")
def lforms(browser: Browser, served: Process) -> Iterator[Page]:
    with lhc_page(browser, served) as page:
        yield page


@dataclass(frozen=True)
class Seen:
    """What LHC-Forms shows, the response that it makes, and that response as it is stored."""

    words: str
    made: Resource
    stored: Resource


def held(served: Process, questionnaire: Resource) -> Resource:
    """As we serve it."""
    tell(served, "PUT", f"Questionnaire/{questionnaire['id']}", questionnaire, token=OPERATOR)
    return tell(served, "GET", f"Questionnaire/{questionnaire['id']}", token=TOKEN)


@pytest.fixture(scope="module")
def seen(lforms: Page, served: Process) -> Seen:
    tell(served, "PUT", "ValueSet/lhc-soorten", lhc_value_set(), token=OPERATOR)
    questionnaire = held(served, lhc_questionnaire())
    given = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|1",
        "status": "in-progress",
        "item": lhc_answers(),
    }
    opened(lforms, served)
    shown(lforms, questionnaire, given)
    words, response = said(lforms), made(lforms)
    stored = tell(served, "POST", "QuestionnaireResponse", {**response, "status": "completed"}, token=TOKEN)
    return Seen(words, response, stored)


def answered(questionnaire: Resource, *answers: Resource | None) -> Resource:
    """A complete response of another app."""
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{questionnaire['url']}|1",
        "status": "completed",
        "subject": {"reference": "Patient/bram-van-testen"},
        "item": list(answers),
    }


def named(items: list[Resource], name: str) -> list[Resource]:
    return [each for each in items if each["linkId"] == name]


def texts_in(item: Resource) -> Iterator[str]:
    """What is to be read of an item and of what is in it; notes are behind a button, and the ends of a slider are not
    shown.
    """
    if item["type"] != "display" or not item.get("extension"):
        yield item["text"]
    for each in item.get("item", ()):
        yield from texts_in(each)


def plain(answer: Resource) -> tuple[str, Any]:
    """An answer without what does not count: moments as instants, a Coding without its weight."""
    kind, value = value_in(answer)
    if kind == "valueDateTime":
        return kind, bounds(value)[0]
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if name != "extension"}
    below = [outline(each) for each in answer.get("item", ())]
    return kind, (value, below) if below else value


def outline(item: Resource) -> tuple[str, list[Any], list[Any]]:
    """LinkId, answers and items of a response item, for comparing."""
    return (
        item["linkId"],
        [plain(each) for each in item.get("answer", ())],
        [outline(each) for each in item.get("item", ())],
    )


def test_every_type_of_r4_is_among_them() -> None:
    every = [*KINDS.values(), *OTHERWISE.values(), *NOT_ASKED.values()]
    asked = [each.asked for each in every] + [group for group, _ in REPEATED.values()]
    assert {each["type"] for each in asked} == TYPES


@pytest.mark.parametrize("name", [*KINDS, *REPEATED])
def test_a_kind_is_rendered_and_its_answers_are_stored_as_they_were_given(seen: Seen, name: str) -> None:
    asked = KINDS[name].asked if name in KINDS else REPEATED[name][0]
    for text in texts_in(asked):
        assert (text in seen.words) == (name not in UNSEEN), text
    answers = [KINDS[name].answers] if name in KINDS else REPEATED[name][1]
    expected = [outline(each) for each in answers if each is not None]
    assert [outline(each) for each in named(seen.stored["item"], name)] == expected
    assert [outline(each) for each in named(seen.made["item"], name)] == expected


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("url", "Did you mean valueUri?"),
        ("choice-integers", "Send valueInteger."),
        ("choice-strings", "Send valueString."),
    ],
)
def test_what_lhc_forms_answers_otherwise_than_r4_is_refused_with_the_way_out(
    lforms: Page, served: Process, name: str, way_out: str
) -> None:
    answers, questionnaire = OTHERWISE[name].answers, held(served, lhc_one(name))
    assert answers is not None
    _, value = value_in(answers["answer"][0])
    opened(lforms, served)
    shown(lforms, questionnaire)
    assert OTHERWISE[name].asked["text"] in said(lforms)
    lforms.locator("#form input:visible").first.click()
    lforms.keyboard.type(str(value))
    if "answerOption" in OTHERWISE[name].asked:
        lforms.keyboard.press("ArrowDown")
        lforms.keyboard.press("Enter")
    lforms.keyboard.press("Tab")
    response = {**made(lforms), "status": "completed"}
    with pytest.raises(AssertionError, match=re.escape(way_out)):
        tell(served, "POST", "QuestionnaireResponse", response, token=TOKEN)
    mended = {**response, "item": [answers]}
    del mended["meta"]  # names a profile that no specification has
    assert tell(served, "POST", "QuestionnaireResponse", mended, token=TOKEN)["item"] == [answers]


@pytest.mark.parametrize("name", NOT_ASKED)
def test_what_lhc_forms_cannot_answer_is_accepted_from_another_app(lforms: Page, served: Process, name: str) -> None:
    questionnaire, answers = held(served, lhc_one(name)), NOT_ASKED[name].answers
    response = answered(questionnaire, answers)
    opened(lforms, served)
    shown(lforms, questionnaire, response)
    assert NOT_ASKED[name].asked["text"] in said(lforms)
    assert made(lforms).get("item", []) == []
    assert tell(served, "POST", "QuestionnaireResponse", response, token=TOKEN)["item"] == [answers]


def test_answers_from_a_value_set_that_is_not_written_out_are_more_than_lhc_forms_can_show(
    lforms: Page, served: Process
) -> None:
    questionnaire, answers = held(served, lhc_one("contained-value-set")), NOT_SHOWN["contained-value-set"].answers
    response = answered(questionnaire, answers)
    opened(lforms, served)
    with pytest.raises(Error, match="Cannot read properties of undefined"):
        shown(lforms, questionnaire, response)
    assert tell(served, "POST", "QuestionnaireResponse", response, token=TOKEN)["item"] == [answers]
