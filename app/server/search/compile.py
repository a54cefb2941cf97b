"""From a typed search to one SQL statement, the access predicate and the grant's guard inside, before LIMIT.

The order comes straight from one index where it can: every token row carries its resource's sort date, so ``patient +
code + date, newest first`` is one range of one index. A row is checked further by looking up keys that are known in
full, which costs the same in a record of any size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from app.fhir.dates import NO_DATE
from app.server.access import Access
from app.server.search.dates import widen
from app.server.search.parse import Condition, DateValue, ReferenceValue, SearchQuery, StringValue, TokenValue
from app.server.search.reach import Reach
from app.server.search.registry import EVERY, WIDE, WIDTH, Param, Registry
from app.server.search.strings import HEAD, fold, prefix_end
from app.server.search.tokens import hash_token, implied

OWNER_FLAG: Final = 2
"""Bit of ``resource.flags``: the resource names its partition's patient as subject."""

_COMPARISONS: Final = {
    "eq": "(low >= FIRST AND high <= END)",
    "ne": "NOT (low >= FIRST AND high <= END)",
    "gt": "high > END",
    "lt": "low < FIRST",
    "ge": "(low >= FIRST OR high > END)",
    "le": "(low < FIRST OR high <= END)",
    "sa": "low >= END",
    "eb": "high <= FIRST",
}
"""What each prefix asks of a stored interval [low, high), given the one that was written."""

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
class Statement:
    """One SELECT. Its rows: patient, n, sort key, id, type, flags, body, and the partition's seq (0 where there are
    several).
    """

    sql: str
    binds: tuple[Any, ...]


@dataclass(slots=True)
class _Build:
    """A statement in the making."""

    query: SearchQuery
    reach: Reach
    registry: Registry
    now: int
    dialect: str
    type: int
    binds: list[Any] = field(default_factory=list)
    patient: str = ""
    where: list[str] = field(default_factory=list)

    def bind(self, value: Any) -> str:
        self.binds.append(value)
        return f"${len(self.binds)}"

    def key(self, table: str, param: int, *, patient: str | None = None) -> str:
        """The part of an index table's key that all rows of one parameter share."""
        return f"{table}.patient = {patient or self.patient} AND {table}.type = {self.type} AND {table}.param = {param}"


def compile_search(
    query: SearchQuery,
    *,
    reach: Reach,
    access: Access,
    registry: Registry,
    now: int,
    dialect: str,
    limit: int,
    after: After | None,
) -> Statement:
    """The statement for one page of at most ``limit`` rows."""
    build = _Build(query, reach, registry, now, dialect, registry.number(query.resource_type))
    sources = _partitions(build)
    conditions = list(query.conditions)
    order = _Order.of(query, registry, several=not reach.single)
    if after is not None and after.phase == 2:
        order = _Order("r.n", descending=False)
    driver = _driver(build, conditions, order)
    sources += driver.sources
    denied = build.bind(reach.denied[0]) if reach.single else "p.denied"
    build.where += [*driver.where, "r.deleted = 0", f"r.labels & {denied} = 0"]
    for condition in conditions:
        build.where.append(_condition(build, condition))
    for ids in query.ids:
        build.where.append(f"r.id IN ({', '.join(build.bind(each) for each in ids)})" if ids else "0 = 1")
    for alternatives in query.updated:
        build.where.append(_any([_interval(build, each, "r.updated", "r.updated + 1") for each in alternatives]))
    if query.patient:
        build.where.append(f"r.flags & {OWNER_FLAG} <> 0")
    guard = (
        f"g.hash = {build.bind(access.hash)} AND g.stamp = {build.bind(access.stamp)} AND g.expires > {build.bind(now)}"
    )
    build.where.append(f"EXISTS (SELECT 1 FROM access_grant g WHERE {guard})")
    key = driver.key
    _paging(build, key, order, after)
    direction = "DESC" if order.descending else "ASC"
    ordering = (
        f"{key} {direction}, r.patient {direction}, {driver.n} {direction}"
        if not reach.single
        else f"{key} {direction}, {driver.n} {direction}"
    )
    seq = f"(SELECT q.seq FROM partition q WHERE q.patient = {build.patient})" if reach.single else "0"
    sql = (
        f"SELECT r.patient, r.n, {key}, r.id, r.type, r.flags, r.body, {seq} FROM {' CROSS JOIN '.join(sources)}"
        f" WHERE {' AND '.join(build.where)} ORDER BY {ordering} LIMIT {limit}"
    )
    return Statement(sql, tuple(build.binds))


