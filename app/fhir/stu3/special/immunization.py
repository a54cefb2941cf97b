"""``Immunization.notGiven`` and ``explanation`` of STU3: in R4 the status, its reason, and the reasons for giving it.
https://hl7.org/fhir/STU3/immunization-definitions.html#Immunization.explanation
https://hl7.org/fhir/R4/immunization-definitions.html#Immunization.statusReason
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.special.not_done import convert, converted, status_with

_NOT_DONE: Final = "not-done"
_ERROR: Final = "entered-in-error"
_ONLY_GIVEN: Final = {"reaction": "Immunization.reaction"}
"""STU3 forbids it beside ``notGiven`` (imm-1), as it does the reasons for giving."""


def to_r4(values: Values, direction: Direction) -> Values:
    """Not given → status ``not-done`` and the first reason; given → its status, and the reasons for it."""
    made = converted(direction, _ONLY_GIVEN, values)
    explanation = values.get("explanation", {})
    if "reason" in explanation:
        made["reasonCode"] = convert(direction, "CodeableConcept", explanation["reason"])
    if values.get("notGiven") is not True or values.get("status") == _ERROR:
        return {**made, **status_with(values, {}, direction)}
    made["status"] = _NOT_DONE
    for reason in explanation.get("reasonNotGiven", ())[:1]:
        made["statusReason"] = convert(direction, "CodeableConcept", reason)
    return made


def to_stu3(values: Values, direction: Direction) -> Values:
    """The opposite. ``completed`` is given; what was entered in error does not say."""
    if values.get("status") == _NOT_DONE:
        made: Values = {"notGiven": True}
        if "statusReason" in values:
            reason = convert(direction, "CodeableConcept", values["statusReason"])
            made["explanation"] = {"reasonNotGiven": [reason]}
        return made
    made = {**converted(direction, _ONLY_GIVEN, values), **status_with(values, {}, direction)}
    if values.get("status") == "completed":
        made["notGiven"] = False
    if "reasonCode" in values:
        made["explanation"] = {"reason": convert(direction, "CodeableConcept", values["reasonCode"])}
    return made
