"""What stands of each item of a proposal: open, answered, in the plan already, or no longer fitting the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.careplan.cells import Cells, cells_of
from app.careplan.difference import GOAL, PLAN, Item, PlanState
from app.careplan.names import Names
from app.careplan.plan import OPEN_GOALS, goals_of, local
from app.careplan.proposals.proposal import Answered
from app.fhir.resource import Resource

State = Literal["open", "done", "conflict", "accepted", "rejected", "withdrawn"]
_PROPOSED: Final = frozenset({"proposed", "planned"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One item and what stands of it. ``why``: the code of the refusal of one that no longer fits; ``needs``: the items
    of the goals that it refers to and that are not in the plan.
    """

    item: Item
    state: State
    answer: Answered | None = None
    why: str = ""
    needs: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.state in ("open", "done", "conflict")


def judge(
    items: Iterable[Item], current: PlanState, answers: Mapping[str, Answered], names: Names
) -> tuple[Judged, ...]:
    """Each item beside the plan as it is now. ``current.goals`` has the goals that stand beside the plan too."""
    judging = _Judging(current, names)
    listed = list(items)
    new = {each.key for each in listed if each.part == "goal" and each.kind == "added"}
    there = set(goals_of(current.plan))
    found = []
    for item in listed:
        answer = answers.get(item.id)
        if answer is not None:
            found.append(Judged(item, answer.answer, answer))
            continue
        state, why = judging.state_of(item)
        named = goals_in([each.after for each in item.elements if each.after is not None]) & new
        needs = frozenset(f"goal.{each}" for each in named - there if f"goal.{each}" != item.id)
        found.append(Judged(item, state, None, why, needs))
    return tuple(found)


class _Judging:
    """The plan as it is now, in cells."""

    def __init__(self, current: PlanState, names: Names) -> None:
        self._current = current
        self._names = names
        self._cells: dict[tuple[str, str], Cells] = {}

    def state_of(self, item: Item) -> tuple[State, str]:
        """``open``, ``done``, or ``conflict`` and why."""
        present = [self._present(each.type, each.id).get(each.address) for each in item.elements]
        if all(now == each.after for now, each in zip(present, item.elements, strict=True)):
            return "done", ""
        if why := self._misfit(item):
            return "conflict", why
        for now, each in zip(present, item.elements, strict=True):
            if now not in (each.before, each.after):
                return "conflict", "item-changed"
        return "open", ""

    def _misfit(self, item: Item) -> str:
        """Why what the item is about is not there any more; empty where it is."""
        if item.part == "goal":
            goal = self._current.goals.get(item.key)
            if item.kind == "added":
                # One that stands by itself, and was taken back or answered elsewhere.
                beside = goal if item.key not in goals_of(self._current.plan) else None
                return "goal-gone" if beside is not None and _status(beside) not in _PROPOSED else ""
            if item.key not in goals_of(self._current.plan) or goal is None:
                return "goal-gone"
            return "goal-gone" if _status(goal) not in OPEN_GOALS else ""
        if item.part == "activity" and item.kind != "added":
            there = any(address[:2] == ("activity", item.key) for address in self._present(PLAN, ""))
            return "" if there else "activity-gone"
        if item.part == "team" and item.kind == "changed" and item.key not in self._current.teams:
            return "item-changed"
        return ""

    def _present(self, kind: str, resource_id: str) -> Cells:
        key = (kind, "" if kind == PLAN else resource_id)
        if key not in self._cells:
            resource = self._current.part(kind, resource_id)
            self._cells[key] = {} if resource is None else cells_of(resource, self._names)
        return self._cells[key]


def goals_in(value: object) -> set[str]:
    """The ids of the goals that a value refers to, wherever it does."""
    if isinstance(value, list):
        return set().union(*map(goals_in, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = local(value)
    own = {found[1]} if found is not None and found[0] == GOAL else set()
    return own.union(*map(goals_in, value.values())) if value else own


def _status(goal: Resource) -> str:
    return str(goal.get("lifecycleStatus", ""))


def together(judged: Sequence[Judged], chosen: Iterable[str]) -> list[str]:
    """The chosen items, with those that go with them: there is one network, so another comes with the end of this."""
    ids = list(dict.fromkeys(chosen))
    teams = [each.item.id for each in judged if each.item.part == "team" and each.item.kind in ("added", "removed")]
    if len(teams) > 1 and any(each in teams for each in ids):
        ids += [each for each in teams if each not in ids]
    return ids
