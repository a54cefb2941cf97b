"""What takes several members at once, or a decision: by the names that the tables give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values
from app.fhir.stu3.special import (
    answers,
    consent,
    coverage,
    demanded,
    device,
    documents,
    dosage,
    eligibility,
    enabling,
    goals,
    immunization,
    lists,
    medication,
    money,
    not_done,
    nutrition,
    observation,
    parameters,
    parties,
    recommendation,
    related,
    statuses,
    taken,
    tasks,
)

Together = tuple[Callable[[Values, Direction], Values], Callable[[Values, Direction], Values]]
"""From the members of STU3 to those of R4, and back: what each cannot say is left out, and is then carried."""

TOGETHER: Final[Mapping[str, Together]] = {
    "agent": (parties.to_r4, parties.agent_to_stu3),
    "allergy-statuses": (statuses.ALLERGY.to_r4, statuses.ALLERGY.to_stu3),
    "answers": (answers.to_r4, answers.to_stu3),
    "condition-statuses": (statuses.CONDITION.to_r4, statuses.CONDITION.to_stu3),
    "consent-provision": (consent.provision_to_r4, consent.provision_to_stu3),
    "consent-source": (consent.source_to_r4, consent.source_to_stu3),
    "coverage-class": (coverage.to_r4, coverage.to_stu3),
    "device-use": (device.use_to_r4, device.use_to_stu3),
    "dispense-not-done": (not_done.DISPENSE.to_r4, not_done.DISPENSE.to_stu3),
    "dosage": (dosage.to_r4, dosage.to_stu3),
    "eligibility": (eligibility.to_r4, eligibility.to_stu3),
    "enable-when": (enabling.to_r4, enabling.to_stu3),
    "entity": (parties.to_r4, parties.entity_to_stu3),
    "goal-status": (goals.to_r4, goals.to_stu3),
    "immunization-not-given": (immunization.to_r4, immunization.to_stu3),
    "instant": (observation.moment_to_r4, observation.moment_to_stu3),
    "integer": (observation.value_to_r4, observation.value_to_stu3),
    "list-entries": (lists.translated, lists.translated),
    "medication-batch": (medication.to_r4, medication.to_stu3),
    "money": (money.to_r4, money.to_stu3),
    "not-administered": (not_done.ADMINISTRATION.to_r4, not_done.ADMINISTRATION.to_stu3),
    "nutrition-status": (nutrition.to_r4, nutrition.to_stu3),
    "procedure-not-done": (not_done.PROCEDURE.to_r4, not_done.PROCEDURE.to_stu3),
    "recommendation-date": (recommendation.dates_to_r4, recommendation.dates_to_stu3),
    "recommendation-protocol": (recommendation.protocol_to_r4, recommendation.protocol_to_stu3),
    "related": (related.to_r4, related.to_stu3),
    "task-definition": (tasks.to_r4, tasks.to_stu3),
    "taken": (taken.to_r4, taken.to_stu3),
    "udi": (device.udi_to_r4, device.udi_to_stu3),
}
DERIVED: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "clinical-status": demanded.clinical_status,
    "consent-policy-rule": demanded.policy_rule,
    "consent-scope": consent.scope,
    "document-timestamp": documents.timestamp,
    "enable-behavior": enabling.behavior,
    "nutrition-intent": nutrition.intent,
    "parameter-value": parameters.value,
    "participant": parties.participant,
}
"""What a version demands and follows from what the source (the argument) does say; None where it does not."""
