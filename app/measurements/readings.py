"""Readings in Observations, whoever made them: a panel, or one value each as GP systems send them, in the unit of the
kind. https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from app.fhir.dates import bounds
from app.fhir.resource import Resource
from app.fhir.ucum import SYSTEM
from app.measurements.kinds import SYSTEMS, Kind, Moment, Value, keys_of, kind_of, part_of

VOID: Final = frozenset({"entered-in-error", "cancelled"})
EVENT_TIMING: Final = "http://hl7.org/fhir/StructureDefinition/observation-eventTiming"


@dataclass(frozen=True, slots=True)
class Reading:
    """One value. ``at``: when, in µs (the begin of what was told less exactly); ``value`` in the unit of ``of``.
    ``place``: the FHIRPath of the element in the Observation.
    """

    kind: Kind
    of: Value
    value: Fraction
    at: int
    place: str = "Observation.value"


def readings_in(observation: Resource, canonical_base: str) -> list[Reading]:
    """The values that an Observation has of the kinds in the table; none when it is of no kind, was entered in error,
    has no time, or has values in units that are not accepted.
    """
    if observation.get("status") in VOID:
        return []
    at = moment_of(observation)
    return (
        []
        if at is None
        else [Reading(*each, at=at[0], place=place) for each, place in _found(observation, canonical_base)]
    )


def moment_of(observation: Resource) -> tuple[int, int] | None:
    """From when until when (µs) it was measured; None when it does not say."""
    text = observation.get("effectiveDateTime") or observation.get("effectiveInstant")
    if text:
        return bounds(text)
    period = observation.get("effectivePeriod", {})
    start, end = period.get("start"), period.get("end")
    if not start and not end:
        return None
    return bounds(start or end)[0], bounds(end or start)[1]


def quantity_in(quantity: Any, value: Value) -> Fraction | None:
    """A Quantity in the unit of a value; None when it is no number with an accepted UCUM unit, or has a comparator."""
    if not isinstance(quantity, dict) or "value" not in quantity or "comparator" in quantity:
        return None
    if quantity.get("system") != SYSTEM:
        return None
    return value.converted(Fraction(str(quantity["value"])), quantity.get("code", ""))


def value_in(element: Resource, value: Value) -> Fraction | None:
    """What an Observation or one of its components has as ``value``, in its unit: a Quantity, or the whole number of a
    rating; None when it has nothing that can be compared.
    """
    if value.integer and "valueInteger" in element:
        return Fraction(element["valueInteger"])
    return quantity_in(element.get("valueQuantity"), value)


def moment_in(observation: Resource, kind: Kind) -> Moment | None:
    """The moment of the day that an Observation says it was measured at, as exactly as it says so: by the extension
    ``observation-eventTiming``, the code of a GP system, or the code alone.
    """
    codings = observation.get("code", {}).get("coding", ())
    codes = {(each.get("system"), each.get("code")) for each in codings}
    timing = _timing(observation)
    for each in kind.moments:
        if timing is not None and each.timing == timing:
            return each
    for each in kind.moments:
        if any((SYSTEMS["nhg45"], code) in codes for code in each.nhg45):
            return each
    plain = [each for each in kind.moments if each.timing is None]
    return next((each for each in plain if (SYSTEMS["loinc"], each.code) in codes), None)


def _timing(observation: Resource) -> str | None:
    for extension in observation.get("extension", ()):
        if extension.get("url") != EVENT_TIMING:
            continue
        for part in extension.get("extension", ()):
            if part.get("url") == "code":
                for coding in part.get("valueCodeableConcept", {}).get("coding", ()):
                    return str(coding.get("code"))
    return None


def _found(observation: Resource, canonical_base: str) -> Iterator[tuple[tuple[Kind, Value, Fraction], str]]:
    kind = kind_of(observation, canonical_base)
    if kind is None:
        part = part_of(observation, canonical_base)
        found = None if part is None else value_in(observation, part[1])
        if part is not None and found is not None:
            yield (*part, found), "Observation.value"
        return
    if kind.value is not None:
        found = value_in(observation, kind.value)
        if found is not None:
            yield (kind, kind.value, found), "Observation.value"
    for number, component in enumerate(observation.get("component", ())):
        value = kind.find(tuple(keys_of(component.get("code"), canonical_base)))
        if value is not None:
            found = value_in(component, value)
            if found is not None:
                yield (kind, value, found), f"Observation.component[{number}].value"
