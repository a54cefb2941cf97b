"""From a typed search to one SQL statement, the access predicate and the grant's guard inside, before LIMIT.

The order comes straight from one index where it can: every token row carries its resource's sort date, so
``patient + code + date, newest first`` is one range of one index. A row is checked further by looking up keys that are
known in full, which costs the same in a record of any size.

The text depends on the shape of a search only and is kept; what is asked for goes in as binds, each taken from the
request by a ``Get`` that was found when the text was made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import msgspec

from app.server.access import standing
from app.server.search.build import After, Ask, Build, Get, Row
from app.server.search.conditions import condition_on, updated_on
from app.server.search.drivers import Driver, driver_of
from app.server.search.follow import OWNER_FLAG
from app.server.search.query import Criterion, Ids, Updated
from app.server.search.registry import Registry

_MOST_PLANS: Final = 2000
_OF_RESOURCE: Final = re.compile(r"\br\.")


class Statement(msgspec.Struct, frozen=True):
    """One SELECT. Its rows: id, body, the partition's seq (its patient where there are several), n, type, sort keys."""

    sql: str
    binds: list[Any]


class Compiler:
    """Statements for searches, one text per shape."""

    def __init__(self, registry: Registry, dialect: str) -> None:
        self._registry = registry
        self._dialect = dialect
        self._plans: dict[object, tuple[str, tuple[Get, ...]]] = {}

    def compile(self, ask: Ask) -> Statement:
        """The statement for one page of at most ``ask.limit`` rows."""
        return self._statement(ask, 0 if ask.after is None else ask.after.phase)

    def count(self, ask: Ask) -> Statement:
        """The statement whose one row is the number of matches."""
        return self._statement(ask, -1)

    def _statement(self, ask: Ask, phase: int) -> Statement:
        shape = (
            ask.query.shape,
            ask.access.everyone,
            ask.reach.single,
            ask.reach.tenant is None,
            ask.reach.alike,
            phase,
        )
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            make = _count_plan if phase < 0 else _page_plan
            plan = self._plans[shape] = make(ask, self._registry, self._dialect)
        return Statement(plan[0], [get(ask) for get in plan[1]])


@dataclass(slots=True)
class _Found:
    """FROM and WHERE of the matches: what pages and counts share."""

    build: Build
    driver: Driver
    where: list[str]
    place: str = "r"
    """The table that has ``patient`` and ``n``."""


def _page_plan(ask: Ask, registry: Registry, dialect: str) -> tuple[str, tuple[Get, ...]]:
    """The text for one page of all searches of this shape, and where its binds come from."""
    found = _found(ask, registry, dialect)
    build, driver, row = found.build, found.driver, found.driver.row
    if ask.after is not None:
        found.where += _paging(build, driver, ask.after)
    limit = build.bind(lambda ask: ask.limit)
    owner = f"(SELECT q.seq FROM partition q WHERE q.patient = {row.patient})" if row.single else "r.patient"
    if driver.ordered:
        sql = (
            f"SELECT r.id, r.body, {owner}, r.n, {row.type}, {', '.join(driver.keys)} FROM {driver.source}"
            f" WHERE {' AND '.join(found.where)} ORDER BY {_ordering(driver, driver.keys, row.n)} LIMIT {limit}"
        )
        return sql, tuple(build.gets)
    if driver.ways:
        return _merged(found, owner, limit), tuple(build.gets)
    # What must be sorted is sorted without the resources themselves.
    named = [f"f{place}" for place in range(len(driver.keys))]
    keys = ", ".join(f"{key} AS {name}" for key, name in zip(driver.keys, named, strict=True))
    sql = (
        f"SELECT r.id, r.body, {owner}, r.n, {row.type}, {', '.join(named)}"
        f" FROM (SELECT {found.place}.patient, {row.n}, {keys} FROM {driver.source} WHERE {' AND '.join(found.where)}"
        f" ORDER BY {_ordering(driver, driver.keys, row.n, found.place)} LIMIT {limit}) f CROSS JOIN resource r"
        f" WHERE r.patient = f.patient AND r.n = f.n ORDER BY {_ordering(driver, named, 'f.n')}"
    )
    return sql, tuple(build.gets)


def _merged(found: _Found, owner: str, limit: str) -> str:
    """The text of one page where several values lead: the page of each by itself, and of all those the first rows."""
    driver, row = found.driver, found.driver.row
    shared = found.where[len(driver.where) :]
    key, order = driver.keys[0], _ordering(driver, driver.keys, row.n)
    pages = " UNION ".join(
        f"SELECT w.n, w.f0 FROM (SELECT {row.n}, {key} AS f0 FROM {source} WHERE {' AND '.join([*where, *shared])}"
        f" ORDER BY {order} LIMIT {limit}) w"
        for source, where in driver.ways
    )
    order = _ordering(driver, ["f0"], "n")
    return (
        f"SELECT r.id, r.body, {owner}, r.n, {row.type}, f.f0"
        f" FROM (SELECT n, f0 FROM ({pages}) u ORDER BY {order} LIMIT {limit}) f CROSS JOIN resource r"
        f" WHERE r.patient = {row.patient} AND r.n = f.n ORDER BY {_ordering(driver, ['f.f0'], 'f.n')}"
    )


