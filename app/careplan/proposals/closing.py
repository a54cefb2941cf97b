"""What becomes of open proposals when the plan that they are about is closed: nobody can take them over any more, so
they are rejected with that as the reason, in the same transaction. MODEL 2, "Who may write".

Who proposed them reads why. https://hl7.org/fhir/R4/careplan.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.careplan.difference import GOAL, PLAN, TEAM, PlanState, differences
from app.careplan.names import Names
from app.careplan.people import author_of
from app.careplan.plan import goals_of, local
from app.careplan.proposals.answering import declined_goal
from app.careplan.proposals.proposal import (
    OPEN,
    WITHOUT_ITEMS,
    Answered,
    answers_of,
    base_of,
    claims_proposal,
    named_goals,
    with_answers,
)
from app.careplan.proposals.wanted import wanted
from app.database import Reader
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.server.rules import ChangeSet

CLOSED: Final = "Het plan is afgesloten. / The plan was closed."
_ABOUT: Final = (
    "SELECT DISTINCT r.id, r.body FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $1 AND l.type = $2 AND l.param = $3 AND l.target_type = $2 AND l.target_id = $4"
    " AND r.deleted = 0"
)
_GOALS: Final = "SELECT r.id, r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.deleted = 0"
_VERSION: Final = (
    "SELECT coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient = h.patient AND r.type = h.type"
    " AND r.id = h.id AND r.version = h.version)) FROM history h"
    " WHERE h.patient = $1 AND h.type = $2 AND h.id = $3 AND h.version = $4"
)


class Closing:
    """Rejects what is proposed for one plan. ``numbers``: those of the types, and of the parameter ``based-on``."""

    def __init__(
        self, reader: Reader, changes: ChangeSet, numbers: tuple[Mapping[str, int], int], names: Names
    ) -> None:
        self._reader = reader
        self._changes = changes
        self._types, self._based_on = numbers
        self._names = names

    async def rejected(self, plan: Resource) -> list[Resource]:
        """Every open proposal, and every goal that waits beside the plan to be accepted, as they are then. ``plan`` is
        as it is when it is closed, with its id.
        """
        plan_id: str = plan["id"]
        who = author_of(self._changes.access, plan["subject"]["reference"].rpartition("/")[2])
        proposals = await self._open(plan_id)
        found = [await self._answered(each, who) for each in proposals]
        named = {goal for each in proposals for goal in named_goals(each)}
        there = set(goals_of(plan))
        rows = await self._reader.fetch(_GOALS, self._changes.patient, self._types[GOAL])
        for goal_id, body in rows:
            goal = {**decode(body), "id": goal_id}
            if goal_id not in there and (goal_id in named or self._proposed_for(goal) == plan_id):
                found += declined_goal(goal, CLOSED, now=self._changes.now)
        return found

    async def _open(self, plan_id: str) -> list[Resource]:
        rows = await self._reader.fetch(_ABOUT, self._changes.patient, self._types[PLAN], self._based_on, plan_id)
        found = [{**decode(body), "id": proposal} for proposal, body in rows]
        return [each for each in found if claims_proposal(each, self._names) and each.get("status") == OPEN]

    def _proposed_for(self, goal: Resource) -> str:
        url = self._names.extension("proposed-for-plan")
        named: Resource = next((each for each in goal.get("extension", ()) if each.get("url") == url), {})
        found = local(named.get("valueReference"))
        return found[1] if found is not None else ""

    async def _answered(self, proposal: Resource, who: Mapping[str, Any]) -> Resource:
        answers = answers_of(proposal, self._names)
        when = instant(self._changes.now)
        waiting = [each for each in await self._items(proposal) if each not in answers]
        given = [Answered(each, "rejected", CLOSED, when, who) for each in waiting]
        return with_answers(proposal, given, self._names, items=())

    async def _items(self, proposal: Resource) -> list[str]:
        """The ids of what is proposed; that of the whole where it is in words, or about what is not there any more."""
        parts: dict[str, dict[str, Resource]] = {PLAN: {}, GOAL: {}, TEAM: {}}
        for kind, resource_id, version in base_of(proposal, self._names):
            rows = await self._reader.fetch(_VERSION, self._changes.patient, self._types[kind], resource_id, version)
            if not rows or rows[0][0] is None:
                return [WITHOUT_ITEMS]
            parts[kind][resource_id] = {**decode(rows[0][0]), "id": resource_id}
        plan = next(iter(parts[PLAN].values()), None)
        if plan is None:
            return [WITHOUT_ITEMS]
        base = PlanState(plan, parts[GOAL], parts[TEAM])
        items = differences(base, wanted(base, proposal, self._names), self._names)
        return [each.id for each in items] or [WITHOUT_ITEMS]
