"""Where the plan is seen as a view it is not written: a proposal is the way."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from app.bgz.zib2017 import viewing
from app.fhir.resource import Resource
from app.server.asgi import FhirApp
from app.server.metrics import RequestMetrics
from tests import builders
from tests.careplan.actors import actor
from tests.careplan.histories import NAMES, Journey, started
from tests.server.service import BASE, Caller, Service, issues


@pytest.fixture
async def viewed(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A base of the service at which views are seen."""
    assert service.application.parts is not None
    parts = service.application.parts
    base = FhirApp(
        service.server,
        root="/fhir",
        authenticate=viewing(parts.authenticator),
        forget=parts.authenticator.forget,
        journal=parts.journal,
        metrics=RequestMetrics(),
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(base), base_url=BASE) as client:
        yield client


@pytest.fixture
async def journey(anna: Caller) -> Journey:
    return await started(anna)


async def _team(anna: Caller, journey: Journey) -> Resource:
    team = await anna.create({"resourceType": "CareTeam", "status": "active", "subject": {"reference": "Patient/anna"}})
    await journey.change("CarePlan", journey.plan, careTeam=[{"reference": f"CareTeam/{team['id']}"}])
    return team


def _refused(answer: httpx.Response, plan: str) -> None:
    assert answer.status_code == 422, answer.text
    (issue,) = issues(answer)
    assert issue["code"] == "business-rule"
    assert f"CarePlan/{plan}/$propose" in issue["diagnostics"]


@pytest.mark.parametrize("kind", ["CarePlan", "Goal", "CareTeam"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "transaction"])
async def test_a_view_is_not_written(
    anna: Caller, viewed: httpx.AsyncClient, journey: Journey, kind: str, method: str
) -> None:
    through = Caller(viewed, "anna")
    ids = {"CarePlan": journey.plan, "Goal": journey.goal, "CareTeam": (await _team(anna, journey))["id"]}
    resource = await journey.read(kind, ids[kind])
    changed = {**resource, "note": [{"text": "Erbij"}]}
    match method:
        case "PUT":
            answer = await through.put(f"/{kind}/{ids[kind]}", changed)
        case "DELETE":
            answer = await through.delete(f"/{kind}/{ids[kind]}")
        case _:
            answer = await through.post("", builders.transaction(builders.put(changed)))
    _refused(answer, journey.plan)
    assert await journey.read(kind, ids[kind]) == resource


async def test_nor_by_who_gives_care(service: Service, viewed: httpx.AsyncClient, journey: Journey) -> None:
    system = await actor(service, "system", "rscu")
    goal = await journey.read("Goal", journey.goal)
    answer = await Caller(viewed, system.token).put(f"/Goal/{journey.goal}", {**goal, "note": [{"text": "Erbij"}]})
    _refused(answer, journey.plan)


async def test_a_goal_is_proposed_and_a_proposal_made_there(
    service: Service, viewed: httpx.AsyncClient, journey: Journey
) -> None:
    system = await actor(service, "system")
    through = Caller(viewed, system.token)
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "proposed",
        "description": {"text": "Minder zout"},
        "subject": {"reference": "Patient/anna"},
        "extension": [
            {
                "url": f"{NAMES}/StructureDefinition/proposed-for-plan",
                "valueReference": {"reference": f"CarePlan/{journey.plan}"},
            }
        ],
    }
    assert (await through.create(goal))["description"]["text"] == "Minder zout"


async def test_goals_and_plans_of_others_are_written_as_any(
    anna: Caller, viewed: httpx.AsyncClient, journey: Journey
) -> None:
    through = Caller(viewed, "anna")
    goal = await anna.create(builders.goal())
    plan = await anna.create(builders.care_plan(goal=[{"reference": f"Goal/{goal['id']}"}]))
    for each in (goal, plan):
        answer = await through.put(f"/{each['resourceType']}/{each['id']}", {**each, "note": [{"text": "Erbij"}]})
        assert answer.status_code == 200, answer.text


async def test_at_the_base_itself_the_plan_is_written_as_ever(anna: Caller, journey: Journey) -> None:
    changed = await journey.change("Goal", journey.goal, note=[{"text": "Erbij"}])
    assert changed["note"] == [{"text": "Erbij"}]
