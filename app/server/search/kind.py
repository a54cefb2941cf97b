"""What a type of search parameter is: how it indexes, reads what is asked, looks it up and sorts.
https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.fhir.resource import Resource
from app.server.search.build import Build, Find, Match, Row
from app.server.search.query import Condition
from app.server.search.registry import Param, Registry
from app.server.search.rows import Rows

Found = list[tuple[str, Any]]
"""The values that a parameter's path found, as (FHIR type, JSON value) pairs."""
Fill = Callable[[Rows, Found], None]
"""Adds the index rows of what was found."""
Walk = Callable[[Resource], Found]


@dataclass(frozen=True, slots=True)
class Language:
    """What reading and indexing need to know. ``base`` is this server's address: references to it count as relative."""

    registry: Registry
    base: str


@dataclass(frozen=True, slots=True)
class Order:
    """How a parameter sorts: a SELECT of ``x.n`` and the key of each index row. ``type``: PostgreSQL's of the key;
    ``least`` stands, in SQL, for a resource without a value.
    """

    key: str
    source: str
    where: str
    type: str
    least: str


def no_modifiers(_: Param) -> frozenset[str]:
    """Of a kind that knows ``missing`` only."""
    return frozenset()


def walk_path(param: Param) -> Walk:
    """What the path of ``param`` finds; of an extension its value."""
    walk = param.walker.walk
    if "Extension" not in param.walker.kinds:
        return walk
    members = param.definitions.types["Extension"]
    values = {name: each.type for name, each in members.items() if each.choice == "value"}

    def walk_values(resource: Resource) -> Found:
        found: Found = []
        for kind, value in walk(resource):
            if kind == "Extension":
                found += [(values[name], part) for name, part in value.items() if name in values]
            else:
                found.append((kind, value))
        return found

    return walk_values


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of parameter. ``read`` raises ``Invalid`` for a text that is no value of it; the text has its escapes.

    ``modifiers`` that a parameter takes besides ``missing``; ``prefixes`` that its values may begin with; ``order`` is
    None where rows cannot be sorted by it.
    """

    fill: Callable[[Param, Language], Fill]
    read: Callable[[Language, Param, str, str], Any]
    match: Callable[[Build, Row, Condition, Find], Match]
    order: Callable[[Row, Param], Order] | None = None
    modifiers: Callable[[Param], frozenset[str]] = no_modifiers
    prefixes: tuple[str, ...] = ()
    walk: Callable[[Param], Walk] = walk_path
