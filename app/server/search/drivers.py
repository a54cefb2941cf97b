"""What leads a search: the table that the rows come from, in which order, and by which expressions they are sorted.

Nothing is sorted where an index has the order already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from app.fhir.dates import NO_DATE, OPEN_END
from app.server.search.build import Ask, Build, Find, Get, Row, attribute_at, value_at
from app.server.search.dates import DateValue, end_of, first_of, interval_condition
from app.server.search.kind import Order
from app.server.search.kinds import KINDS
from app.server.search.query import AllOf, AnyOf, Chain, Condition, Criterion, Has, SearchQuery, SortKey
from app.server.search.references import ReferenceValue
from app.server.search.registry import EVERY, WIDE, WIDTH, Registry
from app.server.search.tokens import TokenValue

_LEADING_KINDS: Final = frozenset({"string", "uri", "composite", "special"})
"""Kinds whose index rows, asked for once, are few enough to lead; dates and numbers may hold for half a record."""
_MOST_LEADING: Final = 16
"""Values of one condition that lead together, each with a part of the statement to itself."""


@dataclass(frozen=True, slots=True)
class Driver:
    """``source``: the whole FROM. ``keys`` sort the rows, before patient and n; ``types``: PostgreSQL's of each.

    ``ordered``: rows come in that order from an index, so that a page reads no more than it gives.
    ``index``: FROM and WHERE of the same rows as ``t``, without ``resource``, where ``t`` has all that sorts them.
    ``ways``: the same rows by one value each, as FROM and WHERE; each comes in the order from an index, and a row may
    come in several.
    """

    source: str
    where: list[str]
    row: Row
    keys: list[str]
    descending: list[bool]
    types: Sequence[str] = ("bigint",)
    ordered: bool = False
    index: tuple[str, list[str]] | None = None
    ways: Sequence[tuple[str, list[str]]] = ()


Placed = tuple[int, Criterion]
"""A criterion and its place in the query."""


def driver_of(build: Build, row: Row, conditions: list[Placed], partitions: str, *, changed_meanwhile: bool) -> Driver:
    """Choose what leads, and take the condition that it answers out of ``conditions``. ``changed_meanwhile``: the rows
    of a walk's late part, in order of birth.
    """
    query = build.query
    # What is deleted has no index rows; only where the resources themselves lead must it be passed over.
    listed = ", ".join(str(build.registry.number(each)) for each in query.types)
    of_type = f"r.type IN ({listed})" if query.types else f"r.type = {row.type}"
    there = f"r.patient = {row.patient} AND {of_type} AND r.deleted = 0"
    front = f"{partitions} CROSS JOIN " if partitions else ""
    plain = Driver(f"{front}resource r", [there], row, ["r.n"], [False])
    if changed_meanwhile:
        return plain
    sort = query.sort or (SortKey(None, descending=True) if query.types or not row.single else _NEWEST,)
    sole = sort[0] if len(sort) == 1 else None
    by_date = sole is _NEWEST or (sole is not None and _is_default(sole, query, build.registry))
    driver = plain if query.ids or query.types else _leader(build, plain, conditions, front, by_date=by_date)
    if not by_date:
        return _sorted(build, driver, sort)
    on_token = driver.row.date == "t.date"
    ordered = row.single and on_token and not driver.ways
    return replace(driver, keys=[driver.row.date], descending=[sort[0].descending], ordered=ordered)


_NEWEST: Final = SortKey(None, descending=True)
"""By the type's own date, newest first, whether or not the type has one."""


def _is_default(key: SortKey, query: SearchQuery, registry: Registry) -> bool:
    default = None if key.param is None else registry.sort_date(query.resource_type)
    return default is not None and key.param is not None and key.param.number == default.number


def _leads(criterion: Criterion) -> bool:
    """Whether its index rows are found by one key."""
    if not isinstance(criterion, Condition) or criterion.modifier or len(criterion.values) != 1:
        return False
    value = criterion.values[0]
    if criterion.param.parts:
        return False
    if isinstance(value, TokenValue):
        return value.hash is not None
    return isinstance(value, ReferenceValue) and len(value.types) <= 1


