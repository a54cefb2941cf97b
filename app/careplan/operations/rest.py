"""``CarePlan/$hold``, ``$resume`` and ``$close``: the plan rests for a while, goes on where it was, or ends.

A closed plan does not change any more, and its goals stay as they are: that a plan ends does not say that a goal was
reached or given up. https://hl7.org/fhir/R4/operations.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from app.careplan.changing import Changed, Current, change, check_scopes
from app.careplan.cycle import ON_HOLD, events
from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.operations.answers import plan_as_it_is
from app.careplan.people import side_of
from app.careplan.plan import Cycle, cycle_of
from app.careplan.recent import status_before_hold
from app.careplan.refusals import refusal
from app.fhir.scopes import Action
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.guarded import GuardedReader

ENDS: Final = frozenset({"completed", "revoked"})
_REASON: Final = Parameter("text", "in", 0, "1", "string", "Why, in one's own words.")
_RETURN: Final = Parameter("return", "out", 1, "1", "CarePlan", "The plan as it is now.")
HOLD_PARAMETERS: Final = (_REASON, _RETURN)
CLOSE_PARAMETERS: Final = (
    Parameter("status", "in", 0, "1", "code", "completed when the plan is done, revoked when it is stopped."),
    _REASON,
    _RETURN,
)
Becomes = Callable[[FhirServer, Request, Current, Inputs, Cycle], Awaitable[str]]
"""The status that the plan gets. Raises ``Unprocessable``."""


@dataclass(frozen=True, slots=True)
class _Rest:
    """One of the three."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    becomes: Becomes


def rest_operations(names: Names) -> tuple[Operation, ...]:
    """For the server's registry."""
    return tuple(_operation(each, names) for each in _RESTS)


def _operation(rest: _Rest, names: Names) -> Operation:
    async def handle(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, rest.parameters)
        check_scopes(request, Action.UPDATE, "CarePlan")

        async def make(current: Current) -> Changed:
            plan = current.plan.resource
            cycle = cycle_of(plan, names)
            if cycle is None:
                raise refusal("keeps-its-profile", "CarePlan.extension", profile=names.plan_profile)
            side = side_of(request.access)
            events()[rest.name].check(status=plan["status"], phase=cycle.phase, side=side, by_mouth=False)
            status = await rest.becomes(server, request, current, inputs, cycle)
            intent = Intent(rest.name, reason_text=(inputs.first("text") or "").strip())
            return Changed(intent, [{**plan, "status": status}])

        current, drafts = await change(server, request, target, names, make)
        return await plan_as_it_is(server, request, current, drafts, interaction=f"${rest.name}")

    return Operation(
        rest.name,
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.UPDATE,
        f"{names.base}/OperationDefinition/CarePlan-{rest.name}",
        rest.description,
        handle,
        affects_state=True,
        parameters=rest.parameters,
    )


async def _held(_server: FhirServer, _request: Request, _current: Current, _inputs: Inputs, _cycle: Cycle) -> str:
    return ON_HOLD


async def _resumed(server: FhirServer, request: Request, current: Current, _inputs: Inputs, cycle: Cycle) -> str:
    reader = GuardedReader.of(server.database, request)
    return await status_before_hold(server, reader, current.patient, current.id, cycle)


async def _closed(_server: FhirServer, _request: Request, _current: Current, inputs: Inputs, _cycle: Cycle) -> str:
    status: str | None = inputs.first("status")
    if status not in ENDS:
        raise refusal("close-as", "status")
    return status


_RESTS: Final = (
    _Rest("hold", "The plan rests for a while: nothing of it changes until $resume.", HOLD_PARAMETERS, _held),
    _Rest("resume", "The plan goes on where it was when it was put on hold.", HOLD_PARAMETERS, _resumed),
    _Rest(
        "close",
        "The plan is completed, or stopped with, and does not change any more. Its goals stay as they are, what was"
        " still proposed for it is rejected, and a new plan may be started.",
        CLOSE_PARAMETERS,
        _closed,
    ),
)
