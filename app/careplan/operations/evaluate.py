"""``CarePlan/$evaluate``: one side looks back on the goals, each for itself; the first one opens the phase check.

https://hl7.org/fhir/R4/operations.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from typing import Final

from app.auth.accounts.representation import representatives
from app.careplan.changing import Changed, Current, change, check_scopes
from app.careplan.cycle import events
from app.careplan.evaluation import PARTS, Saying, Teller, concept, performer_of, sayings_in, words_in
from app.careplan.intent import Intent
from app.careplan.names import ACHIEVEMENT, Names
from app.careplan.operations.answers import plan_as_it_is, standing
from app.careplan.people import side_of
from app.careplan.plan import OPEN_GOALS, cycle_of, with_cycle
from app.careplan.recent import recent, said_of
from app.careplan.refusals import refusal
from app.fhir.dates import instant
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.guarded import GuardedReader

EVALUATE_PARAMETERS: Final = (
    Parameter("evaluation", "in", 0, "*", "", "What is said of one goal: at least a word.", PARTS),
    Parameter(
        "performer",
        "in",
        0,
        "1",
        "Reference",
        "The professional whose evaluation it is, by reference or display, where a system of an organisation sends it.",
    ),
    Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now."),
)


def evaluate_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def evaluate(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, EVALUATE_PARAMETERS)
        check_scopes(request, Action.CREATE, "Observation")

        async def make(current: Current) -> Changed:
            return await _evaluated(server, request, current, inputs, names)

        current, drafts = await change(server, request, target, names, make)
        return await plan_as_it_is(server, request, current, drafts, interaction="$evaluate")

    return Operation(
        "evaluate",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-evaluate",
        "Says of goals how it went: by the patient and by professionals, each for themselves. The first evaluation"
        " opens the phase check. A score (GAS) is never required.",
        evaluate,
        affects_state=True,
        parameters=EVALUATE_PARAMETERS,
    )


async def _evaluated(server: FhirServer, request: Request, current: Current, inputs: Inputs, names: Names) -> Changed:
    plan = current.plan.resource
    cycle = standing(plan, names, now=request.now)
    side = side_of(request.access)
    event = events()["evaluate"]
    event.check(status=plan["status"], phase=cycle.phase, side=side, by_mouth=False)
    performer = performer_of(request.access, current.patient_id, inputs.first("performer"))
    sayings = sayings_in(inputs)
    await _check_words(server, request, current, sayings, names)
    teller = Teller(names, current.id, current.patient_id, performer, request.now)
    changed = Changed(Intent("evaluate"), right=Action.CREATE)
    moved = event.after(cycle, now=instant(request.now))
    if moved != cycle_of(plan, names):
        changed.updated.append(with_cycle(plan, moved, names))
    for each in sayings:
        changed.created += teller.observations(each)
        goal = current.goals[each.goal].resource
        status = concept(ACHIEVEMENT, each.achievement)
        if each.achievement and side == "patient" and goal.get("achievementStatus") != status:
            check_scopes(request, Action.UPDATE, "Goal")
            changed.updated.append({**goal, "achievementStatus": status})
            changed.right = None  # a goal is changed by who may change goals
    return changed


async def _check_words(
    server: FhirServer, request: Request, current: Current, sayings: list[Saying], names: Names
) -> None:
    """Of every goal that is spoken of there is a word, in this call or before it in the same check, by either side.
    Raises ``Unprocessable``.
    """
    if not sayings:
        raise refusal("word-needed", "evaluation")
    for each in sayings:
        goal = current.goals.get(each.goal)
        if goal is None or goal.resource.get("lifecycleStatus") not in OPEN_GOALS:
            raise refusal("goal-not-in-plan", f"{each.place}.goal")
    wordless = [each.goal for each in sayings if not each.has_word]
    if not wordless:
        return
    reader = GuardedReader.of(server.database, request)
    since = (await recent(reader, current.patient, current.id, names)).agreed
    said = await said_of(server, reader, current.patient, wordless, since=since)
    known = await representatives(server.database, current.patient)
    for each in sayings:
        if each.goal in said and not words_in(said[each.goal], names, known):
            raise refusal("word-needed", each.place)
