"""What differs between two states of a plan, as items that people and programs can name.

Used by ``$compare``, ``$propose``, ``$accept`` and ``$restore``. ``applied(before, differences(before, after))`` is
``after``; applying some of the items makes some of the changes.

An item is: a goal, an activity, the care network, or one element of the plan. Its id stays the same as long as what it
is about does:

* ``goal.<Goal id>``, ``activity.<activity id>``, ``team.<CareTeam id>``
* ``<list>.<Type>/<id>`` for ``addresses``, ``supportingInfo``, ``replaces``, ``contributor``; ``note.<digest>``
* ``next-review``, ``phase``, or the name of the element: ``title``, ``status``, ``description`` …
* ``order.<list>`` where entries only changed places; ``extension.<url>``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from app.careplan.cells import EXTENSION, LISTS, NEXT_REVIEW, Address, Cells, cells_of, keyed, of_cells, path_of
from app.careplan.names import Names
from app.careplan.plan import goals_of, teams_of
from app.fhir.resource import Resource

Kind = Literal["added", "removed", "changed", "moved"]
PLAN: Final = "CarePlan"
GOAL: Final = "Goal"
TEAM: Final = "CareTeam"
ORDER: Final = "order"
_ITEMS: Final[Mapping[str, str]] = {GOAL: "goal", TEAM: "team"}
_FIRST: Final = ("goal", "activity", "team")


@dataclass(frozen=True, slots=True)
class PlanState:
    """A plan at one moment, with those of its goals and teams that are known, by id."""

    plan: Resource
    goals: Mapping[str, Resource] = field(default_factory=dict)
    teams: Mapping[str, Resource] = field(default_factory=dict)

    def part(self, kind: str, resource_id: str) -> Resource | None:
        """One of its resources."""
        if kind == PLAN:
            return self.plan
        return (self.goals if kind == GOAL else self.teams).get(resource_id)


class Element(msgspec.Struct, frozen=True):
    """One element that differs: of which resource, where, and what it was and became; None: it is not there."""

    type: str
    id: str
    address: Address
    before: Any
    after: Any

    @property
    def path(self) -> str:
        """Its FHIRPath: ``Goal.target``, ``CarePlan.activity.where(id='x').detail.description``."""
        return path_of(self.type, self.address)


class Item(msgspec.Struct, frozen=True):
    """One change. ``part`` is its first word: ``goal``, ``activity``, ``team``, a list, or an element of the plan;
    ``type`` and ``key`` the resource it is about (an activity's key is its id). ``before`` and ``after`` are the whole
    goal, activity, team or element; None where it is not there, or cannot be seen.
    """

    id: str
    kind: Kind
    part: str
    type: str
    key: str
    before: Any
    after: Any
    elements: tuple[Element, ...]

    @property
    def path(self) -> str:
        """The FHIRPath of all of it."""
        if self.type != PLAN:
            return self.type
        if self.kind == "moved":
            return f"{PLAN}.{self.part}"
        address = self.elements[0].address
        return path_of(PLAN, address[:2] if address[0] in LISTS else address)


def differences(before: PlanState, after: PlanState, names: Names) -> tuple[Item, ...]:
    """Every change from the one to the other: goals, activities, network, elements of the plan, places. A goal or team
    that both plans name but that is known in one of them only is left out.
    """
    plan_id = after.plan["id"]
    old, new = cells_of(_unlike(before.plan, after.plan), names), cells_of(_unlike(after.plan, before.plan), names)
    groups: dict[str, list[Element]] = {}
    for each in _elements(PLAN, plan_id, old, new):
        groups.setdefault(_item_of(each.address, names), []).append(each)
    for kind, was, now, named in (
        (GOAL, before.goals, after.goals, goals_of),
        (TEAM, before.teams, after.teams, teams_of),
    ):
        stay = {*named(before.plan)} & {*named(after.plan)}
        for key in dict.fromkeys((*now, *was)):
            one, other = was.get(key), now.get(key)
            if key in stay and (one is None or other is None):
                continue
            cells = [cells_of(each, names) if each is not None else {} for each in (one, other)]
            found = list(_elements(kind, key, *cells))
            if found:
                groups.setdefault(f"{_ITEMS[kind]}.{key}", []).extend(found)
    entries = [dict(keyed("activity", each.plan.get("activity", ()))) for each in (before, after)]
    items = [_item(item_id, elements, before, after, entries) for item_id, elements in groups.items()]
    return (*sorted(items, key=_place), *_moved(old, new, plan_id))


def applied(state: PlanState, items: Iterable[Item], names: Names) -> PlanState:
    """The state with these changes made, whatever it says now of what they change. What the
    server keeps in ``meta`` (``versionId``, ``lastUpdated``) is gone from what is changed.
    """
    plan = cells_of(state.plan, names)
    parts: dict[tuple[str, str], Cells] = {(GOAL, key): cells_of(each, names) for key, each in state.goals.items()}
    parts |= {(TEAM, key): cells_of(each, names) for key, each in state.teams.items()}
    moved: list[Item] = []
    touched: set[tuple[str, str]] = set()
    for item in items:
        if item.kind == "moved":
            moved.append(item)
            continue
        for each in item.elements:
            if each.type != PLAN:
                touched.add((each.type, each.id))
            cells = plan if each.type == PLAN else parts.setdefault((each.type, each.id), {})
            if each.after is None:
                cells.pop(each.address, None)
            else:
                cells[each.address] = each.after
    for item in moved:
        plan = _in_order(plan, item)
    made = of_cells(plan, PLAN, state.plan["id"])
    goals, teams = ({**each} for each in (state.goals, state.teams))
    for (kind, key), cells in parts.items():
        known = goals if kind == GOAL else teams
        if (kind, key) not in touched:
            continue
        if cells:
            known[key] = of_cells(cells, kind, key)
        else:
            known.pop(key, None)
    return PlanState(made, goals, teams)


def _unlike(plan: Resource, other: Resource) -> Resource:
    """The plan without what both hold as one object, which is not looked through to find it alike."""
    return {name: each for name, each in plan.items() if each is not other.get(name) or name == "resourceType"}


def _elements(kind: str, resource_id: str, old: Cells, new: Cells) -> Iterator[Element]:
    for address in old | new:
        was, now = old.get(address), new.get(address)
        if was != now:
            yield Element(kind, resource_id, address, was, now)


def _item_of(address: Address, names: Names) -> str:
    """The item that a cell of the plan is part of."""
    head = address[0]
    if head == EXTENSION:
        if address[1] == names.cycle:
            return "next-review" if address[-1] == NEXT_REVIEW else "phase"
        return f"{EXTENSION}.{address[1]}"
    if head == "careTeam" and address[-1].startswith("CareTeam/"):
        return f"team.{address[1].removeprefix('CareTeam/')}"
    if head in LISTS and len(address) > 1:
        return f"{head}.{address[1]}"
    return head.removeprefix("_")


def _item(
    item_id: str, elements: list[Element], before: PlanState, after: PlanState, entries: Sequence[Mapping[str, Any]]
) -> Item:
    part, _, key = item_id.partition(".")
    kind = {"goal": GOAL, "team": TEAM}.get(part, PLAN)
    was: Any
    now: Any
    if kind != PLAN:
        entry = next((each for each in elements if each.type == PLAN), None)
        gone = entry is not None and entry.after is None
        come = entry is not None and entry.before is None
        was = None if come else before.part(kind, key)
        now = None if gone else after.part(kind, key)
    elif part == "activity":
        was, now = (each.get(key) for each in entries)
        gone, come = now is None, was is None
    else:
        was, now = elements[0].before, elements[0].after
        gone, come = now is None, was is None
    found: Kind = "removed" if gone else "added" if come else "changed"
    return Item(item_id, found, part, kind, key, was, now, tuple(elements))


def _place(item: Item) -> int:
    """Goals first, then what is done, then the network, then all else."""
    return _FIRST.index(item.part) if item.part in _FIRST else len(_FIRST)


def _moved(old: Cells, new: Cells, plan_id: str) -> Iterator[Item]:
    """Where entries of a list change places, beyond that what is new comes last."""
    before, after = _keys(old), _keys(new)
    for name in LISTS if before or after else ():
        if name not in before and name not in after:
            continue
        was, now = ([*each.get(name, ())] for each in (before, after))
        if was == now:
            continue
        expected = [each for each in was if each in after.get(name, ())]
        expected += [each for each in now if each not in before.get(name, ())]
        if expected != now:
            element = Element(PLAN, plan_id, (name,), was, now)
            yield Item(f"{ORDER}.{name}", "moved", name, PLAN, "", was, now, (element,))


def _keys(cells: Cells) -> dict[str, dict[str, None]]:
    """The keys of the entries of each list, in their order."""
    found: dict[str, dict[str, None]] = {}
    for address in cells:
        if len(address) > 1 and address[0] in LISTS:
            found.setdefault(address[0], {})[address[1]] = None
    return found


def _in_order(cells: Cells, item: Item) -> Cells:
    """The cells with the entries of one list in the order that the item has; others follow."""
    place = {key: at for at, key in enumerate(item.after)}
    entries = [each for each in cells if each[0] == item.part and len(each) > 1]
    entries.sort(key=lambda each: place.get(each[1], len(place)))
    rest = {address: value for address, value in cells.items() if address not in set(entries)}
    return rest | {address: cells[address] for address in entries}
