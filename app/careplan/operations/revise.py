"""``CarePlan/$revise``: the plan is open again in the same cycle, for a reason. So a person objects, too, to what a
professional recorded as agreed by word of mouth.

https://hl7.org/fhir/R4/operations.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from typing import Final

from app.careplan.changing import Changed, Current, change, check_scopes
from app.careplan.cycle import events
from app.careplan.history import History, Place
from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.objecting import opened_again
from app.careplan.operations.answers import plan_as_it_is, standing
from app.careplan.past import Revision
from app.careplan.people import side_of
from app.careplan.plan import local, with_cycle
from app.careplan.refusals import refusal
from app.errors import Gone, NotFound
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.stored import stored_for
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

REASONS: Final = frozenset({"health", "life", "wish", "error"})
OBJECTION: Final = "error"
"""The reason of who objects and says no other."""
REVISE_PARAMETERS: Final = (
    Parameter("reason", "in", 0, "1", "code", "health, life, wish or error; error when somebody objects."),
    Parameter("text", "in", 0, "1", "string", "Why, in one's own words."),
    Parameter(
        "objection",
        "in",
        0,
        "1",
        "Reference",
        "The revision to which the person objects, as Provenance/<id>: one by which a professional recorded something"
        " as agreed by word of mouth. Goals that it recorded as achieved or stopped are open again.",
    ),
    Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now."),
)


def revise_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def revise(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, REVISE_PARAMETERS)

        async def make(current: Current) -> Changed:
            return await _revised(server, request, current, inputs, names)

        current, drafts = await change(server, request, target, names, make)
        return await plan_as_it_is(server, request, current, drafts, interaction="$revise")

    return Operation(
        "revise",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.UPDATE,
        f"{names.base}/OperationDefinition/CarePlan-revise",
        "Opens the plan again in the same cycle, for a change in health or in life, a wish or an error. With objection"
        " the person objects to what a professional recorded as agreed by word of mouth.",
        revise,
        affects_state=True,
        parameters=REVISE_PARAMETERS,
    )


async def _revised(server: FhirServer, request: Request, current: Current, inputs: Inputs, names: Names) -> Changed:
    plan = current.plan.resource
    cycle = standing(plan, names, now=request.now)
    side = side_of(request.access)
    event = events()["revise"]
    event.check(status=plan["status"], phase=cycle.phase, side=side, by_mouth=False)
    objection = inputs.first("objection")
    reason = inputs.first("reason") or (OBJECTION if objection is not None else "")
    if reason not in REASONS:
        raise refusal("reason-needed", "reason")
    changed = Changed(
        Intent("revise", reason, (inputs.first("text") or "").strip()),
        [with_cycle(plan, event.after(cycle, now=instant(request.now)), names)],
        right=Action.CREATE if side == "care" else None,
    )
    if objection is not None:
        if side != "patient":
            raise refusal("not-yours", "objection")
        revision = await _objected_to(server, request, current, objection, names)
        changed.intent = Intent("revise", reason, changed.intent.reason_text, sources=(f"Provenance/{revision.id}",))
        history = History(server, server.database, request, Place(current.patient, current.id))
        opened = await opened_again(history, current, revision, names)
        if opened:
            check_scopes(request, Action.UPDATE, "Goal")
        changed.updated += opened
    return changed


async def _objected_to(
    server: FhirServer, request: Request, current: Current, objection: Resource, names: Names
) -> Revision:
    """The revision of this plan by which something was recorded as agreed by word of mouth. Raises
    ``Unprocessable``.
    """
    named = local(objection)
    if named is None or named[0] != "Provenance":
        raise refusal("not-by-mouth-said", "objection")
    revision = await _revision(server, request, current, named[1])
    if revision is None or not revision.extensions(names.extension("word-of-mouth")):
        raise refusal("not-by-mouth-said", "objection")
    if ("CarePlan", current.id) not in {key[:2] for key in revision.written}:
        raise refusal("not-by-mouth-said", "objection")
    return revision


async def _revision(server: FhirServer, request: Request, current: Current, resource_id: str) -> Revision | None:
    """A Provenance of this record as the caller may see it, read as a revision whose number does not matter; None when
    there is none.
    """
    try:
        stored = await stored_for(server, request, "Provenance", resource_id, partition=current.patient)
    except (NotFound, Gone):
        return None
    return Revision(0, 0, resource_id, stored.version, stored.updated, erased=False, seen=True, body=stored.body)
