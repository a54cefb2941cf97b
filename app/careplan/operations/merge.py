"""``CarePlan/$merge``: other plans of the person taken up in the individual care plan, shown before it is done.

MODEL 2, "Recognition", and 5, "Medical-device line".
"""

from __future__ import annotations

from typing import Any, Final

from app.careplan.changing import Changed, Current, change, check_scopes, current_of
from app.careplan.cycle import events
from app.careplan.intent import Intent
from app.careplan.merging.merged import Merged, merged
from app.careplan.merging.telling import told
from app.careplan.names import Names
from app.careplan.people import side_of
from app.careplan.plan import cycle_of
from app.careplan.refusals import refusal
from app.careplan.words import preferred
from app.errors import Unprocessable
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.server.interactions.addresses import etag
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

MOST_PLANS: Final = "20"
_ITEM_PARTS: Final = (
    Parameter("id", "out", 1, "1", "string", "What a choice names it by."),
    Parameter("kind", "out", 1, "1", "code", "goal, activity, condition or participant."),
    Parameter("outcome", "out", 1, "1", "code", "taken, known (it is in the plan), left (by choice), ended, wordless."),
    Parameter("text", "out", 1, "1", "string", "What it says, or what it refers to."),
    Parameter("from", "out", 1, "1", "string", "The version of the plan that it comes from, or the template."),
    Parameter("explanation", "out", 1, "1", "string", "The outcome in words."),
)
_SIDE_PARTS: Final = (
    Parameter("item", "out", 1, "1", "string", "Its id, as of an item."),
    Parameter("text", "out", 1, "1", "string", "What it says."),
    Parameter("from", "out", 1, "1", "string", "The version of the plan that it is in."),
)
_OVERLAP_PARTS: Final = (
    Parameter("id", "out", 1, "1", "string", "What a choice names it by."),
    Parameter("kind", "out", 1, "1", "code", "goal, activity or condition."),
    Parameter("reason", "out", 1, "*", "code", "same-code, same-words, same-period, same-measure."),
    Parameter("keep", "out", 0, "1", "code", "What was chosen of it."),
    Parameter("first", "out", 1, "1", "", "What is in the plan, or comes first.", _SIDE_PARTS),
    Parameter("second", "out", 1, "1", "", "What comes in.", _SIDE_PARTS),
    Parameter("explanation", "out", 1, "1", "string", "The reasons in words."),
)
_PLAN_PARTS: Final = (
    Parameter("plan", "out", 0, "1", "Reference", "The version that is taken up; none for a plan that is not stored."),
    Parameter("becomes", "out", 1, "1", "code", "linked (a provider's), closed (one's own), named (a template)."),
    Parameter("hidden", "out", 1, "1", "integer", "How many of its goals and networks are not there to be seen."),
)
_CHOICE_PARTS: Final = (
    Parameter("id", "in", 1, "1", "string", "An overlap or an item."),
    Parameter("keep", "in", 1, "1", "code", "Of an overlap: both, first, second or none. Of an item: take or leave."),
)
MERGE_PARAMETERS: Final = (
    Parameter("plan", "in", 0, MOST_PLANS, "Reference", "A CarePlan of the same person."),
    Parameter(
        "planResource",
        "in",
        0,
        MOST_PLANS,
        "CarePlan",
        "A plan that is not stored: what PlanDefinition/$apply answers, in the person's own words where they like.",
    ),
    Parameter("dryRun", "in", 0, "1", "boolean", "Show it and change nothing, which is what is done when not said."),
    Parameter("choice", "in", 0, "*", "", "What is to become of an overlap or an item.", _CHOICE_PARTS),
    DISPLAY_LANGUAGE,
    Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now, or as it would be."),
    Parameter("dryRun", "out", 1, "1", "boolean", "Whether nothing was changed."),
    Parameter("source", "out", 1, "*", "", "Each plan that is taken up.", _PLAN_PARTS),
    Parameter("item", "out", 0, "*", "", "Each thing that the plans have.", _ITEM_PARTS),
    Parameter("overlap", "out", 0, "*", "", "Two that are alike in something, side by side.", _OVERLAP_PARTS),
)


def merge_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def merge(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, MERGE_PARAMETERS)
        if inputs.first("dryRun") is not False:
            current = await current_of(server, request, target, names)
            found = await _found(server, request, current, inputs, names)
            plan = found.taken.plan if found.taken is not None else current.plan.resource
            return _answer(request, current, inputs, found, (plan, current.plan.version, True))
        check_scopes(request, Action.UPDATE, "CarePlan", "Goal")
        last: list[Merged] = []

        async def make(current: Current) -> Changed:
            found = await _found(server, request, current, inputs, names)
            last[:] = [found]
            if found.open:
                raise Unprocessable("", "business-rule", issues=tuple(found.issues()))
            intent = Intent("merge", sources=tuple(found.references))
            taken = found.taken
            if taken is None:
                return Changed(intent)
            changed = Changed(intent, [taken.plan, *taken.updated], taken.created)
            changed.known = taken.known
            return changed

        current, drafts = await change(server, request, target, names, make)
        if not drafts:
            return _answer(request, current, inputs, last[0], (current.plan.resource, current.plan.version, False))
        stored = decode(drafts[0].body or b"")
        return _answer(request, current, inputs, last[0], (stored, drafts[0].version, False))

    return Operation(
        "merge",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-merge",
        "Takes other plans of the person up in the individual care plan: goals, agreements, conditions and network."
        " What is alike is shown side by side without a judgement, and the person chooses. Nothing is said about how"
        " treatments or medicines go together.",
        merge,
        affects_state=True,
        parameters=MERGE_PARAMETERS,
    )


async def _found(server: FhirServer, request: Request, current: Current, inputs: Inputs, names: Names) -> Merged:
    """What merging would do. Raises where it may not happen."""
    plan = current.plan.resource
    if side_of(request.access) != "patient":
        raise refusal("propose", "CarePlan", id=current.id)
    cycle = cycle_of(plan, names)
    if cycle is None:
        raise refusal("cycle-needed", "CarePlan.extension", profile=names.plan_profile)
    side = side_of(request.access)
    events()["merge"].check(status=plan["status"], phase=cycle.phase, side=side, by_mouth=False)
    plans, given = inputs.values.get("plan", ()), inputs.values.get("planResource", ())
    if not plans and not given:
        raise refusal("merge-of-nothing", "plan")
    return await merged(
        server, request, current, names, plans=plans, given=given, choices=inputs.values.get("choice", ())
    )


def _answer(
    request: Request, current: Current, inputs: Inputs, found: Merged, plan: tuple[Resource, int, bool]
) -> Answer:
    """``plan``: the resource, its version, and whether nothing was to be done."""
    resource, version, dry = plan
    before = f"CarePlan/{current.id}/_history/{current.plan.version}"
    listed: list[dict[str, Any]] = [
        {"name": "return", "resource": resource},
        {"name": "dryRun", "valueBoolean": dry},
        *told(found, preferred(languages_of(request, inputs)), before),
    ]
    return Answer(
        200,
        encode({"resourceType": "Parameters", "parameter": listed}),
        [(b"etag", etag(version)), BY_LANGUAGE],
        interaction="$merge",
        type="CarePlan",
        patients=(current.patient,),
        resources=(f"CarePlan/{current.id}/_history/{version}", *found.references),
        wrote=version != current.plan.version,
    )
