"""The write rule of proposals: they are made and answered by operations only, by whatever door somebody comes in.

MODEL 2, "Who may write". A proposal that anybody could write would have no sender that can be trusted, nothing that it
started from, and answers that nobody gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.careplan.names import Names
from app.careplan.people import is_service
from app.careplan.proposals.proposal import claims_proposal, is_proposal_for, plan_of
from app.careplan.refusals import issue, refused
from app.careplan.rules import plan_held
from app.database import Reader
from app.errors import Conflict, Issue
from app.server.rules import Change, ChangeSet, Rule, Verdict


@dataclass(frozen=True, slots=True)
class Proposing:
    """That an operation of proposals makes the changes, and no event of the plan."""


PROPOSING: Final = Proposing()


class ProposalRules:
    """The rule, for the server's list."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def rule(self) -> Rule:
        """Looks at CarePlans only."""
        return Rule("care-plan-proposals", frozenset({"CarePlan"}), self._check)

    async def _check(self, changes: ChangeSet, reader: Reader) -> Verdict:
        if changes.intent is not None or is_service(changes.access):
            return Verdict()
        held = await plan_held(reader, changes.patient)
        plan_id = held.id if held is not None else ""
        issues: list[Issue] = []
        for each in changes.changes:
            if each.type == "CarePlan":
                issues += self._issues(each, plan_id)
        return Verdict(tuple(issues))

    def _issues(self, change: Change, plan_id: str) -> list[Issue]:
        before, after = change.before, change.after
        was = claims_proposal(before, self._names)
        if was and after is None:
            raise refused(Conflict, "proposal-stays", "CarePlan", what=f"CarePlan/{change.id}")
        if was:
            return [issue("proposal-by-operation", "CarePlan", id=change.id)]
        if after is not None and (claims_proposal(after, self._names) or is_proposal_for(after, plan_id)):
            return [issue("propose-only", "CarePlan.intent", id=plan_of(after) or plan_id)]
        return []
