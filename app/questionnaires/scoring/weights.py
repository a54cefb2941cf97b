"""The numbers that answers count for: by the key's table of codes, by the weight that the Questionnaire gives an
option, or what was answered. Never by display, so no language changes a score.

The weight stands at the option or at its Coding, as ``ordinalValue`` (R4), ``questionnaire-ordinalValue`` (STU3) or
``itemWeight`` (R5); or at a concept of a ValueSet that the Questionnaire contains. What a response says of weights is
not looked at: its sender does not make the key. https://hl7.org/fhir/extension-ordinalvalue.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from app.fhir.resource import Resource
from app.questionnaires.items import ITEM_WEIGHT, ORDINAL, Form, Item, extension_value, value_in
from app.questionnaires.scoring.elements import number_of
from app.questionnaires.scoring.program import Key, Part, Values

REASONS = ("answer-not-in-key", "several-answers", "unit-not-in-key")
"""Why an answer has no number."""


class NoNumber(ValueError):
    """An answer that the key has no number for; ``reason`` is one of ``REASONS``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def key_of(value: Any) -> Key:
    """System and code of a Coding; a system that it does not have is ""."""
    return (value.get("system", ""), value.get("code", "")) if isinstance(value, dict) else ("", "")


def weight_in(element: Resource) -> Fraction | None:
    """The weight that an element carries by extension."""
    for url in (*ORDINAL, ITEM_WEIGHT):
        found = extension_value(element, url)
        if found is not None:
            return number_of(found)
    return None


def option_weights(form: Form, item: Item) -> Iterator[tuple[Any, Fraction | None]]:
    """The options of a question (a key for a Coding, else the value itself), each with its weight where it has one."""
    for option in item.raw.get("answerOption", ()):
        member, value = value_in(option)
        weight = weight_in(option)
        if member == "valueCoding":
            yield key_of(value), weight_in(value) if weight is None else weight
        elif member:
            yield value, weight
    reference = item.raw.get("answerValueSet", "")
    if reference.startswith("#"):
        for contained in form.resource.get("contained", ()):
            if contained.get("id") == reference[1:]:
                yield from _concepts(contained)


def number_for(form: Form, part: Part, answers: Sequence[Resource], missing: frozenset[Key]) -> Fraction | None:
    """The number that the answers to an item count for, before recoding; None when it was not answered, or only with
    what counts as no answer. Raises ``NoNumber``.
    """
    given = [(member, value) for member, value in map(value_in, answers) if member and key_of(value) not in missing]
    if not given:
        return None
    if len(given) > 1 and not part.several:
        raise NoNumber("several-answers")
    if part.several == "count":
        return Fraction(len(given))
    assert part.values is not None
    numbers = [_number(form, part, part.values, *each) for each in given]
    if part.several == "highest":
        return max(numbers)
    if part.several == "lowest":
        return min(numbers)
    return sum(numbers, Fraction(0))


def counted(part: Part, number: Fraction, scale: tuple[Fraction, Fraction] | None) -> Fraction:
    """A number as the dimension counts it: recoded, then reversed."""
    found = part.recode.get(number, number)
    if part.reverse and scale is not None:
        found = scale[0] + scale[1] - found
    return found


def _number(form: Form, part: Part, values: Values, member: str, value: Any) -> Fraction:
    found: Fraction | None
    if values.kind == "number":
        found = _measured(part, member, value)
    elif values.kind == "ordinal":
        found = _weight(form, part.id, key_of(value) if member == "valueCoding" else value)
    elif member == "valueCoding":
        found = (values.codes or {}).get(key_of(value))
    else:
        found = (values.booleans or {}).get(value) if isinstance(value, bool) else None
    if found is None:
        raise NoNumber("answer-not-in-key")
    return found


def _weight(form: Form, link_id: str, answer: Any) -> Fraction | None:
    item = form.by_link_id.get(link_id)
    options: Mapping[Any, Fraction | None] = dict(option_weights(form, item)) if item is not None else {}
    return options.get(answer)


def _measured(part: Part, member: str, value: Any) -> Fraction | None:
    if member == "valueQuantity":
        if value.get("comparator") or (part.unit and value.get("code") != part.unit):
            raise NoNumber("unit-not-in-key")
        return number_of(value.get("value"))
    return number_of(value) if member in ("valueInteger", "valueDecimal") else None


def _concepts(value_set: Resource) -> Iterator[tuple[Key, Fraction | None]]:
    for include in value_set.get("compose", {}).get("include", ()):
        for concept in include.get("concept", ()):
            yield (include.get("system", ""), concept.get("code", "")), weight_in(concept)
    for concept in value_set.get("expansion", {}).get("contains", ()):
        yield key_of(concept), weight_in(concept)
