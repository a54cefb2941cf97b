"""The invariants of https://hl7.org/fhir/R4/questionnaire.html#invs and
https://hl7.org/fhir/R4/questionnaireresponse.html#invs

que-12 follows HL7's expression, which asks for an enableBehavior from three conditions on; its text says two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.rule import (
    Invariant,
    Value,
    all_differ,
    nested,
    not_both,
    only_when,
    present,
    rule,
    without,
)

_WITH_LENGTH: Final = ("boolean", "decimal", "integer", "string", "text", "url", "open-choice")
_WITH_OPTIONS: Final = frozenset(
    {"choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"}
)
_has_value_set = present("answerValueSet")


def que_1(item: Value) -> bool:
    """A group has items, a text to show has none."""
    kind = item.get("type")
    return ("item" in item or kind != "group") and ("item" not in item or kind != "display")


def que_2(questionnaire: Value) -> bool:
    """Each item can be told by its linkId."""
    return all_differ(item["linkId"] for item in nested(questionnaire, "item") if "linkId" in item)


def que_5(item: Value) -> bool:
    """Options are for questions whose answers can be listed."""
    return item.get("type") in _WITH_OPTIONS or not (_has_value_set(item) or "answerOption" in item)


def que_7(condition: Value) -> bool:
    """Whether there is an answer is true or false."""
    return condition.get("operator") != "exists" or "answerBoolean" in condition or "_answerBoolean" in condition


def que_12(item: Value) -> bool:
    """Several conditions are tied together by all or any."""
    return len(item.get("enableWhen", ())) <= 2 or "enableBehavior" in item or "_enableBehavior" in item


def que_13(item: Value) -> bool:
    """Only what repeats begins with several answers."""
    return item.get("repeats") is True or len(item.get("initial", ())) <= 1


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "Questionnaire": (rule("que-2", "Each item must have a linkId that no other item has.", que_2, "item"),),
    "Questionnaire.item": (
        rule("que-1", "An item of type group needs items; one of type display has none.", que_1),
        without("que-3", "An item of type display has no code.", "type", "display", "code"),
        not_both(
            "que-4", "There may not be both an answerOption and an answerValueSet.", "answerOption", "answerValueSet"
        ),
        rule(
            "que-5",
            "Only a question that is a choice, number, date, time, string or quantity has answerOption or "
            "answerValueSet.",
            que_5,
            "answerOption",
            "answerValueSet",
        ),
        without(
            "que-6",
            "An item of type display is neither required nor repeated.",
            "type",
            "display",
            "required",
            "repeats",
        ),
        rule(
            "que-8",
            "An item of type group or display has no initial value.",
            lambda item: item.get("type") not in ("group", "display") or "initial" not in item,
            "initial",
        ),
        without("que-9", "An item of type display has no readOnly.", "type", "display", "readOnly"),
        only_when(
            "que-10",
            "Only a question with a simple answer (boolean, number, text, url, open-choice) has a maxLength.",
            "maxLength",
            "type",
            *_WITH_LENGTH,
        ),
        not_both(
            "que-11",
            "With answerOptions there is no initial value: an option says initialSelected.",
            "answerOption",
            "initial",
        ),
        rule("que-12", "With more than two enableWhen there must be an enableBehavior.", que_12, "enableWhen"),
        rule("que-13", "Only an item that repeats has several initial values.", que_13, "initial"),
    ),
    "Questionnaire.item.enableWhen": (
        rule("que-7", "With the operator exists the answer must be an answerBoolean.", que_7),
    ),
    "QuestionnaireResponse.item": (
        not_both("qrs-1", "Items may stand beneath the item or beneath its answers, not both.", "answer", "item"),
    ),
}
