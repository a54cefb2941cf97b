"""Write rules: what a feature wants to hold for every change, by whatever door it comes in. Handed to the server in
``main``.

A rule runs once per transaction and patient, on the whole set of changes, after every entry is resolved and validated
and the patient's partition is locked. Resources that a rule derives are validated and stored with the rest, and are
not put through rules again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from app.database import Reader
from app.errors import Issue
from app.fhir.resource import Resource, decode
from app.server.access import Access
from app.server.search.registry import Registry


class Change(msgspec.Struct, frozen=True, dict=True):
    """One resource before (``was``: as it is stored) and after; None: it was not there, or is deleted. ``fresh``: its
    id was just made here. ``version`` is the one that it gets, ``expected`` the one that the sender says it was, by
    If-Match. ``patched``: it was made here of what is stored, by a patch that does not say of which version.
    """

    type: str
    id: str
    was: bytes | None
    after: Resource | None
    fresh: bool = False
    version: int = 1
    expected: int | None = None
    patched: bool = False

    @cached_property
    def before(self) -> Resource | None:
        """What was stored; read when a rule first asks, since most do not."""
        return None if self.was is None else decode(self.was)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """All that one transaction changes in one partition. ``intent``: what the operation that makes it hands to the
    rules of its own feature; None for changes that nobody but their sender means something by.
    """

    patient: int
    access: Access
    now: int
    registry: Registry
    changes: Sequence[Change]
    intent: object = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says. ``claims`` are names to be taken once per patient, each by the (type, id) given with it;
    ``unchanged`` is what says nothing that is not stored already, of which no version is made, by type and id.
    """

    issues: tuple[Issue, ...] = ()
    derived: tuple[Resource, ...] = ()
    claims: tuple[tuple[str, str, str], ...] = ()
    releases: tuple[str, ...] = field(default=())
    unchanged: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A change by somebody who knows ``version`` of a resource that is at ``present`` by ``now`` (µs)."""

    patient: int
    access: Access
    type: str
    id: str
    version: int
    present: int
    now: int


Check = Callable[[ChangeSet, Reader], Awaitable[Verdict]]
Tell = Callable[[Overtaken, Reader], Awaitable[tuple[Issue, ...]]]
PointOut = Callable[[ChangeSet, Reader], Awaitable[tuple[Issue, ...]]]
Barred = Callable[[ChangeSet, Reader], Awaitable[frozenset[int]]]


def _every_change(_: Change) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """``types``: run only when one of these is among the changes, None for any; ``concerns``: and of those only for a
    change of which this holds, which is seen without a look at what is stored; ``after_erasure``: and only where
    something was erased before, which the lock of the partition tells. ``meant``: the class of the intents of its own
    feature, with which it runs whatever the changes are; ``meanwhile`` tells who was overtaken what has changed;
    ``instead`` points out the way to who may see what they would update, and may not update it. ``barred``: which of
    the changes, by their place, ``check`` would refuse for themselves alone, so that a delivery can leave these out.
    """

    name: str
    types: frozenset[str] | None
    check: Check
    concerns: Callable[[Change], bool] = _every_change
    after_erasure: bool = False
    meant: type | None = None
    meanwhile: Tell | None = None
    instead: PointOut | None = None
    barred: Barred | None = None

    def is_about(self, kinds: AbstractSet[str]) -> bool:
        """Whether any of these types concern it, so that its changes are worth a look."""
        return self.types is None or not self.types.isdisjoint(kinds)

    def applies(self, change: Change) -> bool:
        """Whether the rule has to look at a change."""
        return (self.types is None or change.type in self.types) and self.concerns(change)

    def follows(self, intent: object) -> bool:
        """Whether an operation of its own feature makes the changes."""
        return self.meant is not None and isinstance(intent, self.meant)


async def barred(rules: Sequence[Rule], changes: ChangeSet, reader: Reader) -> frozenset[int]:
    """The places of the changes that rules would refuse for themselves alone."""
    found: set[int] = set()
    for rule in rules:
        if rule.barred is not None:
            found |= await rule.barred(changes, reader)
    return frozenset(found)


async def told(rules: Sequence[Rule], late: Overtaken, reader: Reader) -> tuple[Issue, ...]:
    """What the rules tell who was overtaken."""
    found: list[Issue] = []
    for rule in rules:
        if rule.meanwhile is not None and (rule.types is None or late.type in rule.types):
            found += await rule.meanwhile(late, reader)
    return tuple(found)
