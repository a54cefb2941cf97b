"""What has another shape than FHIR's is refused by every operation that takes a resource, and nothing is written."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.resource import Resource
from tests import builders
from tests.careplan.histories import started
from tests.server.service import Caller, issues

SHAPES: Final[tuple[Any, ...]] = (
    *(None, "", "x", 1, True, [], {}, [None], [[]], [{}], {"text": 1}, {"coding": "x"}),
    *([{"coding": [1]}], {"reference": 1}, [{"reference": "Goal/"}], [{"detail": {"goal": "x"}}], [{"url": 1}]),
)
GOAL: Final = builders.goal(description={"text": "Naar buiten"}, lifecycleStatus="proposed")
PLAN: Final = builders.care_plan(instantiatesCanonical=["https://zelfregie.example/fhir/PlanDefinition/dm2"])
OF_GOAL: Final = ("description", "category", "target", "extension", "lifecycleStatus", "expressedBy", "note")
OF_PLAN: Final = ("goal", "activity", "contained", "careTeam", "addresses", "extension", "note", "category")


def sent(name: str, resource: Resource) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": name, "resource": resource}]}


@pytest.mark.parametrize("element", OF_GOAL)
async def test_a_goal_to_start_with_is_looked_at_first(anna: Caller, element: str) -> None:
    goal = {name: each for name, each in GOAL.items() if name != element}
    for shape in SHAPES:
        answer = await anna.post("/Patient/$start", sent("goalResource", {**goal, element: shape}))
        assert answer.status_code in (400, 422), (shape, answer.text)
        assert issues(answer)[0]["severity"] == "error"
    assert await anna.found("/Goal") == []


@pytest.mark.parametrize("element", OF_PLAN)
async def test_a_plan_to_take_up_or_propose_is_looked_at_first(anna: Caller, practice: Caller, element: str) -> None:
    journey = await started(anna)
    before = (await anna.get(f"/CarePlan/{journey.plan}")).content
    for shape in SHAPES:
        plan = {**PLAN, element: shape}
        for caller, operation, name in ((anna, "merge", "planResource"), (practice, "propose", "proposal")):
            answer = await caller.post(f"/CarePlan/{journey.plan}/${operation}", sent(name, plan))
            assert answer.status_code in (200, 400, 422), (operation, shape, answer.text)
    assert (await anna.get(f"/CarePlan/{journey.plan}")).content == before
    assert await anna.found(f"/CarePlan?based-on=CarePlan/{journey.plan}") == []


@pytest.mark.parametrize("operation", ["$compare", "$as-of", "$revisions", "$document", "$check-in", "$attainment"])
async def test_a_number_or_time_that_is_none_is_refused_or_finds_nothing(anna: Caller, operation: str) -> None:
    journey = await started(anna)
    values = (
        "-1",
        "0",
        "1e3",
        "99999999999",
        "999999999999999999999",
        "²",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "%00",
        "2026-13-01",
        "0000",
        "9999-12-31",
    )
    for name in ("from", "to", "number", "time", "since", "until", "revision", "_count"):
        for value in values:
            answer = await anna.get(f"/CarePlan/{journey.plan}/{operation}?{name}={value}")
            assert answer.status_code in (200, 400, 404, 422), (name, value, answer.text)
