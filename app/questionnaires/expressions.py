"""Expressions of questionnaires in FHIRPath, each read once and carried out within bounds.
https://hl7.org/fhir/uv/sdc/expressions.html http://hl7.org/fhirpath/N1/

fhirpathpy evaluates them; it is imported when the first one is met. Who writes a Questionnaire is not who waits for
the answer, so an expression has limits: in length and depth, in steps, in time on the processor and in the size of
what it makes. Not done here: ``resolve``, ``memberOf``, ``conformsTo`` and ``htmlChecks``, which ask for more than the
response; ``matches``, ``replaceMatches`` and ``replace``, whose cost has no bound; ``encode``, ``decode`` and
``trace``. ``weight()`` and ``ordinal()`` give the number that the Questionnaire gives an answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, DecimalException
from functools import lru_cache
from typing import Any, Final

LONGEST: Final = 4_000
"""Characters of an expression."""
DEEPEST: Final = 60
"""Brackets within brackets."""
MOST_STEPS: Final = 50_000
"""Parts of an expression that are carried out, those in a loop each time."""
MOST_TIME: Final = 250_000_000
"""Nanoseconds on the processor."""
MOST_TOGETHER: Final = 2_000_000_000
"""The same, for all expressions that are carried out for one response."""
MOST_VALUES: Final = 10_000
LONGEST_VALUE: Final = 10_000
"""Characters of a text, and digits of a whole number."""
REFUSED: Final = (
    *("resolve", "memberOf", "conformsTo", "htmlChecks", "matches", "matchesFull", "replaceMatches", "replace"),
    *("encode", "decode", "trace"),
)
_LARGEST_POWER: Final = 16
_LOOK_AT_CLOCK: Final = 16

Variables = Mapping[str, Any]


class NotEvaluable(Exception):
    """An expression that cannot be read, does not fit its data, or goes beyond a bound. The text says which, and
    nothing of the data.
    """


class Together:
    """What all evaluations for one response have left, in nanoseconds on the processor."""

    def __init__(self) -> None:
        self.left = MOST_TOGETHER


class Budget:
    """What one evaluation has left, at most ``most`` nanoseconds."""

    def __init__(self, most: int = MOST_TIME) -> None:
        self.steps = MOST_STEPS
        self.until = time.thread_time_ns() + min(most, MOST_TIME)
        self.context: Mapping[str, Any] = {}

    def step(self) -> None:
        """One part more. Raises ``NotEvaluable``."""
        self.steps -= 1
        if self.steps < 0:
            raise NotEvaluable("It takes too many steps.")
        if self.steps % _LOOK_AT_CLOCK == 0 and time.thread_time_ns() > self.until:
            raise NotEvaluable("It takes too long.")
        check_size(self.context.get("$total"))


class _Running(threading.local):
    """What is evaluated in this thread, if anything is."""

    budget: Budget | None = None


_RUNNING: Final = _Running()


class _Node(dict[str, Any]):
    """A part of an expression. The evaluator asks each for its ``type`` when it carries it out."""

    def __getitem__(self, name: str) -> Any:
        if name == "type" and _RUNNING.budget is not None:
            _RUNNING.budget.step()
        return super().__getitem__(name)


@lru_cache(maxsize=1024)
def parsed(expression: str) -> Mapping[str, Any]:
    """An expression, ready to be carried out. Raises ``NotEvaluable``."""
    _check_shape(expression)
    from fhirpathpy import parser as fhirpath  # noqa: PLC0415 - takes long to import

    grammar: Any = fhirpath

    class Strict(grammar.ErrorListener):  # type: ignore[misc] # no types
        """The parser mends what it does not understand, and goes on with something else than was written."""

        def syntaxError(self, *_: Any) -> None:  # noqa: N802 - called so
            raise NotEvaluable("It is not FHIRPath.")

    lexer = grammar.FHIRPathLexer(grammar.InputStream(expression))
    lexer.removeErrorListeners()
    lexer.addErrorListener(Strict())
    parser = grammar.FHIRPathParser(grammar.CommonTokenStream(lexer))
    parser.removeErrorListeners()
    parser.addErrorListener(Strict())
    listener = grammar.ASTPathListener()
    try:
        grammar.ParseTreeWalker().walk(listener, parser.entireExpression())
    except NotEvaluable:
        raise
    except Exception as error:  # a parser of its own, with errors of its own
        raise NotEvaluable("It is not FHIRPath.") from error
    (entire,) = listener.parentStack[0]["children"]
    tree = _counted(entire)
    for name in _functions(tree):
        if name in REFUSED:
            raise NotEvaluable(f"{name}() is not carried out here.")
    return tree


def evaluate(
    expression: str,
    base: Any,
    base_type: str,
    *,
    variables: Variables,
    now: datetime,
    weight: Callable[[Any], Decimal | None] = lambda _: None,
    together: Together | None = None,
) -> list[Any]:
    """What an expression gives: JSON values. ``base``: the element that it begins at (or a list, or None), of the type
    (or path) ``base_type``; ``weight``: the number that an answer (its Coding or value) has; ``together``: what is left
    for this one and others. Raises ``NotEvaluable``.
    """
    if together is not None and together.left <= 0:
        raise NotEvaluable("The expressions take too long together.")
    tree = parsed(expression)
    from fhirpathpy import engine as fhirpath  # noqa: PLC0415
    from fhirpathpy.engine import nodes, util  # noqa: PLC0415
    from fhirpathpy.engine.invocations import constants  # noqa: PLC0415
    from fhirpathpy.models import models  # noqa: PLC0415

    create_node: Callable[..., Any] = nodes.ResourceNode.create_node
    callable_table: Callable[..., Any] = util.process_user_invocation_table
    reset: Callable[[], Any] = constants.constants.reset
    do_eval: Callable[..., list[Any]] = fhirpath.do_eval
    values = base if isinstance(base, list) else [] if base is None else [base]
    root = [create_node(each, base_type) for each in values]
    context: dict[str, Any] = {
        "dataRoot": root,
        "vars": {"context": root, "ucum": "http://unitsofmeasure.org", **variables},
        "model": models["r4"],
        "userInvocationTable": callable_table(_own_functions(now, weight)),
    }
    began = time.thread_time_ns()
    budget = Budget(MOST_TIME if together is None else together.left)
    budget.context = context
    reset()
    _RUNNING.budget = budget
    try:
        found = do_eval(context, root, tree["children"][0])
        made = [_plain(each) for each in found]
    except NotEvaluable:
        raise
    except Exception as error:  # whatever an expression that does not fit its data makes it raise
        raise NotEvaluable("It does not fit what it is about.") from error
    finally:
        _RUNNING.budget = None
        if together is not None:
            together.left -= time.thread_time_ns() - began
    check_size(made)
    return made


def check_size(value: Any) -> None:
    """Raises ``NotEvaluable`` when a value is beyond the bounds."""
    if isinstance(value, list):
        if len(value) > MOST_VALUES:
            raise NotEvaluable("It gives too much.")
        for each in value[:2]:  # what grows from step to step is one value
            check_size(each)
    elif isinstance(value, str):
        if len(value) > LONGEST_VALUE:
            raise NotEvaluable("It gives too much.")
    elif isinstance(value, int) and value.bit_length() > LONGEST_VALUE:
        raise NotEvaluable("It gives too much.")


def _check_shape(expression: str) -> None:
    if len(expression) > LONGEST:
        raise NotEvaluable(f"It is longer than {LONGEST} characters.")
    depth = deepest = 0
    for character in expression:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise NotEvaluable(f"It has more than {DEEPEST} brackets within each other.")


def _counted(node: Mapping[str, Any]) -> _Node:
    made = _Node(node)
    if "children" in node:
        made["children"] = [_counted(each) for each in node["children"]]
    return made


def _functions(node: Mapping[str, Any]) -> list[str]:
    """The names of the functions that it calls."""
    found = []
    if node.get("type") == "Functn":
        found.append(str(node["children"][0].get("text", "")).strip('`"'))
    for each in node.get("children", ()):
        found += _functions(each)
    return found


def _plain(value: Any) -> Any:
    """A value without what the evaluator wraps it in."""
    data = getattr(value, "data", value) if type(value).__name__ == "ResourceNode" else value
    if isinstance(data, float):
        return Decimal(str(data))
    if data is None or isinstance(data, str | bool | int | Decimal | dict | list):
        return data
    if type(data).__name__ == "FP_Quantity":
        return {"value": data.value, "unit": str(data.unit).strip("'")}
    return str(data)


def _own_functions(now: datetime, weight: Callable[[Any], Decimal | None]) -> Mapping[str, Mapping[str, Any]]:
    """Functions that fhirpathpy lacks, or does in a way that is not that of the specification or has no bound."""

    def weights(values: list[Any]) -> list[Decimal]:
        return [found for found in map(weight, values) if found is not None]

    return {
        "weight": {"fn": weights, "arity": {0: []}},
        "ordinal": {"fn": weights, "arity": {0: []}},
        "today": {"fn": lambda _: [now.date().isoformat()], "arity": {0: []}},
        "now": {"fn": lambda _: [now.isoformat(timespec="milliseconds")], "arity": {0: []}},
        "timeOfDay": {"fn": lambda _: [now.time().isoformat(timespec="milliseconds")], "arity": {0: []}},
        "power": {"fn": _power, "arity": {1: ["Number"]}},
        "round": {"fn": _round, "arity": {0: [], 1: ["Number"]}},
        "sum": {"fn": lambda values: [sum(_numbers(values))], "arity": {0: []}},
        "min": {"fn": lambda values: [min(_numbers(values))] if values else [], "arity": {0: []}},
        "max": {"fn": lambda values: [max(_numbers(values))] if values else [], "arity": {0: []}},
        "avg": {"fn": _average, "arity": {0: []}},
    }


def _numbers(values: Sequence[Any]) -> list[Decimal | int]:
    if any(isinstance(each, bool) or not isinstance(each, int | Decimal) for each in values):
        raise NotEvaluable("It counts with what is no number.")
    return list(values)


def _average(values: list[Any]) -> list[Decimal]:
    numbers = _numbers(values)
    return [Decimal(sum(numbers)) / len(numbers)] if numbers else []


def _power(values: list[Any], exponent: Any) -> list[Any]:
    if not values or exponent == []:
        return []
    (number,) = _numbers(values)
    if abs(exponent) > _LARGEST_POWER:
        raise NotEvaluable("It raises to too high a power.")
    with suppress(DecimalException):
        return [number**exponent if isinstance(exponent, int) and exponent >= 0 else Decimal(number) ** exponent]
    return []


def _round(values: list[Any], digits: Any = 0) -> list[Any]:
    """To the nearest; a half goes away from 0."""
    if not values:
        return []
    (number,) = _numbers(values)
    rounded = Decimal(number).quantize(Decimal(1).scaleb(-int(digits or 0)), ROUND_HALF_UP)
    return [rounded if digits else int(rounded)]
