"""HL7's advice, marked as best practice: https://hl7.org/fhir/R4/extension-elementdefinition-bestpractice.html

``validate`` does not ask these: nearly every resource that an app writes would get a warning for having no narrative,
and who reads warnings that are always there?
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.validation.invariants.clinical import CONDITION_VERIFICATION, ERROR
from app.fhir.validation.invariants.rule import Invariant, Value, has_code, rule


def con_3(condition: Value) -> bool:
    """A problem on the list has a clinical status, unless it is a mistake."""
    if "clinicalStatus" in condition or has_code(condition.get("verificationStatus"), CONDITION_VERIFICATION, ERROR):
        return True
    concepts = condition.get("category", ())
    return not any(coding.get("code") == "problem-list-item" for each in concepts for coding in each.get("coding", ()))


BEST_PRACTICE: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "Condition": (
        rule("con-3", "A problem-list-item should have a clinicalStatus.", con_3, "category", severity="warning"),
    ),
    "DomainResource": (
        rule("dom-6", "A resource should have a narrative.", lambda each: "text" in each, severity="warning"),
    ),
}
