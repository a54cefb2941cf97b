"""The invariants of clinical resources, https://hl7.org/fhir/R4/resourcelist.html: what is known of a patient's health,
and what is done about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.resource import parse_reference
from app.fhir.validation.invariants.moments import in_order
from app.fhir.validation.invariants.rule import (
    UCUM,
    Invariant,
    Value,
    at_least_one,
    exactly_one,
    has_choice,
    has_code,
    if_then,
    not_both,
    rule,
)

_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_ALLERGY: Final = _TERMINOLOGY + "allergyintolerance-verification"
_CONDITION: Final = _TERMINOLOGY + "condition-clinical"
CONDITION_VERIFICATION: Final = _TERMINOLOGY + "condition-ver-status"
ERROR: Final = "entered-in-error"


def ait_1(allergy: Value) -> bool:
    """A clinical status, unless it is a mistake."""
    return "clinicalStatus" in allergy or has_code(allergy.get("verificationStatus"), _ALLERGY, ERROR)


def ait_2(allergy: Value) -> bool:
    """A mistake has no clinical status."""
    return "clinicalStatus" not in allergy or not has_code(allergy.get("verificationStatus"), _ALLERGY, ERROR)


def con_4(condition: Value) -> bool:
    """What has abated is not active."""
    ended = has_code(condition.get("clinicalStatus"), _CONDITION, "resolved", "remission", "inactive")
    return ended or not has_choice(condition, "abatement")


def con_5(condition: Value) -> bool:
    """A mistake has no clinical status."""
    mistake = has_code(condition.get("verificationStatus"), CONDITION_VERIFICATION, ERROR)
    return "clinicalStatus" not in condition or not mistake


def ctm_1(team: Value) -> bool:
    """Only a practitioner is there on behalf of another. A member of a type that cannot be told may be one."""
    contained = {f"#{each.get('id')}": each.get("resourceType") for each in team.get("contained", ())}
    for participant in team["participant"]:
        if "onBehalfOf" in participant:
            reference = participant.get("member", {}).get("reference", "")
            literal = parse_reference(reference)
            if (literal.type if literal else contained.get(reference, "Practitioner")) != "Practitioner":
                return False
    return True


def obs_6(observation: Value) -> bool:
    """A reason why data is absent, or a value."""
    return "dataAbsentReason" not in observation or not has_choice(observation, "value")


def obs_7(observation: Value) -> bool:
    """An observation with a value has no component with its own code."""
    components = observation.get("component")
    if components is None or not has_choice(observation, "value"):
        return True
    own = observation["code"].get("coding", ())
    return not any(coding in own for component in components for coding in component["code"].get("coding", ()))


def ras_1(prediction: Value) -> bool:
    """A range of a probability is in percents."""
    probability = prediction["probabilityRange"]
    return all(
        bound.get("code") == "%" and bound.get("system") == UCUM
        for bound in (probability.get("low"), probability.get("high"))
        if bound is not None
    )


def ras_2(prediction: Value) -> bool:
    """No probability is above all."""
    return bool(prediction.get("probabilityDecimal", 0) <= 100)


INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "AllergyIntolerance": (
        rule("ait-1", "A clinicalStatus is required, unless the verificationStatus is entered-in-error.", ait_1),
        rule(
            "ait-2",
            "There may be no clinicalStatus when the verificationStatus is entered-in-error.",
            ait_2,
            "verificationStatus",
        ),
    ),
    "CarePlan.activity": (not_both("cpl-3", "An activity has either a reference or a detail.", "detail", "reference"),),
    "CareTeam": (
        Invariant(
            "ctm-1",
            "Only a participant whose member is a Practitioner has an onBehalfOf.",
            lambda team: "participant" not in team or ctm_1(team),
            frozenset({"participant"}),
        ),
    ),
    "Condition": (
        rule("con-4", "When the condition has abated, its clinicalStatus is inactive, resolved or remission.", con_4),
        rule(
            "con-5",
            "There may be no clinicalStatus when the verificationStatus is entered-in-error.",
            con_5,
            "verificationStatus",
        ),
    ),
    "Condition.evidence": (at_least_one("con-2", "Evidence needs a code or a detail.", "code", "detail"),),
    "Condition.stage": (at_least_one("con-1", "A stage needs a summary or an assessment.", "summary", "assessment"),),
    "FamilyMemberHistory": (
        not_both("fhs-1", "There may not be both an age and a time of birth (born).", "age[x]", "born[x]"),
        if_then("fhs-2", "An estimatedAge needs an age.", "estimatedAge", "age[x]"),
    ),
    "Goal.target": (if_then("gol-1", "A target with a detail needs a measure.", "detail[x]", "measure"),),
    "Immunization.education": (
        at_least_one("imm-1", "Education needs a documentType or a reference.", "documentType", "reference"),
    ),
    "ImmunizationRecommendation.recommendation": (
        at_least_one(
            "imr-1", "A recommendation needs a vaccineCode or a targetDisease.", "vaccineCode", "targetDisease"
        ),
    ),
    "MedicationAdministration.dosage": (at_least_one("mad-1", "A dosage needs a dose or a rate.", "dose", "rate[x]"),),
    "MedicationDispense": (
        rule(
            "mdd-1",
            "whenHandedOver may not be before whenPrepared.",
            in_order("whenPrepared", "whenHandedOver"),
            "whenHandedOver",
        ),
    ),
    "MolecularSequence": (
        rule("msq-3", "The coordinateSystem is 0 or 1.", lambda each: each.get("coordinateSystem", 0) in (0, 1)),
    ),
    "MolecularSequence.referenceSeq": (
        rule(
            "msq-5",
            "A chromosome and a genomeBuild need each other.",
            lambda each: ("chromosome" in each) == ("genomeBuild" in each or "_genomeBuild" in each),
        ),
        exactly_one(
            "msq-6",
            "There is exactly one of genomeBuild, referenceSeqId, referenceSeqPointer and referenceSeqString.",
            "genomeBuild",
            "referenceSeqId",
            "referenceSeqPointer",
            "referenceSeqString",
        ),
    ),
    "NutritionOrder": (
        at_least_one(
            "nor-1",
            "A nutrition order should have an oralDiet, supplement or enteralFormula.",
            "oralDiet",
            "supplement",
            "enteralFormula",
            severity="warning",
        ),
    ),
    "Observation": (
        rule("obs-6", "There may not be both a dataAbsentReason and a value.", obs_6, "dataAbsentReason"),
        rule(
            "obs-7", "A component may not have the code of an Observation that has a value itself.", obs_7, "component"
        ),
    ),
    "Observation.referenceRange": (
        at_least_one("obs-3", "A referenceRange needs a low, high or text.", "low", "high", "text"),
    ),
    "RequestGroup.action": (exactly_one("rqg-1", "An action has either a resource or actions.", "resource", "action"),),
    "RiskAssessment.prediction": (
        rule(
            "ras-1",
            "The low and high of a probability are in % with the system of UCUM.",
            lambda each: "probabilityRange" not in each or ras_1(each),
            "probabilityRange",
        ),
        rule("ras-2", "A probability is at most 100.", ras_2, "probabilityDecimal"),
    ),
    "ServiceRequest": (if_then("prr-1", "An orderDetail needs a code.", "orderDetail", "code"),),
}
