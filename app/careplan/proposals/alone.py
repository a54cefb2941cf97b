"""The answer to a goal that somebody proposed by itself: a Goal ``proposed`` that names the plan by our extension."""

from __future__ import annotations

from typing import Final, Literal

from app.auth.recipients import parts
from app.careplan.changing import Part, check_scopes, draft_of
from app.careplan.difference import GOAL, PLAN, applied, differences
from app.careplan.goals import BORN_BY
from app.careplan.intent import Intent
from app.careplan.names import Names
from app.careplan.people import Reference
from app.careplan.plan import goals_of, is_plan, local
from app.careplan.proposals.answering import WAITING, check_plan, check_side, conflict, declined_goal, ended
from app.careplan.proposals.proposal import answer_words
from app.careplan.proposals.reading import part_of, parts_of, state_of
from app.careplan.proposals.rules import PROPOSING
from app.careplan.proposals.taking import taken_over
from app.careplan.proposals.wanted import wanted
from app.careplan.refusals import issue, refusal, refused
from app.errors import NotFound
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.server.interactions.addresses import etag
from app.server.interactions.preconditions import check_known, if_match
from app.server.interactions.stored import stored_for
from app.server.messages import Answer, Request, Target
from app.server.rules import Overtaken
from app.server.server import FhirServer
from app.server.store.execute import execute
from app.server.store.guarded import GuardedReader

Verb = Literal["accept", "reject", "retract"]
WITHDRAWN_WITHOUT_REASON: Final = "Ingetrokken door wie het voorstelde. / Taken back by who proposed it."


async def answer_goal(
    server: FhirServer,
    request: Request,
    target: Target,
    names: Names,
    *,
    verb: Verb,
    reason: str,
) -> Answer:
    """Take the goal into the plan, decline it, or take it back. Raises ``NotFound`` for a goal that nobody proposed for
    a plan.
    """
    stored = await stored_for(server, request, GOAL, target.id, patient_id=target.patient_id)
    if verb != "retract":
        check_side(request)
    goal = Part(decode(stored.body), stored.version)
    known = if_match(request.headers)
    if known is not None:
        await check_known(
            server, Overtaken(stored.patient, request.access, GOAL, target.id, known, goal.version, request.now)
        )
    plan = await part_of(server, request, PLAN, _plan_of(goal.resource, names), stored.patient)
    if plan is None or not is_plan(plan.resource, names):
        raise refused(NotFound, "goal-not-proposed", id=str(target.id))
    changes = _Goal(server, request, names, (stored.patient, goal, plan))
    carry_out = {"accept": changes.accept, "reject": changes.reject, "retract": changes.retract}
    wrote = await carry_out[verb](reason)
    return await changes.answer(f"${verb}", wrote=wrote)


def _plan_of(goal: Resource, names: Names) -> str:
    url = names.extension("proposed-for-plan")
    named: Resource = next((each for each in goal.get("extension", ()) if each.get("url") == url), {})
    found = local(named.get("valueReference"))
    return found[1] if found is not None and found[0] == PLAN else ""


