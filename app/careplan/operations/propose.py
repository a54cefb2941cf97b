"""``CarePlan/$propose``: what somebody who may not change the plan themselves wants to change in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from app.careplan.changing import MOST_TRIES, check_scopes, current_of, draft_of
from app.careplan.limits import check_not_too_late
from app.careplan.names import Names
from app.careplan.operations.items import ITEM, parameters
from app.careplan.plan import is_open
from app.careplan.proposals.judging import Judged
from app.careplan.proposals.making import Ground, Sent, items_of, made_of, results, stub_of
from app.careplan.proposals.proposal import plan_of
from app.careplan.proposals.reading import parts_of, situation_of
from app.careplan.proposals.rules import PROPOSING
from app.careplan.proposals.withdrawing import withdrawn
from app.careplan.refusals import refusal, refused
from app.careplan.words import preferred
from app.errors import Conflict, PreconditionFailed, Unprocessable
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.server.interactions.codings import BY_LANGUAGE, DISPLAY_LANGUAGE, languages_of
from app.server.interactions.parameters import Inputs, inputs_of
from app.server.interactions.preconditions import check_known, if_match
from app.server.interactions.write import body_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.rules import Overtaken
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute, settle
from app.server.store.prepare import check_resource, fresh_id

PROPOSE_PARAMETERS: Final = (
    Parameter(
        "proposal",
        "in",
        0,
        "1",
        "CarePlan",
        "The plan as it would be. A goal of the plan that would change is contained under its own id, a new one under"
        " any; activities go by their id. What is not said stays as it is. May be the body itself.",
    ),
    Parameter("goal", "in", 0, "*", "Goal", "A goal as it would be, in place of a contained one."),
    Parameter("title", "in", 0, "1", "string", "The plan's title as it would be."),
    Parameter("note", "in", 0, "*", "string", "A note that would stand in the plan."),
    Parameter("nextReview", "in", 0, "1", "date", "The day to look back as it would be."),
    Parameter(
        "remove",
        "in",
        0,
        "*",
        "string",
        "What would go: an item (activity.walk), or an element of one (goal.x#target).",
    ),
    Parameter("reason", "in", 0, "1", "string", "Why it is proposed, in words."),
    Parameter("replaces", "in", 0, "1", "id", "An earlier proposal of one's own, which is taken back."),
    DISPLAY_LANGUAGE,
    Parameter("return", "out", 1, "1", "CarePlan", "The proposal."),
    ITEM,
)


def propose_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def propose(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = _inputs(server, request)
        check_scopes(request, Action.CREATE, "CarePlan")
        for _ in range(MOST_TRIES):
            try:
                return await _propose(server, request, target, inputs, names)
            except PreconditionFailed:
                if if_match(request.headers) is not None:
                    raise
                await settle(server)
        raise refused(Conflict, "keeps-changing", as_type="conflict")

    return Operation(
        "propose",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-propose",
        "Proposes changes of the individual care plan, by who may not make them: a professional, a system of an"
        " organisation, an informal carer. The plan stays as it is until the person accepts them, item by item.",
        propose,
        affects_state=True,
        parameters=PROPOSE_PARAMETERS,
    )


def _inputs(server: FhirServer, request: Request) -> Inputs:
    """The parameters, or the CarePlan alone as the body."""
    if not request.body:
        return inputs_of(server, request, PROPOSE_PARAMETERS)
    body, _ = body_of(request, server.definitions)
    if body.get("resourceType") == "CarePlan":
        body = {"resourceType": "Parameters", "parameter": [{"name": "proposal", "resource": body}]}
    return inputs_of(server, request, PROPOSE_PARAMETERS, body=body)


async def _propose(server: FhirServer, request: Request, target: Target, inputs: Inputs, names: Names) -> Answer:
    current = await current_of(server, request, target, names)
    wanted = if_match(request.headers)
    if wanted is not None:
        known = wanted, current.plan.version
        late = Overtaken(current.patient, request.access, "CarePlan", current.id, *known, request.now)
        await check_known(server, late)
    if not is_open(current.plan.resource):
        raise refusal("closed", "CarePlan.status")
    given: Resource = inputs.first("proposal") or {}
    parts = await parts_of(server, request, current.plan.resource, current.patient, _as_named(given))
    ground = Ground(current.patient_id, current.plan, parts)
    sent = _sent(given, inputs)
    if sent.next_review:
        check_not_too_late(sent.next_review, "nextReview", now=request.now)
    stub = stub_of(sent, ground, request.access, names, now=request.now)
    await _check(server, request, current.patient, stub)

    def fresh() -> str:
        return fresh_id(server, current.patient)

    proposal = made_of(stub, ground, request.access, names, fresh=fresh)
    judged = items_of(proposal, ground, names)
    for each in results(judged, ground, names, now=request.now):
        await _check(server, request, current.patient, each)
    drafts = [await draft_of(server, request, current.patient, proposal, new=True)]
    earlier = inputs.first("replaces")
    if earlier is not None:
        proposal["replaces"] = [{"reference": f"CarePlan/{earlier}"}]
        drafts = [await draft_of(server, request, current.patient, proposal, new=True)]
        drafts.append(await _taken_back(server, request, target, earlier, names))
    await execute(server, request.access, drafts, now=request.now, request=request.id, intent=PROPOSING)
    return await _answer(server, request, drafts[0], judged, inputs)


def _as_named(given: Resource) -> Resource:
    """The references of a proposal as far as they can be read before it was checked."""
    found: dict[str, Any] = {}
    for name in ("goal", "careTeam"):
        value = given.get(name)
        found[name] = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return found


def _sent(given: Resource, inputs: Inputs) -> Sent:
    def texts(name: str) -> list[str]:
        return [each.strip() for each in inputs.values.get(name, ()) if each.strip()]

    return Sent(
        given,
        inputs.values.get("goal", ()),
        (inputs.first("title") or "").strip(),
        texts("note"),
        inputs.first("nextReview") or "",
        texts("remove"),
        (inputs.first("reason") or "").strip(),
    )


async def _check(server: FhirServer, request: Request, patient: int, resource: Resource) -> None:
    """Raises ``Unprocessable``, also for what would be stored with a remark: a person could not take that over."""
    remarks = await check_resource(
        server, server.database, request.access, {**resource}, may_hold_bsn=True, patient=patient
    )
    if remarks.flagged:
        found = [each for each in remarks.issues if each.severity != "information"]
        issues = tuple(replace(each, severity="error") for each in found)
        raise Unprocessable("The proposal is not as its profiles have it.", issues=issues)


async def _taken_back(server: FhirServer, request: Request, target: Target, earlier: str, names: Names) -> Draft:
    """The earlier proposal, taken back. Raises where it is somebody else's, or answered."""
    place = Target(type="CarePlan", id=earlier, patient_id=target.patient_id)
    situation = await situation_of(server, request, place, names)
    if plan_of(situation.proposal.resource) != target.id:
        raise refusal("not-own-proposal", "replaces")
    return await withdrawn(server, request, situation, "", names)


async def _answer(
    server: FhirServer, request: Request, draft: Draft, judged: tuple[Judged, ...], inputs: Inputs
) -> Answer:
    answer = await written(server, request, draft, interaction="$propose")
    if not request.prefers("return=minimal"):
        proposal = decode(draft.body or b"")
        language = preferred(languages_of(request, inputs))
        answer.body = encode(parameters([("return", proposal)], judged, language, server.definitions))
        answer.headers.append(BY_LANGUAGE)
    return answer
