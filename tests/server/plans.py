"""Care plans with a cycle, and what is observed of their goals, as our search parameters find them."""

from __future__ import annotations

from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from tests import builders

CYCLE: Final = f"{CANONICAL_BASE}/StructureDefinition/plan-cycle"
PHASES: Final = f"{CANONICAL_BASE}/CodeSystem/plan-phase"
TOLD: Final = f"{CANONICAL_BASE}/CodeSystem/goal-observation"


def cycle(number: int | None = None, phase: str | None = None, review: str | None = None) -> list[Resource]:
    """The extension of a plan that is in a cycle; what is None is left out."""
    parts: list[tuple[str, str, Any]] = [
        ("cycle", "valuePositiveInt", number),
        ("phase", "valueCode", phase),
        ("nextReview", "valueDate", review),
    ]
    inner = [{"url": url, name: value} for url, name, value in parts if value is not None]
    return [{"url": CYCLE, "extension": inner}] if inner else []


def plan(id: str, *told: Any, subject: str = "Patient/anna", **members: Any) -> Resource:
    """A CarePlan with what ``cycle`` makes of ``told``."""
    return builders.care_plan(subject, id=id, **{"extension": cycle(*told) or None, **members})


def about(id: str, *focus: str, subject: str = "Patient/anna", **members: Any) -> Resource:
    """An Observation that is about goals, or about something else."""
    told = {
        "code": builders.concept(TOLD, "confidence"),
        "focus": [builders.reference(each) for each in focus] or None,
        "category": None,
        "valueQuantity": None,
        "valueInteger": 7,
    }
    return builders.observation(subject, id=id, **{**told, **members})
