"""LHC-Forms, of the National Library of Medicine, renders what we serve, and we accept the answers that it makes.
https://lhncbc.github.io/lforms/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.fhir.resource import Resource
from tests.pages.filling import stored_answers
from tests.pages.lhc import TOKEN, lhc_page, made, opened, said, shown
from tests.pages.serving import ours, ours_in_use, tell
from tests.process import Process

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def lforms(browser: Browser, served: Process) -> Iterator[Page]:
    with lhc_page(browser, served) as page:
        yield page


def texts(items: list[Resource]) -> Iterator[str]:
    """What people read of what is always there."""
    for each in items:
        hidden = any(one["url"].endswith("questionnaire-hidden") for one in each.get("extension", ()))
        if hidden or each.get("enableWhen"):
            continue
        if each["type"] != "display" and "text" in each:
            yield each["text"]
        if each["type"] == "group":
            yield from texts(each.get("item", []))


def example_answers(questionnaire: Resource, items: list[Resource]) -> list[Resource]:
    """An answer to every question that is not under a condition."""
    found = []
    for each in items:
        if each.get("enableWhen") or each["type"] == "display" or each.get("readOnly"):
            continue
        answer = _example(each)
        below = example_answers(questionnaire, each.get("item", [])) if each["type"] == "group" else []
        if answer is not None:
            found.append({"linkId": each["linkId"], "text": each.get("text", ""), "answer": [answer]})
        elif below:
            found.append({"linkId": each["linkId"], "text": each.get("text", ""), "item": below})
    return found


def _example(item: Resource) -> dict[str, Any] | None:
    if any(one["url"].endswith("questionnaire-hidden") for one in item.get("extension", ())):
        return None
    if item.get("answerOption"):
        option = item["answerOption"][0]
        coding = option.get("valueCoding")
        if coding is None:
            return dict(option)
        return {"valueCoding": {name: coding[name] for name in ("system", "code", "display") if name in coding}}
    if item.get("answerValueSet", "").endswith("decision-outcome"):
        system = item["answerValueSet"].replace("ValueSet", "CodeSystem")
        return {"valueCoding": {"system": system, "code": "decided", "display": "Besloten"}}
    plain: dict[str, dict[str, Any]] = {
        "string": {"valueString": "Zo gaat het."},
        "text": {"valueString": "Eerst dit, dan dat."},
        "integer": {"valueInteger": 7},
        "decimal": {"valueDecimal": 7.5},
        "boolean": {"valueBoolean": True},
        "date": {"valueDate": "2024-03-05"},
    }
    return plain.get(item["type"])


@pytest.mark.parametrize("name", ours_in_use())
def test_it_renders_one_of_ours_and_its_answers_are_accepted(lforms: Page, served: Process, name: str) -> None:
    url = ours(name)["url"]
    bundle = tell(served, "GET", f"Questionnaire?url={url}", token=TOKEN)
    questionnaire = bundle["entry"][0]["resource"]
    opened(lforms, served)
    shown(lforms, questionnaire)
    words = said(lforms)
    for text in texts(questionnaire["item"]):
        assert " ".join(text.split()) in words, text
    given = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{url}|{questionnaire['version']}",
        "status": "in-progress",
        "item": example_answers(questionnaire, questionnaire["item"]),
    }
    opened(lforms, served)
    shown(lforms, questionnaire, given)
    response = {**made(lforms), "status": "completed"}
    stored = tell(served, "POST", "QuestionnaireResponse", response, token=TOKEN)
    assert stored["status"] == "completed"
    answers = stored_answers(questionnaire, stored)
    for key, expected in stored_answers(questionnaire, given).items():
        (member, value), (there, kept) = expected[0], answers[key][0]
        assert member == there
        assert kept.get("code") == value["code"] if isinstance(value, dict) else kept == value
