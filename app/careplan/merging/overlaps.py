"""Where items of other plans overlap with the plan, or with each other; and what the person wants of that.

Nothing here says which of two is better: they are laid side by side, in their own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Any, Final

from app.careplan.changing import Current, Part
from app.careplan.merging.facts import (
    Facts,
    Kind,
    Reason,
    facts_of_activity,
    facts_of_condition,
    facts_of_goal,
    shared,
)
from app.careplan.merging.items import ENDED, Item
from app.careplan.names import Names
from app.careplan.plan import OPEN_GOALS, local
from app.careplan.refusals import issue
from app.errors import Issue, Unprocessable

KEEPS: Final = ("both", "first", "second", "none")
TAKES: Final = ("take", "leave")
_DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class Side:
    """One of two that overlap; ``item`` None: it is in the plan already. ``stands``: it is open there, so that a choice
    is asked for.
    """

    id: str
    kind: Kind
    facts: Facts
    item: Item | None = None
    stands: bool = True


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two of a kind. ``first`` is what is in the plan, or comes from the plan that was named first."""

    first: Side
    second: Side
    reasons: tuple[Reason, ...]

    @property
    def id(self) -> str:
        """The same for the same two."""
        return f"overlap.{sha256(f'{self.first.id}|{self.second.id}'.encode()).hexdigest()[:_DIGEST]}"


def sides_of(current: Current, held: Mapping[str, Part], names: Names) -> Iterator[Side]:
    """What is in the plan; ``held``: by ``Type/id`` what it refers to."""
    plan = current.plan.resource
    for goal_id, part in current.goals.items():
        stands = part.resource.get("lifecycleStatus") in OPEN_GOALS
        yield Side(f"goal.{goal_id}", "goal", facts_of_goal(part.resource), stands=stands)
    for entry in plan.get("activity", ()):
        place = local(entry.get("reference"))
        part_of = held.get(f"{place[0]}/{place[1]}") if place is not None else None
        referred = part_of.resource if part_of is not None else None
        facts = facts_of_activity(entry, referred, names.extension("agreement"))
        stands = (entry.get("detail") or referred or {}).get("status") not in ENDED
        yield Side(f"activity.{entry.get('id')}", "activity", facts, stands=stands)
    for each in plan.get("addresses", ()):
        place = local(each)
        if place is not None:
            found = held.get(f"{place[0]}/{place[1]}")
            facts = facts_of_condition(found.resource if found is not None else None, str(each.get("display", "")))
            yield Side(f"addresses.{place[0]}/{place[1]}", "condition", facts)


def overlaps(present: Sequence[Side], items: Sequence[Item]) -> list[Overlap]:
    """Every two of a kind that share something, one of them an item at least."""
    coming = [Side(each.id, each.kind, each.facts, each) for each in items if not each.left]
    found = []
    for first, second in (
        *((one, other) for other in coming for one in present if one.id != other.id),
        *combinations(coming, 2),
    ):
        if first.kind == second.kind and (reasons := shared(first.kind, first.facts, second.facts)):
            found.append(Overlap(first, second, reasons))
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """``dropped``: items that are not taken; ``retired``: what leaves the plan; ``instead``: what stands in place of
    what was not kept, by id.
    """

    dropped: frozenset[str]
    retired: frozenset[str]
    instead: Mapping[str, str]


def choices_of(given: Sequence[Any], known: Sequence[str], found: Sequence[Overlap]) -> dict[str, str]:
    """What was chosen, by the id of an item or overlap. Raises ``Unprocessable`` with every choice that is none."""
    problems: list[Issue] = []
    chosen: dict[str, str] = {}
    pairs = {each.id for each in found}
    for each in given:
        name, keep = each.first("id"), each.first("keep")
        allowed = KEEPS if name in pairs else TAKES if name in known else ()
        if not allowed:
            problems.append(issue("choice-unknown", "choice", id=name))
        elif keep not in allowed:
            problems.append(issue("choice-word", "choice", id=name, words=", ".join(allowed)))
        elif chosen.setdefault(name, keep) != keep:
            problems.append(issue("choice-twice", "choice", id=name))
    if problems:
        raise Unprocessable("", "business-rule", issues=tuple(problems))
    return chosen


def decided(chosen: Mapping[str, str], taken: frozenset[str], found: Sequence[Overlap]) -> tuple[Chosen, list[Overlap]]:
    """What follows from the choices, and the overlaps that nothing was chosen of yet. ``taken``: the items that would
    come in.
    """
    left = {name for name, keep in chosen.items() if keep == "leave"}
    dropped, retired, instead = set(left), set[str](), dict[str, str]()
    open_ones = []
    for each in found:
        keep = chosen.get(each.id)
        if keep is None:
            open_ones += [each] if _is_asked(each, taken, left) else []
            continue
        for side, other, gone in (
            (each.first, each.second, keep in ("second", "none")),
            (each.second, each.first, keep in ("first", "none")),
        ):
            if gone:
                (dropped if side.item is not None else retired).add(side.id)
                if keep != "none":
                    instead[side.id] = other.id
    return Chosen(frozenset(dropped), frozenset(retired), instead), open_ones


def _is_asked(overlap: Overlap, taken: frozenset[str], left: set[str]) -> bool:
    """Whether a choice is asked for: both would stand in the plan."""
    sides = (overlap.first, overlap.second)
    coming = [each for each in sides if each.item is not None and each.id in taken]
    return (
        bool(coming)
        and all(each.id not in left for each in sides)
        and all(each.stands if each.item is None else each.id in taken for each in sides)
    )


def resolved(name: str, instead: Mapping[str, str]) -> str:
    """What stands in place of something at last."""
    seen = set[str]()
    while name in instead and name not in seen:
        seen.add(name)
        name = instead[name]
    return name
