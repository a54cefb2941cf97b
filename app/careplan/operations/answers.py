"""What the operations of the cycle have in common: where a plan stands, and what they answer.
https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.careplan.changing import Current
from app.careplan.names import Names
from app.careplan.plan import Cycle, cycle_of
from app.careplan.recent import is_due
from app.careplan.refusals import refusal
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource
from app.server.interactions.stored import stored_for
from app.server.interactions.written import written
from app.server.messages import Answer, Request
from app.server.server import FhirServer
from app.server.store.changes import Draft


def standing(plan: Resource, names: Names, *, now: int) -> Cycle:
    """Where a plan is: on the day of its review the phase check is open, whether that was written down already or not.
    Raises ``Unprocessable`` for a plan that does not say.
    """
    cycle = cycle_of(plan, names)
    if cycle is None:
        raise refusal("keeps-its-profile", "CarePlan.extension", profile=names.plan_profile)
    if cycle.phase != "do" or not is_due(cycle, now=now):
        return cycle
    return replace(cycle, phase="check", since=instant(bounds(cycle.next_review)[0]))


async def plan_as_it_is(
    server: FhirServer, request: Request, current: Current, drafts: Sequence[Draft], *, interaction: str
) -> Answer:
    """The plan after an event, which may have left it as it was."""
    draft = next((each for each in drafts if each.type == "CarePlan" and each.id == current.id), None)
    if draft is None:
        stored = await stored_for(server, request, "CarePlan", current.id, partition=current.patient)
        draft = Draft("update", "CarePlan", current.id, current.patient, unchanged=True)
        draft.version, draft.updated, draft.body = stored.version, stored.updated, stored.body
    answer = await written(server, request, draft, interaction=interaction)
    answer.wrote = True
    return answer
