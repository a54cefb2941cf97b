"""What a Questionnaire calculates: ``variable``, ``calculatedExpression`` and ``initialExpression``.
https://hl7.org/fhir/uv/sdc/expressions.html

In an expression ``%resource`` is the response, ``%questionnaire`` the Questionnaire, ``%context`` the item of the
response that the expression stands at (where it begins as well), ``%qitem`` that of the Questionnaire, and every
variable of the Questionnaire and of the groups around it has its name. An item in a group that repeats is not
calculated: its expression would have to be carried out once for each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from app.errors import Issue
from app.fhir.resource import Resource
from app.questionnaires.expressions import NotEvaluable, Together, check_size, evaluate, parsed
from app.questionnaires.items import VALUES, Form, Item, extension_value, value_in, walk_answers
from app.questionnaires.names import CORE, SDC
from app.questionnaires.placing import with_answers
from app.questionnaires.scoring.weights import key_of, option_weights, weight_in

VARIABLE: Final = f"{CORE}variable"
CALCULATED: Final = f"{SDC}sdc-questionnaire-calculatedExpression"
INITIAL: Final = f"{SDC}sdc-questionnaire-initialExpression"
ENABLED: Final = f"{SDC}sdc-questionnaire-enableWhenExpression"
_CARRIED_OUT: Final = frozenset({CALCULATED, ENABLED})
UNIT: Final = f"{CORE}questionnaire-unit"
FHIRPATH: Final = "text/fhirpath"
MOST_ROUNDS: Final = 10
"""Calculated answers may come of each other; after so many rounds they must have come to rest."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """The answers (each with its ``value[x]``) that items have by their expressions, by linkId; an empty list: none.
    ``issues``: expressions that could not be carried out, each with the FHIRPath of its item in the Questionnaire;
    their items have no entry.
    """

    answers: Mapping[str, list[Resource]]
    issues: tuple[Issue, ...] = ()


def calculate(
    form: Form, response: Resource, now: datetime | None = None, given: Mapping[str, Any] | None = None
) -> dict[str, list[Resource]]:
    """The answers of all items with a ``calculatedExpression``, by linkId, each as ``{"valueDecimal": …}``; an item
    whose expression could not be carried out is left out. ``given``: what else has a name, such as ``patient``.
    """
    return dict(calculation(form, response, now, given).answers)


def calculation(
    form: Form, response: Resource, now: datetime | None = None, given: Mapping[str, Any] | None = None
) -> Calculation:
    """As ``calculate``, with what went wrong."""
    listed = [item for item in form.walk() if _expression(item.raw, CALCULATED) is not None]
    if not listed:
        return Calculation({})
    work = response
    answers: dict[str, list[Resource]] = {}
    issues: dict[str, Issue]
    together = Together()
    for _ in range(MOST_ROUNDS):
        before = answers
        scope = _Scope(form, work, now, given, together)
        answers, issues = scope.answers_of(listed, CALCULATED)
        if answers == before:
            return Calculation(answers, tuple(issues.values()))
        work = with_answers(form, response, answers)
    text = "The calculated answers come of each other in a circle."
    return Calculation({}, (Issue("business-rule", text, ("Questionnaire.item",), rule="questionnaire-circular"),))


def initial(
    form: Form, response: Resource, now: datetime | None = None, given: Mapping[str, Any] | None = None
) -> Calculation:
    """The answers that items have to begin with, by ``initialExpression``."""
    listed = [item for item in form.walk() if _expression(item.raw, INITIAL) is not None]
    answers, issues = _Scope(form, response, now, given, Together()).answers_of(listed, INITIAL)
    return Calculation(answers, tuple(issues.values()))


def conditions(
    form: Form, response: Resource, now: datetime | None = None
) -> Callable[[Item, Resource, Resource | None], bool | None]:
    """What tells whether a condition (an Expression at an item) holds, given the item of the response that it is about:
    None where it has no answer or cannot be carried out.
    """
    scope = _Scope(form, response, now, None, Together())

    def holds(item: Item, expression: Resource, context: Resource | None) -> bool | None:
        try:
            found = scope.evaluate_at(item, expression, context)
        except NotEvaluable:
            return None
        return found[0] if len(found) == 1 and isinstance(found[0], bool) else None

    return holds


def has_expressions(form: Form) -> bool:
    """Whether checking a response carries out expressions of its form."""
    return any(each.get("url") in _CARRIED_OUT for item in form.walk() for each in item.raw.get("extension", ()))


def expression_issues(form: Form) -> list[Issue]:
    """What is wrong with the expressions of a Questionnaire, each at the FHIRPath of its element: not FHIRPath, beyond
    a bound, another language, or in a place where it is not carried out.
    """
    found = []
    for path, element in (("Questionnaire", form.resource), *((item.path, item.raw) for item in form.walk())):
        for extension in element.get("extension", ()):
            if extension.get("url") in (VARIABLE, CALCULATED, INITIAL):
                text = _trouble(extension.get("valueExpression", {}))
                if text:
                    found.append(_issue(path, text))
    found += [
        _issue(item.path, "An item in a group that repeats is not calculated here.")
        for item in form.walk()
        if _in_repeat(item) and _expression(item.raw, CALCULATED) is not None
    ]
    return found


class _Scope:
    """The names that expressions know, for one state of the response."""

    def __init__(
        self,
        form: Form,
        response: Resource,
        now: datetime | None,
        given: Mapping[str, Any] | None,
        together: Together,
    ) -> None:
        self._form = form
        self._together = together
        self._now = now or datetime.now(UTC)
        self._items: dict[str, list[Resource]] = {}
        self._weights: dict[int, Decimal] = {}
        self._names: dict[str, dict[str, Any]] = {}
        for _, item in walk_answers(response):
            self._items.setdefault(item.get("linkId", ""), []).append(item)
        self._base: dict[str, Any] = {
            **(given or {}),
            "resource": response,
            "rootResource": response,
            "questionnaire": form.resource,
        }
        self._response = response
        self._weigh()

    def answers_of(self, listed: Sequence[Item], url: str) -> tuple[dict[str, list[Resource]], dict[str, Issue]]:
        """Those that the expressions with an extension give to items."""
        answers: dict[str, list[Resource]] = {}
        issues: dict[str, Issue] = {}
        for item in listed:
            if _in_repeat(item):
                continue
            try:
                found = self._evaluate(item, _expression(item.raw, url) or {}, self._names_at(item))
                answers[item.link_id] = list(_answers(item, found))
            except NotEvaluable as error:
                issues[item.link_id] = _issue(item.path, str(error))
        return answers, issues

    def _names_at(self, item: Item | None) -> dict[str, Any]:
        """The variables that count at an item, each in the order in which they stand. Raises ``NotEvaluable``."""
        key = item.link_id if item is not None else ""
        found = self._names.get(key)
        if found is None:
            found = dict(self._names_at(item.parent)) if item is not None else dict(self._base)
            element = item.raw if item is not None else self._form.resource
            for extension in element.get("extension", ()):
                expression = extension.get("valueExpression", {})
                if extension.get("url") == VARIABLE and expression.get("name"):
                    found[expression["name"]] = self._evaluate(item, expression, found)
            self._names[key] = found
        return found

    def evaluate_at(self, item: Item, expression: Resource, context: Resource | None) -> list[Any]:
        """What an expression gives at one occurrence of an item. Raises ``NotEvaluable``."""
        return self._evaluate(item, expression, self._names_at(item), [] if context is None else [context])

    def _evaluate(
        self, item: Item | None, expression: Resource, names: Mapping[str, Any], at: list[Resource] | None = None
    ) -> list[Any]:
        text = _trouble(expression)
        if text:
            raise NotEvaluable(text)
        base: Any = self._response
        kind = "QuestionnaireResponse"
        variables = dict(names)
        if item is not None:
            base, kind = self._items.get(item.link_id, [])[:1] if at is None else at, "QuestionnaireResponse.item"
            variables["qitem"] = item.raw
        found = evaluate(
            expression["expression"],
            base,
            kind,
            variables=variables,
            now=self._now,
            weight=self._weight,
            together=self._together,
        )
        check_size(found)
        return found

    def _weigh(self) -> None:
        """The weight of every answer, by the object that it is: two questions may give a code different weights."""
        by_item = {item.link_id: dict(option_weights(self._form, item)) for item in self._form.walk()}
        self._by_key: dict[Any, set[Decimal]] = {}
        for options in by_item.values():
            for key, weight in options.items():
                if weight is not None:
                    self._by_key.setdefault(key, set()).add(_decimal(weight))
        for link_id, items in self._items.items():
            for answer in (each for item in items for each in item.get("answer", ())):
                member, value = value_in(answer)
                weight = by_item.get(link_id, {}).get(key_of(value) if member == "valueCoding" else _hashable(value))
                if weight is not None:
                    self._weights[id(value)] = self._weights[id(answer)] = _decimal(weight)

    def _weight(self, value: Any) -> Decimal | None:
        if isinstance(value, dict):
            known = self._weights.get(id(value))
            if known is not None:
                return known
            own = weight_in(value)
            if own is not None:
                return _decimal(own)
        found = self._by_key.get(key_of(value) if isinstance(value, dict) else _hashable(value), set())
        return next(iter(found)) if len(found) == 1 else None


def _hashable(value: Any) -> Any:
    return None if isinstance(value, dict | list) else value


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _expression(element: Resource, url: str) -> Resource | None:
    found = extension_value(element, url)
    return found if isinstance(found, dict) else None


def _trouble(expression: Resource) -> str:
    """Why an expression cannot be carried out; "" when it can be tried."""
    if expression.get("language") != FHIRPATH or "expression" not in expression:
        return "Only expressions in text/fhirpath are carried out here."
    try:
        parsed(expression["expression"])
    except NotEvaluable as error:
        return str(error)
    return ""


def _issue(path: str, text: str) -> Issue:
    text = f"An expression of the Questionnaire is not carried out: {text}"
    return Issue("not-supported", text, (path,), "warning", "questionnaire-expression")


def _in_repeat(item: Item) -> bool:
    above = item.parent
    while above is not None:
        if above.repeats and not above.is_question:
            return True
        above = above.parent
    return False


def _answers(item: Item, values: Sequence[Any]) -> Iterator[Resource]:
    """What an expression gives, as answers to its question. Raises ``NotEvaluable`` when it is something else."""
    if len(values) > 1 and not item.repeats:
        raise NotEvaluable("It gives several values for one answer.")
    for value in values:
        made = _answer(item, value)
        if made is None:
            raise NotEvaluable("It gives no value of the type of its item.")
        yield made


def _answer(item: Item, value: Any) -> Resource | None:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if item.type == "quantity":
        return _quantity(item, value, number=number)
    fits = {
        "decimal": number,
        "integer": number and value == int(value),
        "boolean": isinstance(value, bool),
        "choice": isinstance(value, dict) and "code" in value,
        "open-choice": isinstance(value, str) or (isinstance(value, dict) and "code" in value),
        "reference": isinstance(value, dict),
        "attachment": isinstance(value, dict),
    }
    if not fits.get(item.type, isinstance(value, str)):
        return None
    if item.type == "decimal":
        value = Decimal(value)
    if item.type == "date":
        value = value[:10]
    return {"valueString" if item.type == "open-choice" and isinstance(value, str) else VALUES[item.type]: value}


def _quantity(item: Item, value: Any, *, number: bool) -> Resource | None:
    if number:
        unit = item.extension(UNIT) or {}
        more = {"unit": unit.get("display", unit.get("code")), "system": unit.get("system"), "code": unit.get("code")}
        return {"valueQuantity": {"value": Decimal(value), **{name: each for name, each in more.items() if each}}}
    if not isinstance(value, dict) or "value" not in value:
        return None
    if set(value) == {"value", "unit"}:  # of the evaluator, whose units are those of UCUM
        return {"valueQuantity": {**value, "system": "http://unitsofmeasure.org", "code": value["unit"]}}
    return {"valueQuantity": copy.deepcopy(value)}
