"""Through the versions of one resource of a plan, the newest first: in which of them each element changed last.

https://hl7.org/fhir/R4/http.html#history. Two versions are read only where their bytes differ: of a resource its
members, of the lists of a plan the entries. What was changed away and back did change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from app.careplan.cells import EXTENSION, LISTS, Address, Cells, cells_of, in_entry, key_of
from app.careplan.difference import ORDER, PLAN
from app.careplan.names import Names
from app.careplan.past import Member, Named, Span
from app.careplan.shallow import Places, plan_in_lists, shallow, unlike
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
        self._read: Callable[[bytes | None], Any] = plan_in_lists if self._is_plan else shallow
        self._member: Callable[[Any, str, None], Any] = getattr if self._is_plan else dict.get
        self._newer, self._members = last, self._read(last.body)
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
        read, member_of = self._read, self._member
        for version in range(self._high - 1, low - 1, -1):
            member = older.get(version) or self._known.get(version)
            if member is None and version > 0:
                continue
            was = read(None if member is None else member.body)
            for head in (*whole,):
                old, new = member_of(was, head, None), member_of(now, head, None)
                if old != new and (old is None or new is None or decode_value(old) != decode_value(new)):
                    self.found[whole.pop(head)] = self._newer
            for head in (*wanted,):
                old, new = member_of(was, head, None), member_of(now, head, None)
                if self._is_plan and head in LISTS:
                    self._look_in_list(head, old, new)
                elif old != new:
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
        is_entry = self._is_plan and address[0] in LISTS and len(address) > 1
        return address[0], address[1] if is_entry else _ALL

    def _look(self, head: str, was: msgspec.Raw | None, now: msgspec.Raw | None) -> None:
        """Find what differs in a member of which the bytes do."""
        old, new = (None if each is None else decode_value(each) for each in (was, now))
        self._lay_beside(head, (_ALL,), self._cells(head, old), self._cells(head, new))

    def _look_in_list(self, head: str, was: Sequence[msgspec.Raw], now: Sequence[msgspec.Raw]) -> None:
        new = self._lists.get(head) or _Entries.of(head, now)
        places = unlike(was, new.raws)
        old = self._lists[head] = new.before(head, was, places)
        if old is new:
            return
        wanted = self._wanted[head]
        if _ALL in wanted and old.keys != new.keys:
            self._found(head, _ALL, wanted[_ALL])
            if not wanted:
                return
        if old.has_twins or new.has_twins:
            # Which of the twins an entry is depends on those before it: no part of the list says it.
            self._lay_beside(head, [*wanted], self._cells(head, old.values), self._cells(head, new.values))
            return
        before, after = old.at(places[0]), new.at(places[1])
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
    def of(cls, head: str, raws: Sequence[msgspec.Raw]) -> _Entries:
        """As it is in a version."""
        values = [decode_value(each) for each in raws]
        keys = [key_of(head, each) for each in values]
        return cls(raws, values, keys, len({*keys}) < len(keys))

    def before(self, head: str, raws: Sequence[msgspec.Raw], places: Places) -> _Entries:
        """As it was in the version before, in which the entries at other places than these are the same."""
        were, are = places
        if not were and not are:
            return self
        changed = [decode_value(raws[place]) for place in were]
        named = [key_of(head, each) for each in changed]
        if were == are and named == [self.keys[place] for place in are]:
            values = [*self.values]
            for place, each in zip(were, changed, strict=True):
                values[place] = each
            return _Entries(raws, values, self.keys, self.has_twins)
        values, keys = self._without(are)
        for place, each, key in zip(were, changed, named, strict=True):
            values.insert(place, each)
            keys.insert(place, key)
        return _Entries(raws, values, keys, len({*keys}) < len(keys))

    def _without(self, places: Sequence[int]) -> tuple[list[Any], list[str]]:
        """The values and keys of the others."""
        left = [place for place in range(len(self.keys)) if place not in {*places}]
        return [self.values[place] for place in left], [self.keys[place] for place in left]

    def at(self, places: Sequence[int]) -> Mapping[str, Any]:
        """The entries at these places by key."""
        return {self.keys[place]: self.values[place] for place in places}
