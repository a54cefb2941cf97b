"""Answers that are chosen: from the options of their item, or from a value set.
https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerOption
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource
from app.fhir.terminology.membership import Verdict
from app.questionnaires.answers.limits import UNIT_VALUE_SET
from app.questionnaires.answers.values import choice_in, equal
from app.questionnaires.answers.wording import problem
from app.questionnaires.items import VALUES, Item, extension_value
from app.questionnaires.names import CORE

_EXCLUSIVE: Final = f"{CORE}questionnaire-optionExclusive"

ValueSets = Callable[[str, "str | None", str], Verdict]
"""Whether a value set (its canonical, or ``#id`` in the Questionnaire) has a code: system, or None, and code."""


def nothing_held(_canonical: str, _system: str | None, _code: str) -> Verdict:
    """For who has no value sets: of no code can be told."""
    return "unknown"


def kinds_of(item: Item) -> frozenset[str]:
    """The types that an answer can have, such as ``Coding``; empty where no answer can be."""
    member = VALUES.get(item.type)
    if member is None:
        return frozenset()
    kinds = {member.removeprefix("value")}
    if item.type in ("choice", "open-choice"):
        listed = {choice_in(each, "value")[0] for each in item.raw.get("answerOption", ())} - {""}
        kinds = listed or kinds
    if item.type == "open-choice":
        kinds = kinds | {"String"}
    return frozenset(kinds)


def choice_problems(item: Item, kind: str, value: Any, path: str, value_sets: ValueSets) -> Iterator[Issue]:
    """What one value of the right type breaks of the options or the value set of its item."""
    free = item.type == "open-choice" and kind == "String"
    options = item.raw.get("answerOption")
    if options and not free and not any(equal(kind, value, *choice_in(each, "value")) for each in options):
        yield problem("option", path, item=item.link_id)
    canonical = item.raw.get("answerValueSet")
    if canonical and kind == "Coding":
        yield from _in_set(item, canonical, value, path, value_sets)
    units = item.extension(UNIT_VALUE_SET)
    if units and kind == "Quantity":
        yield from _in_set(item, units, value, path, value_sets)


def exclusive_problems(item: Item, answers: Sequence[tuple[str, Any]], path: str) -> Iterator[Issue]:
    """An option that excludes the others was taken with others."""
    if len(answers) < 2:
        return
    for option in item.raw.get("answerOption", ()):
        if extension_value(option, _EXCLUSIVE) is True:
            kind, value = choice_in(option, "value")
            if any(equal(*each, kind, value) for each in answers):
                yield problem("exclusive", path, item=item.link_id)


def sets_asked(item: Item) -> Iterator[str]:
    """The value sets that answers to an item are looked up in."""
    for canonical in (item.raw.get("answerValueSet"), item.extension(UNIT_VALUE_SET)):
        if isinstance(canonical, str):
            yield canonical


def initial_of(item: Item) -> list[tuple[str, Any]]:
    """The (type, value) of each answer that an item begins with, by itself or by its options."""
    given = [choice_in(each, "value") for each in item.raw.get("initial", ())]
    chosen: list[Resource] = [each for each in item.raw.get("answerOption", ()) if each.get("initialSelected") is True]
    return given + [choice_in(each, "value") for each in chosen]


def _in_set(item: Item, canonical: str, value: Resource, path: str, value_sets: ValueSets) -> Iterator[Issue]:
    code = value.get("code", "")
    verdict = value_sets(canonical, value.get("system"), code) if code else "out"
    if verdict == "out":
        yield problem("value-set", path, item=item.link_id, set=canonical)
    elif verdict == "unknown":
        yield problem("value-set-unknown", path, severity="warning", item=item.link_id, set=canonical)
