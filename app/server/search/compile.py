"""From a typed search to one SQL statement, the access predicate and the grant's guard inside, before LIMIT.

The order comes straight from one index where it can: every token row carries its resource's sort date, so
``patient + code + date, newest first`` is one range of one index. A row is checked further by looking up keys that are
known in full, which costs the same in a record of any size.

The text depends on the shape of a search only and is kept; what is asked for goes in as binds, each taken from the
request by a ``Get`` that was found when the text was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.fhir.dates import NO_DATE, OPEN_END
from app.server.search.build import After, Ask, Build, Get, any_of, attribute_at, value_at
from app.server.search.conditions import condition_on, end_of, first_of, interval_condition
from app.server.search.query import Condition, DateValue, ReferenceValue, SearchQuery, TokenValue
from app.server.search.reach import Reach
from app.server.search.registry import EVERY, WIDE, WIDTH, Registry

OWNER_FLAG: Final = 2
"""Bit of ``resource.flags``: the resource names its partition's patient as subject."""

_MOST_PLANS: Final = 2000


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT. Its rows: id, body, sort key, n, and the partition's seq, or its patient where there are several."""

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
        phase = 0 if ask.after is None else ask.after.phase
        shape = (ask.query.shape, ask.reach.single, ask.reach.tenant is None, phase)
        plan = self._plans.get(shape)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[shape] = _plan(ask, self._registry, self._dialect)
        return Statement(plan[0], [get(ask) for get in plan[1]])


def _plan(ask: Ask, registry: Registry, dialect: str) -> tuple[str, tuple[Get, ...]]:
    """The text for all searches of this shape, and where its binds come from."""
    query, single = ask.query, ask.reach.single
    build = Build(query, registry, dialect, single, registry.number(query.resource_type))
    sources = _partitions(build, ask.reach)
    conditions = list(enumerate(query.conditions))
    order = _Order.of(query, registry, several=not single)
    if ask.after is not None and ask.after.phase == 2:
        order = _Order("r.n", descending=False)
    driver = _driver(build, conditions, order)
    sources += driver.sources
    denied = build.bind(lambda ask: ask.reach.denied[0]) if single else "p.denied"
    build.where += [*driver.where, f"r.labels & {denied} = 0"]
    build.where += [condition_on(build, place, condition) for place, condition in conditions]
    for place, ids in enumerate(query.ids):
        marks = [build.bind(partial(_id, place, index)) for index in range(len(ids))]
        build.where.append(f"r.id IN ({', '.join(marks)})" if marks else "0 = 1")
    for place, alternatives in enumerate(query.updated):
        dates = [
            interval_condition(build, value.prefix, partial(_updated, place, index), "r.updated", "r.updated + 1")
            for index, value in enumerate(alternatives)
        ]
        build.where.append(any_of(dates))
    if query.patient:
        build.where.append(f"r.flags & {OWNER_FLAG} <> 0")
    build.where.append(_guard(build))
    _paging(build, driver.key, order, ask.after)
    direction = "DESC" if order.descending else "ASC"
    columns = (driver.key, driver.n) if single else (driver.key, "r.patient", driver.n)
    ordering = ", ".join(f"{column} {direction}" for column in columns)
    owner = f"(SELECT q.seq FROM partition q WHERE q.patient = {build.patient})" if single else "r.patient"
    sql = (
        f"SELECT r.id, r.body, {driver.key}, r.n, {owner} FROM {' CROSS JOIN '.join(sources)}"
        f" WHERE {' AND '.join(build.where)} ORDER BY {ordering} LIMIT {build.bind(lambda ask: ask.limit)}"
    )
    return sql, tuple(build.gets)


def _guard(build: Build) -> str:
    bound = (
        build.bind(lambda ask: ask.access.hash),
        build.bind(lambda ask: ask.access.stamp),
        build.bind(lambda ask: ask.now),
    )
    return "EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = {} AND g.stamp = {} AND g.expires > {})".format(*bound)


def _id(place: int, index: int, ask: Ask) -> str:
    return ask.query.ids[place][index]


