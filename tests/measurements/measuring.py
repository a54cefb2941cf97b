"""Measurements of every kind, as a person or an app sends them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.measurements.kinds import Kind, Value, kinds
from app.measurements.writing import Measured, observation_of

TAKEN: Final = "2026-11-20T08:00:00+01:00"
PATIENT: Final[Resource] = {"reference": "Patient/anna"}
INTAKE: Final = f"{CANONICAL_BASE}/CodeSystem/intake"
USUAL: Final = {"systolic": Decimal(130), "diastolic": Decimal(80)}
STEP: Final = Fraction(1, 10**6)
"""Just beyond: in the unit of the kind."""


def usual(value: Value) -> Decimal:
    """A value that nobody is surprised at."""
    middle = (value.unlikely.low + value.unlikely.high) / 2
    return USUAL.get(value.name, Decimal(int(middle)))


def measured(kind: Kind, *, without_profile: bool = False, **values: Decimal) -> Resource:
    """An Observation of a kind, of the usual values but for those that are given (by name, ``-`` as ``_``)."""
    given = {name.replace("_", "-"): value for name, value in values.items()}
    all_values = {each.name: given.get(each.name, usual(each)) for each in kind.values}
    made = observation_of(Measured(kind, all_values, TAKEN), CANONICAL_BASE, PATIENT)
    if without_profile:
        made.pop("meta", None)
    return made


def with_value(kind: Kind, value: Value, number: Decimal, unit: str | None = None) -> Resource:
    """One whose value (or component of that name) is ``number`` in a unit; without a claim, since profiles want the
    unit that we write.
    """
    numbers: dict[str, Any] = {each.name: usual(each) for each in kind.values}
    numbers[value.name] = number
    units = {} if unit is None else {value.name: unit}
    made = observation_of(Measured(kind, numbers, TAKEN, units=units), CANONICAL_BASE, PATIENT)
    made.pop("meta", None)
    return made


def every_value() -> Iterator[tuple[Kind, Value]]:
    """Every value of every kind."""
    for kind in kinds().values():
        for value in kind.values:
            yield kind, value


def flags(resource: Resource) -> set[str]:
    """What the service flagged it with."""
    return {each["code"] for each in resource.get("meta", {}).get("tag", ()) if each["system"] == INTAKE}
