"""The examples of Nictiz and HL7, those of ours and of the demo: what is right in them is accepted, and the mistakes
that HL7's have are found.
"""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from app.cli.demo import demo_resources
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests.questionnaires import drawn, stu3
from tests.questionnaires.answering import found, given, rules
from tests.server.service import Caller, issues

VALID: Final = ("3141", "bb", "f201", "gcs", "zika-virus-exposure-assessment")
"""HL7's Questionnaires that are valid in R4: the other one has items without linkId."""
MISTAKES: Final[dict[str, list[tuple[str, str]]]] = {
    # It asks for a code of v2, and is answered with one of its own; below that is an item that is not asked.
    "3141": [("disabled", "item[0].item[0].answer[0].item[0]")],
    # f is no option, F is; and of the doses the one linkId is written in two ways.
    "bb": [
        ("option", "item[0].item[0].item[1].answer[0].value"),
        ("unknown-item", "item[0].item[1].item[2].answer[0].item[0].item[0].linkId"),
        ("unknown-item", "item[0].item[1].item[2].answer[0].item[0].item[1].linkId"),
    ],
    # The answers are to another edition of the questions.
    "f201": [
        ("misplaced", "item[0].item[0]"),
        ("type", "item[2].item[0].answer[0].value"),
        ("type", "item[2].item[1].answer[0].value"),
    ],
    "gcs": [],
}
_PROFILES: Final = Path(__file__).parents[2] / "medmij_profiles"
DAMAGED: Final = 40
"""Rounds of damaged copies of each example."""


@pytest.fixture(scope="module")
def examples(fhir_definitions: Path) -> dict[str, tuple[Resource, Resource | None]]:
    """Questionnaires with the answers to them, where there are, as R4 has them."""
    listed = stu3.hl7(fhir_definitions)
    pairs: dict[str, tuple[Resource, Resource | None]] = {"phq-9": stu3.nictiz(fhir_definitions)}
    for name in VALID:
        asked = stu3.questionnaire_of(listed["Questionnaire"][name])
        answers = listed["QuestionnaireResponse"].get(name)
        pairs[name] = asked, None if answers is None else stu3.response_of(answers, asked)
    return pairs


def _errors(asked: Resource, answers: Resource) -> list[tuple[str, str]]:
    return rules([each for each in found(asked, answers) if each.severity == "error"])


def test_what_the_converter_makes_is_valid(examples: dict[str, tuple[Resource, Resource | None]]) -> None:
    definitions = load("4.0.1")
    for name, pair in examples.items():
        for resource in pair:
            if resource is not None:
                wrong = [each for each in validate(resource, definitions) if each.severity == "error"]
                assert wrong == [], name


def test_the_answers_to_nictizs_example_are_accepted(examples: dict[str, tuple[Resource, Resource | None]]) -> None:
    asked, answers = examples["phq-9"]
    assert answers is not None
    assert found(asked, answers) == []
    assert len(list(drawn.places(asked, answers))) == 11


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistakes_in_hl7s_examples_are_found(
    examples: dict[str, tuple[Resource, Resource | None]], name: str
) -> None:
    asked, answers = examples[name]
    assert answers is not None
    assert _errors(asked, answers) == MISTAKES[name]


def test_hl7s_examples_are_accepted_without_their_mistakes(
    examples: dict[str, tuple[Resource, Resource | None]],
) -> None:
    corrected = {name: copy.deepcopy(examples[name][1]) for name in MISTAKES}
    cancer, book, life = (corrected[name] for name in ("3141", "bb", "f201"))
    assert cancer is not None
    assert book is not None
    assert life is not None
    yes = {"system": "http://terminology.hl7.org/CodeSystem/v2-0136", "code": "Y"}
    cancer["item"][0]["item"][0]["answer"][0]["valueCoding"] = yes
    del cancer["item"][0]["item"][0]["answer"][0]["item"][0]["item"][2]
    birth = book["item"][0]["item"]
    birth[0]["item"][1]["answer"][0]["valueCoding"]["code"] = "F"
    for number, dose in enumerate(birth[1]["item"][2]["answer"][0]["item"][0]["item"], 1):
        dose["linkId"] = f"vitaminiKDose{number}"
        dose["answer"] = [{"valueDateTime": dose["answer"][0]["valueDate"]}]
    life["item"][0] = given("1", ("Boolean", True))
    for answer in life["item"][2]["item"]:
        answer["answer"] = [{"valueBoolean": False}]
    for name, answers in corrected.items():
        assert answers is not None
        assert _errors(examples[name][0], answers) == [], name


@pytest.mark.parametrize("name", ["phq-9", *VALID])
def test_answers_that_fit_are_accepted_and_damaged_ones_refused(
    examples: dict[str, tuple[Resource, Resource | None]], name: str
) -> None:
    asked, _ = examples[name]
    draw = Random(name)
    refused = 0
    for _ in range(DAMAGED):
        answers = drawn.answered(draw, asked, everything=True)
        assert _errors(asked, answers) == []
        for each in drawn.broken(draw, asked, answers):
            if each.rule in _UNASKED.get(name, _FREE):
                continue
            told = [one for one in found(asked, each.response) if one.rule == f"questionnaire-{each.rule}"]
            assert told, each
            if each.rule not in ("unknown-item", "order"):
                assert any(each.link_id in one.diagnostics for one in told)
            refused += 1
    assert refused >= 100


_FREE: Final = frozenset(
    {"max-value", "min-value", "decimals", "max-length", "min-length", "regex", "unit", "attachment-type"}
    | {"reference-type"}
)
"""What these examples do not ask."""
_UNASKED: Final = {name: _FREE | {"option"} for name in ("3141", "gcs", "f201", "zika-virus-exposure-assessment")}


def _ours(folder: str, kind: str) -> list[Resource]:
    listed = [decode(each.read_bytes()) for each in sorted((_PROFILES / folder).glob(f"{kind}-*.json"))]
    assert listed
    return listed


def test_our_own_examples_and_those_of_the_demo_fit_our_questionnaires() -> None:
    asked = {each["url"]: each for each in _ours("questionnaires", "Questionnaire")}
    answered = _ours("examples", "QuestionnaireResponse")
    demo = demo_resources(today=date(2026, 11, 1))
    answered += [each for each in demo if each["resourceType"] == "QuestionnaireResponse"]
    assert len(answered) > 20
    for each in answered:
        assert _errors(asked[each["questionnaire"].partition("|")[0]], each) == [], each.get("id")


async def test_nictizs_and_hl7s_examples_are_accepted_over_http(
    examples: dict[str, tuple[Resource, Resource | None]], anna: Caller, operator: Caller
) -> None:
    draw = Random(3)
    for name in ("phq-9", "gcs", "zika-virus-exposure-assessment"):
        asked, answers = examples[name]
        await operator.keep({**asked, "id": name, "url": f"http://example.org/Questionnaire/{name}"})
        sent: Any = answers or drawn.answered(draw, asked, everything=True)
        sent = {**sent, "questionnaire": f"http://example.org/Questionnaire/{name}"}
        sent.pop("id", None)
        answer = await anna.post("/QuestionnaireResponse", sent, {"Prefer": "return=OperationOutcome"})
        assert answer.status_code == 201, answer.text
        assert {each["severity"] for each in issues(answer)} == {"information"}
        damaged = next(iter(drawn.broken(draw, asked, sent)))
        refused = await anna.post("/QuestionnaireResponse", damaged.response)
        assert refused.status_code == 422
        assert damaged.link_id in refused.text