def _updated(place: int, index: int, ask: Ask) -> DateValue:
    return ask.query.updated[place][index]


@dataclass(frozen=True, slots=True)
class _Order:
    """What the rows are sorted by: ``column`` is ``date``, ``seq``, ``r.n`` or ``other``, another date parameter."""

    column: str
    descending: bool
    param: int = 0

    @classmethod
    def of(cls, query: SearchQuery, registry: Registry, *, several: bool) -> _Order:
        if query.sort is None:
            return cls("seq" if several else "date", descending=True)
        if query.sort.param is None:
            return cls("seq", descending=query.sort.descending)
        default = registry.sort_date(query.resource_type)
        if default is not None and default.number == query.sort.param.number:
            return cls("date", descending=query.sort.descending)
        return cls("other", descending=query.sort.descending, param=query.sort.param.number)


@dataclass(frozen=True, slots=True)
class _Driver:
    """The table that the rows come from, in which order, and by which expression they are sorted and numbered."""

    sources: list[str]
    where: list[str]
    key: str
    n: str = "r.n"


def _partitions(build: Build, reach: Reach) -> list[str]:
    """Where the partitions come from: a bind, a list, or all of a tenant."""
    if build.single:
        build.patient = build.bind(lambda ask: ask.reach.patients[0])
        return []
    build.patient = "p.patient"
    if reach.tenant is not None:
        tenant = build.bind(lambda ask: ask.reach.tenant)
        live = f"q.tenant IN ({tenant}, 0) AND q.state = 'live'"
        return [f"(SELECT q.patient, 0 AS denied, q.seq FROM partition q WHERE {live}) p"]
    if build.dialect == "postgresql":
        arrays = ", ".join(f"{build.bind(get)}::bigint[]" for get in (_patients, _denied, _seqs))
        return [f"unnest({arrays}) AS p(patient, denied, seq)"]
    listed = build.bind(_rows_as_json)
    names = enumerate(("patient", "denied", "seq"))
    parts = ", ".join(f"json_extract(j.value, '$[{index}]') AS {name}" for index, name in names)
    return [f"(SELECT {parts} FROM json_each({listed}) j) p"]


def _patients(ask: Ask) -> list[int]:
    return list(ask.reach.patients)


def _denied(ask: Ask) -> list[int]:
    return list(ask.reach.denied)


def _seqs(ask: Ask) -> list[int]:
    return list(ask.reach.seqs or (0 for _ in ask.reach.patients))


def _rows_as_json(ask: Ask) -> str:
    rows = zip(ask.reach.patients, ask.reach.denied, _seqs(ask), strict=True)
    return "[" + ",".join(f"[{patient},{denied},{seq}]" for patient, denied, seq in rows) + "]"


def _driver(build: Build, conditions: list[tuple[int, Condition]], order: _Order) -> _Driver:
    """Choose what leads, and take the condition that it answers out of ``conditions``."""
    # What is deleted has no index rows; only where the resources themselves lead must it be passed over.
    resource = f"r.patient = {build.patient} AND r.type = {build.type} AND r.deleted = 0"
    if order.column == "seq":
        return _Driver(["resource r"], [resource], "r.seq" if build.single else "r.updated")
    if order.column == "r.n":
        return _Driver(["resource r"], [resource], "r.n")
    if build.query.ids and order.column == "date":
        return _Driver(["resource r"], [resource], "r.date")
    if order.column == "other":
        missing = NO_DATE if order.descending else -(NO_DATE + 1)
        least = f"(SELECT min(x.low) FROM period x WHERE {build.key('x', order.param)} AND x.n = r.n)"
        return _Driver(["resource r"], [resource], f"coalesce({least}, {missing})")
    lead = next((each for each in conditions if _leads(each[1])), None)
    if lead is not None:
        conditions.remove(lead)
        place, condition = lead
        value = condition.values[0]
        if isinstance(value, ReferenceValue):
            number = build.registry.number(value.types[0]) if value.types else 0
            target = build.bind(partial(attribute_at, place, 0, "id"))
            where = f"{build.key('l', condition.param.number)} AND l.target_type = {number} AND l.target_id = {target}"
            return _Driver(["link l", "resource r"], [where, "r.patient = l.patient AND r.n = l.n"], "r.date")
        token = build.bind(partial(attribute_at, place, 0, "hash"))
        where = f"{build.key('t', condition.param.number)} AND t.value = {token}"
    else:
        where = f"{build.key('t', EVERY)} AND t.value = {EVERY}"
    default = build.registry.sort_date(build.query.resource_type)
    parts = [where]
    for each in list(conditions):
        place, condition = each
        sole = condition.values[0] if len(condition.values) == 1 else None
        if default is not None and condition.param.number == default.number and isinstance(sole, DateValue):
            conditions.remove(each)
            parts.append(_driving_date(build, condition.param.number, sole.prefix, partial(value_at, place, 0)))
    return _Driver(["token t", "resource r"], [*parts, "r.patient = t.patient AND r.n = t.n"], "t.date", "t.n")


