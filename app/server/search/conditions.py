"""What a search asks of a resource, as SQL on its row. https://hl7.org/fhir/R4/search.html"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from app.server.search import follow
from app.server.search.build import Ask, Build, Find, Row, any_of
from app.server.search.dates import interval_condition
from app.server.search.kinds import KINDS
from app.server.search.query import (
    AllOf,
    AnyOf,
    Chain,
    Condition,
    Criterion,
    Has,
    Ids,
    Linked,
    NoneOf,
    OwnedBy,
    PerType,
    Updated,
)
from app.server.search.registry import Param


def condition_on(build: Build, row: Row, criterion: Criterion, find: Find) -> str:
    """SQL that holds for ``row`` when it meets the criterion, which ``find`` finds in what is asked."""
    match criterion:
        case Condition():
            return _condition(build, row, criterion, find)
        case Ids() | NoneOf():
            return _ids_on(build, row, criterion, find)
        case Updated():
            return updated_on(build, row, criterion, find)
        case Chain():
            return follow.chain_on(build, row, criterion, find, condition_on)
        case Has():
            return follow.has_on(build, row, criterion, find, condition_on)
        case OwnedBy():
            return follow.owned_on(build, row, find)
        case Linked():
            return follow.linked_on(build, row, criterion, find)
        case AnyOf() | AllOf() | PerType():
            return _joined(build, row, criterion, find)
    raise TypeError(type(criterion))


def _ids_on(build: Build, row: Row, named: Ids | NoneOf, find: Find) -> str:
    if isinstance(named, NoneOf):
        return f"NOT {build.any_text(f'{row.alias}.id', partial(_every_id, find))}"
    marks = ", ".join(build.bind(partial(_id_at, find, index)) for index in range(len(named.ids)))
    return f"{row.alias}.id IN ({marks})" if marks else "0 = 1"


def _joined(build: Build, row: Row, joined: AnyOf | AllOf | PerType, find: Find) -> str:
    if isinstance(joined, PerType):
        return _per_type(build, row, joined, find)
    parts = [
        condition_on(build, row, each, partial(_one_of, find, place)) for place, each in enumerate(joined.criteria)
    ]
    return any_of(parts) if isinstance(joined, AnyOf) else f"({' AND '.join(parts)})"


def _per_type(build: Build, row: Row, asked: PerType, find: Find) -> str:
    """What is asked of the type that ``row`` is of."""
    parts = (
        [f"{row.type} IN ({', '.join(str(build.registry.number(each)) for each in asked.free)})"] if asked.free else []
    )
    for place, (names, criterion) in enumerate(asked.criteria):
        numbers = ", ".join(str(build.registry.number(each)) for each in names)
        of_type = replace(row, type=numbers, type_name=names[0]) if len(names) == 1 else row
        meets = condition_on(build, of_type, criterion, partial(_of_type, find, place))
        parts.append(f"({row.type} IN ({numbers}) AND {meets})")
    return any_of(parts)


def _condition(build: Build, row: Row, condition: Condition, find: Find) -> str:
    if condition.missing is not None:
        bit = _bit(build, row, condition.param)
        return f"{row.alias}.present & {bit} {'=' if condition.missing else '<>'} 0"
    found = _matched(build, row, condition, find)
    return f"NOT {found}" if condition.modifier in ("not", "not-in") else found


def _matched(build: Build, row: Row, condition: Condition, find: Find) -> str:
    kind = KINDS[condition.param.kind]
    begun = len(build.gets)
    found = kind.match(build, row, condition, find)
    if row.single or found.exact:
        return found.on(row)
    # Over several partitions the index rows of all of them are asked for once.
    del build.gets[begun:]
    alias = build.alias()
    partitions = build.own_partitions(alias) if row.anywhere else build.partitions(alias)
    found = kind.match(build, replace(row, patient=f"{alias}.patient"), condition, find)
    rows = f"SELECT x.patient, x.n FROM {partitions} CROSS JOIN {found.source} WHERE {found.where}"
    return f"({row.patient}, {row.n}) IN ({rows})"


def _bit(build: Build, row: Row, param: Param) -> str:
    """SQL for the bit of ``present``; each type of a search over several has its own."""
    if row.type_name:
        return str(build.registry.present_bit(param))
    bits = (
        f"WHEN {build.registry.number(each)} THEN {build.registry.present_bit(build.registry.params(each)[param.code])}"
        for each in build.query.types
    )
    return f"(CASE {row.type} {' '.join(bits)} END)"


def updated_on(build: Build, row: Row, updated: Updated, find: Find) -> str:
    """``_lastUpdated``: an instant, which is an interval of one microsecond."""
    column = f"{row.alias}.updated"
    parts = [
        interval_condition(build.bind, value.prefix, partial(_updated_at, find, index), column, f"{column} + 1")
        for index, value in enumerate(updated.values)
    ]
    return any_of(parts)


def _id_at(find: Find, index: int, ask: Ask) -> str:
    return str(find(ask).ids[index])


def _every_id(find: Find, ask: Ask) -> Sequence[str]:
    return find(ask).ids  # type: ignore[no-any-return]


def _updated_at(find: Find, index: int, ask: Ask) -> Any:
    return find(ask).values[index]


def _of_type(find: Find, place: int, ask: Ask) -> Criterion:
    return find(ask).criteria[place][1]  # type: ignore[no-any-return]


def _one_of(find: Find, place: int, ask: Ask) -> Criterion:
    return find(ask).criteria[place]  # type: ignore[no-any-return]
