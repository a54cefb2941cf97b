"""Closures that follow members through plain JSON, one shape each, because they run on every write.

A chain goes from one JSON object to the values under a path such as ``component.code``. Arrays are gone through, their
``null`` entries are skipped: these hold the place of an ``_`` sibling (https://hl7.org/fhir/R4/json.html#primitive).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Item = tuple[str, Any]
"""A FHIR type name and the JSON value."""

Chain = Callable[[dict[str, Any]], list[Item]]

_FEW = 5  # so many members are looked up one by one faster than a set is compared


class Step(NamedTuple):
    """One JSON member to follow: its name, the FHIR type of its values, whether it is an array."""

    name: str
    type: str
    many: bool


Hop = tuple[Step, ...]
"""The members that are looked at together: one, those of a choice, or those of alternatives joined by ``|``."""

Route = tuple[Hop, ...]
"""What to follow one after the other; all hops but the last have one member."""


def chain(route: Route) -> Chain:
    """The closure that follows ``route``. It gives a new list each time."""
    *inner, last = route
    if inner and len(last) == 1 and inner[-1][0].many and not last[0].many:
        follow = _member_of_members(inner.pop()[0].name, last[0])
    else:
        follow = _last(last)
    for (step,) in reversed(inner):
        follow = _through_members(step.name, follow) if step.many else _through_member(step.name, follow)
    return follow


def joined(chains: Sequence[Chain]) -> Chain:
    """The closure that gives what each of ``chains`` finds, in their order."""

    def follow_all(node: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        for follow in chains:
            found += follow(node)
        return found

    return follow_all


def _last(hop: Hop) -> Chain:
    if len(hop) > 1:
        return _several(hop)
    (step,) = hop
    return _members(step) if step.many else _member(step)


def _member(step: Step) -> Chain:
    name, type_name, _ = step

    def follow(node: dict[str, Any]) -> list[Item]:
        value = node.get(name)
        return [] if value is None else [(type_name, value)]

    return follow


# Loops with append: before Python 3.12 a comprehension is a call of its own, and most arrays hold one entry.
def _members(step: Step) -> Chain:
    name, type_name, _ = step

    def follow(node: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        for value in node.get(name, ()):
            item = (type_name, value)
            if value is not None:
                found.append(item)
        return found

    return follow


def _several(hop: Hop) -> Chain:
    def follow(node: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        for name, type_name, many in hop:
            if name in node:
                value = node[name]
                if many:
                    found += [(type_name, each) for each in value if each is not None]
                else:
                    found.append((type_name, value))
        return found

    if len(hop) <= _FEW:
        return follow
    names = frozenset(step.name for step in hop)
    return lambda node: [] if names.isdisjoint(node) else follow(node)


def _member_of_members(outer: str, step: Step) -> Chain:
    name, type_name, _ = step

    def follow(node: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        for child in node.get(outer, ()):
            value = child.get(name)
            if value is not None:
                found.append((type_name, value))
        return found

    return follow


def _through_member(name: str, follow: Chain) -> Chain:
    def through(node: dict[str, Any]) -> list[Item]:
        child = node.get(name)
        return [] if child is None else follow(child)

    return through


def _through_members(name: str, follow: Chain) -> Chain:
    def through(node: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        for child in node.get(name, ()):
            found += follow(child)
        return found

    return through
