"""The parts that a search's statement is put together from: what is asked, the text in the making, and where binds come
from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from app.fhir.scopes import Action
from app.server.access import Access
from app.server.search.query import SearchQuery
from app.server.search.reach import Reach
from app.server.search.registry import Registry

Phase = Literal[1, 2]
Key = int | float | str
"""What rows are sorted by."""


@dataclass(frozen=True, slots=True)
class After:
    """Where a page goes on: behind ``keys, patient, n``, among what stood unchanged at ``seq`` (phase 1) or was changed
    since (phase 2).
    """

    phase: Phase
    seq: int
    keys: tuple[Key, ...]
    patient: int
    n: int


class Ask(msgspec.Struct, frozen=True):
    """What the binds of one statement are taken from."""

    query: SearchQuery
    reach: Reach
    access: Access
    now: int
    limit: int
    after: After | None


Get = Callable[[Ask], Any]
Find = Callable[[Ask], Any]
"""Finds a criterion in what is asked, at the top or within a chain."""


@dataclass(frozen=True, slots=True)
class Row:
    """A resource in a statement: SQL for its table row, partition and type, and for the ``n`` and ``date`` that its
    index rows carry. ``denied``: SQL for the labels that may not be seen in its partition.

    ``single``: the partition is the same for all rows, so that index rows can be asked for once. ``led``: rows are
    found by their index rows, and not the other way round. ``anywhere``: the partition may be any of the caller's, also
    one that is not searched.
    """

    alias: str
    patient: str
    type: str
    type_name: str
    n: str
    date: str
    denied: str
    single: bool
    led: bool = False
    anywhere: bool = False

    def key(self, table: str, *params: int) -> str:
        """The part of an index table's key that all rows of one parameter share, or of one that is a union."""
        asked = f"= {params[0]}" if len(params) == 1 else f"IN ({', '.join(map(str, params))})"
        return f"{table}.patient = {self.patient} AND {table}.type = {self.type} AND {table}.param {asked}"


@dataclass(frozen=True, slots=True)
class Match:
    """Index rows that meet a condition: FROM and WHERE of a SELECT over the table aliased ``x``.

    ``exact``: they are found by their whole key, ``date`` included, so that looking one up per resource costs the same
    in a record of any size. Others are asked for once and kept.
    """

    source: str
    where: str
    exact: bool = False

    def on(self, row: Row) -> str:
        """The condition that ``row`` has such an index row."""
        if self.exact and not row.led:
            return f"EXISTS (SELECT 1 FROM {self.source} WHERE {self.where} AND x.date = {row.date} AND x.n = {row.n})"
        return f"{row.n} IN (SELECT x.n FROM {self.source} WHERE {self.where})"


