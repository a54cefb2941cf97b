"""``CarePlan/$retract``, ``Goal/$retract``: who made a proposal, or proposed a goal, takes it back."""

from __future__ import annotations

from typing import Final

from app.careplan.changing import check_scopes
from app.careplan.names import Names
from app.careplan.operations.answer import answer_with, check_version, tried
from app.careplan.operations.items import ITEM, OUTCOME
from app.careplan.proposals.alone import answer_goal
from app.careplan.proposals.reading import situation_of
from app.careplan.proposals.rules import PROPOSING
from app.careplan.proposals.withdrawing import withdrawn
from app.fhir.scopes import Action
from app.server.interactions.codings import DISPLAY_LANGUAGE
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.server import FhirServer
from app.server.store.execute import execute

RETRACT_PARAMETERS: Final = (
    Parameter("reason", "in", 0, "1", "string", "Why, in one's own words."),
    DISPLAY_LANGUAGE,
    Parameter("return", "out", 1, "1", "CarePlan", "The individual care plan, which stays as it is."),
    Parameter("proposal", "out", 1, "1", "CarePlan", "The proposal."),
    ITEM,
    OUTCOME,
)


GOAL_PARAMETERS: Final = (
    Parameter("reason", "in", 0, "1", "string", "Why, in one's own words."),
    Parameter("return", "out", 1, "1", "CarePlan", "The individual care plan, which stays as it is."),
    Parameter("goal", "out", 1, "1", "Goal", "The goal."),
)


def retract_operations(names: Names) -> tuple[Operation, ...]:
    """For the server's registry."""
    return (_of_proposal(names), _of_goal(names))


def _of_goal(names: Names) -> Operation:
    async def retract(server: FhirServer, request: Request, target: Target) -> Answer:
        reason = str(inputs_of(server, request, GOAL_PARAMETERS).first("reason") or "").strip()

        async def once() -> Answer:
            return await answer_goal(server, request, target, names, verb="retract", reason=reason)

        return await tried(server, request, once)

    return Operation(
        "retract",
        frozenset({"instance"}),
        frozenset({"Goal"}),
        Action.READ,
        f"{names.base}/OperationDefinition/Goal-retract",
        "Takes back a goal that one proposed for the individual care plan.",
        retract,
        affects_state=True,
        parameters=GOAL_PARAMETERS,
    )


def _of_proposal(names: Names) -> Operation:

    async def retract(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, RETRACT_PARAMETERS)
        check_scopes(request, Action.CREATE, "CarePlan")

        async def once() -> Answer:
            situation = await situation_of(server, request, target, names)
            await check_version(server, request, situation)
            reason = str(inputs.first("reason") or "").strip()
            draft = await withdrawn(server, request, situation, reason, names)
            await execute(server, request.access, [draft], now=request.now, request=request.id, intent=PROPOSING)
            situation = await situation_of(server, request, target, names)
            return await answer_with(server, request, situation, inputs, "$retract", wrote=True)

        return await tried(server, request, once)

    return Operation(
        "retract",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-retract",
        "Takes back one's own proposal for the individual care plan. What was answered already stays answered.",
        retract,
        affects_state=True,
        parameters=RETRACT_PARAMETERS,
    )
