"""Which Observations are readings of a run, and why others are not. https://hl7.org/fhir/R4/observation.html

A reading belongs to a run by its kind, by who measured (the person, or somebody close to them), and by its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

from app.errors import Invalid
from app.fhir.resource import Resource
from app.measurements.kinds import Kind, kind_of
from app.measurements.protocols.table import Protocol
from app.measurements.readings import VOID, moment_in, moment_of, readings_in
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM, intake_system

Why = Literal["beyond-limit", "to-confirm", "value", "time", "modified", "care"]
"""Why an Observation is left out: its flag; a value that is missing; no time of the day; a modifier extension; somebody
else measured.
"""
_OTHER: Final = "other"
"""The moment of a kind that says nothing."""
_HOME: Final = ("Patient", "RelatedPerson")
_LONGEST: Final = 3_600_000_000
"""How exactly (µs) a time must be told: an hour."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One reading: ``values`` by the names of measures, measured at ``at`` (µs). ``moment``: of the day, as far as it
    says so. ``main``: of the kind that is counted.
    """

    id: str
    kind: Kind
    values: Mapping[str, Fraction]
    at: int
    main: bool
    moment: str | None = None


def taken(observation: Resource, protocol: Protocol, canonical_base: str) -> Taken | Why | None:
    """The reading that an Observation (with its id) is of a protocol, or why it is left out; None for what is of
    another kind or was entered in error.
    """
    kind = kind_of(observation, canonical_base)
    if kind not in protocol.kinds or kind is None or observation.get("status") in VOID:
        return None
    why = _flagged(observation, canonical_base) or _measured_by(observation)
    if why is not None:
        return why
    try:
        when = moment_of(observation)
    except Invalid:
        when = None
    if when is None or when[1] - when[0] > _LONGEST:
        return "time"
    values = _values(observation, kind, protocol, canonical_base)
    if not values:
        return "value"
    moment = moment_in(observation, kind)
    return Taken(
        str(observation["id"]),
        kind,
        values,
        when[0],
        kind is protocol.kind,
        None if moment is None or moment.name == _OTHER else moment.name,
    )


def _flagged(observation: Resource, canonical_base: str) -> Why | None:
    if observation.get("modifierExtension"):
        return "modified"
    system = intake_system(canonical_base)
    flags = {each.get("code") for each in observation.get("meta", {}).get("tag", ()) if each.get("system") == system}
    if BEYOND_LIMIT in flags:
        return "beyond-limit"
    return "to-confirm" if TO_CONFIRM in flags else None


def _measured_by(observation: Resource) -> Why | None:
    performers = observation.get("performer", ())
    home = any(_type_of(each) in _HOME for each in performers)
    return None if home else "care"


def _type_of(reference: Mapping[str, Any]) -> str:
    return str(reference.get("type") or reference.get("reference", "").rpartition("/")[0].rpartition("/")[2])


def _values(observation: Resource, kind: Kind, protocol: Protocol, canonical_base: str) -> dict[str, Fraction]:
    """By measure; empty when one that the kind is counted by is not there."""
    found = {each.of.name: each.value for each in readings_in(observation, canonical_base)}
    values: dict[str, Fraction] = {}
    for measure in protocol.measures:
        of = next((value for each, value in measure.values if each is kind), None)
        if of is None:
            continue
        if of.name not in found:
            return {}
        values[measure.name] = found[of.name]
    return values
