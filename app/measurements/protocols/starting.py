"""``Patient/$start-protocol``: the person begins to measure by a protocol, or is asked to.

A run is a Task, and an activity of the plan where there is one. Who gives care asks (``requested``); nothing enters the
plan before the person says yes by ``Task/$accept-protocol``. https://hl7.org/fhir/R4/operations.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from app.auth.roles import Role
from app.errors import Conflict, Invalid, Issue, NotFound, PreconditionFailed, Unprocessable
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource
from app.fhir.scopes import NAMES, Action
from app.measurements.confirming import is_the_person
from app.measurements.protocols.port import Activity, Placed, PlanPort
from app.measurements.protocols.run import Run
from app.measurements.protocols.table import Protocol, numbers, protocols
from app.measurements.protocols.tasks import Asking, length_issues, number_issue, task_of
from app.measurements.readings import quantity_in
from app.measurements.refusals import issue
from app.measurements.statistics.spans import local
from app.server.access import Access
from app.server.challenges import beyond_scopes
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute, settle
from app.server.store.find import find_patient
from app.server.store.prepare import check_resource, finish, fresh_id

MOST_TRIES: Final = 5
_FURTHEST: Final = timedelta(days=366)
_ONE: Final = timedelta(days=1)
_PARAMETERS: Final = {"baseline": "baseline", "personal-best": "personalBest"}
START_PARAMETERS: Final = (
    Parameter("protocol", "in", 1, "1", "code", "Which protocol: a code of our code system protocol."),
    Parameter("start", "in", 0, "1", "date", "The first day; today if not said."),
    Parameter("days", "in", 0, "1", "positiveInt", "How many days; as many as usual if not said."),
    Parameter("subject", "in", 0, "1", "Reference", "Whose measurements, where the address does not say."),
    Parameter("baseline", "in", 0, "1", "Quantity", "A weight to compare with, for weighing every day."),
    Parameter("personalBest", "in", 0, "1", "Quantity", "The personal best, for peak flow."),
    Parameter("return", "out", 1, "1", "Task", "The run: in-progress, or requested of the person."),
)


def start_operation(canonical_base: str, plan: PlanPort) -> Operation:
    """For the server's registry."""

    async def start(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, START_PARAMETERS)
        need_scopes(request.access, Action.CREATE)
        run = _run(inputs, request.now)
        patient_id = _patient_id(inputs, request.access, target)
        patient = await find_patient(server.database, request.access, patient_id, server.registry)
        if patient is None:
            raise NotFound("The patient is not known: say for whom, as Patient/<id>/$start-protocol.")
        task_id = fresh_id(server, patient)
        by_person = is_the_person(request.access)

        async def make(placed: Placed) -> Draft:
            task = task_of(
                run,
                Asking(
                    {"reference": f"Patient/{patient_id}"},
                    who(request.access, patient_id),
                    "in-progress" if by_person else "requested",
                    "plan" if by_person else "order",
                    placed.plan,
                ),
                canonical_base=canonical_base,
                now=instant(request.now),
            )
            return await draft_of(server, request.access, patient, {**task, "id": task_id}, new=True)

        activity = Activity(patient, patient_id, task_id, run.protocol.words)
        draft = await placed_and_written(server, request, plan, activity, make)
        return await written(server, request, draft, interaction="$start-protocol")

    return Operation(
        "start-protocol",
        frozenset({"type", "instance"}),
        frozenset({"Patient"}),
        Action.READ,
        f"{canonical_base}/OperationDefinition/Patient-start-protocol",
        "Begins to measure by a protocol, as an activity of the plan where there is one. Who gives care asks the person"
        " to.",
        start,
        affects_state=True,
        parameters=START_PARAMETERS,
    )