@dataclass(frozen=True, slots=True)
class _Order:
    """What the rows are sorted by: ``column`` is the sort date, ``r.seq``, ``r.n``, or the number of another date
    parameter.
    """

    column: str
    descending: bool
    param: int | None = None

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


def _partitions(build: _Build) -> list[str]:
    """Where the partitions come from: a bind, a list, or all of a tenant."""
    reach = build.reach
    if reach.single:
        build.patient = build.bind(reach.patients[0])
        return []
    build.patient = "p.patient"
    if reach.tenant is not None:
        tenant = build.bind(reach.tenant)
        return [
            f"(SELECT q.patient, 0 AS denied, q.seq FROM partition q WHERE q.tenant IN ({tenant}, 0) AND q.state = 'live') p"
        ]
    seqs = reach.seqs or tuple(0 for _ in reach.patients)
    if build.dialect == "postgresql":
        arrays = ", ".join(f"{build.bind(list(each))}::bigint[]" for each in (reach.patients, reach.denied, seqs))
        return [f"unnest({arrays}) AS p(patient, denied, seq)"]
    rows = "[" + ",".join(f"[{a},{b},{c}]" for a, b, c in zip(reach.patients, reach.denied, seqs, strict=True)) + "]"
    listed = build.bind(rows)
    parts = ", ".join(
        f"json_extract(j.value, '$[{index}]') AS {name}" for index, name in enumerate(("patient", "denied", "seq"))
    )
    return [f"(SELECT {parts} FROM json_each({listed}) j) p"]


def _driver(build: _Build, conditions: list[Condition], order: _Order) -> _Driver:
    """Choose what leads, and take the condition that it answers out of ``conditions``."""
    resource = f"r.patient = {build.patient} AND r.type = {build.type}"
    if order.column == "seq":
        return _Driver(["resource r"], [resource], "r.seq" if build.reach.single else "r.updated")
    if order.column == "r.n":
        return _Driver(["resource r"], [resource], "r.n")
    if build.query.ids and order.column == "date":
        return _Driver(["resource r"], [resource], "r.date")
    if order.column == "other":
        missing = NO_DATE if order.descending else -(NO_DATE + 1)
        least = f"(SELECT min(x.low) FROM period x WHERE {build.key('x', order.param or 0)} AND x.n = r.n)"
        return _Driver(["resource r"], [resource], f"coalesce({least}, {missing})")
    lead = next((each for each in conditions if _leads(each)), None)
    if lead is not None and lead.param.kind == "reference":
        conditions.remove(lead)
        target = lead.values[0]
        assert isinstance(target, ReferenceValue)
        number = build.registry.number(target.types[0]) if target.types else 0
        where = f"{build.key('l', lead.param.number)} AND l.target_type = {number} AND l.target_id = {build.bind(target.id)}"
        return _Driver(["link l", "resource r"], [where, "r.patient = l.patient AND r.n = l.n"], "r.date")
    if lead is not None:
        conditions.remove(lead)
        where = f"{build.key('t', lead.param.number)} AND t.value = {build.bind(_hashes(lead)[0])}"
    else:
        where = f"{build.key('t', EVERY)} AND t.value = {EVERY}"
    default = build.registry.sort_date(build.query.resource_type)
    parts = [where]
    for condition in list(conditions):
        if default is not None and condition.param.number == default.number and len(condition.values) == 1:
            conditions.remove(condition)
            parts.append(_driving_date(build, condition.param, condition.values[0]))
    return _Driver(["token t", "resource r"], [*parts, "r.patient = t.patient AND r.n = t.n"], "t.date", "t.n")


