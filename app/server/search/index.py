"""From a resource to its index rows: what it can be found by.

A parameter is skipped with one look at the resource's members when none of its elements is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.fhir.dates import NO_DATE
from app.fhir.resource import Resource
from app.server.search.kind import Fill, Language
from app.server.search.kinds import KINDS
from app.server.search.registry import EVERY, Param, Registry
from app.server.search.rows import Rows

Step = tuple[frozenset[str], Callable[[Resource], list[tuple[str, Any]]], Fill, int]
"""Of one parameter: the members it needs one of, its walker, what it adds, its bit of ``present``."""


class Indexer:
    """Makes the rows of one resource type. ``base`` is this server's address."""

    def __init__(self, registry: Registry, resource_type: str, *, base: str) -> None:
        language = Language(registry, base)

        def step(param: Param) -> Step:
            fill = KINDS[param.kind].fill(param, language)
            return frozenset(param.walker.elements), param.walker.walk, fill, registry.present_bit(param)

        params = registry.params(resource_type).values()
        self._steps = [step(param) for param in params if not param.owner]
        self._owner_bits = sum(registry.present_bit(param) for param in params if param.owner)
        # Who is named as subject and is not the record's patient: a Device, a Group, somebody elsewhere.
        self._unowned_steps = [*self._steps, *(step(param) for param in params if param.owner)]

    def rows(self, resource: Resource, *, owned: bool) -> Rows:
        """All index rows of ``resource``, which is valid; ``owned``: it names its partition's patient as subject."""
        rows = Rows(NO_DATE, self._owner_bits if owned else 0, [(EVERY, EVERY)])
        members = resource.keys()
        for elements, walk, fill, bit in self._steps if owned else self._unowned_steps:
            if not elements or not elements.isdisjoint(members):
                found = walk(resource)
                if found:
                    rows.present |= bit
                    fill(rows, found)
        return rows
