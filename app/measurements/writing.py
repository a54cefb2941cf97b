"""A measurement as an Observation: with the codes, the category, the profile and the units of its kind.

https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from app.fhir.resource import Resource
from app.fhir.ucum import SYSTEM
from app.measurements.kinds import OWN, TIMING_EVENT, Code, Context, Kind, Moment, Value
from app.measurements.readings import EVENT_TIMING

R4: Final = "4.0.1"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured. ``values``: by the names of the kind's values, each in the unit of its value or in the one
    that ``units`` names; ``effective``: a FHIR dateTime; ``moment``: the name of a moment of the kind; ``context``: by
    the names of the kind's contexts the name of a choice, or ``true`` and ``false``. A rhythm, which is an Observation
    of its own, is not written here.
    """

    kind: Kind
    values: Mapping[str, Decimal]
    effective: str
    moment: str | None = None
    context: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    units: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


def observation_of(measured: Measured, canonical_base: str, subject: Resource) -> Resource:
    """The Observation, by and about ``subject`` (a Reference to the patient)."""
    kind = measured.kind
    moment = next((each for each in kind.moments if each.name == measured.moment), None)
    codes = kind.written if moment is None else tuple(each for each in kind.codes if each.code == moment.code)
    (system, code), display = kind.category
    made: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": system, "code": code, "display": display}]}],
        "code": {"coding": [_coding(each, canonical_base) for each in codes], "text": kind.nl},
        "subject": subject,
        "effectiveDateTime": measured.effective,
        "performer": [subject],
    }
    profile = kind.profiles[R4]
    if profile is not None and _is_written_as_profiled(measured):
        made["meta"] = {"profile": [profile]}
    if moment is not None and moment.timing is not None:
        made["extension"] = [_timing(moment)]
    if kind.value is not None and kind.value.name in measured.values:
        made |= _value(kind.value, measured)
    components = [
        {"code": {"coding": [_coding(part.codes[0], canonical_base)]}, **_value(part, measured)}
        for part in kind.components
        if part.name in measured.values
    ]
    if components:
        made["component"] = components
    for context in kind.context:
        if context.name in measured.context:
            _tell(made, context, measured.context[context.name], canonical_base)
    return made


def _is_written_as_profiled(measured: Measured) -> bool:
    """Profiles ask for the unit that we write."""
    return not any(
        unit != value.unit for value in measured.kind.values if (unit := measured.units.get(value.name)) is not None
    )


def _value(value: Value, measured: Measured) -> Resource:
    number, unit = measured.values[value.name], measured.units.get(value.name, value.unit)
    if value.integer and unit == value.unit:
        return {"valueInteger": int(number)}
    shown = value.unit_nl if unit == value.unit else unit
    return {"valueQuantity": {"value": number, "unit": shown, "system": SYSTEM, "code": unit}}


def _tell(made: Resource, context: Context, told: str, canonical_base: str) -> None:
    if context.boolean:
        answer: Resource = {"valueBoolean": told == "true"}
    else:
        choice = next(each for each in context.values if each.name == told)
        coding = _coding(choice.code, canonical_base)
        if context.place == "code":
            made["code"]["coding"].append(coding)
            return
        answer = {"valueCodeableConcept": {"coding": [coding], "text": choice.nl}}
    if context.place == "extension":
        made.setdefault("extension", []).append({"url": context.url, **answer})
    elif context.place == "component":
        assert context.code is not None
        code = {"coding": [_coding(context.code, canonical_base)]}
        made.setdefault("component", []).append({"code": code, **answer})
    elif context.place == "value":
        made |= answer
    elif context.place in ("bodySite", "method"):
        made[context.place] = answer["valueCodeableConcept"]


def _timing(moment: Moment) -> Resource:
    concept = {"coding": [{"system": TIMING_EVENT, "code": moment.timing}]}
    return {"url": EVENT_TIMING, "extension": [{"url": "code", "valueCodeableConcept": concept}]}


def _coding(code: Code, canonical_base: str) -> Resource:
    system = f"{canonical_base}/CodeSystem/measurement" if code.system == OWN else code.system
    return {"system": system, "code": code.code, "display": code.display}