def _leads(condition: Condition) -> bool:
    if condition.modifier or len(condition.values) != 1:
        return False
    value = condition.values[0]
    if isinstance(value, TokenValue):
        return len(_hashes(condition)) == 1
    return isinstance(value, ReferenceValue) and len(value.types) <= 1


def _hashes(condition: Condition) -> list[int]:
    """The hashes of values whose system and code are both known."""
    plain = condition.param.plain
    found = []
    for value in condition.values:
        assert isinstance(value, TokenValue)
        if value.hash is not None:
            found.append(value.hash)
        elif plain and value.code is not None and (not value.system or implied(value.system)):
            found.append(hash_token("", value.code))
        elif value.system is not None and value.code is not None:
            found.append(hash_token(value.system, value.code))
    return found


def _any(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _condition(build: _Build, condition: Condition) -> str:
    """A condition on the row ``r``."""
    if condition.missing is not None:
        bit = build.registry.present_bit(condition.param)
        return f"r.present & {bit} {'=' if condition.missing else '<>'} 0"
    makers: dict[str, Callable[[_Build, Condition], str]] = {
        "token": _token,
        "date": _date,
        "string": _string,
        "reference": _reference,
    }
    return makers[condition.param.kind](build, condition)


def _token(build: _Build, condition: Condition) -> str:
    key = build.key("x", condition.param.number)
    known = _hashes(condition)
    parts = []
    if known:
        parts.append(f"x.value IN ({', '.join(build.bind(each) for each in known)})")
    plain = condition.param.plain
    for value in condition.values:
        assert isinstance(value, TokenValue)
        if value.hash is not None or (plain and value.code is not None and (not value.system or implied(value.system))):
            continue
        if value.system is None:
            parts.append(
                f"x.value IN (SELECT m.value FROM term m WHERE m.patient = {build.patient} AND m.code = {build.bind(value.code)})"
            )
        elif value.code is None:
            parts.append(
                f"x.value IN (SELECT m.value FROM term m WHERE m.patient = {build.patient} AND m.system = {build.bind(value.system)})"
            )
    exists = f"EXISTS (SELECT 1 FROM token x WHERE {key} AND {_any(parts)} AND x.date = r.date AND x.n = r.n)"
    return f"NOT {exists}" if condition.modifier == "not" else exists


def _reference(build: _Build, condition: Condition) -> str:
    parts = []
    for value in condition.values:
        assert isinstance(value, ReferenceValue)
        numbers = ", ".join(str(build.registry.number(each)) for each in value.types) or "0"
        parts.append(f"(x.target_type IN ({numbers}) AND x.target_id = {build.bind(value.id)})")
    return (
        f"EXISTS (SELECT 1 FROM link x WHERE {build.key('x', condition.param.number)} AND {_any(parts)} AND x.n = r.n)"
    )


def _string(build: _Build, condition: Condition) -> str:
    parts = []
    for value in condition.values:
        assert isinstance(value, StringValue)
        folded = fold(value.text)
        head = folded[:HEAD]
        if condition.modifier == "contains":
            part = f"{'strpos' if build.dialect == 'postgresql' else 'instr'}(x.folded, {build.bind(folded)}) > 0"
        elif condition.modifier == "exact":
            part = f"x.head = {build.bind(head)} AND x.exact = {build.bind(value.text)}"
        else:
            part = f"x.head >= {build.bind(head)} AND x.head < {build.bind(prefix_end(head))}"
            if len(folded) > HEAD:
                part += f" AND x.folded >= {build.bind(folded)} AND x.folded < {build.bind(prefix_end(folded))}"
        parts.append(f"({part})")
    return (
        f"EXISTS (SELECT 1 FROM text x WHERE {build.key('x', condition.param.number)} AND {_any(parts)} AND x.n = r.n)"
    )


def _date(build: _Build, condition: Condition) -> str:
    parts = [_interval(build, value, "x.low", "x.high") for value in condition.values if isinstance(value, DateValue)]
    default = build.registry.sort_date(build.query.resource_type)
    known = " AND x.low = r.date" if default is not None and default.number == condition.param.number else ""
    return f"EXISTS (SELECT 1 FROM period x WHERE {build.key('x', condition.param.number)}{known} AND {_any(parts)} AND x.n = r.n)"


def _interval(build: _Build, value: DateValue, low: str, high: str) -> str:
    """The comparison of a stored interval [low, high) with the one asked for, by its prefix."""
    first, end = value.low, value.high
    if value.prefix == "ap":
        first, end = widen(first, end, build.now)
        return f"({low} < {build.bind(end)} AND {high} > {build.bind(first)})"
    comparison = _COMPARISONS[value.prefix].replace("low", low).replace("high", high)
    for name, bound in (("FIRST", first), ("END", end)):
        if name in comparison:
            comparison = comparison.replace(name, build.bind(bound))
    return comparison


def _driving_date(build: _Build, param: Param, value: Any) -> str:
    """A date condition on the token row that leads: a range of its index, and the end of the period only where it
    matters.
    """
    assert isinstance(value, DateValue)
    first, end = value.low, value.high
    some = f"t.date > {NO_DATE}"
    within = f"SELECT 1 FROM period x WHERE {build.key('x', param.number)} AND x.low = t.date AND x.n = t.n"
    if value.prefix == "sa":
        return f"t.date >= {build.bind(end)}"
    if value.prefix == "lt":
        return f"{some} AND t.date < {build.bind(first)}"
    if value.prefix == "eq":
        last = build.bind(end)
        return f"t.date >= {build.bind(first)} AND t.date < {last} AND EXISTS ({within} AND x.high <= {last})"
    if value.prefix in ("ge", "gt"):
        begin, last = build.bind(first if value.prefix == "ge" else end), build.bind(end)
        # What is shorter than a day and reaches the interval begins in it, or less than a day before its end.
        back = build.bind(min(first, end - WIDTH) if value.prefix == "ge" else end - WIDTH)
        longest = f"SELECT min(w.low) FROM period w WHERE {build.key('w', param.number + WIDE)} AND w.low < {back} AND w.high > {last}"
        bound = f"t.date >= coalesce(({longest}), {back}::bigint)"
        return f"{bound} AND {some} AND (t.date >= {begin} OR EXISTS ({within} AND x.high > {last}))"
    if value.prefix == "le":
        last = build.bind(end)
        return (
            f"{some} AND t.date < {last} AND (t.date < {build.bind(first)} OR EXISTS ({within} AND x.high <= {last}))"
        )
    return f"{some} AND EXISTS ({within} AND {_interval(build, value, 'x.low', 'x.high')})"


def _paging(build: _Build, key: str, order: _Order, after: After | None) -> None:
    """Keep a walk to what existed at its first page; see ``After``."""
    if after is None:
        return
    seq = build.bind(after.seq) if build.reach.single else "p.seq"
    build.where.append(f"r.n <= {seq} AND r.seq {'<=' if after.phase == 1 else '>'} {seq}")
    than = "<" if order.descending else ">"
    if build.reach.single:
        build.where.append(f"({key}, r.n) {than} ({build.bind(after.key)}::bigint, {build.bind(after.n)}::bigint)")
    else:
        last = f"({build.bind(after.key)}::bigint, {build.bind(after.patient)}::bigint, {build.bind(after.n)}::bigint)"
        build.where.append(f"({key}, r.patient, r.n) {than} {last}")
