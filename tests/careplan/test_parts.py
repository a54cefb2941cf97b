"""Parameters of an operation that have parts: each problem is told with the place it stands in.
https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from app.server.operation_definitions import operation_definition
from tests.careplan.histories import started
from tests.careplan.turning import done
from tests.server.service import Caller, Service, issues

GOAL: Resource = {"name": "goal", "valueReference": {"reference": "Goal/x"}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"valueString": "goed"}, "evaluation has parts"),
        ({"part": {"name": "goal"}}, "evaluation has parts"),
        ({"part": []}, "evaluation[0]: goal is required"),
        ({"part": [GOAL, {"name": "gevoel", "valueString": "x"}]}, "evaluation[0]: 'gevoel' is not a parameter"),
        ({"part": [GOAL, {"name": "score", "valueInteger": "-1"}]}, ""),
        ({"part": [GOAL, {"name": "score", "valueDecimal": 1.5}]}, "evaluation[0]: score is given as valueInteger"),
        ({"part": [GOAL, {"name": "score", "valueInteger": "--1"}]}, "evaluation[0]: score takes a whole number."),
        ({"part": [GOAL, {"name": "importance", "valueInteger": -1}]}, "importance takes a whole number, 0 or more"),
        ({"part": [GOAL, GOAL]}, "evaluation[0]: goal can be given 1 time(s)"),
    ],
)
async def test_what_is_wrong_with_a_part_is_told(anna: Caller, given: Resource, told: str) -> None:
    journey = await started(anna)
    await done(anna, journey.plan, "agree")
    body = {"resourceType": "Parameters", "parameter": [{"name": "evaluation", **given}]}
    answer = await anna.post(f"/CarePlan/{journey.plan}/$evaluate", body)
    if told:
        assert answer.status_code == 400, answer.text
        assert told in issues(answer)[0]["diagnostics"]
    else:
        assert answer.status_code == 422, answer.text


async def test_the_second_of_a_name_is_told_by_its_place(anna: Caller) -> None:
    journey = await started(anna)
    listed = [{"name": "evaluation", "part": [GOAL]}, {"name": "evaluation", "part": []}]
    answer = await anna.post(f"/CarePlan/{journey.plan}/$evaluate", {"resourceType": "Parameters", "parameter": listed})
    assert [each["expression"] for each in issues(answer)] == [["evaluation[1]"]]


async def test_an_operation_definition_has_the_parts(service: Service) -> None:
    (operation,) = service.server.operations.by_name["evaluate"]
    definition = operation_definition("https://own.example/fhir", operation)
    first = definition["parameter"][0]
    assert "type" not in first
    assert [each["name"] for each in first["part"]][:2] == ["goal", "achievement"]
