"""Versions of one resource laid beside each other without reading what is the same in both.

A version is read as its members in JSON, each still in bytes; what is alike byte for byte is alike. Of two hundred
versions of a plan most differ in one element, and in one entry of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from itertools import compress, count
from operator import ne
from typing import Any, Final

import msgspec

from app.careplan.cells import LISTS
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode_value

Shallow = Mapping[str, msgspec.Raw]
"""The members of a resource, each as JSON."""
NOTHING: Final[Shallow] = {}
Places = tuple[Sequence[int], Sequence[int]]
"""Of two lists the places of entries that are not alike; without those both are the same."""
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_entries: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def shallow(body: bytes | None) -> Shallow:
    """The members of a resource as it is stored; none of one that is not there."""
    return NOTHING if body is None else _members(body)


def member(resource: Shallow, name: str) -> Any:
    """One member as it is read otherwise; None where it is not there."""
    raw = resource.get(name)
    return None if raw is None else decode_value(raw)


@cache
def _plan_decoder() -> msgspec.json.Decoder[Any]:
    """Reads lists and their entries at once: reading a list as one and its entries then is reading it twice."""
    names = [each for name in load("4.0.1").types["CarePlan"] for each in (name, f"_{name}")]
    fields: list[Any] = [
        (name, list[msgspec.Raw], msgspec.field(default_factory=list)) if name in LISTS else (name, msgspec.Raw, None)
        for name in names
    ]
    return msgspec.json.Decoder(msgspec.defstruct("PlanInLists", fields))


def plan_in_lists(body: bytes | None) -> Any:
    """A CarePlan as it is stored with each member as JSON, None where it is not there, and each of its ``LISTS`` as
    entries in JSON, in attributes of those names; nothing of one that is not there.
    """
    return _plan_decoder().decode(b"{}" if body is None else body)


def unlike(old: Sequence[msgspec.Raw], new: Sequence[msgspec.Raw]) -> Places:
    """The places of entries that are not alike. Of lists of another length those between what is alike at the start and
    what is alike at the end.
    """
    if len(old) == len(new):
        found = [*compress(count(), map(ne, old, new))]
        return found, found
    start, end = alike(old, new)
    return range(start, len(old) - end), range(start, len(new) - end)


def entries(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    """The entries of a list, each as JSON; none of one that is not there."""
    return [] if raw is None else _entries(raw)


def alike(old: Sequence[msgspec.Raw], new: Sequence[msgspec.Raw]) -> tuple[int, int]:
    """How many entries of two lists are alike at the start, and how many of the others at the end."""
    shorter = min(len(old), len(new))
    start = _first_that_differs(old, new, shorter)
    return start, _first_that_differs(reversed(old), reversed(new), shorter - start)


def _first_that_differs(old: Iterable[msgspec.Raw], new: Iterable[msgspec.Raw], most: int) -> int:
    found = next(compress(count(), map(ne, old, new)), most)
    return min(found, most)


def apart(old: Shallow, new: Shallow, *, also: Container[str] = ()) -> tuple[Resource, Resource]:
    """Both, with those of their members only that differ, and with the members ``also`` as they are."""
    before: Resource = {}
    after: Resource = {}
    for name, was in old.items():
        now = new.get(name)
        if was != now:
            before[name] = decode_value(was)
            if now is not None:
                after[name] = decode_value(now)
        elif name in also:
            before[name] = after[name] = decode_value(was)
    for name, now in new.items():
        if name not in old:
            after[name] = decode_value(now)
    return before, after


def differing(
    old: Shallow, new: Shallow, names: Iterable[str], *, also: tuple[str, ...] = ()
) -> tuple[Resource, Resource]:
    """Both, with those of the members ``names`` only that differ, and of lists of a plan the entries from the first to
    the last that do; with the members ``also`` as they are.
    """
    sides: tuple[Resource, Resource] = ({}, {})
    for name in also:
        was, now = old.get(name), new.get(name)
        if was is not None:
            sides[0][name] = decode_value(was)
        if now is not None:
            sides[1][name] = sides[0][name] if was == now else decode_value(now)
    for name in names:
        was, now = old.get(name), new.get(name)
        if was == now or name in also:
            continue
        if name in LISTS and was is not None and now is not None:
            sides[0][name], sides[1][name] = _without_alike(was, now)
            continue
        for side, raw in zip(sides, (was, now), strict=True):
            if raw is not None:
                side[name] = decode_value(raw)
    return sides


def _without_alike(was: msgspec.Raw, now: msgspec.Raw) -> tuple[list[Any], list[Any]]:
    """The entries between those that are alike at the start and those that are alike at the end."""
    old, new = entries(was), entries(now)
    start, end = alike(old, new)
    return (
        [decode_value(each) for each in old[start : len(old) - end]],
        [decode_value(each) for each in new[start : len(new) - end]],
    )