class _Goal:
    """One goal beside one plan: ``place`` is the partition, the goal, the plan."""

    def __init__(self, server: FhirServer, request: Request, names: Names, place: tuple[int, Part, Part]) -> None:
        self._server = server
        self._request = request
        self._names = names
        self._patient, self._goal, self._plan = place
        self._id: str = self._goal.resource["id"]

    async def accept(self, reason: str) -> bool:
        """Whether there was anything to do."""
        check_plan(self._plan.resource, self._request, self._names)
        if self._id in goals_of(self._plan.resource):
            return False
        if self._goal.resource.get("lifecycleStatus") not in WAITING:
            raise conflict([issue("goal-gone", "Goal.lifecycleStatus", item=f"goal.{self._id}")])
        proposal: Resource = {"goal": [{"reference": f"{GOAL}/{self._id}"}]}
        found = await parts_of(self._server, self._request, self._plan.resource, self._patient, proposal)
        found[GOAL, self._id] = self._goal
        before = state_of(self._plan.resource, found)
        items = differences(before, wanted(before, proposal, self._names), self._names)
        after = applied(before, items, self._names)
        patient_id = self._plan.resource["subject"]["reference"].rpartition("/")[2]
        changed = taken_over(before, after, items, patient_id, self._names, now=self._request.now)
        source = f"{GOAL}/{self._id}/_history/{self._goal.version}"
        author = await _proposer(self._server, self._request, self._patient, self._goal.resource)
        intent = Intent(
            "accept",
            sources=(source,),
            authors={source: author},
            seen=self._plan.version,
        )
        # Why is said in the goal: who may not see that may see the revision.
        why = {"statusReason": reason} if reason else {}
        await self._write([{**each, **(why if each["resourceType"] == GOAL else {})} for each, _ in changed], intent)
        return True

    async def reject(self, reason: str) -> bool:
        """The same."""
        if self._id in goals_of(self._plan.resource):
            raise conflict([issue("item-answered", item=f"goal.{self._id}", answer=answer_words("accepted"))])
        declined = declined_goal(self._goal.resource, reason, now=self._request.now)
        if declined:
            await self._write(declined, PROPOSING)
        elif self._goal.resource.get("lifecycleStatus") != "rejected":
            raise conflict([issue("goal-gone", "Goal.lifecycleStatus", item=f"goal.{self._id}")])
        return bool(declined)

    async def retract(self, reason: str) -> bool:
        """The same, by who proposed it. Raises ``Unprocessable`` for anybody else."""
        if await _born_by(self._server, self._request, self._patient, self._id) != self._request.access.actor:
            raise refusal("not-own-proposal")
        if self._id in goals_of(self._plan.resource):
            raise conflict([issue("item-answered", item=f"goal.{self._id}", answer=answer_words("accepted"))])
        if self._goal.resource.get("lifecycleStatus") not in WAITING:
            raise conflict([issue("goal-gone", "Goal.lifecycleStatus", item=f"goal.{self._id}")])
        gone = ended(self._goal.resource, "cancelled", reason or WITHDRAWN_WITHOUT_REASON, now=self._request.now)
        await self._write([gone], PROPOSING, right=Action.CREATE)
        return True

    async def _write(self, changed: list[Resource], intent: object, *, right: int = Action.UPDATE) -> None:
        versions = {(PLAN, self._plan.resource["id"]): self._plan.version, (GOAL, self._id): self._goal.version}
        drafts = []
        for each in changed:
            check_scopes(self._request, right, each["resourceType"])
            draft = await draft_of(self._server, self._request, self._patient, each)
            draft.if_match, draft.right = versions[draft.type, draft.id], right
            drafts.append(draft)
        request = self._request
        await execute(self._server, request.access, drafts, now=request.now, request=request.id, intent=intent)

    async def answer(self, interaction: str, *, wrote: bool) -> Answer:
        """Plan and goal as they are now."""
        plan_id = self._plan.resource["id"]
        plan = await part_of(self._server, self._request, PLAN, plan_id, self._patient) or self._plan
        goal = await part_of(self._server, self._request, GOAL, self._id, self._patient) or self._goal
        listed = [{"name": "return", "resource": plan.resource}, {"name": "goal", "resource": goal.resource}]
        return Answer(
            200,
            b""
            if self._request.prefers("return=minimal")
            else encode({"resourceType": "Parameters", "parameter": listed}),
            [(b"etag", etag(goal.version))],
            interaction=interaction,
            type=GOAL,
            patients=(self._patient,),
            resources=(f"{GOAL}/{self._id}/_history/{goal.version}", f"{PLAN}/{plan_id}/_history/{plan.version}"),
            wrote=wrote,
        )


async def _born_by(server: FhirServer, request: Request, patient: int, goal_id: str) -> str:
    """Who entered a goal first, as the history has it."""
    reading = GuardedReader.of(server.database, request)
    rows = await reading.fetch(BORN_BY, patient, server.registry.number(GOAL), goal_id)
    return str(rows[0][0]) if rows else ""


async def _proposer(server: FhirServer, request: Request, patient: int, goal: Resource) -> Reference:
    """Who proposed a goal: who expressed it, else who entered it."""
    expressed = goal.get("expressedBy")
    if isinstance(expressed, dict):
        return expressed
    kind, name = parts((await _born_by(server, request, patient, goal["id"])).partition(" ")[0])
    return {"type": "Organization", "display": name or kind}
