"""``CarePlan/$revise``: the plan is open again in the same cycle, for a reason. So a person objects, too, to what a
professional recorded as agreed by word of mouth.

https://hl7.org/fhir/R4/operations.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from typing import Final

from app.careplan.changing import Changed, Current, change
from app.careplan.cycle import events
from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.operations.answers import plan_as_it_is, standing
from app.careplan.people import side_of
from app.careplan.plan import local, with_cycle
from app.careplan.refusals import refusal
from app.errors import Gone, NotFound
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode, parse_reference
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.read import read

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
        " as agreed by word of mouth.",
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
        changed.intent = Intent("revise", reason, changed.intent.reason_text, sources=(f"Provenance/{revision}",))
    return changed


async def _objected_to(
    server: FhirServer, request: Request, current: Current, objection: Resource, names: Names
) -> str:
    """The id of the revision of this plan by which something was recorded as agreed by word of mouth. Raises
    ``Unprocessable``.
    """
    named = local(objection)
    if named is None or named[0] != "Provenance":
        raise refusal("not-by-mouth-said", "objection")
    revision = await _held(server, request, current, "Provenance", named[1])
    by_mouth = revision is not None and any(
        each.get("url") == names.extension("word-of-mouth") for each in revision.get("extension", ())
    )
    if revision is None or not by_mouth or ("CarePlan", current.id) not in _targets(revision):
        raise refusal("not-by-mouth-said", "objection")
    return named[1]


def _targets(revision: Resource) -> set[tuple[str, str]]:
    found = (parse_reference(each.get("reference", "")) for each in revision.get("target", ()))
    return {(each.type, each.id) for each in found if each is not None}


async def _held(server: FhirServer, request: Request, current: Current, kind: str, resource_id: str) -> Resource | None:
    """A resource of this record as the caller may see it; None when there is none."""
    try:
        stored = await read(
            server.database,
            request.access,
            kind,
            resource_id,
            registry=server.registry,
            now=request.now,
            partition=current.patient,
        )
    except (NotFound, Gone):
        return None
    return decode(stored.body)
