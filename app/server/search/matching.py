"""Whether one resource meets what a search asks, by its index rows: the conditions that a scope may be narrowed by.

The same rows and the same comparisons as in ``tokens``, ``references`` and ``dates``, where they are SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.server.search.dates import DateValue
from app.server.search.query import AllOf, AnyOf, Condition, Criterion, Ids, OwnedBy
from app.server.search.references import ELSEWHERE, ReferenceValue
from app.server.search.registry import Registry
from app.server.search.rows import Rows
from app.server.search.tokens import TokenValue

Interval = tuple[int, int]
_COMPARISONS: Final[Mapping[str, Callable[[Interval, Interval], bool]]] = {
    "eq": lambda has, asked: has[0] >= asked[0] and has[1] <= asked[1],
    "ne": lambda has, asked: not (has[0] >= asked[0] and has[1] <= asked[1]),
    "gt": lambda has, asked: has[1] > asked[1],
    "lt": lambda has, asked: has[0] < asked[0],
    "ge": lambda has, asked: has[0] >= asked[0] or has[1] > asked[1],
    "le": lambda has, asked: has[0] < asked[0] or has[1] <= asked[1],
    "sa": lambda has, asked: has[0] >= asked[1],
    "eb": lambda has, asked: has[1] <= asked[0],
}
"""https://hl7.org/fhir/R4/search.html#prefix"""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A resource by its rows; ``patient_id``: of the Patient that it names as subject, whose record it is in."""

    registry: Registry
    rows: Rows
    patient_id: str | None


def meets(criterion: Criterion, indexed: Indexed) -> bool:
    """Whether the resource meets the criterion. Raises TypeError for one that a scope is not narrowed by."""
    match criterion:
        case Condition(modifier="", missing=None):
            return any(_has(criterion, value, indexed) for value in criterion.values)
        case AllOf():
            return all(meets(each, indexed) for each in criterion.criteria)
        case AnyOf():
            return any(meets(each, indexed) for each in criterion.criteria)
        case OwnedBy():
            return indexed.patient_id == criterion.id
        case Ids(ids=()):
            return False
    raise TypeError(type(criterion))


def _has(condition: Condition, value: Any, indexed: Indexed) -> bool:
    numbers, rows = condition.param.numbers, indexed.rows
    if isinstance(value, TokenValue):
        return any(number in numbers and _is_token(value, token, rows) for number, token in rows.tokens)
    if isinstance(value, ReferenceValue):
        types = {indexed.registry.number(each) for each in value.types} or {ELSEWHERE}
        return any(number in numbers and kind in types and target == value.id for number, kind, target in rows.links)
    if isinstance(value, DateValue):
        compare = _COMPARISONS[value.prefix]
        asked = value.low, value.high
        return any(number in numbers and compare((low, high), asked) for number, low, high in rows.periods)
    raise TypeError(type(value))


def _is_token(value: TokenValue, token: int, rows: Rows) -> bool:
    if value.hash is not None:
        return token == value.hash
    if value.system is None:
        return any(known == token and code == value.kept_code for known, _, code in rows.terms)
    return any(known == token and system == value.kept_system for known, system, _ in rows.terms)
