"""Constraints of profiles in FHIRPath, each compiled once. https://hl7.org/fhir/R4/conformance-rules.html#constraints

fhirpathpy evaluates them; it is imported when the first one is met, since most processes never meet any. As everywhere
here, a constraint holds where its expression has no answer because an element is not there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from app.errors import Severity
from app.fhir.definitions import Definitions
from app.fhir.profiles.bindings import concepts_of
from app.fhir.profiles.elements import Item
from app.fhir.profiles.presence import presence
from app.fhir.profiles.run import Place, Run
from app.fhir.profiles.tree import Node
from app.fhir.profiles.values import Test
from app.fhir.terminology.membership import Terminology

_MODELS: Final = {"4.0.1": "r4", "3.0.1": "stu3"}

Evaluate = Callable[[Item, Run], list[Any]]


class NotEvaluable(Exception):
    """An expression that cannot be read, or asks for what is not done here."""


def invariants_of(node: Node, definitions: Definitions, terminology: Terminology) -> Iterator[Test]:
    """The tests of one element's constraints, each key once, as the last profile has it."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for listed, profile in node.every("constraint"):
        for constraint in listed:
            if "expression" in constraint:
                found[constraint["key"]] = (constraint, profile)
    for constraint, profile in found.values():
        yield _invariant(constraint, profile, definitions, terminology)


def _invariant(constraint: dict[str, Any], profile: str, definitions: Definitions, terminology: Terminology) -> Test:
    key, expression = constraint["key"], constraint["expression"]
    severity: Severity = "warning" if constraint.get("severity") == "warning" else "error"
    text = f"The rule {key} does not hold: {constraint.get('human', expression)}"
    unread = f"The rule {key} was not looked at: its expression cannot be evaluated here."

    @functools.cache
    def evaluate() -> Evaluate | None:
        try:
            return evaluator(expression, definitions, terminology)
        except NotEvaluable:
            return None

    def test(item: Item, place: Place, run: Run) -> None:
        ready = evaluate()
        try:
            holds = ready is not None and _holds(ready(item, run))
        except NotEvaluable:
            ready = None
        if ready is None:
            run.add(place, unread, code="not-supported", rule=key, profile=profile, severity="information")
            return
        if not holds:
            run.add(place, text, code="invariant", rule=key, profile=profile, severity=severity)

    return test


def _holds(found: list[Any]) -> bool:
    return not found or found[0] is not False


def evaluator(expression: str, definitions: Definitions, terminology: Terminology) -> Evaluate:
    """The expression, ready to be evaluated on a value. Raises ``NotEvaluable`` here or when it is called."""
    quick = presence(expression, definitions)
    if quick is not None:
        return lambda item, _: [quick(item)]
    return _evaluator(expression, definitions.version, terminology)


def _evaluator(expression: str, version: str, terminology: Terminology) -> Evaluate:
    import fhirpathpy  # noqa: PLC0415 - takes long to import, and is not always needed
    from fhirpathpy.engine.nodes import ResourceNode  # noqa: PLC0415
    from fhirpathpy.models import models  # noqa: PLC0415

    functions = {
        "memberOf": {"fn": _member_of(terminology), "arity": {0: [], 1: ["String"]}},
        "hasValue": {"fn": _has_value, "arity": {0: []}},
    }
    if "$this" in expression:  # which fhirpathpy knows within a function only
        expression = f"select({expression})"
    try:
        compiled = fhirpathpy.compile(expression, models[_MODELS[version]], {"userInvocationTable": functions})
    except Exception as error:  # a parser of its own, with errors of its own
        raise NotEvaluable(expression) from error

    create_node: Callable[..., Any] = ResourceNode.create_node

    def evaluate(item: Item, run: Run) -> list[Any]:
        node = create_node(item.value, item.type, item.beside)
        context = {"resource": run.resource, "rootResource": run.root}
        try:
            found: list[Any] = compiled(node, context)
        except Exception as error:  # whatever an expression that does not fit its data makes it raise
            raise NotEvaluable(expression) from error
        return found

    return evaluate


def _has_value(values: list[Any]) -> list[bool]:
    """Whether it is one primitive that has a value. https://hl7.org/fhir/R4/fhirpath.html#functions"""
    return [len(values) == 1 and isinstance(values[0], str | bool | int | Decimal)]


def _member_of(terminology: Terminology) -> Callable[[list[Any], str], list[bool]]:
    """``memberOf('…')``; no answer where it cannot be told. https://hl7.org/fhir/R4/fhirpath.html#functions"""

    def member_of(values: list[Any], value_set: str) -> list[bool]:
        membership = terminology.membership(value_set)
        verdicts = [membership.verdict(*each) for value in values for each in concepts_of(value) or ()]
        if "in" in verdicts:
            return [True]
        return [] if not verdicts or "unknown" in verdicts else [False]

    return member_of
