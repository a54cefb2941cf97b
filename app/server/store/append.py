"""New resources in one round trip, on PostgreSQL: lock, number, stamp and insert are one statement, committed when it
returns.

For writes that only add: every id was made here, so there is nothing to compare with and nothing to lock but the order.
The time goes into the stored bytes where they are stored, since only the partition's row knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, Final

from app.fhir.dates import instant
from app.server.access import Access, standing
from app.server.labels import Labels
from app.server.rules import Change, Rule
from app.server.search.follow import OWNER_FLAG
from app.server.search.registry import Registry
from app.server.search.terms import Term
from app.server.server import FhirServer
from app.server.store.batches import INDEXES
from app.server.store.changes import Draft
from app.server.store.narrowed import check_new
from app.server.store.write import check_each, check_write_labels

_LOCK: Final = (
    "WITH p AS (UPDATE partition SET seq = seq + $2, updated = CASE WHEN updated >= $3 THEN updated + 1 ELSE $3 END"
    " WHERE patient = $1 AND state = 'live'{intact}"
    f" AND {standing('$4', '$5', '$3')}"
    " RETURNING seq - $2 AS before, updated),"
    " s AS (SELECT before, updated, convert_to(to_char(timestamp 'epoch' + updated * interval '1 microsecond',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), 'UTF8') AS at FROM p),"
    " d AS ({drafts}),"
    " r AS (INSERT INTO resource (patient, type, id, n, version, seq, updated, date, present, deleted, labels,"
    " flags, keys,"
    " body) SELECT $1, d.type, d.id, s.before + d.k, 1, s.before + d.k, s.updated, d.date, d.present, 0,"
    " d.labels, d.flags,"
    " d.keys, d.head || s.at || d.tail FROM s CROSS JOIN d),"
    " h AS (INSERT INTO history (patient, seq, type, id, version, updated, interaction, labels, actor, request)"
    " SELECT $1, s.before + d.k, d.type, d.id, 1, s.updated, 'create', d.labels, $6::text, $7::text FROM s CROSS"
    " JOIN d)"
)
# Asked of the row itself: who waited for its lock sees what an erasure just made of it, and not of any other table.
_INTACT: Final = " AND erased = 0"
_DRAFT: Final = {
    "k": "integer",
    "type": "smallint",
    "id": "text",
    "date": "bigint",
    "present": "bigint",
    "labels": "bigint",
    "flags": "smallint",
    "keys": "bytea",
    "head": "bytea",
    "tail": "bytea",
}
_FIRST: Final = 8
_BINDS: Final = {name: f"${_FIRST + place}::{kind}" for place, (name, kind) in enumerate(_DRAFT.items())}
_INDEX: Final = {name: insert for name, (insert, _) in INDEXES.items()}
_GIVEN: Final = frozenset({"patient", "type", "date", "n"})
"""Columns of index rows that follow from the resource, so that only the others travel: what ``Rows`` has of them."""
_OWN: Final = {
    name: [(column, kind) for column, kind in zip(insert.columns, insert.types, strict=True) if column not in _GIVEN]
    for name, insert in _INDEX.items()
}


@lru_cache(maxsize=128)
def _statement(names: tuple[str, ...], *, single: bool, terms: bool, intact: bool) -> str:
    """``single``: one resource, whose values are plain binds; encoding arrays is what such a write costs most.
    ``intact``: only where nothing was erased.
    """
    if single:
        drafts = "SELECT " + ", ".join(f"{bind} AS {name}" for name, bind in _BINDS.items())
    else:
        arrays = ", ".join(f"{bind}[]" for bind in _BINDS.values())
        drafts = f"SELECT * FROM unnest({arrays}) AS u({', '.join(_DRAFT)})"
    lock = _LOCK.replace("{drafts}", drafts).replace("{intact}", _INTACT if intact else "")
    parts, place = [lock], _FIRST + len(_DRAFT)
    for name in names:
        parts.append(_index_part(name, place, single=single))
        place += len(_OWN[name]) + (not single)
    if terms:
        listed = ", ".join(f"${place + index}::{kind}[]" for index, kind in enumerate(("bigint", "text", "text")))
        parts.append(f"term_ AS (INSERT INTO term SELECT $1, u.* FROM unnest({listed}) u ON CONFLICT DO NOTHING)")
    return ", ".join(parts) + " SELECT before, updated FROM p"


def _index_part(name: str, place: int, *, single: bool) -> str:
    """The rows of one index table. Those of several resources say whose they are by ``k``, the place in the arrays of
    the drafts: looking there costs less than a join.
    """
    own = _OWN[name] if single else [("k", "integer"), *_OWN[name]]
    given = {"patient": "$1", "n": "s.before + 1" if single else "s.before + u.k"}
    for column in ("type", "date"):
        given[column] = _BINDS[column] if single else f"({_BINDS[column]}[])[u.k]"
    columns = _INDEX[name].columns
    arrays = ", ".join(f"${place + index}::{kind}[]" for index, (_, kind) in enumerate(own))
    values = ", ".join(given.get(column, f"u.{column}") for column in columns)
    return (
        f'{name}_ AS (INSERT INTO "{name}" ({", ".join(columns)}) SELECT {values} FROM s CROSS JOIN'
        f" unnest({arrays}) AS u({', '.join(column for column, _ in own)}) ON CONFLICT DO NOTHING)"
    )


def _only_add(drafts: Sequence[Draft], labels: Labels) -> bool:
    """Whether all of them are new, in one partition, take nothing from what they refer to, and have no Provenance to be
    made with them.
    """
    return all(draft.fresh and not draft.birth and draft.patient == drafts[0].patient for draft in drafts) and not any(
        draft.resource is None or draft.remarks.flagged or labels.referred(draft.resource) is not None
        for draft in drafts
    )


def _concerned(drafts: Sequence[Draft], rules: Sequence[Rule]) -> list[Rule]:
    """The rules that have to look at any of them."""
    changes = [Change(draft.type, draft.id, None, draft.resource, draft.fresh) for draft in drafts]
    return [rule for rule in rules if any(map(rule.applies, changes))]


async def append(server: FhirServer, access: Access, drafts: Sequence[Draft], *, now: int, request: str) -> bool:
    """Store ``drafts`` if they only add and no rule has to see what is there. False: nothing was stored, and a whole
    transaction does it or says why not. Raises ``Forbidden``.
    """
    if server.database.dialect != "postgresql" or not _only_add(drafts, server.labels):
        return False
    rules = _concerned(drafts, server.rules)
    if not all(rule.after_erasure for rule in rules):
        return False
    check_each(drafts, partial(check_write_labels, access))
    check_each(drafts, partial(check_new, access, server.registry))
    names, single, terms, binds = _rows(drafts, server.registry)
    found = await server.database.change(
        _statement(names, single=single, terms=terms, intact=bool(rules)),
        *(drafts[0].patient, len(drafts), now, access.hash, access.stamp, access.actor, request),
        *binds,
    )
    if not found:
        return False
    updated = found[0][1]
    stamp = instant(updated).encode()
    for draft in drafts:
        assert draft.frame is not None
        draft.version, draft.updated, draft.body = 1, updated, draft.frame.stamp(1, stamp)
    return True


def _rows(drafts: Sequence[Draft], registry: Registry) -> tuple[tuple[str, ...], bool, bool, list[Any]]:
    """The index tables that get rows, whether it is one resource, whether there are terms; and the binds of all."""
    single = len(drafts) == 1
    resources: list[tuple[Any, ...]] = []
    index: dict[str, list[tuple[Any, ...]]] = {}
    owners: dict[str, list[int]] = {}
    terms: set[Term] = set()
    for k, draft in enumerate(drafts, 1):
        rows, frame = draft.rows, draft.frame
        assert rows is not None
        assert frame is not None
        number, flags = registry.number(draft.type), OWNER_FLAG if draft.owned else 0
        head = frame.head + b'1","lastUpdated":"'
        keys = rows.packed()
        resources.append((k, number, draft.id, rows.date, rows.present, draft.labels, flags, keys, head, frame.tail))
        for name, made in rows.by_table():
            index.setdefault(name, []).extend(made)
            owners.setdefault(name, []).extend([k] * len(made))
        terms |= rows.terms
    names = tuple(sorted(index))
    arrays: list[Any] = []
    for name in names:
        if not single:
            arrays.append(owners[name])
        arrays += zip(*index[name], strict=True)
    if terms:
        arrays += zip(*terms, strict=True)
    return names, single, bool(terms), [*(resources[0] if single else zip(*resources, strict=True)), *arrays]