@dataclass(slots=True)
class Build:
    """A statement in the making. ``everyone``: it goes over all partitions of a tenant; ``alike``: over several, in all
    of which the same is denied; ``operator``: the caller has all patients of the tenant.
    """

    query: SearchQuery
    registry: Registry
    dialect: str
    everyone: bool
    alike: bool
    operator: bool
    gets: list[Get] = field(default_factory=list)
    depth: int = 0

    def bind(self, get: Get) -> str:
        """A placeholder for what ``get`` takes from the request."""
        self.gets.append(get)
        return f"${len(self.gets)}"

    def any_number(self, column: str, get: Get) -> str:
        """SQL for: ``column`` is any of the numbers that ``get`` takes from the request, however many."""
        if self.dialect == "postgresql":
            return f"{column} = ANY ({self.bind(lambda ask: list(get(ask)))}::bigint[])"
        return f"{column} IN (SELECT j.value FROM json_each({self.bind(lambda ask: f'{list(get(ask))}')}) j)"

    def any_text(self, column: str, get: Get) -> str:
        """The same for texts."""
        if self.dialect == "postgresql":
            return f"({column} = ANY ({self.bind(lambda ask: list(get(ask)))}::text[]))"
        listed = self.bind(lambda ask: msgspec.json.encode(list(get(ask))).decode())
        return f"({column} IN (SELECT j.value FROM json_each({listed}) j))"

    def alias(self) -> str:
        """A name for one more row of ``resource``."""
        self.depth += 1
        return f"c{self.depth}"

    def partitions(self, alias: str) -> str:
        """The partitions that are searched, as a FROM item with ``patient``, ``denied`` and ``seq``."""
        if self.everyone:
            return self._tenant(alias)
        if self.dialect == "postgresql":
            arrays = ", ".join(f"{self.bind(get)}::bigint[]" for get in (_patients, _denied, _seqs))
            return f"unnest({arrays}) AS {alias}(patient, denied, seq)"
        if self.alike:
            denied, listed = self.bind(lambda ask: ask.reach.denied[0]), self.bind(_patients_as_json)
            return f"(SELECT j.value AS patient, {denied} AS denied, 0 AS seq FROM json_each({listed}) j) {alias}"
        listed = self.bind(_rows_as_json)
        return self._json_rows(listed, ("patient", "denied", "seq"), alias)

    def own_partitions(self, alias: str) -> str:
        """All partitions of the caller's patients, searched or not, as a FROM item with ``patient`` and ``denied``."""
        if self.operator:
            return self._tenant(alias)
        if self.dialect == "postgresql":
            patients = self.bind(lambda ask: [patient for patient, _ in _own(ask)])
            denied = self.bind(lambda ask: [denied for _, denied in _own(ask)])
            return f"unnest({patients}::bigint[], {denied}::bigint[]) AS {alias}(patient, denied)"
        listed = self.bind(lambda ask: f"{[[patient, denied] for patient, denied in _own(ask)]}")
        return self._json_rows(listed, ("patient", "denied"), alias)

    def _tenant(self, alias: str) -> str:
        tenant = self.bind(lambda ask: ask.access.tenant)
        live = f"q.tenant IN ({tenant}, 0) AND q.state = 'live'"
        return f"(SELECT q.patient, 0 AS denied, q.seq FROM partition q WHERE {live}) {alias}"

    @staticmethod
    def _json_rows(listed: str, names: tuple[str, ...], alias: str) -> str:
        parts = ", ".join(f"json_extract(j.value, '$[{index}]') AS {name}" for index, name in enumerate(names))
        return f"(SELECT {parts} FROM json_each({listed}) j) {alias}"


def _own(ask: Ask) -> list[tuple[int, int]]:
    return [(patient, denied[Action.SEARCH]) for patient, denied in ask.access.denied.items()]


def value_at(find: Find, index: int, ask: Ask) -> Any:
    """One value of the condition that ``find`` finds."""
    return find(ask).values[index]


def attribute_at(find: Find, index: int, name: str, ask: Ask) -> Any:
    """One attribute of one value of the condition that ``find`` finds."""
    return getattr(find(ask).values[index], name)


def attribute_of(get: Get, name: str, ask: Ask) -> Any:
    """One attribute of what ``get`` takes from the request."""
    return getattr(get(ask), name)


def any_of(parts: list[str]) -> str:
    """SQL for any of ``parts``."""
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _patients(ask: Ask) -> list[int]:
    return list(ask.reach.patients)


def _denied(ask: Ask) -> list[int]:
    return list(ask.reach.denied)


def _seqs(ask: Ask) -> list[int]:
    return list(ask.reach.seqs or (0 for _ in ask.reach.patients))


def _patients_as_json(ask: Ask) -> str:
    return msgspec.json.encode(ask.reach.patients).decode()


def _rows_as_json(ask: Ask) -> str:
    rows = zip(ask.reach.patients, ask.reach.denied, _seqs(ask), strict=True)
    return "[" + ",".join(f"[{patient},{denied},{seq}]" for patient, denied, seq in rows) + "]"
