"""``CarePlan/$decide``: of each goal it is decided how it goes on; once that is so, the next cycle begins.

https://hl7.org/fhir/R4/operations.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from typing import Final

from app.auth.accounts.representation import representatives
from app.careplan.changing import Changed, Current, change, check_scopes
from app.careplan.cycle import events
from app.careplan.evaluation import concept, was_not_discussed
from app.careplan.intent import Decision, Intent
from app.careplan.names import ACHIEVEMENT, Names
from app.careplan.operations.agree import MOUTH_PARAMETERS, mouth_of
from app.careplan.operations.answers import plan_as_it_is, standing
from app.careplan.people import side_of
from app.careplan.plan import OPEN_GOALS, local, with_cycle
from app.careplan.recent import needs_decision, recent, said_of, to_decide
from app.careplan.refusals import refusal
from app.fhir.dates import instant, local_date
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.guarded import GuardedReader

CONTINUE: Final = "continue"
ACHIEVED: Final = "achieved"
STOP: Final = "stop"
DECISIONS: Final = (CONTINUE, "adjust", ACHIEVED, STOP)
DECIDE_PARAMETERS: Final = (
    Parameter(
        "decision",
        "in",
        0,
        "*",
        "",
        "What is decided about one goal. A goal of which all that was said is that it was not discussed continues.",
        (
            Parameter("goal", "in", 1, "1", "Reference", "The goal, as Goal/<id>."),
            Parameter("decision", "in", 1, "1", "code", "continue, adjust, achieved or stop."),
            Parameter(
                "reason",
                "in",
                0,
                "1",
                "string",
                "Why, in words, which the goal keeps; to stop there is always a reason.",
            ),
        ),
    ),
    *MOUTH_PARAMETERS,
    Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now."),
)


def decide_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def decide(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, DECIDE_PARAMETERS)
        check_scopes(request, Action.UPDATE, "CarePlan", "Goal")

        async def make(current: Current) -> Changed:
            return await _decided(server, request, current, inputs, names)

        current, drafts = await change(server, request, target, names, make)
        return await plan_as_it_is(server, request, current, drafts, interaction="$decide")

    return Operation(
        "decide",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.UPDATE,
        f"{names.base}/OperationDefinition/CarePlan-decide",
        "Decides about goals: continue, adjust, achieved or stop. Once all that were agreed are decided about, in one"
        " call or in several, the plan stands in the phase plan of the next cycle.",
        decide,
        affects_state=True,
        parameters=DECIDE_PARAMETERS,
    )


async def _decided(server: FhirServer, request: Request, current: Current, inputs: Inputs, names: Names) -> Changed:
    plan = current.plan.resource
    cycle = standing(plan, names, now=request.now)
    mouth = mouth_of(inputs, now=request.now)
    event = events()["decide"]
    event.check(status=plan["status"], phase=cycle.phase, side=side_of(request.access), by_mouth=mouth is not None)
    decisions = _decisions_in(inputs, current)
    reader, patient = GuardedReader.of(server.database, request), current.patient
    waiting = needs_decision(await to_decide(server, reader, patient, plan))
    since = await recent(reader, patient, current.id, names)
    open_still = waiting - {each.goal for each in decisions} - since.decided.keys()
    # What was only said not to be discussed, and nobody decides about otherwise, continues.
    said = await said_of(server, reader, patient, sorted(open_still), since=since.agreed)
    known = await representatives(server.database, patient)
    decisions += [Decision(goal, CONTINUE) for goal, each in said.items() if was_not_discussed(each, names, known)]
    left = open_still - {each.goal for each in decisions}
    if not decisions and left:
        raise refusal("decision-needed", "decision")
    now, today = instant(request.now), local_date(request.now).isoformat()
    moved = event.after(cycle, now=now, all_decided=not left, next_review=None if left else "")
    intent = Intent("decide", mouth=mouth, decisions=decisions, phase="act", cycle=cycle.cycle)
    changed = Changed(intent, [with_cycle(plan, moved, names)], right=None if mouth is None else Action.CREATE)
    for each in decisions:
        goal = _after(current.goals[each.goal].resource, each, today) if each.goal in current.goals else None
        if goal is not None:
            changed.updated.append(goal)
    return changed


def _decisions_in(inputs: Inputs, current: Current) -> list[Decision]:
    """What is decided. Raises ``Unprocessable``."""
    found: list[Decision] = []
    for number, each in enumerate(inputs.values.get("decision", ())):
        place = f"decision[{number}]"
        goal = local(each.first("goal"))
        part = current.goals.get(goal[1]) if goal is not None and goal[0] == "Goal" else None
        if goal is None or part is None or part.resource.get("lifecycleStatus") not in OPEN_GOALS:
            raise refusal("goal-not-in-plan", f"{place}.goal")
        if any(goal[1] == other.goal for other in found):
            raise refusal("goal-twice", f"{place}.goal")
        decision, reason = each.first("decision"), (each.first("reason") or "").strip()
        if decision not in DECISIONS:
            raise refusal("decision-needed", f"{place}.decision")
        if decision == STOP and not reason:
            raise refusal("stop-reason-needed", f"{place}.reason")
        found.append(Decision(goal[1], decision, reason))
    return found


def _after(goal: Resource, decision: Decision, today: str) -> Resource | None:
    """The goal as the decision leaves it, with why; None where that is as it was."""
    if decision.decision not in (ACHIEVED, STOP):
        return {**goal, "statusReason": decision.reason} if decision.reason else None
    made = {name: value for name, value in goal.items() if name.removeprefix("_") != "statusReason"}
    made |= {"statusReason": decision.reason} if decision.reason else {}
    if decision.decision == STOP:
        return {**made, "lifecycleStatus": "cancelled", "statusDate": today}
    status = concept(ACHIEVEMENT, "achieved")
    return {**made, "lifecycleStatus": "completed", "achievementStatus": status, "statusDate": today}