def _leading_together(row: Row, conditions: list[Placed]) -> Placed | None:
    """A condition whose index rows are found by a few keys. One on codes with their systems before one on plain codes
    such as a status, which hold for most of a record.
    """
    found = [
        (place, each)
        for place, each in conditions
        if isinstance(each, Condition) and 1 < len(each.values) <= _MOST_LEADING
        if not each.modifier and each.missing is None and not each.param.parts
        if all(isinstance(value, TokenValue) and value.hash is not None for value in each.values)
    ]
    return min(found, key=lambda each: each[1].param.plain, default=None) if row.single else None


def _narrows(criterion: Criterion) -> bool:
    """Whether what it holds for is better found first than looked for among all of the type."""
    if isinstance(criterion, Condition):
        few = criterion.param.kind in _LEADING_KINDS or (
            criterion.param.kind == "token" and bool(criterion.param.parts)
        )
        return criterion.missing is None and not criterion.modifier and few
    if isinstance(criterion, AllOf):
        return any(_narrows(each) or _leads(each) for each in criterion.criteria)
    if isinstance(criterion, AnyOf):
        return all(_narrows(each) or _leads(each) for each in criterion.criteria)
    return isinstance(criterion, Chain | Has) and not criterion.param.owner


def _leader(build: Build, plain: Driver, conditions: list[Placed], front: str, *, by_date: bool) -> Driver:
    """What the rows are found by: one key of an index, else a condition that few meet, else the type as a whole."""
    row = plain.row
    lead = next((each for each in conditions if _leads(each[1])), None)
    if lead is not None:
        conditions.remove(lead)
        place, condition = lead
        assert isinstance(condition, Condition)
        find: Find = partial(_condition_at, place)
        value, number = condition.values[0], condition.param.number
        if isinstance(value, ReferenceValue):
            kind = build.registry.number(value.types[0]) if value.types else 0
            target = build.bind(partial(attribute_at, find, 0, "id"))
            where = f"{row.key('x', number)} AND x.target_type = {kind} AND x.target_id = {target}"
            return replace(
                plain,
                source=f"{front}link x CROSS JOIN resource r",
                where=[where, "r.patient = x.patient AND r.n = x.n"],
            )
        where = f"{row.key('t', number)} AND t.value = {build.bind(partial(attribute_at, find, 0, 'hash'))}"
    elif row.single and any(_narrows(each) for _, each in conditions):
        return _led(build, plain)
    elif by_date and (together := _leading_together(row, conditions)) is not None:
        conditions.remove(together)
        return _together(build, plain, together, conditions)
    elif by_date:
        where = f"{row.key('t', EVERY)} AND t.value = {EVERY}"
    else:
        return _led(build, plain) if row.single else plain
    led = replace(row, n="t.n", date="t.date")
    dates = _driving_dates(build, row, conditions)
    source, found = f"{front}token t", [where, *dates]
    return replace(
        plain,
        source=f"{source} CROSS JOIN resource r",
        where=[*found, "r.patient = t.patient AND r.n = t.n"],
        row=led,
        index=(source, found),
    )


def _together(build: Build, plain: Driver, together: Placed, conditions: list[Placed]) -> Driver:
    """The rows of any of several values; one with two of them is one row."""
    row, (place, condition) = plain.row, together
    assert isinstance(condition, Condition)
    find: Find = partial(_condition_at, place)
    hashes = [build.bind(partial(attribute_at, find, index, "hash")) for index in range(len(condition.values))]
    key, dates = row.key("t", condition.param.number), _driving_dates(build, row, conditions)
    any_value = " AND ".join([key, f"t.value IN ({', '.join(hashes)})", *dates])
    joined = "CROSS JOIN resource r", "r.patient = t.patient AND r.n = t.n"
    return replace(
        plain,
        source=f"(SELECT DISTINCT t.patient, t.n, t.date FROM token t WHERE {any_value}) t {joined[0]}",
        where=[joined[1]],
        row=replace(row, n="t.n", date="t.date"),
        ways=[(f"token t {joined[0]}", [f"{key} AND t.value = {each}", *dates, joined[1]]) for each in hashes],
    )


def _led(build: Build, plain: Driver) -> Driver:
    """The resources, found by their numbers among the index rows of a condition. SQLite would rather go through all of
    the type, so that is kept from it.
    """
    where = [each.replace("r.type", "+r.type") for each in plain.where] if build.dialect == "sqlite" else plain.where
    return replace(plain, row=replace(plain.row, led=True), where=where)


