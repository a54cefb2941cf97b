"""The hazards of docs/hazards.md: every module and every test that it names is there, and what it and the intended
purpose say of words and of signals holds.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest
import yaml

from tests.postgresql import CHECKOUT

HAZARDS: Final = (CHECKOUT / "docs" / "hazards.md").read_text("utf-8")
PURPOSE: Final = (CHECKOUT / "docs" / "intended-purpose.md").read_text("utf-8")
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in HAZARDS.splitlines() if line.startswith("| H")
]
TEXTS: Final = (
    "app/web/texts/measurements.yaml",
    "app/web/texts/profile.yaml",
    "app/questionnaires/support.yaml",
    "app/measurements/watching.yaml",
)
"""What pages of values and results say."""
SAID_OF_VALUES: Final = (*TEXTS, "app/measurements/statistics/texts.yaml", "app/measurements/protocols/texts.yaml")
JUDGING: Final = re.compile(
    r"\b(te hoog|te laag|gevaarlijk|ongezond|afwijkend|abnormaal|zorgwekkend|too high|too low|dangerous|unhealthy|"
    r"abnormal|worrying)\b",
    re.IGNORECASE,
)
WORDS: Final = 15


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((CHECKOUT / path).read_text("utf-8"))
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def said(table: Any) -> Iterator[str]:
    """Every text of a table."""
    if isinstance(table, Mapping):
        for each in table.values():
            yield from said(each)
    elif isinstance(table, list):
        for each in table:
            yield from said(each)
    elif isinstance(table, str):
        yield table


def texts(path: str) -> list[str]:
    return list(said(yaml.safe_load((CHECKOUT / path).read_text("utf-8"))))


def modules() -> Iterator[tuple[str, str]]:
    for path in sorted((CHECKOUT / "app").rglob("*.py")):
        yield str(path.relative_to(CHECKOUT)), path.read_text("utf-8")


def test_hazards_are_numbered_without_a_gap() -> None:
    assert [row[0] for row in ROWS] == [f"H{number}" for number in range(1, len(ROWS) + 1)]
    assert all(len(row) == 6 and all(row) for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_module_and_every_test_of_a_hazard_is_there(row: list[str]) -> None:
    controls, named = re.findall(r"`([^`]+)`", row[4]), re.findall(r"`([^`]+)`", row[5])
    assert controls
    assert named
    for each in controls:
        assert (CHECKOUT / each).is_file(), each
    for each in named:
        path, _, name = each.partition("::")
        assert name in functions_of(path), each


def test_the_two_pages_lead_to_each_other() -> None:
    assert "hazards.md" in PURPOSE
    assert "intended-purpose.md" in HAZARDS
    for link in re.findall(r"\]\(([\w./-]+\.md)\)", HAZARDS + PURPOSE):
        assert (CHECKOUT / "docs" / link).is_file(), link


@pytest.mark.parametrize("path", SAID_OF_VALUES)
def test_no_text_judges_a_value(path: str) -> None:
    assert [each for each in texts(path) if JUDGING.search(each)] == []


@pytest.mark.parametrize("path", TEXTS)
def test_sentences_for_people_are_short_and_have_no_percentages(path: str) -> None:
    for text in texts(path):
        assert "%" not in text, text
        assert all(len(sentence.split()) <= WORDS for sentence in re.split(r"[.:?!]\s", text)), text


def test_nothing_compares_a_value_with_an_agreed_limit() -> None:
    """What knows the zones of an action plan knows nothing of readings, and nothing makes a warning of a value."""
    for path, text in modules():
        if "action-plan-zone" in text:
            imported = {each.module or "" for each in ast.walk(ast.parse(text)) if isinstance(each, ast.ImportFrom)}
            assert not any(each.startswith("app.measurements") for each in imported), path
        for kind in ("Flag", "DetectedIssue", "RiskAssessment", "CommunicationRequest"):
            assert not re.search(rf"[\"']resourceType[\"']: [\"']{kind}[\"']", text), path


def test_nothing_that_is_written_of_a_value_has_an_interpretation() -> None:
    """But for the remark that a class of a questionnaire was not confirmed, and for the view in which zib2017 has the
    regularity of a heartbeat there, which the person measured.
    """
    writing = {path for path, text in modules() if re.search(r"[\"']interpretation[\"']\s*(\]\s*=|:)", text)}
    assert writing <= {"app/questionnaires/scoring/observations.py", "app/bgz/zib2017/steps.py"}


def test_the_purpose_says_what_it_is_not_for() -> None:
    for text in ("no evaluator of\n  signals", "112", "No diagnosis", "no regulatory opinion"):
        assert text in PURPOSE
