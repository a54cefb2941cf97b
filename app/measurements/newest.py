"""Of every kind the newest measurement among Observations, and how it is written.

https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.fhir.resource import Resource
from app.measurements.kinds import Kind, Value
from app.measurements.readings import readings_in
from app.measurements.words import LANGUAGES, Language, Words, number


@dataclass(frozen=True, slots=True)
class Newest:
    """One Observation: its values in the order of the table of kinds, measured at ``at`` (µs)."""

    kind: Kind
    at: int
    observation: Resource
    values: Sequence[tuple[Value, Fraction]]


def newest_of_kinds(observations: Iterable[Resource], canonical_base: str) -> Mapping[str, list[Newest]]:
    """By the name of the kind, those that have the newest of any of its values: one, or one for each where they came
    one by one. The newest first.
    """
    found: dict[str, list[Newest]] = {}
    for observation in observations:
        readings = readings_in(observation, canonical_base)
        if readings:
            kind = readings[0].kind
            values = in_order(kind, [(each.of, each.value) for each in readings])
            found.setdefault(kind.name, []).append(Newest(kind, readings[0].at, observation, values))
    return {name: _kept(listed) for name, listed in found.items()}


def in_order(kind: Kind, values: Sequence[tuple[Value, Fraction]]) -> list[tuple[Value, Fraction]]:
    """The values in the order of the table of kinds."""
    return sorted(values, key=lambda each: kind.values.index(each[0]))


def written_values(kind: Kind, values: Sequence[tuple[Value, Fraction]]) -> Words:
    """The values of one measurement on a line: ``138/82 mmHg``, ``82,5 kg``."""
    return {language: _written(kind, values, language) for language in LANGUAGES}


def _written(kind: Kind, values: Sequence[tuple[Value, Fraction]], language: Language) -> str:
    dutch = language == "nl"
    numbers = [number(found, of.decimals)[language] for of, found in values]
    units = [of.unit_nl if dutch else of.unit_en for of, _ in values]
    if len(set(units)) == 1 and len(values) == len(kind.values):
        return f"{'/'.join(numbers)} {units[0]}"
    named = [of.nl if dutch else of.en for of, _ in values]
    return ", ".join(f"{name} {shown} {unit}" for name, shown, unit in zip(named, numbers, units, strict=True))


def _kept(listed: list[Newest]) -> list[Newest]:
    listed.sort(key=lambda each: each.at, reverse=True)
    seen: set[str] = set()
    kept = []
    for each in listed:
        names = {value.name for value, _ in each.values}
        if names - seen:
            seen |= names
            kept.append(each)
    return kept
