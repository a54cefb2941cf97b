"""Measurements in words: the value, when, and who measured it, for the visitor of a page.

https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from app.fhir.dates import bounds
from app.fhir.resource import Resource, parse_reference
from app.measurements.confirming import flags_of
from app.measurements.kinds import Context, Kind, Value, keys_of
from app.measurements.limits import values_of
from app.measurements.newest import written_values
from app.measurements.readings import moment_in
from app.measurements.words import number
from app.web.dates import day, local, short
from app.web.measurements.visit import Visit

_MINUTE: Final = 16
"""Characters of a dateTime that tells the minute."""
_MARKS: Final = ("to-confirm", "unlikely", "beyond-limit")


def amount(visit: Visit, value: Value, found: Fraction) -> str:
    """A number as people write it, with the decimals that its value is shown with."""
    return visit.said(number(found, value.decimals))


def unit(visit: Visit, value: Value) -> str:
    """The unit as people write it."""
    return value.unit_nl if visit.language == "nl" else value.unit_en


def told(visit: Visit, kind: Kind, values: Sequence[tuple[Value, Fraction]]) -> str:
    """The values of one measurement on a line: ``138/82 mmHg``, ``82,5 kg``."""
    return visit.said(written_values(kind, values))


def values_told(observation: Resource, kind: Kind, canonical_base: str) -> list[tuple[Value, Fraction]]:
    """What an Observation has of a kind, whatever its status."""
    found = values_of(observation, canonical_base) or {}
    return [(of, found[kind.name, of.name]) for of in kind.values if (kind.name, of.name) in found]


def when(visit: Visit, written: str, *, brief: bool = False) -> str:
    """The day, and the time where it is told; ``brief``: for a narrow column."""
    shown = short if brief else day
    if len(written) < _MINUTE:
        return shown(written, visit.language)
    at = local(bounds(written)[0])
    return f"{shown(at.date().isoformat(), visit.language)}, {at:%H:%M}"


def time_of(observation: Resource) -> str:
    """When it was measured, as FHIR writes it; "" where it is not told."""
    period = observation.get("effectivePeriod", {})
    return str(
        observation.get("effectiveDateTime")
        or observation.get("effectiveInstant")
        or period.get("start")
        or period.get("end")
        or ""
    )


def by_whom(visit: Visit, said: str) -> str:
    """Who measured. ``said``: a name, a reference, or nothing."""
    t = visit.visitor.t
    if not said:
        return t("measurements.who.unknown")
    literal = parse_reference(said)
    if said == visit.visitor.record_name or (literal is not None and literal.type == "Patient"):
        return visit.visitor.record_name if visit.visitor.acts_for_another else t("measurements.who.self")
    if literal is None:
        return said
    key = {
        "RelatedPerson": "close",
        "Practitioner": "care",
        "PractitionerRole": "care",
        "CareTeam": "care",
        "Organization": "organization",
    }.get(literal.type, "unknown")
    return t(f"measurements.who.{key}")


def measured_by(visit: Visit, observation: Resource) -> str:
    """Who measured, as the Observation says it."""
    who: Resource = next(iter(observation.get("performer", ())), {})
    return by_whom(visit, str(who.get("display") or who.get("reference") or ""))


def device(said: str) -> str:
    """A device where it is named; a reference is no name."""
    return "" if parse_reference(said) is not None or said.startswith("#") else said


def marks(visit: Visit, flags: Sequence[str], *, double: bool = False) -> list[str]:
    """What is to be known of a value, in words."""
    t = visit.visitor.t
    found = [each for each in _MARKS if each in flags]
    if "to-confirm" in found and "unlikely" in found:
        found.remove("unlikely")  # it is asked whether it is right, which says so too
    said = [t(f"measurements.mark.{each.replace('-', '_')}") for each in found]
    return [*said, t("measurements.mark.double")] if double else said


def marks_of(visit: Visit, observation: Resource) -> list[str]:
    """The same of an Observation."""
    said = marks(visit, flags_of(observation, visit.base))
    if observation.get("status") == "entered-in-error":
        return [visit.visitor.t("measurements.mark.mistake")]
    return said


def circumstances(visit: Visit, observation: Resource, kind: Kind) -> Iterator[tuple[str, str]]:
    """What was told of the circumstances: what it is called, and the answer."""
    found = moment_in(observation, kind)
    if found is not None:
        yield visit.visitor.t("measurements.moment"), visit.name(found)
    for context in kind.context:
        answer = _answer(visit, observation, context)
        if answer:
            yield visit.name(context), answer


def _answer(visit: Visit, observation: Resource, context: Context) -> str:
    holder: Resource = {}
    if context.place == "extension":
        holder = next((each for each in observation.get("extension", ()) if each.get("url") == context.url), {})
    elif context.place == "component" and context.code is not None:
        of = context.code.key
        parts = observation.get("component", ())
        holder = next((each for each in parts if of in keys_of(each.get("code"), visit.base)), {})
    elif context.place == "value":
        holder = observation
    elif context.place == "code":
        holder = {"valueCodeableConcept": observation.get("code")}
    elif context.place in ("bodySite", "method"):
        holder = {"valueCodeableConcept": observation.get(context.place)}
    if context.boolean:
        found = holder.get("valueBoolean")
        return "" if found is None else visit.visitor.t("measurements.yes" if found else "measurements.no")
    keys = set(keys_of(holder.get("valueCodeableConcept"), visit.base))
    return next((visit.name(each) for each in context.values if each.code.key in keys), "")


def today(visit: Visit) -> str:
    """The Dutch day of the visit, as FHIR writes it."""
    return local(visit.now).date().isoformat()
