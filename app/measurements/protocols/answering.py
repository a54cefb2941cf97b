"""``Task/$accept-protocol``: the person says yes to what they were asked to measure, which then enters their plan.

Saying no is an ordinary change of the Task: ``rejected``, with a reason. https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from typing import Final

from app.errors import Forbidden
from app.fhir.dates import instant
from app.fhir.scopes import Action
from app.measurements.confirming import is_the_person
from app.measurements.protocols.port import Activity, Placed, PlanPort
from app.measurements.protocols.reading import read_run
from app.measurements.protocols.run import Run
from app.measurements.protocols.starting import check_start, day_of, draft_of, placed_and_written
from app.measurements.protocols.tasks import ASKED, activity_of, dated
from app.measurements.refusals import refusal, text_of
from app.measurements.statistics.spans import local
from app.server.interactions.parameters import inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.changes import Draft

ACCEPT_PARAMETERS: Final = (
    Parameter(
        "start",
        "in",
        0,
        "1",
        "date",
        "Another first day; that of the request if not said, or today when that has passed.",
    ),
    Parameter("return", "out", 1, "1", "Task", "The run, which is in-progress."),
)


def accept_operation(canonical_base: str, plan: PlanPort) -> Operation:
    """For the server's registry."""

    async def accept(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, ACCEPT_PARAMETERS)
        held = await read_run(server, request, target, canonical_base)
        if not is_the_person(request.access):
            raise Forbidden(text_of("protocol-answer-by-the-person"), "forbidden")
        if held.task.get("status") not in ASKED:
            raise refusal("protocol-not-asked", "Task.status", id=target.id)
        start = inputs.first("start")
        first = max(held.run.first, local(request.now).date()) if start is None else day_of(start)
        check_start(first, held.run.days, request.now)
        moved = Run(held.run.protocol, first, held.run.days, held.run.numbers)

        async def make(placed: Placed) -> Draft:
            task = {**dated(held.task, moved), "status": "in-progress", "lastModified": instant(request.now)}
            based = {"reference": f"CarePlan/{placed.plan}"}
            if placed.plan and based not in task.get("basedOn", ()):
                task["basedOn"] = [*task.get("basedOn", ()), based]
            return await draft_of(server, request.access, held.patient, task, version=held.version)

        activity = Activity(held.patient, held.patient_id, target.id, moved.protocol.words, activity_of(held.task))
        draft = await placed_and_written(server, request, plan, activity, make)
        return await written(server, request, draft, interaction="$accept-protocol")

    return Operation(
        "accept-protocol",
        frozenset({"instance"}),
        frozenset({"Task"}),
        Action.UPDATE,
        f"{canonical_base}/OperationDefinition/Task-accept-protocol",
        "Says yes to measuring by a protocol that was asked for: the run begins, and enters the plan. Only the person,"
        " or who acts for them.",
        accept,
        affects_state=True,
        parameters=ACCEPT_PARAMETERS,
    )