async def placed_and_written(
    server: FhirServer,
    request: Request,
    plan: PlanPort,
    activity: Activity,
    make: Callable[[Placed], Awaitable[Draft]],
) -> Draft:
    """Write a Task with what changes of the plan, as one; again when somebody else changes the plan meanwhile."""
    for _ in range(MOST_TRIES):
        placed = await plan.place(server, request, activity)
        draft = await make(placed)
        try:
            await execute(server, request.access, [draft, *placed.drafts], now=request.now, request=request.id)
        except PreconditionFailed:
            if not placed.drafts:
                raise
            await settle(server)
            continue
        return draft
    raise Conflict("Others keep changing the care plan; send it again.", "conflict")


async def draft_of(
    server: FhirServer, access: Access, patient: int, task: Resource, *, new: bool = False, version: int | None = None
) -> Draft:
    """A Task of the service's making, checked and placed."""
    remarks = await check_resource(server, server.database, access, task, may_hold_bsn=True, patient=patient)
    draft = Draft("create" if new else "update", "Task", task["id"], patient, task, fresh=new, owned=True)
    draft.remarks = remarks
    if version is not None:
        draft.if_match = version
    return finish(server, draft)


def need_scopes(access: Access, action: int, kind: str = "Task") -> None:
    """Raises ``Forbidden``."""
    if not access.scopes.allow(kind, action):
        text = f"The token's scopes do not allow to {NAMES[action]} {kind}, which this operation needs."
        raise beyond_scopes(access.scopes, text, (kind, action))


def who(access: Access, patient_id: str) -> Resource:
    """Who asks, as a Reference: what they are in FHIR, else their organisation, else the person."""
    if access.fhir_user:
        return {"reference": access.fhir_user}
    if is_the_person(access):
        return {"reference": f"Patient/{patient_id}"}
    if access.role == Role.CARER:
        return {"type": "RelatedPerson", "display": access.recipient}
    return {"type": "Organization", "display": access.organization or access.client or access.recipient}


def check_start(first: date, days: int, now: int) -> None:
    """Raises ``Unprocessable`` for days that are over, or too far away."""
    today = local(now).date()
    if not today - _ONE * (days - 1) <= first <= today + _FURTHEST:
        raise Unprocessable("", "business-rule", issues=(issue("protocol-start", "start"),))


def day_of(text: str) -> date:
    """A FHIR date as a day."""
    return local(bounds(text)[0]).date()


def _run(inputs: Inputs, now: int) -> Run:
    """What is asked for. Raises ``Invalid`` and ``Unprocessable``, with every problem."""
    name = inputs.first("protocol")
    protocol = protocols().get(name or "")
    if protocol is None:
        raise Unprocessable("", "business-rule", issues=(_unknown(),))
    days, start = inputs.first("days"), inputs.first("start")
    days = protocol.days[2] if days is None else days
    first = local(now).date() if start is None else day_of(start)
    entered, issues = _entered(inputs, protocol)
    issues += length_issues(protocol, days, "days")
    if issues:
        raise Unprocessable("", "business-rule", issues=tuple(issues))
    check_start(first, days, now)
    return Run(protocol, first, days, entered)


def _unknown() -> Issue:
    return issue("protocol-unknown", "protocol", protocols=", ".join(protocols()))


def _entered(inputs: Inputs, protocol: Protocol) -> tuple[dict[str, Fraction], list[Issue]]:
    found: dict[str, Fraction] = {}
    issues: list[Issue] = []
    for name in numbers():
        given = inputs.first(_PARAMETERS[name])
        if given is None:
            continue
        amount = quantity_in(given, protocol.measures[0].value)
        if name not in protocol.asks or amount is None or amount <= 0:
            issues.append(number_issue(protocol, name, _PARAMETERS[name]))
        else:
            found[name] = amount
    return found, issues


def _patient_id(inputs: Inputs, access: Access, target: Target) -> str:
    subject = inputs.first("subject")
    named = str(subject.get("reference", "")).rpartition("/")[2] if subject is not None else ""
    if named and target.id and named != target.id:
        raise Invalid("subject names another Patient than the address.", "value")
    found = target.id or named or access.patient_id
    if not found:
        raise Invalid("Say for whom: call the operation below Patient/<id>.", "required")
    return found
