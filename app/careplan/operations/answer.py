"""``CarePlan/$accept`` and ``$reject``: the person's answer to a proposal, item by item, or to a goal that was proposed
by itself (``Goal/$accept``, ``Goal/$reject``). What is accepted changes the plan in one revision that names both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

from app.careplan.changing import MOST_TRIES, check_scopes
from app.careplan.names import Names
from app.careplan.operations.items import ITEM, OUTCOME, parameters
from app.careplan.proposals.alone import answer_goal
from app.careplan.proposals.answering import accepted, rejected
from app.careplan.proposals.reading import Situation, situation_of
from app.careplan.proposals.writing import write
from app.careplan.refusals import refused
from app.careplan.words import preferred
from app.errors import Conflict, PreconditionFailed
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.server.interactions.addresses import etag
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.preconditions import check_known, if_match
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.rules import Overtaken
from app.server.server import FhirServer
from app.server.store.execute import settle

Verb = Literal["accept", "reject"]
_WHAT: Final = {
    "accept": (
        "Takes items of a proposal, or a goal that was proposed, into the individual care plan: by the person or who"
        " represents them. One revision names both; what no longer fits the plan is told, item by item."
    ),
    "reject": (
        "Says that items of a proposal, or a goal that was proposed, are not wanted, and why. The plan stays as it is;"
        " who proposed it can read the reason."
    ),
}


def answer_operations(names: Names) -> tuple[Operation, ...]:
    """For the server's registry."""
    return tuple(_operation(verb, kind, names) for verb in ("accept", "reject") for kind in ("CarePlan", "Goal"))


def answer_parameters(kind: str) -> tuple[Parameter, ...]:
    """What it is asked and what it answers."""
    item = Parameter(
        "item", "in", 0, "*", "string", "An item, by its id; all that wait for an answer when none is said."
    )
    return (
        *((item,) if kind == "CarePlan" else ()),
        Parameter("reason", "in", 0, "1", "string", "Why, in one's own words; who proposed it can read it."),
        DISPLAY_LANGUAGE,
        Parameter("return", "out", 1, "1", "CarePlan", "The individual care plan as it is now."),
        Parameter("proposal", "out", 0, "1", "CarePlan", "The proposal with the answers."),
        Parameter("goal", "out", 0, "1", "Goal", "The goal that was proposed by itself."),
        ITEM,
        OUTCOME,
    )


def _operation(verb: Verb, kind: str, names: Names) -> Operation:
    described = answer_parameters(kind)

    async def once(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, described)
        check_scopes(request, Action.READ, "CarePlan", "Goal")
        check_scopes(request, Action.UPDATE, kind)  # what else is written is checked where it is
        if kind == "Goal":
            return await answer_goal(server, request, target, names, verb=verb, reason=_reason(inputs))
        return await _answer(server, request, target, inputs, names, verb=verb)

    async def handler(server: FhirServer, request: Request, target: Target) -> Answer:
        return await tried(server, request, lambda: once(server, request, target))

    return Operation(
        verb,
        frozenset({"instance"}),
        frozenset({kind}),
        Action.READ,
        f"{names.base}/OperationDefinition/{kind}-{verb}",
        _WHAT[verb],
        handler,
        affects_state=True,
        parameters=described,
    )


async def tried(server: FhirServer, request: Request, make: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do it, and again where somebody else was faster, unless the caller says which version they mean."""
    for _ in range(MOST_TRIES):
        try:
            return await make()
        except PreconditionFailed:
            if if_match(request.headers) is not None:
                raise
            await settle(server)
    raise refused(Conflict, "keeps-changing", as_type="conflict")


async def check_version(server: FhirServer, request: Request, situation: Situation) -> None:
    """If-Match names a version of the proposal. Raises ``PreconditionFailed``."""
    known, present = if_match(request.headers), situation.proposal.version
    if known is not None:
        late = Overtaken(situation.patient, request.access, "CarePlan", situation.id, known, present, request.now)
        await check_known(server, late)


def _reason(inputs: Inputs) -> str:
    return str(inputs.first("reason") or "").strip()


async def _answer(
    server: FhirServer, request: Request, target: Target, inputs: Inputs, names: Names, *, verb: Verb
) -> Answer:
    situation = await situation_of(server, request, target, names)
    await check_version(server, request, situation)
    chosen = [each.strip() for each in inputs.values.get("item", ())]
    make = accepted if verb == "accept" else rejected
    written = make(situation, request, chosen, _reason(inputs))
    if written is not None:
        await write(server, request, situation, written, _reason(inputs))
        situation = await situation_of(server, request, target, names)
    return await answer_with(server, request, situation, inputs, f"${verb}", wrote=written is not None)


async def answer_with(
    server: FhirServer, request: Request, situation: Situation, inputs: Inputs, interaction: str, *, wrote: bool
) -> Answer:
    """The plan and the proposal as they are, and what stands of each item."""
    resources: list[tuple[str, Resource]] = [
        ("return", situation.plan.resource),
        ("proposal", situation.proposal.resource),
    ]
    language = preferred(languages_of(request, inputs))
    body = parameters(resources, situation.judged, language, server.definitions, hidden=situation.hidden)
    return Answer(
        200,
        b"" if request.prefers("return=minimal") else encode(body),
        [(b"etag", etag(situation.proposal.version)), BY_LANGUAGE],
        interaction=interaction,
        type="CarePlan",
        patients=(situation.patient,),
        resources=(
            f"CarePlan/{situation.id}/_history/{situation.proposal.version}",
            f"CarePlan/{situation.plan.resource['id']}/_history/{situation.plan.version}",
        ),
        wrote=wrote,
    )
