"""What holds for Goals whatever plan they are of: how a professional proposes one, and whose the words are.

MODEL 2, "Who may write". https://hl7.org/fhir/R4/goal.html
"""

from __future__ import annotations

from typing import Final

from app.careplan.names import PERSONAL, Names
from app.careplan.plan import goals_of, is_open, is_plan, local, teams_of
from app.careplan.refusals import issue
from app.careplan.revision import Numbers
from app.database import Reader
from app.errors import Issue
from app.fhir.resource import Resource, decode
from app.server.rules import Change, ChangeSet
from app.server.store.guarded import GUARD, GuardedReader

_NAMED_BY: Final = (
    "SELECT DISTINCT r.n, r.body FROM link l JOIN resource r ON r.patient = l.patient AND r.n = l.n"
    " WHERE l.patient = $4 AND l.type = $5 AND l.param = $6 AND l.target_type = $7 AND l.target_id = $8"
    f" AND r.deleted = 0 AND {GUARD}"
)
BORN_BY: Final = (
    "SELECT h.actor FROM history h WHERE h.patient = $4 AND h.type = $5 AND h.id = $6"
    f" AND {GUARD} ORDER BY h.version LIMIT 1"
)
"""Who entered a resource first, for a ``GuardedReader``."""
_PARAMETERS: Final = {"Goal": "goal", "CareTeam": "care-team"}


def is_personal(goal: Resource, names: Names) -> bool:
    """Whether it is a goal in the person's own words."""
    system = names.system("goal-category")
    return any(
        coding.get("system") == system and coding.get("code") == PERSONAL
        for category in goal.get("category", ())
        for coding in category.get("coding", ())
    )


def goal_issues(change: Change, plan_id: str, names: Names) -> list[Issue]:
    """What a professional or their system may not do with a Goal; ``plan_id``: the person's open plan, or ""."""
    before, after = change.before, change.after
    if change.type != "Goal" or after is None:
        return []
    issues = []
    words = {} if before is None else before.get("description", {})
    personal = before is not None and is_personal(before, names)
    if personal and (after.get("description") != words or not is_personal(after, names)):
        issues.append(issue("personal-words", "Goal.description"))
    url = names.extension("proposed-for-plan")
    named = next((each for each in after.get("extension", ()) if each.get("url") == url), None)
    if named is not None:
        if not plan_id:
            issues.append(issue("no-plan", "Goal.extension"))
        elif after.get("lifecycleStatus") != "proposed" or local(named.get("valueReference")) != ("CarePlan", plan_id):
            issues.append(issue("proposed-goal", "Goal.lifecycleStatus", id=plan_id))
    return issues


async def proposer_issues(reader: Reader, changes: ChangeSet, change: Change, names: Names, goals: int) -> list[Issue]:
    """That of those who give care only who proposed a goal changes it: the person is told whose proposal they accept.
    ``goals``: the number of the type.
    """
    url = names.extension("proposed-for-plan")
    before = change.before or {}
    if change.type != "Goal" or not any(each.get("url") == url for each in before.get("extension", ())):
        return []
    reading = GuardedReader(reader, changes.access, changes.now)
    rows = await reading.fetch(BORN_BY, changes.patient, goals, change.id)
    return [] if not rows or rows[0][0] == changes.access.actor else [issue("not-own-proposal", "Goal")]


async def is_of_closed_plan(reader: Reader, changes: ChangeSet, change: Change, names: Names, numbers: Numbers) -> bool:
    """Whether a Goal or CareTeam, which the open plan does not name, is a part of one that was closed."""
    parameter = _PARAMETERS.get(change.type)
    if parameter is None or change.was is None:
        return False
    types = numbers.types
    rows = await GuardedReader(reader, changes.access, changes.now).fetch(
        _NAMED_BY, changes.patient, types["CarePlan"], numbers.parameters[parameter], types[change.type], change.id
    )
    plans = [decode(row[1]) for row in rows if row[1] is not None]
    return any(
        is_plan(plan, names) and not is_open(plan) and change.id in (*goals_of(plan), *teams_of(plan)) for plan in plans
    )
