"""A response held against its Questionnaire: every problem at once, with linkId and place.
https://hl7.org/fhir/R4/questionnaireresponse.html#notes

Of a draft only the types are looked at: the rest may still come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource, parse_reference
from app.questionnaires.answers.choices import (
    ValueSets,
    choice_problems,
    exclusive_problems,
    initial_of,
    kinds_of,
    nothing_held,
)
from app.questionnaires.answers.enabling import Enabling, enabled
from app.questionnaires.answers.filled import ROOT, Node, Place, missing
from app.questionnaires.answers.limits import limit_problems
from app.questionnaires.answers.values import choice_in, equal
from app.questionnaires.answers.wording import problem
from app.questionnaires.calculated import CALCULATED, INITIAL, calculate
from app.questionnaires.items import Form, Item, value_in
from app.questionnaires.names import CORE, SDC

MIN_OCCURS: Final = f"{CORE}questionnaire-minOccurs"
MAX_OCCURS: Final = f"{CORE}questionnaire-maxOccurs"
HIDDEN: Final = f"{CORE}questionnaire-hidden"
_FILLED_ELSEWHERE: Final = (
    INITIAL,
    f"{SDC}sdc-questionnaire-observationLinkPeriod",
)
"""What gives an item its answer before anybody sees it; it was so at some time, and is not worked out again."""
_TRANSLATION: Final = f"{CORE}translation"

Values = Sequence[tuple[str, Any]]


def problems(
    form: Form,
    response: Resource,
    *,
    complete: bool,
    value_sets: ValueSets = nothing_held,
    now: datetime | None = None,
) -> list[Issue]:
    """What is wrong with a response whose shape is that of FHIR; ``complete``: it is not a draft; ``now``: what
    expressions take for it.
    """
    made = calculate(form, response, now) if complete else {}
    checking = _Checking(enabled(form, response, now=now), complete=complete, value_sets=value_sets, calculated=made)
    found = [*_subject(form, response)] if complete else []
    found += checking.within(form.items, Place())
    return found


class _Checking:
    """Goes through the form and the response together."""

    def __init__(
        self, enabling: Enabling, *, complete: bool, value_sets: ValueSets, calculated: Mapping[str, list[Resource]]
    ) -> None:
        self._enabling = enabling
        self._tree = enabling.tree
        self._complete = complete
        self._value_sets = value_sets
        self._calculated = calculated

    def within(self, items: Sequence[Item], place: Place) -> Iterator[Issue]:
        """What stands, or should stand, directly in a place."""
        nodes = self._tree.at(place)
        for node in nodes:
            yield from self._node(node)
        if not self._complete:
            return
        yield from _order(items, nodes)
        there: dict[str, list[Node]] = {}
        for node in nodes:
            if node.item is not None:
                there.setdefault(node.item.link_id, []).append(node)
        for item in items:
            if self._enabling.holds(item, place):
                yield from self._occurrences(item, there.get(item.link_id, []), place)

    def _node(self, node: Node) -> Iterator[Issue]:
        """One item of the response with what is in it."""
        item = node.item
        if item is None:
            yield problem("unknown-item", f"{node.path}.linkId")
            return
        if not node.in_place:
            yield problem("misplaced", node.path, item=item.link_id)
            return
        if self._complete and _is_filled(node) and not self._enabling.of(node):
            yield problem("disabled", node.path, item=item.link_id)
            return
        if self._complete and "text" in node.raw and node.raw["text"] not in _texts(item):
            yield problem("text", f"{node.path}.text", severity="information", item=item.link_id)
        yield from self._question(node, item) if item.is_question else self._other(node, item)

    def _other(self, node: Node, item: Item) -> Iterator[Issue]:
        if "answer" in node.raw:
            yield problem("not-a-question", f"{node.path}.answer", item=item.link_id)
        yield from self.within(item.children, Place(node))

    def _question(self, node: Node, item: Item) -> Iterator[Issue]:
        kinds = kinds_of(item)
        values: list[tuple[str, Any]] = []
        for number, answer in enumerate(node.raw.get("answer", ())):
            member, value = value_in(answer)
            kind, path = member.removeprefix("value"), f"{node.path}.answer[{number}]"
            if not member:
                continue
            if kind not in kinds:
                wanted = ", ".join(f"value{each}" for each in sorted(kinds))
                yield problem("type", f"{path}.value", item=item.link_id, wanted=wanted)
                continue
            values.append((kind, value))
            if self._complete:
                yield from limit_problems(item, kind, value, f"{path}.value")
                yield from choice_problems(item, kind, value, f"{path}.value", self._value_sets)
        for child in self._tree.at(Place(node)):  # what is below a question is below one of its answers
            yield problem("misplaced", child.path, item=item.link_id)
        if self._complete:
            yield from self._together(node, item, values)
        for place in self._tree.places(node):
            yield from self.within(item.children, place)

    def _together(self, node: Node, item: Item, values: Values) -> Iterator[Issue]:
        """What holds for all answers to a question together."""
        if len(values) > 1 and not item.repeats:
            yield problem("too-many", f"{node.path}.answer", item=item.link_id)
        elif item.type in ("choice", "open-choice") and _twice(values):
            yield problem("same-twice", f"{node.path}.answer", item=item.link_id)
        yield from exclusive_problems(item, values, f"{node.path}.answer")
        if values and not self._may_be(item, values):
            yield problem("read-only", f"{node.path}.answer", item=item.link_id)

    def _may_be(self, item: Item, values: Values) -> bool:
        """Whether what nobody can enter is what the Questionnaire gives."""
        shown = not item.extension(HIDDEN)
        if not item.raw.get("readOnly") and shown:
            return True
        if item.extension(CALCULATED) is not None:
            expected = self._calculated.get(item.link_id)
            return expected is None or _alike(values, [choice_in(each, "value") for each in expected])
        if any(item.extension(each) is not None for each in _FILLED_ELSEWHERE):
            return True
        initial = initial_of(item)
        return _alike(values, initial) if initial or shown else True

    def _occurrences(self, item: Item, here: Sequence[Node], place: Place) -> Iterator[Issue]:
        """How often an enabled item is there."""
        path = here[0].path if here else missing(item, place)
        if len(here) > 1 and (item.is_question or not item.repeats):
            rule = "repeated-item" if item.is_question else "repeated-group"
            yield problem(rule, here[1].path, item=item.link_id)
        if item.type == "display" or (not here and item.extension(HIDDEN)):
            return
        if item.is_question:
            number = sum(len(each.answers) for each in here)
        else:
            number = len([each for each in here if any(True for _ in each.children)])
        least, most = item.extension(MIN_OCCURS), item.extension(MAX_OCCURS)
        if item.required and not number:
            yield problem("required", path, item=item.link_id)
        elif least is not None and number < least:
            yield problem("min-occurs", path, item=item.link_id, limit=str(least))
        if most is not None and number > most:
            yield problem("max-occurs", path, item=item.link_id, limit=str(most))
        if not here and item.type == "group" and not item.repeats and not item.required:
            yield from self.within(item.children, Place(self._tree.empty(item, place)))


def _order(items: Sequence[Item], nodes: Sequence[Node]) -> Iterator[Issue]:
    rank = {each.link_id: number for number, each in enumerate(items)}
    highest = -1
    for node in nodes:
        number = -1 if node.item is None else rank.get(node.item.link_id, -1)
        if 0 <= number < highest:
            assert node.item is not None, "what is not known has no rank"
            yield problem("order", node.path, item=node.item.link_id)
        highest = max(highest, number)


def _subject(form: Form, response: Resource) -> Iterator[Issue]:
    types = form.resource.get("subjectType")
    if not types:
        return
    subject = response.get("subject", {})
    literal = parse_reference(subject.get("reference", ""))
    kind = subject.get("type") if literal is None else literal.type
    if kind is not None and kind not in types:
        yield problem("subject-type", f"{ROOT}.subject", types=", ".join(types))


def _is_filled(node: Node) -> bool:
    """Whether there is an answer in it."""
    return bool(node.answers) or any(map(_is_filled, node.children))


def _texts(item: Item) -> list[str]:
    """The words of an item, in every language that it has."""
    found = [item.raw.get("text", "")]
    for each in item.raw.get("_text", {}).get("extension", ()):
        if each.get("url") == _TRANSLATION:
            found += [value_in(part)[1] for part in each.get("extension", ()) if part.get("url") == "content"]
    return found


def _twice(values: Values) -> bool:
    keys = {
        (kind, value.get("system"), value.get("code", value.get("display")))
        if kind == "Coding"
        else (kind, repr(value))
        for kind, value in values
    }
    return len(keys) < len(values)


def _alike(values: Values, others: Values) -> bool:
    """The same answers, in whatever order; numbers as precisely as they are given."""
    left = list(others)
    if len(left) != len(values):
        return False
    for each in values:
        found = next((number for number, other in enumerate(left) if _given_as(*each, *other)), None)
        if found is None:
            return False
        del left[found]
    return True


def _given_as(kind: str, value: Any, other_kind: str, other: Any) -> bool:
    if kind == other_kind == "Quantity" and "value" in value and "value" in other:
        return equal(kind, value, kind, {**other, "value": _rounded(other["value"], value["value"])})
    if isinstance(value, Decimal) and isinstance(other, Decimal | int):
        return equal(kind, value, other_kind, _rounded(other, value))
    return equal(kind, value, other_kind, other)


def _rounded(number: Decimal | int, as_in: Decimal | int) -> Decimal:
    """A number with as many decimals as another has, where it has more."""
    exponent, least = (Decimal(each).as_tuple().exponent for each in (as_in, number))
    assert isinstance(exponent, int), "JSON has no infinite numbers"
    assert isinstance(least, int), "nor does what is calculated"
    return (
        Decimal(number) if least >= exponent else Decimal(number).quantize(Decimal(1).scaleb(exponent), ROUND_HALF_UP)
    )
