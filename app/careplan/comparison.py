"""Two moments of the plan beside each other: what differs, by whom, when and why.

What may not be seen on either side is not compared. MODEL 2, "Revisions".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from app.careplan.attribution import Attribution, Step
from app.careplan.difference import Element, Item, PlanState, differences
from app.careplan.history import History
from app.careplan.moment import Moment, state_of
from app.careplan.names import Names
from app.careplan.naming import Who
from app.careplan.past import Member, Named
from app.careplan.plan import goals_of, teams_of
from app.careplan.sentences import clause_of, clause_of_member
from app.careplan.shallow import apart, shallow
from app.careplan.words import Words, sentence_of, table
from app.fhir.resource import Resource

_PARTS = ("Goal", "CareTeam")
_KEPT = frozenset({"resourceType", "id", "description", "goal", "careTeam"})
"""What is read of a part though it did not change: which it is, its words, and what a plan consists of."""


class Compared(msgspec.Struct, frozen=True):
    """One change. ``before`` and ``after`` are whole resources where one came, went, or is shown beside the plan's own
    parts; ``elements`` are the elements that differ of all else. ``steps``: how it came about, the newest first.
    """

    id: str
    kind: str
    path: str
    about: Named
    before: Resource | None
    after: Resource | None
    elements: Sequence[Element]
    steps: Sequence[Step]
    words: Words


class _Beside(NamedTuple):
    """What the plan shows beside its own parts, on both sides; None: not there."""

    kind: str
    was: Member | None
    now: Member | None


async def compared(history: History, before: Moment, after: Moment, names: Names) -> tuple[list[Compared], Who]:
    """Everything that differs, and who the people of it are. Raises ``NotFound``."""
    old, new = _sides(before, after)
    items = differences(old, new, names)
    attribution = Attribution(history, (before.revision.number + 1, after.revision.number), names)
    steps = await attribution.of(items, _by_name(before), _by_name(after))
    beside = _beside(before, after)
    changed = {each.now.key: each.now for each in beside if each.now is not None}
    made = await attribution.steps(changed.values())
    every = [step for listed in steps.values() for step in listed] + list(made.values())
    who = await Who.of(history, [each.revision for each in every if each.revision is not None])
    found = [of_item(item, old, new, steps[item.id], who) for item in items]
    for each in beside:
        step = [made[each.now.key]] if each.now is not None else []
        found.append(_of_member(each, step, who, names))
    return found, who


def _sides(before: Moment, after: Moment) -> tuple[PlanState, PlanState]:
    """The two states as far as they differ: the parts that do, with the elements that do and what a part is called by.
    Raises ``NotFound``.
    """
    was, now = before.parts(), after.parts()
    named = next(iter(now))
    plans = apart(shallow(was[named].body), shallow(now[named].body), also=_KEPT)
    stay = {("Goal", each) for each in {*goals_of(plans[0])} & {*goals_of(plans[1])}}
    stay |= {("CareTeam", each) for each in {*teams_of(plans[0])} & {*teams_of(plans[1])}}
    sides = ({named: plans[0]}, {named: plans[1]})
    for named in [*dict.fromkeys((*now, *was))][1:]:
        old, new = was.get(named), now.get(named)
        if named in stay and old is not None and new is not None:
            if old.version == new.version:
                continue
            sides[0][named], sides[1][named] = apart(shallow(old.body), shallow(new.body), also=_KEPT)
            continue
        for side, each in zip(sides, (old, new), strict=True):
            if each is not None:
                side[named] = each.resource() or {}
    return state_of(sides[0]), state_of(sides[1])


def of_item(item: Item, old: PlanState, new: PlanState, steps: Sequence[Step], who: Who) -> Compared:
    """A change of the plan's own parts."""
    return _of_item(item, old, new, steps, sentence_of(clause_of(item).did(_author(steps, who))))


def of_proposal(item: Item, old: PlanState, new: PlanState) -> Compared:
    """A change that nobody made yet."""
    return _of_item(item, old, new, (), sentence_of(clause_of(item).part))


def _of_item(item: Item, old: PlanState, new: PlanState, steps: Sequence[Step], words: Words) -> Compared:
    before = after = None
    if item.part in ("goal", "team") and item.kind in ("added", "removed"):
        before, after = old.part(item.type, item.key), new.part(item.type, item.key)
        before, after = (None, after) if item.kind == "added" else (before, None)
    about = (item.type, item.key) if item.type != "CarePlan" else ("CarePlan", new.plan["id"])
    return Compared(item.id, item.kind, item.path, about, before, after, item.elements, steps, words)


def _of_member(beside: _Beside, steps: Sequence[Step], who: Who, names: Names) -> Compared:
    member = beside.now or beside.was
    assert member is not None, "it is on one side at least"
    about = member.type, member.id
    did = clause_of_member(member, beside.kind, names).did(_author(steps, who))
    before, after = (None if each is None else each.resource() for each in (beside.was, beside.now))
    name = f"shown.{member.type}/{member.id}"
    return Compared(name, beside.kind, member.type, about, before, after, (), steps, sentence_of(did))


def _author(steps: Sequence[Step], who: Who) -> Words:
    for step in steps:
        if step.revision is not None and step.revision.seen:
            return who.did(step.revision)
    nobody: Words = table()["who"][""]
    return nobody


def _by_name(moment: Moment) -> dict[Named, Member]:
    return {(each.type, each.id): each for each in moment.shown}


def _beside(before: Moment, after: Moment) -> list[_Beside]:
    """What else the plan shows: which of it is new, gone or changed."""
    plan = before.members[0].id
    found: list[_Beside] = []
    sides = [
        {
            (each.type, each.id): each
            for each in moment.members
            if each.type not in _PARTS and (each.type, each.id) != ("CarePlan", plan)
        }
        for moment in (before, after)
    ]
    for named in dict.fromkeys([*sides[1], *sides[0]]):
        was, now = sides[0].get(named), sides[1].get(named)
        if any(each is not None and each.body is None for each in (was, now)):
            continue
        if was is None or now is None:
            found.append(_Beside("added" if was is None else "removed", was, now))
        elif was.version != now.version and _content(was) != _content(now):
            found.append(_Beside("changed", was, now))
    return found


def _content(member: Member) -> Any:
    return {name: value for name, value in (member.resource() or {}).items() if name != "meta"}