def _ordering(driver: Driver, keys: list[str], n: str, place: str = "r") -> str:
    """What rows are ordered by, the same way to the end."""
    columns = [*keys, *(() if driver.row.single else (f"{place}.patient",)), n]
    descending = [*driver.descending, *([driver.descending[0]] * (len(columns) - len(keys)))]
    return ", ".join(f"{column} {'DESC' if down else 'ASC'}" for column, down in zip(columns, descending, strict=True))


def _count_plan(ask: Ask, registry: Registry, dialect: str) -> tuple[str, tuple[Get, ...]]:
    """The text that counts the matches of all searches of this shape."""
    found = _found(ask, registry, dialect)
    return f"SELECT count(*) FROM {found.driver.source} WHERE {' AND '.join(found.where)}", tuple(found.build.gets)


def _found(ask: Ask, registry: Registry, dialect: str) -> _Found:
    query, single = ask.query, ask.reach.single
    build = Build(
        query,
        registry,
        dialect,
        everyone=ask.reach.tenant is not None,
        alike=ask.reach.alike,
        operator=ask.access.everyone,
    )
    patient = build.bind(lambda ask: ask.reach.patients[0]) if single else "p.patient"
    partitions = "" if single else build.partitions("p")
    denied = build.bind(lambda ask: ask.reach.denied[0]) if single else "p.denied"
    number = "r.type" if query.types else str(registry.number(query.resource_type))
    row = Row("r", patient, number, query.resource_type, "r.n", "r.date", denied, single)
    conditions = list(enumerate(query.conditions))
    changed_meanwhile = ask.after is not None and ask.after.phase == 2
    driver = driver_of(build, row, conditions, partitions, changed_meanwhile=changed_meanwhile)
    where = [condition_on(build, driver.row, each, partial(_criterion, place)) for place, each in conditions]
    for place, ids in enumerate(query.ids):
        where.append(condition_on(build, driver.row, Ids(tuple(ids)), partial(_ids, place)))
    for place, values in enumerate(query.updated):
        where.append(updated_on(build, driver.row, Updated(values), partial(_updated, place)))
    if query.patient:
        where.append(f"r.flags & {OWNER_FLAG} <> 0")
    where.append(_guard(build))
    if driver.index is None or single or ask.after is not None or any(map(_OF_RESOURCE.search, where)):
        return _Found(build, driver, [*driver.where, f"r.labels & {denied} = 0", *where])
    # Nothing is asked of the resources but their labels, and in most of many partitions none is denied: the rows are
    # found and sorted without looking them up.
    source, found = driver.index
    labels = f"SELECT 1 FROM resource r WHERE r.patient = t.patient AND r.n = t.n AND r.labels & {denied} = 0"
    seen = f"({denied} = 0 OR EXISTS ({labels}))"
    return _Found(build, replace(driver, source=source), [*found, seen, *where], "t")


def _criterion(place: int, ask: Ask) -> Criterion:
    return ask.query.conditions[place]


def _ids(place: int, ask: Ask) -> Ids:
    return Ids(tuple(ask.query.ids[place]))


def _updated(place: int, ask: Ask) -> Updated:
    return Updated(ask.query.updated[place])


def _guard(build: Build) -> str:
    bound = (
        build.bind(lambda ask: ask.access.hash),
        build.bind(lambda ask: ask.access.stamp),
        build.bind(lambda ask: ask.now),
    )
    return standing(*bound)


def _paging(build: Build, driver: Driver, after: After) -> list[str]:
    """Keep a walk to what existed at its first page; see ``After``."""
    row = driver.row
    seq = build.bind(lambda ask: _after(ask).seq) if row.single else "p.seq"
    kept = f"r.n <= {seq} AND r.seq {'<=' if after.phase == 1 else '>'} {seq}"
    columns = list(driver.keys)
    binds = [f"{build.bind(partial(_key, place))}::{kind}" for place, kind in enumerate(driver.types)]
    if not row.single:
        columns.append("r.patient")
        binds.append(f"{build.bind(lambda ask: _after(ask).patient)}::bigint")
    columns.append("r.n")
    binds.append(f"{build.bind(lambda ask: _after(ask).n)}::bigint")
    down = [*driver.descending, *([driver.descending[0]] * (len(columns) - len(driver.descending)))]
    if len(set(down)) == 1:
        return [kept, f"({', '.join(columns)}) {'<' if down[0] else '>'} ({', '.join(binds)})"]
    alternatives = []
    for place in range(len(columns)):
        same = [f"{columns[index]} = {binds[index]}" for index in range(place)]
        beyond = f"{columns[place]} {'<' if down[place] else '>'} {binds[place]}"
        alternatives.append(" AND ".join((*same, beyond)))
    return [kept, f"({' OR '.join(f'({each})' for each in alternatives)})"]


def _key(place: int, ask: Ask) -> Any:
    return _after(ask).keys[place]


def _after(ask: Ask) -> After:
    assert ask.after is not None
    return ask.after
