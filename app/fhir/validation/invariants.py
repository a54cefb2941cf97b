"""Rules that tie elements together, one small function each: https://hl7.org/fhir/R4/conformance-rules.html#constraints

``INVARIANTS`` lists them under the type or path that HL7 declares them on; a type also has those of the types it
specializes. A function may assume that its object is well-formed: problems of structure are found without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.errors import Invalid
from app.fhir.dates import bounds

_SECOND: Final = 1_000_000

Holds = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule with HL7's key; ``text`` says it in our words."""

    key: str
    text: str
    holds: Holds


def has_choice(value: Mapping[str, Any], name: str) -> bool:
    """Whether a choice such as ``value[x]`` is there, also with extensions only."""
    for member in value:
        plain = member.removeprefix("_")
        if plain.startswith(name) and plain[len(name) : len(name) + 1].isupper():
            return True
    return False


def ext_1(extension: dict[str, Any]) -> bool:
    """Either extensions or a value."""
    return ("extension" in extension) != has_choice(extension, "value")


def per_1(period: dict[str, Any]) -> bool:
    """The start is not after the end, as far as both are precise. FHIRPath takes seconds as exact, fraction or not."""
    if "start" not in period or "end" not in period:
        return True
    try:
        start, after_start = bounds(period["start"])
        end, after_end = bounds(period["end"])
    except Invalid:
        return True  # no date at all, which its format check says
    both_exact = after_start - start <= _SECOND and after_end - end <= _SECOND
    return start <= end if both_exact else start < after_end


def dom_2(resource: dict[str, Any]) -> bool:
    """What is contained contains nothing."""
    contained = resource.get("contained")
    return contained is None or not any("contained" in each for each in contained)


def obs_6(observation: dict[str, Any]) -> bool:
    """A reason why data is absent, or a value."""
    return "dataAbsentReason" not in observation or not has_choice(observation, "value")


def obs_7(observation: dict[str, Any]) -> bool:
    """An observation with a value has no component with its own code."""
    components = observation.get("component")
    if components is None or not has_choice(observation, "value"):
        return True
    own = observation["code"].get("coding", ())
    return not any(coding in own for component in components for coding in component["code"].get("coding", ()))


def pat_1(contact: dict[str, Any]) -> bool:
    """A contact can be reached, or is at an organization."""
    return not contact.keys().isdisjoint(("name", "telecom", "address", "organization"))


def cpl_3(activity: dict[str, Any]) -> bool:
    """A reference or a detail."""
    return "detail" not in activity or "reference" not in activity


def qrs_1(item: dict[str, Any]) -> bool:
    """Items stand beneath the item or beneath its answers."""
    return "answer" not in item or "item" not in item


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "DomainResource": (Invariant("dom-2", "A contained resource may not contain resources.", dom_2),),
    "Extension": (Invariant("ext-1", "An extension has either extensions or a value.", ext_1),),
    "Period": (Invariant("per-1", "The start of a period may not be after its end.", per_1),),
    "Observation": (
        Invariant("obs-6", "There may not be both a dataAbsentReason and a value.", obs_6),
        Invariant("obs-7", "A component may not have the code of an Observation that has a value itself.", obs_7),
    ),
    "Patient.contact": (Invariant("pat-1", "A contact must have a name, telecom, address or organization.", pat_1),),
    "CarePlan.activity": (Invariant("cpl-3", "An activity has either a reference or a detail.", cpl_3),),
    "QuestionnaireResponse.item": (
        Invariant("qrs-1", "Items may stand beneath the item or beneath its answers, not both.", qrs_1),
    ),
}
