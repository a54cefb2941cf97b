"""The rows of one write, per table; of the index rows only those that differ from what was there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.database import Batch, Delete, Insert
from app.fhir.dates import NO_DATE
from app.server import tables
from app.server.ids import key_of
from app.server.search.follow import OWNER_FLAG
from app.server.search.registry import Registry
from app.server.search.rows import NO_KEYS, Rows, unpack
from app.server.search.terms import Term
from app.server.store.changes import Draft

Row = tuple[Any, ...]


class Batches:
    """Collects rows for ``Writer.alter``."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._rows: dict[Any, list[Row]] = {}
        self._terms: dict[int, set[Term]] = {}
        self._claims: dict[tuple[int, str, str], list[str]] = {}

    def all(self) -> list[Batch]:
        """In an order in which each statement finds what it needs."""
        for patient, terms in self._terms.items():
            self.into(tables.INSERT_TERM).extend((patient, *each) for each in terms)
        for alteration in _SORTED.intersection(self._rows):
            if len(self._rows[alteration]) >= _MANY:
                self._rows[alteration].sort()
        return list(self._rows.items())

    def into(self, alteration: Any) -> list[Row]:
        """The rows for one alteration, to be added to."""
        rows = self._rows.get(alteration)
        if rows is None:
            rows = self._rows[alteration] = []
        return rows

    def claim(self, patient: int, name: str, resource_type: str, resource_id: str) -> None:
        """``name`` is taken by this resource, which is among those that are added."""
        self._claims.setdefault((patient, resource_type, resource_id), []).append(name)

    def add(self, draft: Draft, seq: int, interaction: str, *, actor: str, request: str) -> None:
        """Queue the rows of one numbered draft."""
        number = self._registry.number(draft.type)
        patient, before, rows = draft.patient, draft.before, draft.rows
        n = before.n if before is not None and not before.deleted else seq
        if rows is None:
            date, present, keys = NO_DATE, 0, NO_KEYS
            labels = draft.labels if before is None else before.labels
        else:
            date, present, keys, labels = rows.date, rows.present, rows.packed(), draft.labels
        deleted, flags = int(draft.body is None), OWNER_FLAG if draft.owned else 0
        row = (patient, number, draft.id, n, draft.version, seq, draft.updated, date, present, deleted, labels, flags)
        if before is None:
            self.into(tables.INSERT_RESOURCE).append((*row, keys, draft.body))
            if not draft.fresh and key_of(draft.id) is None:
                self.into(tables.INSERT_NEW_ALIAS).append((number, draft.id, patient))
        else:
            self.into(tables.UPDATE_RESOURCE).append((*row, keys, draft.body))
            if before.body is not None:
                self.into(tables.UPDATE_HISTORY_BODY).append((patient, before.seq, before.body))
        self.into(tables.INSERT_HISTORY).append(
            (patient, seq, number, draft.id, draft.version, draft.updated, interaction, labels, actor, request, None)
        )
        old = None if before is None or before.deleted else unpack(before.keys, before.date)
        write_index(self.into, (patient, number), n, old=old, new=rows)
        if rows is not None:
            self._terms.setdefault(patient, set()).update(rows.terms)
        if self._claims:
            names = self._claims.get((patient, draft.type, draft.id), ())
            self.into(tables.INSERT_CLAIM).extend((patient, name, n) for name in names)


INDEXES: Final[Mapping[str, tuple[Insert, Delete]]] = {
    "token": (tables.INSERT_TOKEN, tables.DELETE_TOKEN),
    "period": (tables.INSERT_PERIOD, tables.DELETE_PERIOD),
    "text": (tables.INSERT_TEXT, tables.DELETE_TEXT),
    "link": (tables.INSERT_LINK, tables.DELETE_LINK),
    "range": (tables.INSERT_RANGE, tables.DELETE_RANGE),
    "pair": (tables.INSERT_PAIR, tables.DELETE_PAIR),
    "lookup": (tables.INSERT_LOOKUP, tables.DELETE_LOOKUP),
}

_SORTED: Final = frozenset(insert for insert, _ in INDEXES.values()) | {tables.INSERT_TERM}
_MANY: Final = 5000
"""Rows from which on it pays to give them to a table in the order of its key: neighbours are on the same page. Of fewer
the pages are all at hand, and putting them in order costs more than it saves.
"""


def write_index(
    into: Callable[[Any], list[Row]], owner: tuple[int, int], n: int, *, old: Rows | None, new: Rows | None
) -> None:
    """Queue the index rows that differ between ``old`` and ``new``. ``owner``: patient and type number."""
    after = {} if new is None else index_rows(new, *owner, n)
    if old is None:
        for name, wanted in after.items():
            into(INDEXES[name][0]).extend(wanted)
        return
    before = index_rows(old, *owner, n)
    for name, (insert, delete) in INDEXES.items():
        wanted, was = after.get(name, []), set(before.get(name, ()))
        if gone := was.difference(wanted):
            keys = len(delete.keys)
            into(delete).extend(row[:keys] for row in gone)
        if added := [row for row in wanted if row not in was]:
            into(insert).extend(added)


def index_rows(rows: Rows, patient: int, number: int, n: int) -> dict[str, list[Row]]:
    """The whole rows of each index table that one resource has any in. ``number``: of its type."""
    date = rows.date
    made: dict[str, list[Row]] = {}
    if rows.tokens:
        made["token"] = [(patient, number, param, value, date, n) for param, value in rows.tokens]
    if rows.periods:
        made["period"] = [(patient, number, param, low, high, n) for param, low, high in rows.periods]
    if rows.texts:
        made["text"] = [
            (patient, number, param, head, n, order, folded, exact) for param, head, order, folded, exact in rows.texts
        ]
    if rows.links:
        made["link"] = [(patient, number, param, target_type, id, n) for param, target_type, id in rows.links]
    if rows.lookups:
        made["lookup"] = [(number, param, value, patient, n) for param, value in rows.lookups]
    if rows.ranges:
        made["range"] = [(patient, number, param, unit, low, high, n) for param, unit, low, high in rows.ranges]
    if rows.pairs:
        made["pair"] = [(patient, number, *pair, n) for pair in rows.pairs]
    return made