def _leads(condition: Condition) -> bool:
    if condition.modifier or len(condition.values) != 1:
        return False
    value = condition.values[0]
    if isinstance(value, TokenValue):
        return value.hash is not None
    return isinstance(value, ReferenceValue) and len(value.types) <= 1


def _driving_date(build: Build, param: int, prefix: str, get: Get) -> str:
    """A date condition on the token row that leads: a range of its index, and the end of the period only where it
    matters.
    """
    first, end = partial(build.bind, partial(first_of, get)), partial(build.bind, partial(end_of, get))
    some = f"t.date > {NO_DATE}"
    within = f"SELECT 1 FROM period x WHERE {build.key('x', param)} AND x.low = t.date AND x.n = t.n"
    if prefix == "sa":
        return f"t.date >= {end()}"
    if prefix == "lt":
        return f"{some} AND t.date < {first()}"
    if prefix == "eq":
        last = end()
        return f"t.date >= {first()} AND t.date < {last} AND EXISTS ({within} AND x.high <= {last})"
    if prefix in ("ge", "gt"):
        last = end()
        begin = first() if prefix == "ge" else last
        # Nothing of at most a day that began before this reaches beyond the interval, or lies in it.
        back = build.bind(lambda ask: min(end_of(get, ask) - WIDTH, first_of(get, ask) if prefix == "ge" else OPEN_END))
        wide = build.key("w", param + WIDE)
        longest = f"SELECT min(w.low) FROM period w WHERE {wide} AND w.low < {back} AND w.high > {last}"
        bound = f"t.date >= coalesce(({longest}), {back}::bigint)"
        return f"{bound} AND {some} AND (t.date >= {begin} OR EXISTS ({within} AND x.high > {last}))"
    if prefix == "le":
        last = end()
        return f"{some} AND t.date < {last} AND (t.date < {first()} OR EXISTS ({within} AND x.high <= {last}))"
    return f"{some} AND EXISTS ({within} AND {interval_condition(build, prefix, get, 'x.low', 'x.high')})"


def _paging(build: Build, key: str, order: _Order, after: After | None) -> None:
    """Keep a walk to what existed at its first page; see ``After``."""
    if after is None:
        return
    seq = build.bind(lambda ask: _after(ask).seq) if build.single else "p.seq"
    build.where.append(f"r.n <= {seq} AND r.seq {'<=' if after.phase == 1 else '>'} {seq}")
    than = "<" if order.descending else ">"
    last_key, last_n = build.bind(lambda ask: _after(ask).key), build.bind(lambda ask: _after(ask).n)
    if build.single:
        build.where.append(f"({key}, r.n) {than} ({last_key}::bigint, {last_n}::bigint)")
    else:
        patient = build.bind(lambda ask: _after(ask).patient)
        last = f"({last_key}::bigint, {patient}::bigint, {last_n}::bigint)"
        build.where.append(f"({key}, r.patient, r.n) {than} {last}")


def _after(ask: Ask) -> After:
    assert ask.after is not None
    return ask.after
