"""What it means to bring back an earlier revision of the plan. MODEL 2, "Revisions".

What the plan, its goals and its network *say* becomes what it was. What happened since stays: the cycle, its phase and
the next review, the status of the plan, and of each goal and agreement how far it came. A goal that was completed,
stopped or withdrawn since is not opened again and keeps its words; one that is open and was not in the plan then leaves
the plan, and stays as a goal, so that a later revision brings it back. What was erased does not come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from app.careplan.cells import EXTENSION, LISTS, Address, Cells, cells_of, of_cells
from app.careplan.difference import PlanState
from app.careplan.names import Names
from app.careplan.plan import OPEN_GOALS, local, unversioned
from app.fhir.resource import Resource

Named = tuple[str, str]
"""Type and id."""
_PLAN_KEEPS: Final = frozenset(
    {"meta", "identifier", "status", "intent", "category", "subject", "created", "author", "basedOn", "partOf"}
)
_GOAL_KEEPS: Final = frozenset(
    {
        "meta",
        "lifecycleStatus",
        "statusDate",
        "statusReason",
        "achievementStatus",
        "outcomeCode",
        "outcomeReference",
        "subject",
    }
)
_TEAM_KEEPS: Final = frozenset({"meta", "subject"})
_ACTIVITY_KEEPS: Final = frozenset({"progress", "outcomeCodeableConcept", "outcomeReference"})
_DETAIL_KEEPS: Final = frozenset({"status", "statusReason"})


@dataclass(slots=True)
class BroughtBack:
    """``updated``: what is to be written, the plan first, nothing where all is so already; ``left``: what does not come
    back.
    """

    updated: list[Resource] = field(default_factory=list)
    left: list[Named] = field(default_factory=list)
    closed: list[Named] = field(default_factory=list)
    """Goals that came to an end since, and stay as they are."""


def brought_back(then: PlanState, now: PlanState, gone: AbstractSet[Named], names: Names) -> BroughtBack:
    """What makes the plan of ``now`` say what that of ``then`` did. ``now`` knows every goal and team that is still
    there, in the plan or not; ``gone`` is what was erased, or is not there any more.
    """
    found = BroughtBack()
    closed = {key for key, goal in now.goals.items() if goal.get("lifecycleStatus") not in OPEN_GOALS}
    cells, found.left = _plan(then.plan, now.plan, _Since(gone, closed), names)
    plan = of_cells(cells, "CarePlan", now.plan["id"])
    for key, goal in then.goals.items():
        if ("Goal", key) in gone:
            continue
        present = now.goals.get(key)
        if key in closed:
            if present is not None and _differs(goal, present, _GOAL_KEEPS):
                found.closed.append(("Goal", key))
            continue
        found.updated += _part(goal, present, _GOAL_KEEPS)
    for key, team in then.teams.items():
        if ("CareTeam", key) not in gone:
            found.updated += _part(team, now.teams.get(key), _TEAM_KEEPS)
    moved = any(plan.get(name) != now.plan.get(name) for name in LISTS)
    if found.updated or moved or cells != cells_of(now.plan, names):
        found.updated.insert(0, plan)
    return found


def _part(then: Resource, now: Resource | None, keeps: AbstractSet[str]) -> list[Resource]:
    """The goal or team as it was, with what it keeps; nothing where it is so already."""
    if now is None:
        return [unversioned(then)]
    made = _with(then, now, keeps)
    return [made] if made != unversioned(now) else []


def _differs(then: Resource, now: Resource, keeps: AbstractSet[str]) -> bool:
    return _with(then, now, keeps) != unversioned(now)


def _with(then: Resource, now: Resource, keeps: AbstractSet[str]) -> Resource:
    made = {name: value for name, value in then.items() if name.removeprefix("_") not in keeps}
    made |= {name: value for name, value in now.items() if name.removeprefix("_") in keeps}
    return unversioned(made)


@dataclass(frozen=True, slots=True)
class _Since:
    """What is not there any more, and the ids of the goals that came to an end."""

    gone: AbstractSet[Named]
    closed: AbstractSet[str]


def _plan(then: Resource, now: Resource, since: _Since, names: Names) -> tuple[Cells, list[Named]]:
    """The plan as it becomes, and what it does not name again."""
    was, present = cells_of(then, names), cells_of(now, names)
    cells: Cells = {}
    left: dict[Named, None] = {}
    for address, value in was.items():
        if _is_kept(address, present, names):
            continue
        missed = _gone_in(address, value, since.gone)
        if missed is None:
            cells[address] = _without_gone(value, since.gone)
        else:
            left[missed] = None
    _drop_empty(cells)
    for address, value in present.items():
        ended = address[0] == "goal" and len(address) > 1 and address[1] in since.closed
        if _is_kept(address, cells if address[0] == "activity" else present, names) or (ended and address not in cells):
            cells[address] = value
    return _grouped(cells, was, present), list(left)


def _is_kept(address: Address, there: Mapping[Address, Any], names: Names) -> bool:
    """Whether something stays as it is now; of an agreement, where it is ``there``."""
    head = address[0]
    if head == EXTENSION:
        return address[1] == names.cycle
    if head != "activity" or len(address) < 3:
        return head.removeprefix("_") in _PLAN_KEEPS
    kept = address[2] in _ACTIVITY_KEEPS or (
        address[2] == "detail" and len(address) > 3 and address[3].removeprefix("_") in _DETAIL_KEEPS
    )
    return kept and any(each[:2] == address[:2] for each in there)


def _gone_in(address: Address, value: Any, gone: AbstractSet[Named]) -> Named | None:
    """What a cell refers to that is not there any more."""
    if address[0] not in LISTS or (address[0] == "activity" and address[2:] != ("reference",)):
        return None
    named = local(value)
    return named if named in gone else None


def _without_gone(value: Any, gone: AbstractSet[Named]) -> Any:
    """A list of references without those to what is not there any more."""
    if isinstance(value, list):
        return [each for each in value if local(each) not in gone]
    return value


def _drop_empty(cells: Cells) -> None:
    """Take away agreements of which nothing is left, and lists that became empty."""
    for address in [each for each, value in cells.items() if value == []]:
        del cells[address]
    said = {each[1] for each in cells if each[0] == "activity" and each[2] in ("detail", "reference")}
    for address in [each for each in cells if each[0] == "activity" and each[1] not in said]:
        del cells[address]


def _grouped(cells: Cells, was: Cells, present: Cells) -> Cells:
    """The cells in an order in which each agreement is whole, those of then first."""
    order = {address: at for at, address in enumerate(dict.fromkeys((*was, *present)))}
    first: dict[Address, int] = {}
    for address in sorted(cells, key=lambda each: order[each]):
        first.setdefault(address[:2], order[address])
    return {each: cells[each] for each in sorted(cells, key=lambda each: (first[each[:2]], order[each]))}
