"""Our own questionnaires: their examples are right, and what nearly is an answer is refused, in its place."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from app.questionnaires.answers.checking import problems
from app.questionnaires.instruments import shipped
from app.questionnaires.items import Form, form_of
from tests.medmij_profiles.package import examples, of_type, walk
from tests.questionnaires.answering import rules

OWN: Final = {url for url, each in shipped(CANONICAL_BASE).items() if each.wording == "own"}
ANSWERS: Final = {
    name: each
    for name, each in examples().items()
    if each["resourceType"] == "QuestionnaireResponse" and each["questionnaire"].partition("|")[0] in OWN
}


def form(response: Resource) -> Form:
    return form_of(of_type("Questionnaire")[response["questionnaire"].partition("|")[0]])


def item_of(response: Resource, link_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in walk(response["item"]) if isinstance(each, dict) and each.get("linkId") == link_id
    )
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_every_example_is_a_right_answer(name: str) -> None:
    response = ANSWERS[name]
    found = problems(form(response), response, complete=response["status"] == "completed")
    assert [each for each in found if each.severity == "error"] == []  # value sets are not looked up here


def option(system: str, code: str) -> list[dict[str, Any]]:
    return [{"valueCoding": {"system": f"{CANONICAL_BASE}/CodeSystem/{system}", "code": code}}]


NEAR_MISSES: Final = [
    ("waar-sta-ik-truus", "level", None, "required", "item.where(linkId='level')"),
    ("waar-sta-ik-truus", "level", option("self-management-level", "5"), "option", "item[0].answer[0].value"),
    ("waar-sta-ik-truus", "level", option("agreement-answer", "fully"), "option", "item[0].answer[0].value"),
    ("waar-sta-ik-truus", "level", [{"valueString": "3"}], "type", "item[0].answer[0].value"),
    ("levenswiel-bilal", "daily", [{"valueInteger": 11}], "max-value", "item[0].item[2].answer[0].value"),
    ("hoeveel-vertrouwen-bilal", "confidence", [{"valueInteger": -1}], "min-value", "item[1].answer[0].value"),
    ("hoe-belangrijk-truus", "importance", [{"valueInteger": 10}], "disabled", "item[3]"),
    ("hoeveel-vertrouwen-truus", "confidence", [{"valueInteger": 0}], "disabled", "item[2]"),
    ("hoeveel-vertrouwen-truus", "topic", [{"valueString": "x" * 201}], "max-length", "item[0].answer[0].value"),
    ("levenswiel-truus", "mind", [{"valueInteger": 12}], "max-value", "item[0].item[1].answer[0].value"),
    ("levenswiel-truus", "body", [{"valueInteger": 1}, {"valueInteger": 2}], "too-many", "item[0].item[0].answer"),
    ("gesprek-truus", "companion", [{"valueString": "a"}, {"valueString": "b"}], "too-many", "item[3].answer"),
    ("ervaring-truus", "told", option("agreement-answer", "never"), "option", "item[0].item[0].answer[0].value"),
    ("ervaring-truus", "anchor", [{"valueBoolean": True}], "type", "item[1].answer[0].value"),
]


@pytest.mark.parametrize(("name", "link_id", "answer", "rule", "place"), NEAR_MISSES)
def test_a_near_miss_is_refused_in_its_place(
    name: str, link_id: str, answer: list[Any] | None, rule: str, place: str
) -> None:
    response = decode(encode(ANSWERS[f"QuestionnaireResponse/{name}"]))
    if answer is None:
        response["item"] = [each for each in response["item"] if each["linkId"] != link_id]
    else:
        item_of(response, link_id)["answer"] = answer
    assert rules(problems(form(response), response, complete=True)) == [(rule, place)]


def test_a_draft_may_lack_what_is_required() -> None:
    response = {
        **decode(encode(ANSWERS["QuestionnaireResponse/waar-sta-ik-truus"])),
        "status": "in-progress",
        "item": [],
    }
    del response["item"]
    assert rules(problems(form(response), response, complete=False)) == []
    assert rules(problems(form(response), response, complete=True)) == [("required", "item.where(linkId='level')")]


def test_an_answer_to_what_is_not_asked_is_refused() -> None:
    response = decode(encode(ANSWERS["QuestionnaireResponse/levenswiel-bilal"]))
    response["item"].append({"linkId": "income", "answer": [{"valueString": "genoeg"}]})
    assert [place for _, place in rules(problems(form(response), response, complete=True))] == ["item[1].linkId"]


def test_the_wheel_counts_its_parts_by_itself() -> None:
    response = decode(encode(ANSWERS["QuestionnaireResponse/levenswiel-bilal"]))
    response["item"].append({"linkId": "filled-in", "answer": [{"valueInteger": 3}]})
    assert rules(problems(form(response), response, complete=True)) == []
    response["item"][-1]["answer"] = [{"valueInteger": 6}]
    assert rules(problems(form(response), response, complete=True)) != []
