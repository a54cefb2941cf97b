"""A run of a measurement protocol as an activity of the plan: the port of measurements, given in ``main``.

Putting it in the plan is an ordinary change of the plan by the person, and leaves a revision; how far it is stands in
its Task, and leaves none (MODEL 2, "Revisions"). Who may not change the plan only names it.
https://hl7.org/fhir/R4/careplan-definitions.html#CarePlan.activity.reference
"""

from __future__ import annotations

from typing import Final

from app.careplan.changing import draft_of
from app.careplan.cycle import ON_HOLD
from app.careplan.people import side_of
from app.careplan.plan import is_open
from app.careplan.rules import plan_held
from app.errors import Gone, NotFound
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.measurements.protocols.port import Activity, Placed
from app.server.interactions.stored import stored_for
from app.server.messages import Request
from app.server.server import FhirServer

_PLAN: Final = "CarePlan"


class PlanRuns:
    """The port."""

    async def place(self, server: FhirServer, request: Request, activity: Activity) -> Placed:
        """Put it in the open plan, where the person or an app of theirs may change that; else name the plan."""
        held = await plan_held(server.database, activity.patient)
        access = request.access
        if held is None or not access.scopes.allow(_PLAN, Action.READ):
            return Placed()
        try:
            stored = await stored_for(server, request, _PLAN, held.id, partition=activity.patient)
        except (NotFound, Gone):
            return Placed()  # not in what the caller may see: for them there is no plan
        plan = {**decode(stored.body), "id": held.id}
        if activity.asked_by and any(each.get("id") == activity.asked_by for each in plan.get("activity", ())):
            return Placed(held.id)  # an activity of the plan already
        if not _may_change(
            request, plan, server.labels.of(plan) & access.denied_labels(activity.patient, Action.UPDATE)
        ):
            return Placed(held.id)
        reference = {"reference": f"Task/{activity.task_id}", "display": activity.name["nl"]}
        changed = {**plan, "activity": [*plan.get("activity", ()), {"id": activity.task_id, "reference": reference}]}
        draft = await draft_of(server, request, activity.patient, changed)
        draft.if_match = stored.version
        return Placed(held.id, (draft,))


def _may_change(request: Request, plan: Resource, denied: int) -> bool:
    """Whether the caller may change a plan, and it can be changed now."""
    if side_of(request.access) != "patient" or denied or not request.access.scopes.allow(_PLAN, Action.UPDATE):
        return False
    return is_open(plan) and plan.get("status") != ON_HOLD
