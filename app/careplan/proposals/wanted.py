"""The plan as a proposal wants it: what it started from, with what it says put in its place.

What a proposal does not say it leaves as it is: goals and activities that it does not name, elements of those that it
names, conditions. What goes out of the plan is named one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.careplan.cells import EXTENSION, NEXT_REVIEW, Address, Cells, cells_of, key_of, keyed, of_cells
from app.careplan.difference import GOAL, PLAN, TEAM, PlanState
from app.careplan.names import Names
from app.careplan.proposals.proposal import contained_of, named_goals, named_team
from app.careplan.refusals import refusal
from app.fhir.resource import Resource

_OWN: Final = frozenset({"meta", "text", "subject"})
"""Elements of a contained goal or network that say nothing of what is wanted."""
_ADDED: Final = ("addresses", "supportingInfo")
"""Lists to which a proposal adds."""
_REMOVABLE: Final = frozenset({"activity", "team", "addresses", "supportingInfo", "note", "title"})
_WITH_ELEMENTS: Final = frozenset({"goal", "activity", "team"})
_KEPT: Final = frozenset({"lifecycleStatus", "description", "subject", "status", "meta", "id"})
"""Elements that a goal, network or activity cannot do without, or that are not for people to take out."""


def wanted(base: PlanState, proposal: Resource, names: Names) -> PlanState:
    """The state that the proposal wants. ``base.goals`` has the goals that it refers to besides those of the plan.
    Raises ``Unprocessable`` for what cannot be taken out.
    """
    plan = cells_of(base.plan, names)
    goals, teams = dict(base.goals), dict(base.teams)
    for key, goal in contained_of(proposal, GOAL).items():
        known = base.goals.get(key)
        goals[key] = goal if known is None else _merged(known, goal, names)
        plan.setdefault((GOAL.lower(), key), {"reference": f"{GOAL}/{key}"})
    for key in named_goals(proposal):
        if key in base.goals:
            plan.setdefault((GOAL.lower(), key), {"reference": f"{GOAL}/{key}"})
    for activity in proposal.get("activity", ()):
        _put_activity(plan, activity, base.plan, names)
    for name in _ADDED:
        for key, entry in keyed(name, proposal.get(name, ())):
            plan.setdefault((name, key), entry)
    _put_team(plan, teams, proposal, names)
    change = _proposed_change(proposal, names)
    if change.get("title"):
        plan[("title",)] = change["title"][0]
    for text in change.get("note", ()):
        note = {"text": text}
        plan.setdefault(("note", key_of("note", note)), note)
    if change.get(NEXT_REVIEW):
        plan[EXTENSION, names.cycle, NEXT_REVIEW] = change[NEXT_REVIEW][0]
    for text in change.get("remove", ()):
        _take_out(text, plan, goals, teams, names)
    made = of_cells(plan, PLAN, base.plan["id"])
    return PlanState(made, {key: goals[key] for key in goals if _is_named(plan, key, goals)}, teams)


def _is_named(plan: Cells, key: str, goals: Mapping[str, Resource]) -> bool:
    return (GOAL.lower(), key) in plan and key in goals


def _merged(known: Resource, given: Resource, names: Names) -> Resource:
    said = {address: value for address, value in cells_of(given, names).items() if address[0] not in _OWN}
    return of_cells(cells_of(known, names) | said, known["resourceType"], known["id"])


def _put_activity(plan: Cells, activity: Resource, base: Resource, names: Names) -> None:
    """Under its id, or as a new one. Detail takes the place of a reference, and a reference that of detail."""
    said = cells_of({**base, "activity": [activity]}, names)
    said = {address: value for address, value in said.items() if address[0] == "activity"}
    key = activity["id"]
    if "reference" in activity:
        _drop(plan, lambda address: address[:3] == ("activity", key, "detail"))
    if "detail" in activity:
        plan.pop(("activity", key, "reference"), None)
    plan.update(said)


def _put_team(plan: Cells, teams: dict[str, Resource], proposal: Resource, names: Names) -> None:
    contained = contained_of(proposal, TEAM)
    key = next(iter(contained), "") or named_team(proposal)
    if not key:
        return
    if key in contained:
        known = teams.get(key)
        teams[key] = contained[key] if known is None else _merged(known, contained[key], names)
    if ("careTeam", f"{TEAM}/{key}") in plan:
        return
    _drop(plan, lambda address: address[0] == "careTeam")  # there is one network
    plan["careTeam", f"{TEAM}/{key}"] = {"reference": f"{TEAM}/{key}"}


def _proposed_change(proposal: Resource, names: Names) -> dict[str, list[Any]]:
    url = names.extension("proposed-change")
    found: dict[str, list[Any]] = {}
    for each in proposal.get("extension", ()):
        for part in each.get("extension", ()) if each.get("url") == url else ():
            found.setdefault(part["url"], []).append(
                next(value for name, value in part.items() if name.startswith("value"))
            )
    return found


def _take_out(text: str, plan: Cells, goals: dict[str, Resource], teams: dict[str, Resource], names: Names) -> None:
    """One item, or one element of a goal, activity or network: ``activity.walk``, ``goal.walk#target``."""
    item, _, element = text.partition("#")
    part, _, key = item.partition(".")
    if part not in (_WITH_ELEMENTS if element else _REMOVABLE):
        raise refusal("not-removable", "remove", item=text)
    if not element:
        entry = ("careTeam", f"{TEAM}/{key}") if part == "team" else (part, key) if key else (part,)
        if not _drop(plan, lambda address: address[: len(entry)] == entry):
            raise refusal("item-unknown", "remove", item=text)
        return
    address: Address = tuple(element.split(".", 1 if element.startswith(f"{EXTENSION}.") else -1))
    if address[-1] in _KEPT:
        raise refusal("not-removable", "remove", item=text)
    if part == "activity":
        within: Address = (part, key, *address)
        if not _drop(plan, lambda found: found[: len(within)] == within):
            raise refusal("item-unknown", "remove", item=text)
        return
    holder = goals if part == "goal" else teams
    known = holder.get(key)
    cells = {} if known is None else cells_of(known, names)
    if known is None or not _drop(cells, lambda found: found[: len(address)] == address):
        raise refusal("item-unknown", "remove", item=text)
    holder[key] = of_cells(cells, known["resourceType"], key)


def _drop(cells: Cells, concerned: Callable[[Address], bool]) -> bool:
    """Take cells out; whether there were any."""
    gone = [address for address in cells if concerned(address)]
    for address in gone:
        del cells[address]
    return bool(gone)


def renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """A copy in which some references, as they are written, are written otherwise."""
    if isinstance(value, list):
        return [renamed(each, ids) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: renamed(each, ids) for name, each in value.items()}
    text = found.get("reference")
    if isinstance(text, str) and text in ids:
        found["reference"] = ids[text]
    return found
