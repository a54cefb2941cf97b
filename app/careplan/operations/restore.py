"""``CarePlan/$restore``: an earlier revision is brought back as a new one; nothing is lost, and it can be undone alike.

What comes back and what stays is in ``restoring``. https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.careplan.changing import Changed, Current, change, check_scopes
from app.careplan.cycle import events
from app.careplan.difference import PlanState
from app.careplan.history import History, Place
from app.careplan.intent import Intent
from app.careplan.moment import Moment, at_number
from app.careplan.names import Names
from app.careplan.past import Member
from app.careplan.people import side_of
from app.careplan.plan import cycle_of, goals_of, is_open, teams_of
from app.careplan.refusals import refusal
from app.careplan.restoring import BroughtBack, Named, brought_back
from app.careplan.words import remark
from app.errors import Issue
from app.fhir.dates import OPEN_END
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer

RESTORE_PARAMETERS: Final = (
    Parameter("number", "in", 1, "1", "positiveInt", "The number of the revision to bring back."),
    Parameter("text", "in", 0, "1", "string", "Why, in one's own words."),
    Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now; what did not come back is said beside it."),
)
_PARTS: Final = ("CarePlan", "Goal", "CareTeam")


def restore_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def restore(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, RESTORE_PARAMETERS)
        check_scopes(request, Action.UPDATE, "CarePlan", "Goal")
        remarks: list[Issue] = []

        async def make(current: Current) -> Changed:
            changed, found = await _restored(server, request, current, inputs, names)
            remarks[:] = _remarks(found)
            return changed

        _, drafts = await change(server, request, target, names, make)
        plan = drafts[0]
        plan.remarks = replace(plan.remarks, issues=(*plan.remarks.issues, *remarks))
        return await written(server, request, plan, interaction="$restore")

    return Operation(
        "restore",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.UPDATE,
        f"{names.base}/OperationDefinition/CarePlan-restore",
        "Brings the content of an earlier revision back as a new revision. Cycle, phase and status stay; so do goals"
        " that came to an end since.",
        restore,
        affects_state=True,
        parameters=RESTORE_PARAMETERS,
    )


async def _restored(
    server: FhirServer, request: Request, current: Current, inputs: Inputs, names: Names
) -> tuple[Changed, BroughtBack]:
    plan = current.plan.resource
    cycle = cycle_of(plan, names)
    if cycle is None:
        raise refusal("keeps-its-profile", "CarePlan.extension", profile=names.plan_profile)
    if not is_open(plan):
        raise refusal("closed", "CarePlan.status")
    side = side_of(request.access)
    events()["restore"].check(status=plan["status"], phase=cycle.phase, side=side, by_mouth=False)
    history = History(server, server.database, request, Place(current.patient, current.id))
    then = await at_number(history, inputs.first("number"), names)
    wanted = {key[:2] for key in then.revision.manifest(names)}
    wanted |= {("Goal", each) for each in goals_of(plan)} | {("CareTeam", each) for each in teams_of(plan)}
    present = await history.versions_at([(*named, 1) for named in sorted(wanted)], OPEN_END)
    gone = {named for named in wanted if named not in present or _is_gone(present[named])}
    _check_seen(then, present)
    found = brought_back(then.state(), _state(plan, present), gone, names)
    if not found.updated:
        raise refusal("restore-same", "number")
    if any(each["resourceType"] == "CareTeam" for each in found.updated):
        check_scopes(request, Action.UPDATE, "CareTeam")
    intent = Intent(
        "restore",
        reason_text=(inputs.first("text") or "").strip(),
        sources=(f"Provenance/{then.revision.id}/_history/{then.revision.version}",),
    )
    known = {named: each.version for named, each in present.items() if each.body is not None}
    return Changed(intent, found.updated, known=known), found


def _is_gone(member: Member) -> bool:
    """Whether something is not there any more; a goal or network that was deleted is written again."""
    return member.is_erased or (member.state == "delete" and member.type not in _PARTS)


def _check_seen(then: Moment, present: dict[Named, Member]) -> None:
    """Nothing is brought back half. Raises ``Unprocessable``."""
    listed: Sequence[Member] = [*then.members, *present.values()]
    if any(each.is_hidden and each.type in _PARTS for each in listed):
        raise refusal("restore-unseen", "number")


def _state(plan: Resource, present: dict[Named, Member]) -> PlanState:
    parts: dict[str, dict[str, Any]] = {each: {} for each in _PARTS}
    for (kind, resource_id), member in present.items():
        resource = member.resource()
        if kind in parts and resource is not None:
            parts[kind][resource_id] = resource
    return PlanState(plan, parts["Goal"], parts["CareTeam"])


def _remarks(found: BroughtBack) -> list[Issue]:
    texts = [remark("not-brought-back", what=f"{kind}/{resource_id}") for kind, resource_id in found.left]
    texts += [remark("stays-closed", what=f"{kind}/{resource_id}") for kind, resource_id in found.closed]
    return [Issue("incomplete", each, severity="warning") for each in texts]
