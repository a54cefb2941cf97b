"""``HealthcareService.eligibility`` and its note: R4 has them together, in a list.
https://hl7.org/fhir/R4/healthcareservice-definitions.html#HealthcareService.eligibility
"""

from __future__ import annotations

from typing import Final

from app.fhir.stu3.conversions import Direction, Values

_CODE: Final = "eligibility"
_NOTE: Final = "eligibilityNote"


def to_r4(values: Values, direction: Direction) -> Values:
    """``eligibility`` and ``eligibilityNote`` → the only ``eligibility``."""
    made: Values = {}
    if _CODE in values:
        made["code"] = direction.datatype("CodeableConcept")(values[_CODE])
    if _NOTE in values:
        made["comment"] = values[_NOTE]
    if f"_{_NOTE}" in values:
        made["_comment"] = direction.element(values[f"_{_NOTE}"])
    return {_CODE: [made]} if made else {}


def to_stu3(values: Values, direction: Direction) -> Values:
    """The first one; more are carried."""
    made: Values = {}
    for each in values.get(_CODE, ())[:1]:
        if "code" in each:
            made[_CODE] = direction.datatype("CodeableConcept")(each["code"])
        if "comment" in each:
            made[_NOTE] = each["comment"]
        if "_comment" in each:
            made[f"_{_NOTE}"] = direction.element(each["_comment"])
    return made
