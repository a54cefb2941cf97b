"""Which items of a Questionnaire are enabled, given what was answered so far.
https://hl7.org/fhir/R4/questionnaire.html#enableWhen
https://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression

A condition looks at the nearest occurrence of its question: the one in the same repetition of the groups that both are
in, and below a question the very answer that the item stands below. A question that is disabled itself counts as not
answered, and what is not answered meets no condition but ``exists = false``: so do HL7's own evaluator and LHC-Forms.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from app.fhir.resource import Resource
from app.questionnaires.answers.filled import Filled, Node, Place, filled
from app.questionnaires.answers.values import choice_in, compares
from app.questionnaires.calculated import ENABLED, conditions
from app.questionnaires.items import Form, Item, extension_value, value_in

NICTIZ: Final = "http://nictiz.nl/fhir/StructureDefinition/questionnaire-"
_BACK_PORT: Final = "http://hl7.org/fhir/4.0/StructureDefinition/extension-Questionnaire.item."
_BEHAVIOR: Final = (f"{NICTIZ}enableBehavior", f"{_BACK_PORT}enableBehavior")
_OPERATOR: Final = (f"{NICTIZ}enableOperator", f"{_BACK_PORT}enableWhen.operator")

MOST_EXPRESSIONS: Final = 500
"""That are carried out for one response; an item beyond that is enabled."""
Holds = Callable[[Item, Resource, "Resource | None"], "bool | None"]
"""Whether the expression of an item holds for an item of the response (None where it is not there); None where it has
no answer or cannot be carried out here.
"""


class Enabling:
    """What is enabled in one response. Each thing is worked out once."""

    def __init__(self, tree: Filled, holds: Holds | None = None) -> None:
        self.tree = tree
        self._expression_holds = holds
        self._left = MOST_EXPRESSIONS
        self._known: dict[tuple[str, float, int], bool] = {}

    def holds(self, item: Item, place: Place) -> bool:
        """Whether an item is enabled in a place, with all that it stands in."""
        key = (item.link_id, *place.key)
        known = self._known.get(key)
        if known is None:
            self._known[key] = True  # what depends on itself is enabled
            known = self._known[key] = self._above(place) and self._meets(item, place)
        return known

    def of(self, node: Node) -> bool:
        """Whether an item of the response is enabled; one of which nothing is known is."""
        return node.item is None or self.holds(node.item, Place(node.parent, node.answer))

    def of_form(self, link_id: str) -> bool:
        """Whether an item is enabled anywhere, also in a group of which nothing was answered yet."""
        item = self.tree.form.by_link_id.get(link_id)
        if item is None:
            return False
        return any(self.holds(item, each) for each in self._places_of(item.parent))

    def _places_of(self, parent: Item | None) -> list[Place]:
        """The places within an item; a group that is not there has one in each place that it would be in."""
        if parent is None:
            return [Place()]
        there = self.tree.by_link_id.get(parent.link_id, ())
        if there or parent.is_question:
            return [place for node in there for place in self.tree.places(node)]
        return [Place(self.tree.empty(parent, each)) for each in self._places_of(parent.parent)]

    def _above(self, place: Place) -> bool:
        node = place.node
        return node is None or node.item is None or self.holds(node.item, Place(node.parent, node.answer))

    def _meets(self, item: Item, place: Place) -> bool:
        expression = item.extension(ENABLED)
        if isinstance(expression, dict):
            return self._evaluates(expression, item, place)
        conditions = item.raw.get("enableWhen", ())
        if not conditions:
            return True
        behavior = next((found for each in _BEHAVIOR if (found := item.extension(each)) is not None), None)
        found = (self._condition(each, item, place) for each in conditions)
        return all(found) if (behavior or item.raw.get("enableBehavior")) == "all" else any(found)

    def _evaluates(self, expression: Resource, item: Item, place: Place) -> bool:
        """What cannot be evaluated keeps nobody from answering."""
        if self._expression_holds is None or not self._left:
            return True
        self._left -= 1
        here = self.tree.of_item(item, place)
        return self._expression_holds(item, expression, here[0].raw if here else None) is not False

    def _condition(self, condition: Resource, item: Item, place: Place) -> bool:
        kind, expected = choice_in(condition, "answer")
        moved = next((found for each in _OPERATOR if (found := extension_value(condition, each)) is not None), None)
        operator: str = moved or condition.get("operator", "=")
        answers = self._answers(condition.get("question", ""), item, place)
        if operator == "exists":
            return bool(answers) == (expected is True)
        if operator == "!=":
            return bool(answers) and not any(_is("=", each, kind, expected) for each in answers)
        return any(_is(operator, each, kind, expected) for each in answers)

    def _answers(self, link_id: str, item: Item, place: Place) -> list[Resource]:
        """The answers of the nearest occurrence of a question."""
        question = self.tree.form.by_link_id.get(link_id)
        if question is None:
            return []
        shared = _shared(item, question)
        around = place
        while around.node is not None and around.node.item is not shared:
            around = Place(around.node.parent, around.node.answer)
        node = around.node
        if node is None and shared is not None:
            return []  # it stands elsewhere than in its Questionnaire
        if node is not None and shared is question:
            return [each for number, each in node.answers if number == around.answer] if self.of(node) else []
        found = self.tree.nearest(link_id, around, self.tree.order(item, place))
        return [each for _, each in found.answers] if found is not None and self.of(found) else []


def enabled(form: Form, response: Resource, *, now: datetime | None = None) -> Enabling:
    """What is enabled in a response, as far as it is filled in. ``now``: what expressions take for it."""
    asked = any(each.extension(ENABLED) is not None for each in form.walk())
    return Enabling(filled(form, response), conditions(form, response, now) if asked else None)


def _is(operator: str, answer: Resource, kind: str, expected: Any) -> bool:
    member, value = value_in(answer)
    return compares(operator, member.removeprefix("value"), value, kind, expected) is True


def _shared(item: Item, question: Item) -> Item | None:
    """The innermost item that has both in it, or is the question and has the item in it; None: the form itself."""
    above = []
    each: Item | None = question
    while each is not None:
        above.append(each)
        each = each.parent
    each = item.parent
    while each is not None:
        if any(each is other for other in above):
            return each
        each = each.parent
    return None
