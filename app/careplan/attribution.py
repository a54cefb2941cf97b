"""By which revisions something came to be as it is: the versions between two moments, the newest first."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.careplan.cells import Address, Cells, cells_of
from app.careplan.difference import ORDER, Item
from app.careplan.history import History
from app.careplan.names import Names
from app.careplan.past import Member, Revision, Span
from app.careplan.shallow import Shallow, differing, shallow

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
        found = await self._changed(wanted, before, after)
        steps = await self.steps({member.key: member for member in found.values()}.values())
        by_item = {}
        for item in items:
            members: dict[int, Member] = {}
            for each in item.elements:
                member = found.get((each.type, each.id, _asked(item, each.address)))
                if member is not None:
                    members[member.seq] = member
            by_item[item.id] = _each_once([steps[members[seq].key] for seq in sorted(members, reverse=True)])
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

    async def _changed(
        self, wanted: Mapping[Named, set[Address]], before: Mapping[Named, Member], after: Mapping[Named, Member]
    ) -> dict[Place, Member]:
        """The version in which each of these changed last: all go back until that is known."""
        found: dict[Place, Member] = {}
        walks = [_Walk(named, each, before.get(named), after[named], found) for named, each in wanted.items()]
        while spans := [each.span for each in walks if each.goes_on]:
            older: dict[Named, dict[int, Member]] = {}
            for member in await self._history.spans(spans):
                older.setdefault((member.type, member.id), {})[member.version] = member
            for walk in walks:
                if walk.goes_on:
                    walk.back(older.get(walk.named, {}), self._names)
        return found


class _Walk:
    """Through the versions of one resource, the newest first."""

    def __init__(
        self, named: Named, wanted: set[Address], first: Member | None, last: Member, found: dict[Place, Member]
    ) -> None:
        self.named = named
        self._wanted = wanted
        self._heads = Counter(map(_head, wanted))
        """How many are still to be found in each member of the resource."""
        self._found = found
        self._low = 0 if first is None else first.version
        self._high = last.version
        self._newer, self._members = last, shallow(last.body)

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to find, and where."""
        return bool(self._wanted) and self._high > self._low

    @property
    def span(self) -> Span:
        """The versions to look at next."""
        return Span(*self.named, max(self._low, self._high - AT_A_TIME), self._high - 1)

    def back(self, older: Mapping[int, Member], names: Names) -> None:
        """Look at the versions of ``span``, as far as they are there for the caller."""
        low = self.span.low
        for version in range(self._high - 1, low - 1, -1):
            member = older.get(version)
            if member is None and version > 0:
                continue
            was = shallow(None if member is None else member.body)
            self._compare(was, names)
            if member is not None:
                self._newer, self._members = member, was
            if not self._wanted:
                break
        self._high = low

    def _compare(self, was: Shallow, names: Names) -> None:
        now = self._members
        heads = [each for each, left in self._heads.items() if left and was.get(each) != now.get(each)]
        if not heads:
            return
        kind = {"resourceType": self.named[0]}
        old, new = (cells_of(kind | each, names) for each in differing(was, now, heads))
        there = dict.fromkeys((*old, *new, *((ORDER, each) for each in heads)))
        for address in [each for each in there if each in self._wanted and _value(old, each) != _value(new, each)]:
            self._found[*self.named, address] = self._newer
            self._wanted.discard(address)
            self._heads[_head(address)] -= 1


def _head(address: Address) -> str:
    """The member of the resource that an address is in."""
    return address[1] if address[0] == ORDER else address[0]


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
