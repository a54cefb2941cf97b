"""Random Questionnaires: what fits is accepted, and what breaks one rule is refused where it breaks it."""

from __future__ import annotations

import time
from collections import Counter
from random import Random

import pytest

from app.fhir.definitions import load
from app.fhir.validation import validate
from tests.questionnaires import drawn
from tests.questionnaires.answering import found, given, item, questionnaire, response, rules, when


@pytest.mark.parametrize("seed", range(20))
def test_a_response_that_fits_is_accepted_however_it_is_written(seed: int) -> None:
    draw = Random(seed)
    for _ in range(40):
        asked = drawn.form(draw)
        for everything in (False, True):
            answers = drawn.answered(draw, asked, everything=everything)
            assert rules(found(asked, answers)) == [], (asked, answers)
            assert rules(found(asked, drawn.rewritten(draw, answers))) == []
            assert rules(found(asked, {**answers, "status": "in-progress"}, complete=False)) == []


def test_what_is_made_is_valid_fhir() -> None:
    draw = Random(99)
    definitions = load("4.0.1")
    for _ in range(20):
        asked = drawn.form(draw)
        for resource in (asked, drawn.answered(draw, asked)):
            assert [each for each in validate(resource, definitions) if each.severity == "error"] == []


def test_a_response_that_breaks_one_rule_is_refused_with_its_item() -> None:
    draw = Random(5)
    seen: Counter[str] = Counter()
    for _ in range(150):
        asked = drawn.form(draw)
        for each in drawn.broken(draw, asked, drawn.answered(draw, asked, everything=True)):
            issues = [issue for issue in found(asked, each.response) if issue.severity == "error"]
            seen[each.rule] += 1
            told = [issue for issue in issues if issue.rule == f"questionnaire-{each.rule}"]
            assert told, (each, issues)
            if each.rule not in ("unknown-item", "order"):
                assert any(each.link_id in issue.diagnostics for issue in told), (each, told)
    assert sum(seen.values()) > 1_000
    assert len(seen) == 18
    assert min(seen.values()) >= 10, seen


def test_a_large_response_costs_what_its_size_costs() -> None:
    below = item("below", "integer", enableWhen=[when("in", "exists", answerBoolean=True)])
    asked = questionnaire(
        item("many", "string", item("sub", "string"), repeats=True),
        item("g", "group", item("in", "boolean"), below, repeats=True),
    )
    answers = [{"valueString": str(number), "item": [given("sub", ("String", "x"))]} for number in range(5_000)]
    groups = [given("g", items=[given("in", ("Boolean", True)), given("below", ("Integer", 1))]) for _ in range(5_000)]
    begun = time.process_time()
    assert found(asked, response(given("many", *answers), *groups)) == []
    assert time.process_time() - begun < 10
