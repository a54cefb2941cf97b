"""What a type of search parameter is: how it indexes, reads what is asked, looks it up and sorts.
https://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.server.search.build import Build, Find, Match, Row
from app.server.search.query import Condition
from app.server.search.registry import Param, Registry
from app.server.search.rows import Rows

Fill = Callable[[Rows, list[tuple[str, Any]]], None]
"""Adds the index rows of the values that a parameter's path found, as (FHIR type, JSON value) pairs."""


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


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of parameter. ``read`` raises ``Invalid`` for a text that is no value of it.

    ``modifiers`` besides ``missing``; ``order`` is None where rows cannot be sorted by it.
    """

    modifiers: frozenset[str]
    fill: Callable[[Param, Language], Fill]
    read: Callable[[Language, Param, str, str], Any]
    match: Callable[[Build, Row, Condition, Find], Match]
    order: Callable[[Row, Param], Order] | None = None
