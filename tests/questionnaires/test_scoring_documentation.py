"""The example in docs/scoring.md is carried out, and its tables say what the code does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.auth.code_systems import FOLDER
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.questionnaires import expressions
from app.questionnaires.items import form_of
from app.questionnaires.scoring import code_systems
from app.questionnaires.scoring.against import key_problems
from app.questionnaires.scoring.compute import REASONS, Result, decimal_of, score
from app.questionnaires.scoring.program import Program
from app.questionnaires.scoring.reading import read_program
from tests.questionnaires.scoring import ORDINAL, answered

PAGE: Final = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text("utf-8")
SYSTEM: Final = "https://nep.example/antwoorden"
ROW: Final = re.compile(r"^\| (?P<answers>\w+, \w+, \w+, \w+) \|.*?\| (?P<rest>.*) \|$", re.MULTILINE)
ROWS: Final = [
    (each["answers"].split(", "), [cell.strip() for cell in each["rest"].split("|")]) for each in ROW.finditer(PAGE)
]


def program() -> Program:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return read_program(yaml.safe_load(block), CANONICAL_BASE)


def asked() -> Resource:
    weighed = [
        {"valueCoding": {"system": SYSTEM, "code": code}, "extension": [{"url": ORDINAL, "valueDecimal": weight}]}
        for weight, code in enumerate("abcde")
    ]
    options = [*weighed, {"valueCoding": {"system": SYSTEM, "code": "nvt"}}]
    items = [{"linkId": each, "type": "choice", "answerOption": options} for each in "1234"]
    return {"resourceType": "Questionnaire", "item": items}


def said(result: Result) -> str:
    """A result as the page has it."""
    if result.value is None:
        return f"no score: `{result.reason}`"
    digits = result.dimension.rounding.digits if result.dimension.rounding is not None else None
    return str(decimal_of(result.value, digits))


def test_the_page_has_an_example() -> None:
    assert len(ROWS) == 5
    assert key_problems(program(), form_of(asked())) == []


@pytest.mark.parametrize(("answers", "cells"), [pytest.param(*each, id=" ".join(each[0])) for each in ROWS])
def test_the_example_gives_what_the_page_says(answers: list[str], cells: list[str]) -> None:
    items = [
        {"linkId": str(number), "answer": [{"valueCoding": {"system": SYSTEM, "code": code}}]}
        for number, code in enumerate(answers, 1)
    ]
    found = score(program(), form_of(asked()), answered("", item=items))
    other = score(replace(program(), cut_offs="A"), form_of(asked()), answered("", item=items))
    moed, tafel, losse = found.results
    classes = [each.results[0].band.code if each.results[0].band else "" for each in (found, other)]
    assert [said(moed), *classes, said(tafel)] == cells
    assert [item.link_id for item in losse.items] == ["3", "4"]


def test_the_page_names_every_reason() -> None:
    section = PAGE.partition("## Why there is no score")[2].partition("##")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == list(REASONS)


def test_the_page_names_every_member_of_a_key() -> None:
    from app.questionnaires.scoring import reading

    for name in {*reading._PROGRAM, *reading._DIMENSION}:
        assert f"`{name}`" in PAGE, name


def test_the_page_names_every_bound_of_expressions() -> None:
    section = " ".join(PAGE.partition("## Expressions")[2].split())
    assert all(f"`{name}`" in section for name in expressions.REFUSED)
    for number in (expressions.LONGEST, expressions.DEEPEST, expressions.MOST_STEPS, expressions.MOST_VALUES):
        assert f"{number:,}" in section
    assert expressions.MOST_TIME == 250_000_000


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"linkId": "9"}, "Item 4 of dimension moed is not in the Questionnaire."),
        ({"type": "display"}, "Item 4 of dimension moed is no question."),
        ({"type": "string", "answerOption": []}, "has its answers elsewhere"),
        ({"repeats": True}, "can have several answers"),
        ({"answerOption": [{"valueCoding": {"system": SYSTEM, "code": "x"}}]}, "1 answer(s) without a weight"),
    ],
)
def test_a_key_is_held_against_its_questionnaire(change: Resource, problem: str) -> None:
    form = asked()
    form["item"][3] = {**form["item"][3], **change}
    assert any(problem in each for each in key_problems(program(), form_of(form)))


@pytest.mark.parametrize(
    ("values", "item", "problem"),
    [
        ("number", {"type": "choice"}, "is no number"),
        ({"boolean": {"true": 1}}, {"type": "boolean"}, "for true and for false"),
        ({"codes": {"x": 1}}, {"type": "integer"}, "is no choice"),
        ({"codes": {"x": 1}}, {"type": "choice", "answerOption": [{"valueCoding": {"code": "y"}}]}, "no number for"),
    ],
)
def test_so_are_the_numbers_of_its_answers(values: Any, item: Resource, problem: str) -> None:
    dimension = {"id": "x", "nl": "x", "en": "x", "meaning": {"nl": "x", "en": "x"}, "method": "sum", "items": ["1"]}
    made = read_program({"id": "x", "version": "1", "values": values, "dimensions": [dimension]}, CANONICAL_BASE)
    form = form_of({"resourceType": "Questionnaire", "item": [{"linkId": "1", **item}]})
    (found,) = key_problems(made, form)
    assert problem in found


def test_the_code_systems_of_scores_are_made_from_the_tables() -> None:
    for name, content in code_systems.files().items():
        remake = "run python -m app.questionnaires.scoring.code_systems"
        assert (FOLDER / name).read_bytes() == content, remake
