"""A response held against its Questionnaire: each rule with what is good, what is bad, and where."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.terminology.membership import Verdict
from tests.questionnaires.answering import (
    CORE,
    coding,
    found,
    given,
    item,
    quantity,
    questionnaire,
    response,
    rules,
    when,
)

_OPTIONS: Final = [{"valueCoding": coding("a")}, {"valueCoding": coding("b")}]
_FIRST: Final = "item[0].answer[0].value"
_PNG: Final = {"contentType": "image/png", "data": "QUJD"}
_X: Final = ("String", "x")
_TABLE: Final = decode(Path(__file__).with_name("checking_table.json").read_bytes())
"""``values``: an item, an answer that fits and one that does not, the rule that it breaks and where. ``structure``: the
items of a Questionnaire, those of a response, and what is wrong.
"""


def _held(canonical: str, system: str | None, code: str) -> Verdict:
    if canonical != "http://example.org/ValueSet/held":
        return "unknown"
    return "in" if code in ("a", "b") and system in ("http://example.org/codes", None) else "out"


@pytest.mark.parametrize("row", _TABLE["values"])
def test_a_value_is_held_against_what_its_item_asks(row: Resource) -> None:
    form = questionnaire(row["item"])
    assert rules(found(form, response(given("q", row["good"])), value_sets=_held)) == []
    assert rules(found(form, response(given("q", row["bad"])), value_sets=_held)) == [(row["rule"], row["place"])]
    draft = response(given("q", row["bad"]), status="in-progress")
    assert rules(found(form, draft, complete=False, value_sets=_held)) == [], "a draft is looked at for types only"


TYPES = {
    "boolean": ("Boolean", True),
    "decimal": ("Decimal", Decimal("1.5")),
    "integer": ("Integer", 1),
    "date": ("Date", "2024-03-05"),
    "dateTime": ("DateTime", "2024-03-05T10:00:00Z"),
    "time": ("Time", "10:00:00"),
    "string": ("String", "x"),
    "text": ("String", "x"),
    "url": ("Uri", "http://example.org"),
    "choice": ("Coding", coding("a")),
    "open-choice": ("Coding", coding("a")),
    "attachment": ("Attachment", _PNG),
    "reference": ("Reference", {"reference": "Organization/a"}),
    "quantity": ("Quantity", quantity(1, "kg")),
}


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("other", TYPES)
def test_an_answer_is_of_the_type_of_its_question(kind: str, other: str, *, complete: bool) -> None:
    member, value = TYPES[other]
    fits = member == TYPES[kind][0] or (kind == "open-choice" and member == "String")
    issues = found(questionnaire(item("q", kind)), response(given("q", (member, value))), complete=complete)
    assert rules(issues) == ([] if fits else [("type", _FIRST)])


@pytest.mark.parametrize("row", _TABLE["structure"])
def test_items_stand_where_and_as_often_as_the_questionnaire_has_them(row: Resource) -> None:
    issues = found(questionnaire(*row["items"]), response(*row["answers"]))
    assert [list(each) for each in rules(issues)] == row["wrong"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    form = questionnaire(
        item("a", "integer", required=True, extension=[("maxValue", {"valueInteger": 5})]),
        item("b", required=True),
        item("c", "choice", answerOption=_OPTIONS),
        item("d", "date"),
    )
    answers = response(
        given("a", ("Integer", 9), ("Integer", 8)),
        given("d", ("String", "morgen")),
        given("c", ("Coding", coding("z"))),
        given("e", ("String", "x")),
    )
    assert sorted(rules(found(form, answers))) == [
        ("max-value", "item[0].answer[0].value"),
        ("max-value", "item[0].answer[1].value"),
        ("option", "item[2].answer[0].value"),
        ("order", "item[2]"),
        ("required", "item.where(linkId='b')"),
        ("too-many", "item[0].answer"),
        ("type", "item[1].answer[0].value"),
        ("unknown-item", "item[3].linkId"),
    ]


def test_an_issue_names_item_rule_and_way_out_in_both_languages_and_never_the_answer() -> None:
    form = questionnaire(item("gewicht", "integer", extension=[("maxValue", {"valueInteger": 500})]))
    (issue,) = found(form, response(given("gewicht", ("Integer", 987654))))
    assert issue.code == "value"
    assert issue.rule == "questionnaire-max-value"
    assert issue.severity == "error"
    assert issue.diagnostics == (
        "The answer to gewicht is higher or later than it can be. The highest is 500."
        " / Het antwoord op gewicht is hoger of later dan mag. Het hoogste is 500."
    )


def test_what_cannot_be_told_is_a_warning() -> None:
    form = questionnaire(
        item("set", "choice", answerValueSet="http://example.org/ValueSet/elsewhere"),
        item("regex", extension=[("regex", {"valueString": "(?=x)x"})]),
    )
    issues = found(form, response(given("set", ("Coding", coding("a"))), given("regex", ("String", "x"))))
    assert rules(issues) == [
        ("value-set-unknown", "item[0].answer[0].value"),
        ("regex-unread", "item[1].answer[0].value"),
    ]
    assert {each.severity for each in issues} == {"warning"}


def test_the_text_of_the_questionnaire_counts_and_its_translations_are_its_text() -> None:
    translation = {
        "url": f"{CORE}translation",
        "extension": [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": "How are you?"}],
    }
    form = questionnaire(item("q", text="Hoe gaat het?", _text={"extension": [translation]}))
    for text in ("Hoe gaat het?", "How are you?"):
        assert found(form, response(given("q", ("String", "x"), text=text))) == []
    (issue,) = found(form, response(given("q", ("String", "x"), text="Geeft u toestemming?")))
    assert (issue.severity, issue.rule) == ("information", "questionnaire-text")


@pytest.mark.parametrize(
    ("subject", "wrong"),
    [
        ({"reference": "Patient/anna"}, False),
        ({"reference": "http://zelfregie.test/fhir/Patient/anna"}, False),
        ({"type": "Patient", "display": "Anna"}, False),
        ({"reference": "Device/scale"}, True),
        ({"type": "Device", "display": "Weegschaal"}, True),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, False),
    ],
)
def test_the_subject_is_of_a_type_that_the_questionnaire_is_about(subject: Resource, *, wrong: bool) -> None:
    issues = found(questionnaire(item("q"), subjectType=["Patient"]), response(given("q", _X), subject=subject))
    assert rules(issues) == ([("subject-type", "subject")] if wrong else [])


def test_a_draft_says_what_cannot_be_right_and_not_what_may_still_come() -> None:
    form = questionnaire(
        item("a", required=True),
        item("g", "group", item("b", "integer")),
        item("c", enableWhen=[when("a", "=", answerString="x")]),
    )
    draft = response(given("c", _X), given("g", items=[given("b", ("Integer", 1))]), status="in-progress")
    assert found(form, draft, complete=False) == []
    wrong = response(given("b", ("Integer", 1)), given("g", items=[given("b", _X)]), given("z"), status="in-progress")
    assert rules(found(form, wrong, complete=False)) == [
        ("misplaced", "item[0]"),
        ("type", "item[1].item[0].answer[0].value"),
        ("unknown-item", "item[2].linkId"),
    ]
