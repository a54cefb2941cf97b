"""By which revisions something came to be as it is: the versions between two moments, the newest first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from app.careplan.cells import Address
from app.careplan.difference import ORDER, Item
from app.careplan.history import History
from app.careplan.names import Names
from app.careplan.past import Key, Member, Named, Revision
from app.careplan.walk import Walk


class Step(msgspec.Struct, frozen=True):
    """The version in which something changed, and the revision that made it; None: outside the plan."""

    version: Member
    revision: Revision | None


class Attribution:
    """Finds the steps of changes between two states. ``numbers``: the lowest and the highest of the revisions between
    them.
    """

    def __init__(self, history: History, numbers: tuple[int, int], names: Names) -> None:
        self._history = history
        self._numbers = numbers
        self._names = names

    async def of(
        self, items: Sequence[Item], before: Mapping[Named, Member], after: Mapping[Named, Member]
    ) -> dict[str, list[Step]]:
        """The steps of each item by its id, the newest first, each revision once. ``before``, ``after``: what the
        caller may see of the two states.
        """
        asked = {item.id: _asked(item) for item in items}
        wanted: dict[Named, list[Address]] = {}
        for places in asked.values():
            for named, addresses in places.items():
                wanted.setdefault(named, []).extend(addresses)
        walks = {
            named: Walk(named, addresses, before.get(named), after[named], self._names)
            for named, addresses in wanted.items()
            if named in after
        }
        await self._walk(walks.values())
        found = {named: walk.found for named, walk in walks.items()}
        steps = await self._steps({each.seq: each for walk in found.values() for each in walk.values()})
        by_item = {}
        for item_id, places in asked.items():
            made: set[int] = set()
            for named, addresses in places.items():
                last = found.get(named, {})
                made.update([last[address].seq for address in addresses if address in last])
            by_item[item_id] = _each_once([steps[seq] for seq in sorted(made, reverse=True)])
        return by_item

    async def steps(self, members: Iterable[Member]) -> dict[Key, Step]:
        """The revision that made each of these versions, by the name of the version."""
        steps = await self._steps({each.seq: each for each in members})
        return {each.version.key: each for each in steps.values()}

    async def _steps(self, listed: Mapping[int, Member]) -> dict[int, Step]:
        """The same by their places in the partition's order."""
        order = await self._history.recorded(*self._numbers) if listed else []
        places = [row[0] for row in order]
        at: dict[int, int] = {}
        for seq in listed:
            # A revision is numbered in the partition's order behind what was written with it.
            place = bisect_left(places, seq)
            if place < len(order):
                at[seq] = places[place]
        made_by = {*at.values()}
        revisions = {each.n: each for each in await self._history.named([row[1] for row in order if row[0] in made_by])}
        found = {}
        for seq, each in listed.items():
            revision = revisions.get(at.get(seq, 0))
            found[seq] = Step(each, revision if revision is not None and revision.wrote(each.key) else None)
        return found

    async def _walk(self, walks: Collection[Walk]) -> None:
        """All go back until the last change at each place is known."""
        while going := [each for each in walks if each.goes_on]:
            older: dict[Named, dict[int, Member]] = {each.named: {} for each in going}
            for member in await self._history.spans([each.span for each in going if each.span is not None]):
                older[member.type, member.id][member.version] = member
            for walk in going:
                walk.back(older[walk.named])


def _asked(item: Item) -> dict[Named, list[Address]]:
    """Where to look for what an item changes, by resource: the order of a list is no cell of its own."""
    places: dict[Named, list[Address]] = {}
    for each in item.elements:
        address = (ORDER, item.part) if item.kind == "moved" else each.address
        places.setdefault((each.type, each.id), []).append(address)
    return places


def _each_once(steps: Sequence[Step]) -> list[Step]:
    if len(steps) <= 1:
        return [*steps]
    seen: set[int] = set()
    kept = []
    for each in steps:
        number = 0 if each.revision is None else each.revision.number
        if number == 0 or number not in seen:
            kept.append(each)
        seen.add(number)
    return kept
