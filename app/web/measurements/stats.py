"""The answer of ``$stats``, for a page: by value, and measurement by measurement.

https://hl7.org/fhir/R4/observation-operation-stats.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from app.fhir.resource import Resource
from app.measurements.kinds import Kind, Value


@dataclass(frozen=True, slots=True)
class Target:
    """The personal target of a value. ``goal``: its id."""

    low: Fraction | None
    high: Fraction | None
    goal: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """One day, week or month: its first and last day, how many values, and these of them."""

    first: str
    last: str
    count: int
    average: Fraction
    lowest: Fraction
    highest: Fraction


@dataclass(frozen=True, slots=True)
class OfValue:
    """Everything about one value. ``text``: in words."""

    value: Value
    text: str
    target: Target | None
    buckets: Sequence[Bucket]


@dataclass(frozen=True, slots=True)
class Measured:
    """One Observation: its values, when, and where it is from."""

    id: str
    when: str
    values: Sequence[tuple[Value, Fraction]]
    by: str
    device: str
    app: str
    flags: frozenset[str]
    double: bool
    counts: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """``total``: how many measured values there are, also those that did not come along."""

    values: Sequence[OfValue]
    measured: Sequence[Measured]
    total: int


def stats_of(answer: Resource, kind: Kind) -> Stats:
    """What a Parameters resource says."""
    values = {each.name: each for each in kind.values}
    listed = answer.get("parameter", ())
    counts = [_count(each["resource"]) for each in listed if each["name"] == "statistics"]
    return Stats(
        [_of_value(_parts(each), values) for each in listed if each["name"] == "value"],
        _measured([_parts(each) for each in listed if each["name"] == "reading"], values, kind),
        sum(counts),
    )


def _count(observation: Resource) -> int:
    for component in observation.get("component", ()):
        if component["code"]["coding"][0]["code"] == "total-count":
            return int(component["valueInteger"])
    return 0


def _parts(parameter: Resource) -> Mapping[str, list[Any]]:
    """The parts by name; of each its value, or itself where it has parts."""
    found: dict[str, list[Any]] = {}
    for each in parameter.get("part", ()):
        value = next((value for name, value in each.items() if name.startswith("value")), each)
        found.setdefault(each["name"], []).append(value)
    return found


def _first(parts: Mapping[str, list[Any]], name: str) -> Any:
    return parts.get(name, [None])[0]


def _of_value(parts: Mapping[str, list[Any]], values: Mapping[str, Value]) -> OfValue:
    target = _first(parts, "target")
    return OfValue(
        values[_first(parts, "name")],
        _first(parts, "text"),
        None if target is None else _target(_parts(target)),
        [_bucket(_parts(each)) for each in parts.get("bucket", ())],
    )


def _target(parts: Mapping[str, list[Any]]) -> Target:
    goal = (_first(parts, "goal") or {}).get("reference", "")
    return Target(_number(_first(parts, "low")), _number(_first(parts, "high")), goal.rpartition("/")[2])


def _number(quantity: Resource | None) -> Fraction | None:
    return None if quantity is None else Fraction(str(quantity["value"]))


def _bucket(parts: Mapping[str, list[Any]]) -> Bucket:
    period = _first(parts, "period")
    numbers = [Fraction(str(_first(parts, name))) for name in ("average", "minimum", "maximum")]
    return Bucket(period["start"], period["end"], _first(parts, "count"), *numbers)


def _measured(listed: Sequence[Mapping[str, list[Any]]], values: Mapping[str, Value], kind: Kind) -> list[Measured]:
    """The newest first, values of one Observation together."""
    by_id: dict[str, list[Mapping[str, list[Any]]]] = {}
    for each in listed:
        by_id.setdefault(_first(each, "observation")["reference"].rpartition("/")[2], []).append(each)
    return [_one(name, readings, values, kind) for name, readings in by_id.items()]


def _one(name: str, readings: Sequence[Mapping[str, list[Any]]], values: Mapping[str, Value], kind: Kind) -> Measured:
    first = readings[0]
    found = [(values[_first(each, "name")], Fraction(str(_first(each, "value")["value"]))) for each in readings]
    return Measured(
        name,
        _first(first, "when"),
        sorted(found, key=lambda each: kind.values.index(each[0])),
        _first(first, "by") or "",
        _first(first, "device") or "",
        _first(first, "app") or "",
        frozenset(_flags(readings)),
        any(_first(each, "possibleDouble") for each in readings),
        all(_first(each, "counts") for each in readings),
    )


def _flags(readings: Sequence[Mapping[str, list[Any]]]) -> Iterator[str]:
    for each in readings:
        yield from each.get("flag", ())
