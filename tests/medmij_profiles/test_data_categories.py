"""What belongs to the plan falls in the data category of the plan, whichever type it is."""

from __future__ import annotations

import pytest

from app.config import CANONICAL_BASE
from app.server.labels import load_labels
from tests.medmij_profiles.package import BASE, codes_of, examples, of_type

PLAN = ("IndividualCarePlan", "PersonalGoal", "PlanGoal", "ActionPlan", "PlanProposal")
OBSERVED = ("GoalRating", "GoalEvaluation", "GoalAttainment")


@pytest.mark.parametrize("profile", [*PLAN, *OBSERVED])
def test_plan_goals_and_what_is_said_of_them_are_of_the_plan(profile: str) -> None:
    labels = load_labels()
    claiming = [
        each
        for each in examples().values()
        if f"{BASE}StructureDefinition/{profile}" in each.get("meta", {}).get("profile", ())
    ]
    assert claiming
    assert {labels.of(each) for each in claiming} == {labels.bits(["care-plan"])}


def test_every_code_for_what_is_said_of_a_goal_counts() -> None:
    system = f"{CANONICAL_BASE}/CodeSystem/goal-observation"
    labels = load_labels()
    for code in codes_of(of_type("CodeSystem")[system]):
        said = {"resourceType": "Observation", "code": {"coding": [{"system": system, "code": code}]}}
        assert labels.of(said) == labels.bits(["care-plan"])
        elsewhere = {"resourceType": "Observation", "code": {"coding": [{"system": "urn:other", "code": code}]}}
        assert labels.of(elsewhere) == labels.bits(["findings"])
