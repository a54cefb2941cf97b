"""A proposal with the plan that it is about, as it started and as it is now, for who may see what of it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.careplan.changing import Part
from app.careplan.difference import GOAL, PLAN, TEAM, Item, PlanState, differences
from app.careplan.history import History, Place
from app.careplan.names import Names
from app.careplan.plan import goals_of, is_plan, teams_of
from app.careplan.proposals.judging import Judged, judge
from app.careplan.proposals.proposal import (
    OPEN,
    WITHOUT_ITEMS,
    Answered,
    answers_of,
    base_of,
    claims_proposal,
    named_goals,
    named_team,
    plan_of,
)
from app.careplan.proposals.wanted import wanted
from app.careplan.refusals import refused
from app.errors import Gone, NotFound
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.interactions.stored import stored_for
from app.server.messages import Request, Target
from app.server.server import FhirServer

UNSEEN: Final = "?"
"""Stands for the items of a proposal that the caller may not see."""


@dataclass(frozen=True)
class Situation:
    """``parts``: the goals, those that the proposal names beside the plan too, and the networks, as they are now.
    ``base``: the state that the proposal started from. ``hidden``: something of it may not be seen, or is gone.
    """

    patient: int
    patient_id: str
    proposal: Part
    plan: Part
    parts: Mapping[tuple[str, str], Part]
    base: PlanState | None
    hidden: bool
    names: Names

    @property
    def id(self) -> str:
        """The proposal's."""
        found: str = self.proposal.resource["id"]
        return found

    @property
    def is_open(self) -> bool:
        """Whether the proposal waits for an answer."""
        return self.proposal.resource.get("status") == OPEN

    @cached_property
    def current(self) -> PlanState:
        """The plan as it is, with the goals beside it."""
        return state_of(self.plan.resource, self.parts)

    @cached_property
    def answers(self) -> Mapping[str, Answered]:
        """What was answered, by item."""
        return answers_of(self.proposal.resource, self.names)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every change that it proposes and that the caller may see."""
        if self.base is None:
            return ()
        return differences(self.base, wanted(self.base, self.proposal.resource, self.names), self.names)

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """The same beside the plan as it is, with the answers."""
        return judge(self.items, self.current, self.answers, self.names)

    @property
    def item_ids(self) -> list[str]:
        """Everything that is to be answered: each item, or the proposal as a whole where it is words only. What may not
        be seen keeps it open.
        """
        unseen = [UNSEEN] if self.hidden else []
        return [*(each.id for each in self.items), *unseen] or [WITHOUT_ITEMS]


def state_of(plan: Resource, parts: Mapping[tuple[str, str], Part]) -> PlanState:
    """Plan and parts side by side."""
    goals, teams = ({key[1]: part.resource for key, part in parts.items() if key[0] == kind} for kind in (GOAL, TEAM))
    return PlanState(plan, goals, teams)


async def situation_of(server: FhirServer, request: Request, target: Target, names: Names) -> Situation:
    """The proposal at the address and its plan. Raises ``NotFound``, also for a CarePlan that is no proposal."""
    stored = await stored_for(server, request, PLAN, target.id, patient_id=target.patient_id)
    proposal = Part(decode(stored.body), stored.version)
    if not claims_proposal(proposal.resource, names):
        raise refused(NotFound, "no-proposal", id=str(target.id))
    found = await part_of(server, request, PLAN, plan_of(proposal.resource), stored.patient)
    if found is None or not is_plan(found.resource, names):
        raise refused(NotFound, "no-proposal", as_type="not-found", id=str(target.id))
    parts = await parts_of(server, request, found.resource, stored.patient, proposal.resource)
    base, hidden = await _base(server, request, stored.patient, proposal.resource, names)
    patient_id = proposal.resource["subject"]["reference"].rpartition("/")[2]
    return Situation(stored.patient, patient_id, proposal, found, parts, base, hidden, names)


async def parts_of(
    server: FhirServer, request: Request, plan: Resource, patient: int, proposal: Resource
) -> dict[tuple[str, str], Part]:
    """The goals and networks of the plan, and those that the proposal refers to, as far as the caller may see them."""
    team = named_team(proposal)
    wanted_parts = [(GOAL, each) for each in (*goals_of(plan), *named_goals(proposal))]
    wanted_parts += [(TEAM, each) for each in (*teams_of(plan), *([team] if team else ()))]
    found = {}
    for kind, resource_id in dict.fromkeys(wanted_parts):
        part = await part_of(server, request, kind, resource_id, patient)
        if part is not None:
            found[kind, resource_id] = part
    return found


async def part_of(server: FhirServer, request: Request, kind: str, resource_id: str, patient: int) -> Part | None:
    """One resource of a partition; None where it is not there for this caller."""
    if not request.access.scopes.allow(kind, Action.READ):
        return None
    try:
        stored = await stored_for(server, request, kind, resource_id, partition=patient)
    except (NotFound, Gone):
        return None
    return Part(decode(stored.body), stored.version)


async def _base(
    server: FhirServer, request: Request, patient: int, proposal: Resource, names: Names
) -> tuple[PlanState | None, bool]:
    """The state that a proposal started from, and whether something of it is left out."""
    keys = base_of(proposal, names)
    history = History(server, server.database, request, Place(patient, plan_of(proposal)))
    members = await history.versions(keys)
    resources = {key: members[key].resource() if key in members else None for key in keys}
    plan = next((each for key, each in resources.items() if key[0] == PLAN), None)
    hidden = any(key not in members or members[key].is_hidden for key in keys)
    if plan is None:
        return None, True
    seen: dict[tuple[str, str], Part] = {
        key[:2]: Part(each, key[2]) for key, each in resources.items() if each is not None and key[0] != PLAN
    }
    return state_of(plan, seen), hidden
