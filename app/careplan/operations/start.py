"""``Patient/$start``: the individual care plan comes into being, with at least one goal in the person's own words."""

from __future__ import annotations

from typing import Any, Final

from app.careplan.changing import Current, Part, check_scopes, drafts_for
from app.careplan.cycle import NO_PLAN, events
from app.careplan.intent import Intent
from app.careplan.merging.merged import begun_with
from app.careplan.names import IZP, MULTIDISCIPLINARY, PERSONAL, SNOMED, Names
from app.careplan.people import author_of, side_of
from app.careplan.plan import Cycle, with_cycle
from app.careplan.refusals import refusal
from app.errors import NotFound
from app.fhir.dates import instant, local_date
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.interactions.parameters import inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.execute import execute
from app.server.store.find import find_patient
from app.server.store.prepare import check_resource, fresh_id

START_PARAMETERS: Final = (
    Parameter("goal", "in", 0, "*", "string", "A goal in the person's own words."),
    Parameter("goalResource", "in", 0, "*", "Goal", "In place of goal: a Goal, with kind, target and conditions."),
    Parameter(
        "planResource",
        "in",
        0,
        "1",
        "CarePlan",
        "Goals and agreements to begin with: what was chosen of what PlanDefinition/$apply answers, reworded or not.",
    ),
    Parameter("title", "in", 0, "1", "string", "What the person calls the plan."),
    Parameter("return", "out", 1, "1", "CarePlan", "The plan."),
)


def start_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def start(server: FhirServer, request: Request, target: Target) -> Answer:
        return await _start(server, request, target, names)

    return Operation(
        "start",
        frozenset({"type", "instance"}),
        frozenset({"Patient"}),
        Action.READ,
        f"{names.base}/OperationDefinition/Patient-start",
        "Starts the individual care plan of a person: one goal in their own words is enough. There is one open plan per"
        " person.",
        start,
        affects_state=True,
        parameters=START_PARAMETERS,
    )


async def _start(server: FhirServer, request: Request, target: Target, names: Names) -> Answer:
    inputs = inputs_of(server, request, START_PARAMETERS)
    check_scopes(request, Action.CREATE, "CarePlan", "Goal")
    patient_id = target.id or request.access.patient_id
    patient = await find_patient(server.database, request.access, patient_id, server.registry) if patient_id else None
    if patient is None:
        raise NotFound("The patient is not known: say for whom, as Patient/<id>/$start.")
    event = events()["start"]
    event.check(status="", phase=NO_PLAN, side=side_of(request.access), by_mouth=False)
    texts = [each.strip() for each in inputs.values.get("goal", ())]  # a comma is part of somebody's words
    goals = [_goal({"description": {"text": each}}, patient_id, request, names) for each in texts]
    for number, each in enumerate(inputs.values.get("goalResource", ())):
        if "description" not in each:
            raise refusal("goal-needed", f"goalResource[{number}]")
        # Before anything is read of it, since nobody looked at it yet.
        goal = _as_goal(each, patient_id)
        await check_resource(server, server.database, request.access, {**goal}, may_hold_bsn=True, patient=patient)
        goals.append(_goal(goal, patient_id, request, names))
    if not all(each.get("description", {}).get("text") for each in goals):
        raise refusal("goal-needed", "goal")
    if side_of(request.access) != "patient" and not all(map(_is_proposed, goals)):
        raise refusal("start-proposed", "goalResource")
    for each in goals:
        each["id"] = fresh_id(server, patient)
    plan = {"id": fresh_id(server, patient), **_plan(patient_id, goals, inputs.first("title"), request, names)}
    given = inputs.values.get("planResource", ())
    if given:
        current = Current(patient, patient_id, Part(plan, 0), {each["id"]: Part(each, 0) for each in goals})
        by_patient = side_of(request.access) == "patient"
        taken = await begun_with(server, request, current, names, given, by_patient=by_patient)
        if taken is not None:
            plan, goals = taken.plan, [*goals, *taken.created]
    if not plan.get("goal"):
        raise refusal("goal-needed", "goal")
    drafts = await drafts_for(server, request, patient, [(each, True) for each in (plan, *goals)])
    await execute(server, request.access, drafts, now=request.now, request=request.id, intent=Intent("start"))
    return await written(server, request, drafts[0], interaction="$start")


def _plan(patient_id: str, goals: list[Resource], title: str | None, request: Request, names: Names) -> Resource:
    now = instant(request.now)
    plan: dict[str, Any] = {
        "resourceType": "CarePlan",
        "meta": {"profile": [names.plan_profile]},
        "status": "draft",
        "intent": "plan",
        "category": [
            {
                "coding": [
                    {"system": names.categories, "code": IZP, "display": "Individual care plan"},
                    {"system": SNOMED, "code": MULTIDISCIPLINARY},
                ]
            }
        ],
        "subject": {"reference": f"Patient/{patient_id}"},
        "created": local_date(request.now).isoformat(),
        "author": author_of(request.access, patient_id),
    }
    if goals:
        plan["goal"] = [{"reference": f"Goal/{each['id']}"} for each in goals]
    if title:
        plan["title"] = title
    return with_cycle(plan, Cycle(1, "plan", now), names)


def _is_proposed(goal: Resource) -> bool:
    return goal["lifecycleStatus"] == "proposed" and "achievementStatus" not in goal


def _as_goal(given: Resource, patient_id: str) -> Resource:
    """A goal as it was sent, for this person."""
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "proposed",
        **{name: value for name, value in given.items() if name not in ("id", "resourceType", "meta")},
        "subject": {"reference": f"Patient/{patient_id}"},
    }


def _goal(given: Resource, patient_id: str, request: Request, names: Names) -> Resource:
    """A goal of the plan: the person's own when they write it."""
    goal = _as_goal(given, patient_id)
    if side_of(request.access) == "patient" and not given.get("expressedBy"):
        goal["expressedBy"] = {"reference": f"Patient/{patient_id}"}
        categories = goal.get("category", [])
        system = names.system("goal-category")
        if not any(each.get("code") == PERSONAL for one in categories for each in one.get("coding", ())):
            goal["category"] = [{"coding": [{"system": system, "code": PERSONAL}]}, *categories]
    personal = any(each.get("code") == PERSONAL for one in goal.get("category", ()) for each in one.get("coding", ()))
    goal["meta"] = {"profile": [names.extension("PersonalGoal" if personal else "PlanGoal")]}
    return goal
