"""Expressions of questionnaires: what they know, in which order, and what they are refused."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.fhir.resource import Resource
from app.questionnaires.calculated import (
    CALCULATED,
    INITIAL,
    UNIT,
    VARIABLE,
    calculate,
    calculation,
    expression_issues,
    initial,
)
from app.questionnaires.expressions import DEEPEST, LONGEST, MOST_TOGETHER, REFUSED, NotEvaluable, evaluate
from app.questionnaires.items import Form, form_of

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


def expression(url: str, text: str, name: str = "") -> Resource:
    named = {"name": name} if name else {}
    return {"url": url, "valueExpression": {**named, "language": "text/fhirpath", "expression": text}}


def item(link_id: str, kind: str, *extensions: Resource, **members: Any) -> Resource:
    return {"linkId": link_id, "type": kind, "extension": list(extensions), **members}


def form(*items: Resource, variables: Sequence[Resource] = ()) -> Form:
    return form_of(
        {"resourceType": "Questionnaire", "status": "active", "extension": list(variables), "item": list(items)}
    )


def response(*answers: tuple[str, Resource], group: str = "") -> Resource:
    listed = [{"linkId": link_id, "answer": [answer]} for link_id, answer in answers]
    items = [{"linkId": group, "item": listed}] if group else listed
    return {"resourceType": "QuestionnaireResponse", "status": "in-progress", "item": items}


def choice(link_id: str, weights: Sequence[int]) -> Resource:
    options = [
        {"valueCoding": {"code": f"c{n}"}, "extension": [{"url": ORDINAL, "valueDecimal": weight}]}
        for n, weight in enumerate(weights)
    ]
    return item(link_id, "choice", answerOption=options)


def picked(number: int) -> Resource:
    return {"valueCoding": {"code": f"c{number}"}}


def test_a_total_is_calculated_from_the_weights_of_what_was_chosen() -> None:
    total = "%resource.item.answer.value.ordinal().sum()"
    asked = form(choice("1", [0, 1, 2]), choice("2", [0, 1, 2]), item("t", "integer", expression(CALCULATED, total)))
    answered = response(("1", picked(2)), ("2", picked(1)))
    assert calculate(asked, answered, NOW) == {"t": [{"valueInteger": 3}]}


def test_one_code_can_have_another_weight_in_another_question() -> None:
    total = "%resource.item.answer.value.weight().sum()"
    asked = form(choice("1", [0, 1, 2]), choice("2", [2, 1, 0]), item("t", "integer", expression(CALCULATED, total)))
    assert calculate(asked, response(("1", picked(2)), ("2", picked(2))), NOW) == {"t": [{"valueInteger": 2}]}


def test_a_weight_that_the_response_brings_itself_does_not_count() -> None:
    asked = form(
        choice("1", [0, 1]), item("t", "decimal", expression(CALCULATED, "%resource.item.answer.value.weight().sum()"))
    )
    forged = {"valueCoding": {"code": "c1", "extension": [{"url": ORDINAL, "valueDecimal": 99}]}}
    assert calculate(asked, response(("1", forged)), NOW) == {"t": [{"valueDecimal": Decimal(1)}]}


def test_variables_of_the_questionnaire_and_of_groups_are_known_in_their_order() -> None:
    asked = form(
        item(
            "g",
            "group",
            expression(VARIABLE, "%length / 100", "metres"),
            item=[
                item("kg", "decimal"),
                item("cm", "decimal"),
                item("bmi", "decimal", expression(CALCULATED, "(%kg / %metres.power(2)).round(1)")),
            ],
        ),
        variables=[
            expression(VARIABLE, "%resource.item.item.where(linkId='kg').answer.value", "kg"),
            expression(VARIABLE, "%resource.item.item.where(linkId='cm').answer.value", "length"),
        ],
    )
    answered = response(("kg", {"valueDecimal": Decimal(80)}), ("cm", {"valueDecimal": Decimal(200)}), group="g")
    assert calculate(asked, answered, NOW) == {"bmi": [{"valueDecimal": Decimal("20.0")}]}


def test_what_is_calculated_can_come_of_what_is_calculated_below_it() -> None:
    asked = form(
        item("b", "integer", expression(CALCULATED, "%resource.item.where(linkId='a').answer.value * 2")),
        item("a", "integer", expression(CALCULATED, "%resource.item.where(linkId='n').answer.value + 1")),
        item("n", "integer"),
    )
    assert calculate(asked, response(("n", {"valueInteger": 4})), NOW) == {
        "a": [{"valueInteger": 5}],
        "b": [{"valueInteger": 10}],
    }


def test_what_comes_of_itself_is_said_to_and_not_calculated() -> None:
    ever_more = "iif(%context.answer.exists(), %context.answer.value + 1, 1)"
    found = calculation(form(item("a", "integer", expression(CALCULATED, ever_more))), response(), NOW)
    assert not found.answers
    assert [each.rule for each in found.issues] == ["questionnaire-circular"]


def test_what_is_not_answered_gives_no_answer() -> None:
    asked = form(item("n", "integer"), item("d", "integer", expression(CALCULATED, "%resource.item.answer.value * 2")))
    assert calculate(asked, response(), NOW) == {"d": []}


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        ("decimal", "1 / 4", {"valueDecimal": Decimal("0.25")}),
        ("integer", "2.5.round()", {"valueInteger": 3}),
        ("boolean", "1 > 2", {"valueBoolean": False}),
        ("string", "'a' & 'b'", {"valueString": "ab"}),
        ("date", "today()", {"valueDate": "2026-03-04"}),
        ("date", "@2024-01-31 + 1 month", {"valueDate": "2024-02-29"}),
        ("choice", "%questionnaire.item.first().answerOption.value.first()", {"valueCoding": {"code": "c0"}}),
        ("quantity", "70.5", {"valueQuantity": {"value": Decimal("70.5"), "unit": "kg", "code": "kg"}}),
        (
            "quantity",
            "4 'mm'",
            {"valueQuantity": {"value": 4, "unit": "mm", "system": "http://unitsofmeasure.org", "code": "mm"}},
        ),
    ],
)
def test_an_answer_has_the_type_of_its_question(kind: str, text: str, answer: Resource) -> None:
    unit = {"url": UNIT, "valueCoding": {"code": "kg", "display": "kg"}}
    asked = form(choice("1", [0]), item("x", kind, expression(CALCULATED, text), unit))
    assert calculate(asked, response(), NOW)["x"] == [answer]


@pytest.mark.parametrize(
    ("kind", "text"), [("integer", "1.5"), ("integer", "'1'"), ("string", "1"), ("date", "1"), ("choice", "'c0'")]
)
def test_a_value_of_another_type_is_no_answer_and_is_told(kind: str, text: str) -> None:
    found = calculation(form(item("x", kind, expression(CALCULATED, text))), response(), NOW)
    assert "x" not in found.answers
    assert [each.expression for each in found.issues] == [("Questionnaire.item[0]",)]


def test_what_a_question_begins_with_can_come_of_what_is_handed_in() -> None:
    asked = form(item("born", "date", expression(INITIAL, "%patient.birthDate")))
    patient = {"resourceType": "Patient", "birthDate": "1950-02-03"}
    assert initial(asked, response(), NOW, {"patient": patient}).answers == {"born": [{"valueDate": "1950-02-03"}]}


def test_all_that_is_wrong_with_expressions_is_said_at_once() -> None:
    asked = form(
        item("a", "integer", expression(CALCULATED, "1 +")),
        item("b", "integer", {"url": CALCULATED, "valueExpression": {"language": "text/cql", "expression": "1"}}),
        item("g", "group", repeats=True, item=[item("c", "integer", expression(CALCULATED, "1"))]),
        item("d", "integer", expression(INITIAL, "'a'.matches('b')")),
        item("e", "integer", expression(CALCULATED, "1 + 1")),
    )
    assert {each.expression[0] for each in expression_issues(asked)} == {
        "Questionnaire.item[0]",
        "Questionnaire.item[1]",
        "Questionnaire.item[2].item[0]",
        "Questionnaire.item[3]",
    }


@pytest.mark.parametrize(
    "text",
    ["", "1 2", "1 +", "(1", "a.b(", "'x", "1 )", "1 | | 2", "1" * (LONGEST + 1), "(" * 90 + "1" + ")" * 90],
)
def test_what_is_no_fhirpath_is_refused_and_not_mended(text: str) -> None:
    with pytest.raises(NotEvaluable):
        evaluate(text, None, "", variables={}, now=NOW)


@pytest.mark.parametrize("name", REFUSED)
def test_functions_that_ask_for_more_or_have_no_bound_are_refused(name: str) -> None:
    with pytest.raises(NotEvaluable, match=name):
        evaluate(f"'a'.{name}('a')", None, "", variables={}, now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "%many.select(%many.select(%many.select($this)))",
        "%many.aggregate($total & $total, 'ab')",
        "%many.aggregate($total * $total, 12345678)",
        "%many.aggregate($total.combine($total), %many)",
        "2.power(100)",
        "%many.select(%many.select(%tree.descendants()))",
    ],
)
def test_an_expression_ends_however_much_it_asks_for(text: str) -> None:
    tree: Resource = {"resourceType": "QuestionnaireResponse", "item": [{"linkId": str(n)} for n in range(500)]}
    with pytest.raises(NotEvaluable):
        evaluate(text, None, "", variables={"many": list(range(100)), "tree": tree}, now=NOW)


def test_brackets_up_to_the_bound_are_read() -> None:
    assert evaluate("(" * DEEPEST + "1" + ")" * DEEPEST, None, "", variables={}, now=NOW) == [1]


@pytest.mark.parametrize(
    ("text", "value"), [("2.5.round()", 3), ("(-2.5).round()", -3), ("0.25.round(1)", Decimal("0.3"))]
)
def test_a_half_is_rounded_away_from_nought(text: str, value: object) -> None:
    assert evaluate(text, None, "", variables={}, now=NOW) == [value]


def test_the_expressions_of_one_response_have_a_bound_together() -> None:
    """Each by itself is within its own bound."""
    ten = "(1|2|3|4|5|6|7|8|9|10)"
    heavy = f"{ten}.select({ten}.select({ten}.select(%resource.item.count()))).count()"
    asked = form(*(item(f"i{each}", "integer", expression(CALCULATED, heavy)) for each in range(300)))
    began = time.thread_time()
    found = calculation(asked, {"resourceType": "QuestionnaireResponse", "status": "completed"})
    assert time.thread_time() - began < 2 * MOST_TOGETHER / 1e9
    assert any("too long together" in each.diagnostics for each in found.issues)
