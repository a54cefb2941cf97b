"""What is enabled: every operator on every type of answer, and which answer a condition looks at."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.fhir.resource import Resource
from app.questionnaires.answers.enabling import enabled
from app.questionnaires.items import form_of
from tests.questionnaires.answering import SDC, coding, given, item, quantity, questionnaire, response, when

_OWN = "http://example.org/codes"


def _holds(conditions: list[Resource], *answers: Resource, kind: str = "string", **members: Any) -> bool:
    asked = questionnaire(item("q", kind, repeats=True), item("then", enableWhen=conditions, **members))
    return enabled(form_of(asked), response(*answers)).of_form("then")


OPERATORS = [
    ("boolean", "Boolean", "=", True, [True], True),
    ("boolean", "Boolean", "=", True, [False], False),
    ("boolean", "Boolean", "=", False, [False], True),
    ("boolean", "Boolean", "!=", True, [False], True),
    ("boolean", "Boolean", "!=", True, [True], False),
    ("integer", "Integer", "=", 3, [3], True),
    ("integer", "Integer", "=", 3, [4], False),
    ("integer", "Integer", "=", 3, [4, 3], True),
    ("integer", "Integer", "!=", 3, [4], True),
    ("integer", "Integer", "!=", 3, [4, 3], False),
    ("integer", "Integer", ">", 3, [4], True),
    ("integer", "Integer", ">", 3, [3], False),
    ("integer", "Integer", ">", 3, [1, 4], True),
    ("integer", "Integer", "<", 3, [2], True),
    ("integer", "Integer", "<", 3, [3], False),
    ("integer", "Integer", ">=", 3, [3], True),
    ("integer", "Integer", ">=", 3, [2], False),
    ("integer", "Integer", "<=", 3, [3], True),
    ("integer", "Integer", "<=", 3, [4], False),
    ("decimal", "Decimal", "=", Decimal("1.50"), [Decimal("1.5")], True),
    ("decimal", "Decimal", ">", Decimal("1.50"), [Decimal("1.51")], True),
    ("decimal", "Decimal", "<=", Decimal("1.50"), [Decimal("1.51")], False),
    ("date", "Date", "=", "2024-03", ["2024-03-05"], True),
    ("date", "Date", "=", "2024-03-05", ["2024-03"], False),
    ("date", "Date", ">", "2024-03", ["2024-03-31"], False),
    ("date", "Date", ">", "2024-03", ["2024-04"], True),
    ("date", "Date", ">=", "2024-03", ["2024-03-05"], True),
    ("date", "Date", "<", "2024-03", ["2024-02-29"], True),
    ("date", "Date", "<", "2024-03", ["2024-03-01"], False),
    ("date", "Date", "<=", "2024", ["2024-12-31"], True),
    ("date", "Date", "<=", "2024", ["2025"], False),
    ("dateTime", "DateTime", ">", "2024-03-05T10:00:00+01:00", ["2024-03-05T09:00:01Z"], True),
    ("dateTime", "DateTime", "=", "2024-03-05T10:00:00+01:00", ["2024-03-05T09:00:00Z"], True),
    ("dateTime", "DateTime", "<", "2024-03-05T10:00:00+01:00", ["2024-03-05T09:00:00Z"], False),
    ("time", "Time", "=", "08:30:00", ["08:30:00"], True),
    ("time", "Time", ">", "08:30:00", ["08:30:00.5"], True),
    ("time", "Time", "<", "08:30:00", ["08:29:59"], True),
    ("time", "Time", ">=", "08:30:00", ["08:29:59"], False),
    ("string", "String", "=", "ja", ["ja"], True),
    ("string", "String", "=", "ja", ["Ja"], False),
    ("string", "String", "!=", "ja", ["nee"], True),
    ("string", "String", ">", "b", ["c"], True),
    ("choice", "Coding", "=", coding("a"), [coding("a")], True),
    ("choice", "Coding", "=", coding("a"), [{**coding("a"), "display": "Anders gezegd"}], True),
    ("choice", "Coding", "=", coding("a"), [coding("b")], False),
    ("choice", "Coding", "=", coding("a"), [coding("a", "http://example.org/other")], False),
    ("choice", "Coding", "=", coding("a"), [coding("a", None)], False),
    ("choice", "Coding", "=", coding("a", None), [coding("a", None)], True),
    ("choice", "Coding", "!=", coding("a"), [coding("b")], True),
    ("choice", "Coding", "!=", coding("a"), [coding("b"), coding("a")], False),
    ("choice", "Coding", ">", coding("a"), [coding("b")], False),
    ("quantity", "Quantity", "=", quantity(1, "kg"), [quantity(1000, "g")], True),
    ("quantity", "Quantity", ">", quantity(1, "kg"), [quantity(1001, "g")], True),
    ("quantity", "Quantity", ">", quantity(1, "kg"), [quantity(999, "g")], False),
    ("quantity", "Quantity", "<=", quantity(1, "kg"), [quantity(1000, "g")], True),
    ("quantity", "Quantity", "<", quantity(1, "kg"), [quantity(5, "cm")], False),
    ("quantity", "Quantity", "=", {"value": 5, "unit": "keer"}, [{"value": 5, "unit": "keer"}], True),
    ("quantity", "Quantity", "=", {"value": 5, "unit": "keer"}, [{"value": 5, "unit": "dagen"}], False),
    ("reference", "Reference", "=", {"reference": "Organization/a"}, [{"reference": "Organization/a"}], True),
    ("reference", "Reference", "=", {"reference": "Organization/a"}, [{"reference": "Organization/b"}], False),
]


@pytest.mark.parametrize(("kind", "member", "operator", "expected", "values", "holds"), OPERATORS)
def test_an_operator_compares_answers_of_its_type(
    *, kind: str, member: str, operator: str, expected: Any, values: list[Any], holds: bool
) -> None:
    answers = [given("q", *((member, each) for each in values))]
    assert _holds([when("q", operator, **{f"answer{member}": expected})], *answers, kind=kind) is holds


@pytest.mark.parametrize("operator", ["=", "!=", ">", "<", ">=", "<="])
def test_without_an_answer_no_condition_holds_but_that_there_is_none(operator: str) -> None:
    assert not _holds([when("q", operator, answerInteger=3)], kind="integer")
    assert not _holds([when("q", operator, answerInteger=3)], given("q"), kind="integer")


def test_exists_asks_whether_there_is_an_answer() -> None:
    there, not_there = [when("q", "exists", answerBoolean=True)], [when("q", "exists", answerBoolean=False)]
    assert _holds(there, given("q", ("String", "x")))
    assert not _holds(there, given("q"))
    assert not _holds(not_there, given("q", ("String", "x")))
    assert _holds(not_there)
    assert _holds(not_there, given("q", {"extension": [{"url": "urn:why", "valueCode": "unknown"}]}))


_ANY_ALL = [when("q", "=", answerString="a"), when("q", "=", answerString="b")]


@pytest.mark.parametrize(
    ("members", "answers", "holds"),
    [
        ({}, ["a"], True),
        ({"enableBehavior": "any"}, ["a"], True),
        ({"enableBehavior": "any"}, ["c"], False),
        ({"enableBehavior": "all"}, ["a"], False),
        ({"enableBehavior": "all"}, ["a", "b"], True),
        *(
            ({"extension": [(url, {"valueCode": code})]}, ["a"], code == "any")
            for url in (
                "http://nictiz.nl/fhir/StructureDefinition/questionnaire-enableBehavior",
                "http://hl7.org/fhir/4.0/StructureDefinition/extension-Questionnaire.item.enableBehavior",
            )
            for code in ("any", "all")
        ),
    ],
)
def test_conditions_are_tied_together_by_any_or_all(
    members: dict[str, Any], answers: list[str], *, holds: bool
) -> None:
    assert _holds(_ANY_ALL, given("q", *(("String", each) for each in answers)), **members) is holds


@pytest.mark.parametrize(("answer", "holds"), [(4, True), (3, False)])
def test_the_operator_that_nictiz_brought_back_to_stu3_counts(answer: int, *, holds: bool) -> None:
    url = "http://nictiz.nl/fhir/StructureDefinition/questionnaire-enableOperator"
    condition = when("q", "=", answerInteger=3, extension=[{"url": url, "valueCode": ">"}])
    assert _holds([condition], given("q", ("Integer", answer)), kind="integer") is holds


def test_what_stands_in_something_disabled_is_disabled_and_so_is_what_asks_for_it() -> None:
    asked = questionnaire(
        item("q", "boolean"),
        item("g", "group", item("inner", "boolean"), enableWhen=[when("q", "=", answerBoolean=True)]),
        item("after", enableWhen=[when("inner", "=", answerBoolean=True)]),
    )
    form = form_of(asked)
    inner = given("g", items=[given("inner", ("Boolean", True))])
    on, off = response(given("q", ("Boolean", True)), inner), response(given("q", ("Boolean", False)), inner)
    assert [enabled(form, on).of_form(each) for each in ("g", "inner", "after")] == [True, True, True]
    assert [enabled(form, off).of_form(each) for each in ("g", "inner", "after")] == [False, False, False]


def _of_repeats() -> Resource:
    return questionnaire(
        item("outer", "boolean"),
        item(
            "g",
            "group",
            item("q", "boolean"),
            item("then", enableWhen=[when("q", "=", answerBoolean=True)]),
            item("sub", "group", item("deep", enableWhen=[when("q", "=", answerBoolean=True)]), repeats=True),
            item("far", enableWhen=[when("outer", "=", answerBoolean=True)]),
            repeats=True,
        ),
        item("last", enableWhen=[when("q", "=", answerBoolean=True)]),
    )


def test_in_a_group_that_repeats_the_answer_of_the_same_repetition_counts() -> None:
    groups = [
        given(
            "g",
            items=[
                given("q", ("Boolean", value)),
                given("then", ("String", "x")),
                given("sub", items=[given("deep", ("String", "y"))]),
                given("far", ("String", "z")),
            ],
        )
        for value in (True, False)
    ]
    found = enabled(form_of(_of_repeats()), response(given("outer", ("Boolean", True)), *groups))
    by_path = {node.path.removeprefix("QuestionnaireResponse."): found.of(node) for node in found.tree.nodes}
    assert by_path["item[1].item[1]"]
    assert not by_path["item[2].item[1]"]
    assert by_path["item[1].item[2].item[0]"]
    assert not by_path["item[2].item[2].item[0]"]
    assert by_path["item[1].item[3]"]
    assert by_path["item[2].item[3]"]


def test_the_answer_of_another_repetition_is_not_taken_where_there_is_none() -> None:
    first = given("g", items=[given("q", ("Boolean", True))])
    second = given("g", items=[given("then", ("String", "x"))])
    found = enabled(form_of(_of_repeats()), response(first, second))
    (then,) = found.tree.by_link_id["then"]
    assert not found.of(then)


@pytest.mark.parametrize(("values", "holds"), [([True, False], False), ([False, True], True)])
def test_from_outside_a_group_that_repeats_the_last_answer_before_it_counts(values: list[bool], *, holds: bool) -> None:
    groups = [given("g", items=[given("q", ("Boolean", each))]) for each in values]
    assert enabled(form_of(_of_repeats()), response(*groups)).of_form("last") is holds


def test_an_answer_that_comes_after_the_item_counts_where_none_comes_before() -> None:
    asked = questionnaire(
        item("first", enableWhen=[when("g.q", "=", answerInteger=1)]),
        item("g", "group", item("g.q", "integer"), repeats=True),
    )
    groups = [given("g", items=[given("g.q", ("Integer", each))]) for each in (1, 2)]
    assert enabled(form_of(asked), response(*groups)).of_form("first")
    assert not enabled(form_of(asked), response(*reversed(groups))).of_form("first")


def test_below_a_question_the_answer_that_the_item_stands_below_counts() -> None:
    asked = questionnaire(
        item("med", "string", item("dose", enableWhen=[when("med", "=", answerString="a")]), repeats=True)
    )
    answers = [{"valueString": each, "item": [given("dose", ("String", "1"))]} for each in ("a", "b")]
    found = enabled(form_of(asked), response(given("med", *answers)))
    assert [found.of(each) for each in found.tree.by_link_id["dose"]] == [True, False]


def test_what_was_not_filled_in_yet_is_told_by_what_is_there() -> None:
    asked = questionnaire(
        item("q", "boolean"),
        item(
            "g",
            "group",
            item("a", enableWhen=[when("q", "=", answerBoolean=True)]),
            item("b", enableWhen=[when("a", "exists", answerBoolean=True)]),
        ),
    )
    form = form_of(asked)
    assert not enabled(form, response()).of_form("a")
    started = enabled(form, response(given("q", ("Boolean", True))))
    assert started.of_form("a")
    assert not started.of_form("b")
    assert not started.of_form("nothing-of-the-kind")


def test_conditions_in_a_circle_keep_nobody_from_answering() -> None:
    asked = questionnaire(
        item("a", enableWhen=[when("b", "exists", answerBoolean=True)]),
        item("b", enableWhen=[when("a", "exists", answerBoolean=True)]),
    )
    both = response(given("a", ("String", "x")), given("b", ("String", "x")))
    assert enabled(form_of(asked), both).of_form("a")


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("%resource.item.where(linkId='q').answer.value > 3", True),
        ("%resource.item.where(linkId='q').answer.value > 5", False),
        ("%resource.item.where(linkId='none').answer.value > 5", True),
        ("this is not FHIRPath", True),
    ],
)
def test_an_expression_enables_too_and_one_that_says_nothing_keeps_nobody_from_answering(
    expression: str, *, holds: bool
) -> None:
    url = f"{SDC}sdc-questionnaire-enableWhenExpression"
    value = {"valueExpression": {"language": "text/fhirpath", "expression": expression}}
    asked = questionnaire(item("q", "integer"), item("then", extension=[(url, value)]))
    assert enabled(form_of(asked), response(given("q", ("Integer", 4)))).of_form("then") is holds
