"""The conditions of a search as SQL on the row ``r``, one maker per parameter type.
https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from app.server.search.build import Ask, Build, Get, any_of, attribute_at, value_at
from app.server.search.dates import widen
from app.server.search.query import Condition, DateValue, ReferenceValue

_COMPARISONS: Final = {
    "eq": "(low >= FIRST AND high <= END)",
    "ne": "NOT (low >= FIRST AND high <= END)",
    "gt": "high > END",
    "lt": "low < FIRST",
    "ge": "(low >= FIRST OR high > END)",
    "le": "(low < FIRST OR high <= END)",
    "sa": "low >= END",
    "eb": "high <= FIRST",
    "ap": "(low < END AND high > FIRST)",
}
"""What each prefix asks of a stored interval [low, high), given the one that was written (``ap``: widened)."""


def condition_on(build: Build, place: int, condition: Condition) -> str:
    """A condition on the row ``r``."""
    if condition.missing is not None:
        bit = build.registry.present_bit(condition.param)
        return f"r.present & {bit} {'=' if condition.missing else '<>'} 0"
    makers: dict[str, Callable[[Build, int, Condition], str]] = {
        "token": _token,
        "date": _date,
        "string": _string,
        "reference": _reference,
    }
    return makers[condition.param.kind](build, place, condition)


def _token(build: Build, place: int, condition: Condition) -> str:
    parts = []
    known = []
    for index, value in enumerate(condition.values):
        if value.shape == "hash":
            known.append(build.bind(partial(attribute_at, place, index, "hash")))
        elif value.shape == "code":
            code = build.bind(partial(attribute_at, place, index, "code"))
            parts.append(
                f"x.value IN (SELECT m.value FROM term m WHERE m.patient = {build.patient} AND m.code = {code})"
            )
        else:
            system = build.bind(partial(attribute_at, place, index, "system"))
            parts.append(
                f"x.value IN (SELECT m.value FROM term m WHERE m.patient = {build.patient} AND m.system = {system})"
            )
    if known:
        parts.append(f"x.value IN ({', '.join(known)})")
    key = build.key("x", condition.param.number)
    exists = f"EXISTS (SELECT 1 FROM token x WHERE {key} AND {any_of(parts)} AND x.date = r.date AND x.n = r.n)"
    return f"NOT {exists}" if condition.modifier == "not" else exists


def _reference(build: Build, place: int, condition: Condition) -> str:
    parts = []
    for index, value in enumerate(condition.values):
        assert isinstance(value, ReferenceValue)
        numbers = ", ".join(str(build.registry.number(each)) for each in value.types) or "0"
        target = build.bind(partial(attribute_at, place, index, "id"))
        parts.append(f"(x.target_type IN ({numbers}) AND x.target_id = {target})")
    key = build.key("x", condition.param.number)
    return f"EXISTS (SELECT 1 FROM link x WHERE {key} AND {any_of(parts)} AND x.n = r.n)"


def _string(build: Build, place: int, condition: Condition) -> str:
    parts = []
    for index, value in enumerate(condition.values):
        folded = partial(build.bind, partial(attribute_at, place, index, "folded"))
        head = partial(build.bind, partial(attribute_at, place, index, "head"))
        if condition.modifier == "contains":
            part = f"{'strpos' if build.dialect == 'postgresql' else 'instr'}(x.folded, {folded()}) > 0"
        elif condition.modifier == "exact":
            part = f"x.head = {head()} AND x.exact = {build.bind(partial(attribute_at, place, index, 'text'))}"
        else:
            end = build.bind(partial(attribute_at, place, index, "head_end"))
            part = f"x.head >= {head()} AND x.head < {end}"
            if value.shape:
                end = build.bind(partial(attribute_at, place, index, "folded_end"))
                part += f" AND x.folded >= {folded()} AND x.folded < {end}"
        parts.append(f"({part})")
    key = build.key("x", condition.param.number)
    return f"EXISTS (SELECT 1 FROM text x WHERE {key} AND {any_of(parts)} AND x.n = r.n)"


def _date(build: Build, place: int, condition: Condition) -> str:
    parts = []
    for index, value in enumerate(condition.values):
        assert isinstance(value, DateValue)
        parts.append(interval_condition(build, value.prefix, partial(value_at, place, index), "x.low", "x.high"))
    key = build.key("x", condition.param.number)
    return f"EXISTS (SELECT 1 FROM period x WHERE {key} AND {any_of(parts)} AND x.n = r.n)"


def first_of(get: Get, ask: Ask) -> int:
    value: DateValue = get(ask)
    return widen(value.low, value.high, ask.now)[0] if value.prefix == "ap" else value.low


def end_of(get: Get, ask: Ask) -> int:
    value: DateValue = get(ask)
    return widen(value.low, value.high, ask.now)[1] if value.prefix == "ap" else value.high


def interval_condition(build: Build, prefix: str, get: Get, low: str, high: str) -> str:
    """The comparison of a stored interval [low, high) with the one asked for, by its prefix."""
    comparison = _COMPARISONS[prefix].replace("low", low).replace("high", high)
    for name, bound in (("FIRST", first_of), ("END", end_of)):
        if name in comparison:
            comparison = comparison.replace(name, build.bind(partial(bound, get)))
    return comparison
