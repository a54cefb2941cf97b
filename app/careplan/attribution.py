"""By which revisions something came to be as it is: the versions between two moments, the newest first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.careplan.cells import Address, Cells, cells_of
from app.careplan.difference import ORDER, Item
from app.careplan.history import History
from app.careplan.names import Names
from app.careplan.past import Member, Revision, Span

AT_A_TIME: Final = 50
"""Versions of each resource that are read together; more only where a change is older than those."""
Named = tuple[str, str]
"""Type and id."""
Place = tuple[str, str, Address]


@dataclass(frozen=True, slots=True)
class Step:
    """The version in which something changed, and the revision that made it; None: outside the plan."""

    version: Member
    revision: Revision | None


class Attribution:
    """Finds the steps of changes between two states. ``versions``: of each resource that changed the number before
    (0: none) and after, and its content before.
    """

    def __init__(self, history: History, numbers: tuple[int, int], names: Names) -> None:
        self._history = history
        self._numbers = numbers
        self._names = names

    async def of(
        self, items: Sequence[Item], before: dict[Named, Member], after: dict[Named, Member]
    ) -> dict[str, list[Step]]:
        """The steps of each item by its id, the newest first, each revision once."""
        wanted: dict[Named, set[Address]] = {}
        for item in items:
            for each in item.elements:
                if (each.type, each.id) in after:
                    wanted.setdefault((each.type, each.id), set()).add(_asked(item, each.address))
        found: dict[Place, Member] = {}
        for named, addresses in wanted.items():
            await self._walk(named, addresses, before.get(named), after[named], found)
        steps = await self.steps({member.key: member for member in found.values()}.values())
        by_item = {}
        for item in items:
            members = [
                member
                for each in item.elements
                if (member := found.get((each.type, each.id, _asked(item, each.address)))) is not None
            ]
            distinct = {member.key: member for member in sorted(members, key=lambda each: -each.seq)}
            by_item[item.id] = _each_once([steps[key] for key in distinct])
        return by_item

    async def steps(self, members: Iterable[Member]) -> dict[tuple[str, str, int], Step]:
        """The revision that made each of these versions, by the name of the version."""
        listed = list(members)
        order = await self._history.numbers(*self._numbers) if listed else []
        places = [n for n, _ in order]
        numbers: dict[tuple[str, str, int], int] = {}
        for each in listed:
            # A revision is numbered in the partition's order behind what was written with it.
            at = bisect_left(places, each.seq)
            if at < len(order):
                numbers[each.key] = order[at][1]
        revisions = {each.number: each for each in await self._history.chosen(set(numbers.values()))}
        found = {}
        for each in listed:
            revision = revisions.get(numbers.get(each.key, 0))
            made = revision is not None and each.key in revision.written
            found[each.key] = Step(each, revision if made else None)
        return found

    async def _walk(
        self,
        named: Named,
        wanted: set[Address],
        first: Member | None,
        last: Member,
        found: dict[Place, Member],
    ) -> None:
        """Go back from ``last`` until it is known of every address in which version it changed last."""
        low = 0 if first is None else first.version
        high = last.version
        newer: Member = last
        cells = self._cells(last)
        while wanted and high > low:
            span = Span(*named, max(low, high - AT_A_TIME), high - 1)
            older = {each.version: each for each in await self._history.spans([span])}
            for version in range(high - 1, span.low - 1, -1):
                member = older.get(version)
                was = self._cells(member) if member is not None else {}
                for address in [each for each in wanted if _value(cells, each) != _value(was, each)]:
                    found[*named, address] = newer
                    wanted.discard(address)
                if member is not None:
                    newer, cells = member, was
                if not wanted:
                    return
            high = span.low
        for address in wanted if low == 0 else ():
            found[*named, address] = newer

    def _cells(self, member: Member) -> Cells:
        resource = member.resource()
        return {} if resource is None else cells_of(resource, self._names)


def _asked(item: Item, address: Address) -> Address:
    """What to look at for an element: the order of a list is no cell of its own."""
    return (ORDER, item.part) if item.kind == "moved" else address


def _value(cells: Cells, address: Address) -> Any:
    if address[0] != ORDER or len(address) == 1:
        return cells.get(address)
    return list(dict.fromkeys(each[1] for each in cells if each[0] == address[1] and len(each) > 1))


def _each_once(steps: Sequence[Step]) -> list[Step]:
    seen: set[int] = set()
    kept = []
    for each in steps:
        number = 0 if each.revision is None else each.revision.number
        if number == 0 or number not in seen:
            kept.append(each)
        seen.add(number)
    return kept
