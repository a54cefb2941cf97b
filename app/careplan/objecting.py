"""What an objection undoes: goals that a decision by word of mouth brought to an end are open again.

The person says that it was not decided so. The goal goes back to the status that it had; all else that was changed in
it since stays, and so does its history. https://hl7.org/fhir/R4/goal.html; MODEL 2, "The cycle".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.careplan.changing import Current
from app.careplan.history import History
from app.careplan.names import Names
from app.careplan.past import Member, Revision, Span
from app.careplan.plan import OPEN_GOALS, goals_of
from app.careplan.recent import decisions_in
from app.careplan.refusals import refusal
from app.fhir.dates import local_date
from app.fhir.resource import Resource

_ENDED: Final = frozenset({"achieved", "stop"})
_STATUS: Final = frozenset({"lifecycleStatus", "achievementStatus", "statusReason"})
"""Elements of a goal that such a decision writes, besides the day."""


async def opened_again(history: History, current: Current, revision: Revision, names: Names) -> list[Resource]:
    """The goals that ``revision`` brought to an end and that are as it left them since, as they are once they are open
    again. Raises ``Unprocessable`` where the caller may not see one of them.
    """
    written = {key[:2]: key[2] for key in revision.written}
    there = set(goals_of(current.plan.resource))
    today = local_date(history.request.now).isoformat()
    found = []
    for goal, decision in decisions_in(revision.resource, names):
        named = ("Goal", goal)
        if decision not in _ENDED or goal not in there or named not in written or named not in revision.replaced:
            continue
        part = current.goals.get(goal)
        versions = await history.spans(
            [Span(*named, revision.replaced[named], _LAST if part is None else part.version)]
        )
        before, after = _sides(versions, revision.replaced[named])
        if part is None:
            # One that was erased is not there for anybody.
            if any(each.is_hidden for each in versions):
                raise refusal("objection-unseen", "objection")
            continue
        if before is not None and after and _stayed_ended(after):
            kept = {name: value for name, value in part.resource.items() if name.removeprefix("_") not in _STATUS}
            status = {name: value for name, value in before.items() if name.removeprefix("_") in _STATUS}
            found.append({**kept, **status, "statusDate": today})
    return found


_LAST: Final = 2**31 - 1
"""Above every version."""


def _sides(versions: Sequence[Member], replaced: int) -> tuple[Resource | None, list[Resource]]:
    """The goal before the decision, and every version of it since."""
    before = next((each.resource() for each in versions if each.version == replaced), None)
    after = [each.resource() for each in versions if each.version > replaced]
    return before, [each for each in after if each is not None]


def _stayed_ended(after: Sequence[Resource]) -> bool:
    """Whether nobody opened it, or brought it to another end, since."""
    statuses = {each.get("lifecycleStatus") for each in after}
    return len(statuses) == 1 and statuses.isdisjoint(OPEN_GOALS)
