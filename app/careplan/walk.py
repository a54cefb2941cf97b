"""Through the versions of one resource of a plan, the newest first: in which of them each element changed last.

https://hl7.org/fhir/R4/http.html#history. Two versions are read only where their bytes differ: of a resource its
members, of the lists of a plan the entries. What was changed away and back did change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from app.careplan.cells import EXTENSION, LISTS, Address, Cells, cells_of, in_entry, key_of
from app.careplan.difference import ORDER, PLAN
from app.careplan.names import Names
from app.careplan.past import Member, Named, Span
from app.careplan.shallow import NOTHING, alike, entries, shallow
from app.fhir.resource import decode_value

AT_A_TIME: Final = 50
"""Versions of each resource that are read together; more only where a change is older than those."""
_ALL: Final = ""
"""In place of the key of an entry: what is about all of a member."""
_IN_CELLS: Final = frozenset({EXTENSION, "meta"})
"""Members that are several cells, or a cell of which a part is left out."""
_IN_ENTRIES: Final = frozenset({ORDER, *LISTS})
"""Of a plan: lists whose entries are cells, and the order of one of those."""


class Walk:
    """Looks for the last change at each of the addresses ``wanted`` between two versions of a resource; without the
    first one, from its beginning. ``found``: the version that it came with.
    """

    def __init__(
        self, named: Named, wanted: Iterable[Address], first: Member | None, last: Member, names: Names
    ) -> None:
        self.named = named
        self.found: dict[Address, Member] = {}
        self._names = names
        self._is_plan = named[0] == PLAN
        self._whole: dict[str, Address] = {}
        """By member, of those that are one cell."""
        self._wanted: dict[str, dict[str, list[Address]]] = {}
        """By member, and by key of an entry, of all others."""
        for address in wanted:
            head = address[0]
            if head not in _IN_CELLS and not (self._is_plan and head in _IN_ENTRIES):
                self._whole[head] = address
                continue
            head, key = self._place(address)
            self._wanted.setdefault(head, {}).setdefault(key, []).append(address)
        self._low = 0 if first is None else first.version
        self._known = {} if first is None else {first.version: first}
        self._high = last.version
        self._newer, self._members = last, shallow(last.body)
        self._lists: dict[str, _Entries] = {}

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to find, and where."""
        return self._high > self._low and bool(self._whole or self._wanted)

    @property
    def span(self) -> Span | None:
        """The versions to read next; None where all that are looked at next are known already."""
        low = self._next
        span = Span(*self.named, low + 1 if low in self._known else low, self._high - 1)
        return span if span.low <= span.high else None

    @property
    def _next(self) -> int:
        """The lowest of the versions to look at next."""
        return max(self._low, self._high - AT_A_TIME)

    def back(self, older: Mapping[int, Member]) -> None:
        """Look at the next versions, those of ``span`` as far as they are there for the caller."""
        low = self._next
        whole, wanted, now = self._whole, self._wanted, self._members
        for version in range(self._high - 1, low - 1, -1):
            member = older.get(version) or self._known.get(version)
            if member is None and version > 0:
                continue
            was = NOTHING if member is None else shallow(member.body)
            for head in (*whole,):
                old, new = was.get(head), now.get(head)
                if old != new and (old is None or new is None or decode_value(old) != decode_value(new)):
                    self.found[whole.pop(head)] = self._newer
            for head in (*wanted,):
                old, new = was.get(head), now.get(head)
                if old != new:
                    self._look(head, old, new)
            if member is not None:
                self._newer = member
                self._members = now = was
            if not whole and not wanted:
                break
        self._high = low

    def _place(self, address: Address) -> tuple[str, str]:
        """The member of the resource that an address is in, and the key of the entry."""
        if address[0] == ORDER and len(address) > 1:
            return address[1], _ALL
        return address[0], address[1] if len(address) > 1 and self._is_list(address[0]) else _ALL

    def _is_list(self, head: str) -> bool:
        return self._is_plan and head in LISTS

    def _look(self, head: str, was: msgspec.Raw | None, now: msgspec.Raw | None) -> None:
        """Find what differs in a member of which the bytes do."""
        if self._is_list(head):
            self._look_in_list(head, was, now)
            return
        old, new = (None if each is None else decode_value(each) for each in (was, now))
        self._lay_beside(head, (_ALL,), self._cells(head, old), self._cells(head, new))

    def _look_in_list(self, head: str, was: msgspec.Raw | None, now: msgspec.Raw | None) -> None:
        new = self._lists.get(head) or _Entries.of(head, now)
        old, start, end = new.before(head, was)
        self._lists[head] = old
        wanted = self._wanted[head]
        if _ALL in wanted and old.keys != new.keys:
            self._found(head, _ALL, wanted[_ALL])
        if old.has_twins or new.has_twins:
            # Which of the twins an entry is depends on those before it: no part of the list says it.
            self._lay_beside(head, [*wanted], self._cells(head, old.values), self._cells(head, new.values))
            return
        before, after = old.part(start, end), new.part(start, end)
        for key in {**before, **after}:
            if key in wanted:
                was_entry, now_entry = before.get(key), after.get(key)
                found = [each for each in wanted[key] if in_entry(was_entry, each) != in_entry(now_entry, each)]
                if found:
                    self._found(head, key, found)

    def _cells(self, head: str, value: Any) -> Cells:
        return {} if value is None else cells_of({"resourceType": self.named[0], head: value}, self._names)

    def _lay_beside(self, head: str, keys: Iterable[str], old: Cells, new: Cells) -> None:
        wanted = self._wanted[head]
        for key in keys:
            found = [each for each in wanted[key] if each[0] != ORDER and old.get(each) != new.get(each)]
            if found:
                self._found(head, key, found)

    def _found(self, head: str, key: str, addresses: Sequence[Address]) -> None:
        self.found.update(dict.fromkeys(addresses, self._newer))
        wanted = self._wanted[head]
        left = [each for each in wanted[key] if each not in self.found]
        if left:
            wanted[key] = left
            return
        del wanted[key]
        if not wanted:
            del self._wanted[head]


class _Entries(msgspec.Struct, frozen=True):
    """A list of a plan, and what each entry is known by; those that are known by the same are not told apart."""

    raws: Sequence[msgspec.Raw]
    values: Sequence[Any]
    keys: Sequence[str]
    has_twins: bool

    @classmethod
    def of(cls, head: str, raw: msgspec.Raw | None) -> _Entries:
        """As it is in a version."""
        raws = entries(raw)
        values = [decode_value(each) for each in raws]
        keys = [key_of(head, each) for each in values]
        return cls(raws, values, keys, len({*keys}) < len(keys))

    def before(self, head: str, raw: msgspec.Raw | None) -> tuple[_Entries, int, int]:
        """As it was in the version before, and how many entries at the start and at the end are alike in both."""
        raws = entries(raw)
        start, end = alike(raws, self.raws)
        changed = [decode_value(each) for each in raws[start : len(raws) - end]]
        values, keys, last = [*self.values], [*self.keys], len(self.raws) - end
        values[start:last] = changed
        keys[start:last] = [key_of(head, each) for each in changed]
        has_twins = self.has_twins if keys == self.keys else len({*keys}) < len(keys)
        return _Entries(raws, values, keys, has_twins), start, end

    def part(self, start: int, end: int) -> Mapping[str, Any]:
        """The entries by key, but for so many at the start and at the end."""
        last = len(self.raws) - end
        return dict(zip(self.keys[start:last], self.values[start:last], strict=True))
