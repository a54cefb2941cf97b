"""The parts that a search's statement is put together from: what is asked, the text in the making, and where binds come
from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from app.server.access import Access
from app.server.search.query import SearchQuery
from app.server.search.reach import Reach
from app.server.search.registry import Registry

Phase = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class After:
    """Where a page goes on: behind ``key, patient, n``, among what stood unchanged at ``seq`` (phase 1) or was changed
    since (phase 2).
    """

    phase: Phase
    seq: int
    key: int
    patient: int
    n: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What the binds of one statement are taken from."""

    query: SearchQuery
    reach: Reach
    access: Access
    now: int
    limit: int
    after: After | None


Get = Callable[[Ask], Any]


@dataclass(slots=True)
class Build:
    """A statement in the making."""

    query: SearchQuery
    registry: Registry
    dialect: str
    single: bool
    type: int
    gets: list[Get] = field(default_factory=list)
    patient: str = ""
    where: list[str] = field(default_factory=list)

    def bind(self, get: Get) -> str:
        self.gets.append(get)
        return f"${len(self.gets)}"

    def key(self, table: str, param: int) -> str:
        """The part of an index table's key that all rows of one parameter share."""
        return f"{table}.patient = {self.patient} AND {table}.type = {self.type} AND {table}.param = {param}"


def value_at(place: int, index: int, ask: Ask) -> Any:
    return ask.query.conditions[place].values[index]


def attribute_at(place: int, index: int, name: str, ask: Ask) -> Any:
    return getattr(ask.query.conditions[place].values[index], name)


def any_of(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"