def _condition_at(place: int, ask: Ask) -> Criterion:
    return ask.query.conditions[place]


def _driving_dates(build: Build, row: Row, conditions: list[tuple[int, Criterion]]) -> list[str]:
    """Conditions on the sort date, which the leading row carries; they are taken out of ``conditions``."""
    default = build.registry.sort_date(row.type_name) if row.type_name else None
    parts = []
    for each in list(conditions) if default is not None else ():
        place, condition = each
        assert default is not None
        if not isinstance(condition, Condition) or condition.param.number != default.number:
            continue
        sole = condition.values[0] if len(condition.values) == 1 else None
        if isinstance(sole, DateValue):
            conditions.remove(each)
            get = partial(value_at, partial(_condition_at, place), 0)
            parts.append(_driving_date(build, row, default.number, sole.prefix, get))
    return parts


def _driving_date(build: Build, row: Row, param: int, prefix: str, get: Get) -> str:
    """A date condition on the token row that leads: a range of its index, and the end of the period only where it
    matters.
    """
    first, end = partial(build.bind, partial(first_of, get)), partial(build.bind, partial(end_of, get))
    some = f"t.date > {NO_DATE}"
    within = f"SELECT 1 FROM period x WHERE {row.key('x', param)} AND x.low = t.date AND x.n = t.n"
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
        wide = row.key("w", param + WIDE)
        longest = f"SELECT min(w.low) FROM period w WHERE {wide} AND w.low < {back} AND w.high > {last}"
        bound = f"t.date >= coalesce(({longest}), {back}::bigint)"
        return f"{bound} AND {some} AND (t.date >= {begin} OR EXISTS ({within} AND x.high > {last}))"
    if prefix == "le":
        last = end()
        return f"{some} AND t.date < {last} AND (t.date < {first()} OR EXISTS ({within} AND x.high <= {last}))"
    # Not ``x.low``, which is the same and would be looked for as a range.
    return f"{some} AND EXISTS ({within} AND {interval_condition(build.bind, prefix, get, 't.date', 'x.high')})"


def _sorted(build: Build, driver: Driver, sort: Sequence[SortKey]) -> Driver:
    """Rows with the keys that are asked for; each parameter's index rows are gone through once.

    Of several values the one counts that comes first in the order asked for; what has none sorts as the least.
    https://hl7.org/fhir/R4/search.html#sort
    """
    row, source = driver.row, driver.source
    keys, types = [], []
    for place, key in enumerate(sort):
        if key.param is None:
            keys.append("r.id" if key.by_id else "r.seq" if row.single else "r.updated")
            types.append("text" if key.by_id else "bigint")
            continue
        if key.param.owner:
            keys.append("r.patient")  # all of a record name the same patient
            types.append("bigint")
            continue
        order = _order_of(key, row if row.single else replace(row, patient="s.patient"))
        table = f"k{place}"
        source += f" LEFT JOIN {_keys_of(build, row, order, key, table)}"
        keys.append(f"coalesce({table}.key, {order.least})")
        types.append(order.type)
    down = [key.descending for key in sort]
    return replace(driver, source=source, keys=keys, types=types, descending=down, index=None)


def _order_of(key: SortKey, row: Row) -> Order:
    assert key.param is not None
    order = KINDS[key.param.kind].order
    assert order is not None, "the parser takes no other"
    return order(row, key.param)


def _keys_of(build: Build, row: Row, order: Order, key: SortKey, table: str) -> str:
    """A table of the keys of all rows of one parameter, by patient and n, joined to ``row``."""
    best = f"{'max' if key.descending else 'min'}({order.key})"
    if row.single:
        rows = f"SELECT x.n, {best} AS key FROM {order.source} WHERE {order.where} GROUP BY x.n"
        return f"({rows}) {table} ON {table}.n = r.n"
    partitions = build.partitions("s")
    rows = (
        f"SELECT x.patient, x.n, {best} AS key FROM {partitions} CROSS JOIN {order.source} WHERE {order.where}"
        " GROUP BY x.patient, x.n"
    )
    return f"({rows}) {table} ON {table}.patient = r.patient AND {table}.n = r.n"
