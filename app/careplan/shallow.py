"""Versions of one resource laid beside each other without reading what is the same in both.

A version is read as its members in JSON, each still in bytes; what is alike byte for byte is alike. Of two hundred
versions of a plan most differ in one element, and in one entry of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from app.careplan.cells import LISTS
from app.fhir.resource import Resource, decode_value

Shallow = Mapping[str, msgspec.Raw]
"""The members of a resource, each as JSON."""
NOTHING: Final[Shallow] = {}
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_entries: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def shallow(body: bytes | None) -> Shallow:
    """The members of a resource as it is stored; none of one that is not there."""
    return NOTHING if body is None else _members(body)


def member(resource: Shallow, name: str) -> Any:
    """One member as it is read otherwise; None where it is not there."""
    raw = resource.get(name)
    return None if raw is None else decode_value(raw)


def differing(
    old: Shallow, new: Shallow, names: Iterable[str], *, also: tuple[str, ...] = ()
) -> tuple[Resource, Resource]:
    """Both, with those of the members ``names`` only that differ, and of lists of a plan the entries from the first to
    the last that do; with the members ``also`` as they are.
    """
    sides: tuple[Resource, Resource] = ({}, {})
    for name in also:
        for side, resource in zip(sides, (old, new), strict=True):
            if name in resource:
                side[name] = decode_value(resource[name])
    for name in names:
        was, now = old.get(name), new.get(name)
        if was == now or name in also:
            continue
        if name in LISTS and was is not None and now is not None:
            sides[0][name], sides[1][name] = _without_common(was, now)
            continue
        for side, raw in zip(sides, (was, now), strict=True):
            if raw is not None:
                side[name] = decode_value(raw)
    return sides


def _without_common(was: msgspec.Raw, now: msgspec.Raw) -> tuple[list[Any], list[Any]]:
    """The entries between those that are alike at the beginning and those that are alike at the end."""
    old, new = _entries(was), _entries(now)
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return (
        [decode_value(each) for each in old[start : len(old) - end]],
        [decode_value(each) for each in new[start : len(new) - end]],
    )
