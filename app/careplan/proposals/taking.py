"""What becomes of the plan when items of a proposal are taken over: its resources as they are then.

Taking over is agreeing, one by one: a goal is accepted while the plan is made, and active once it is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.careplan.difference import Item, PlanState
from app.careplan.goals import is_personal
from app.careplan.names import Names
from app.careplan.plan import cycle_of, goals_of, teams_of
from app.fhir.dates import local_date
from app.fhir.resource import Resource

_WAITING = frozenset({"proposed", "planned"})


def taken_over(
    before: PlanState, after: PlanState, items: Sequence[Item], patient_id: str, names: Names, *, now: int
) -> Iterator[tuple[Resource, bool]]:
    """The resources that change, and whether each is new. ``after`` is ``before`` with ``items`` applied."""
    touched = {(each.type, each.id) for item in items for each in item.elements}
    if ("CarePlan", before.plan["id"]) in touched:
        yield after.plan, False
    come = {item.key for item in items if item.part == "goal" and item.kind == "added"}
    for key in goals_of(after.plan):
        goal = after.goals.get(key)
        if goal is None or (key not in come and ("Goal", key) not in touched):
            continue
        made = _agreed(goal, after.plan, names, now=now) if key in come else goal
        yield _profiled(made, patient_id, names), key not in before.goals
    for key in teams_of(after.plan):
        team = after.teams.get(key)
        if team is not None and ("CareTeam", key) in touched:
            profile = names.extension("CareNetwork")
            yield {**team, "meta": {**team.get("meta", {}), "profile": [profile]}}, key not in before.teams


def _agreed(goal: Resource, plan: Resource, names: Names, *, now: int) -> Resource:
    cycle = cycle_of(plan, names)
    if goal.get("lifecycleStatus") not in _WAITING:
        return goal
    status = "accepted" if cycle is None or cycle.phase == "plan" else "active"
    return {**goal, "lifecycleStatus": status, "statusDate": local_date(now).isoformat()}


def _profiled(goal: Resource, patient_id: str, names: Names) -> Resource:
    """A goal of the plan claims what it is. Words that a person takes over as personal are theirs."""
    personal = is_personal(goal, names)
    made = {**goal, "meta": {**goal.get("meta", {}), "profile": _profiles(goal, names, personal=personal)}}
    made["subject"] = {"reference": f"Patient/{patient_id}"}
    if personal and not str(goal.get("expressedBy", {}).get("reference", "")).startswith("Patient/"):
        made["expressedBy"] = {"reference": f"Patient/{patient_id}"}
    return made


def _profiles(goal: Resource, names: Names, *, personal: bool) -> list[str]:
    own = (names.extension("PersonalGoal"), names.extension("PlanGoal"))
    others = [each for each in goal.get("meta", {}).get("profile", ()) if each not in own]
    return [own[0] if personal else own[1], *others]
