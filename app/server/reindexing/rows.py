"""The index rows of one partition, compared with those that its resources should have, some resources at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.database import Batch, Row, Writer
from app.fhir.dates import NO_DATE
from app.fhir.resource import decode
from app.server import tables
from app.server.ids import key_of
from app.server.reindexing.report import ReindexReport
from app.server.search.follow import OWNER_FLAG
from app.server.search.rows import NO_KEYS, Rows, unpack
from app.server.server import FhirServer
from app.server.store.batches import INDEXES, index_rows

SLICE: Final = 500
"""Resources of one transaction."""
_BREATH: Final = 10
"""Resources after which others get a turn."""
_LOCK: Final = "UPDATE partition SET seq = seq WHERE patient = $1 RETURNING seq"
_SEQ: Final = "SELECT p.seq FROM partition p WHERE p.patient = $1"
_BODIES: Final = (
    "SELECT r.n, r.type, r.id, r.updated, r.flags, r.body FROM resource r"
    " WHERE r.patient = $1 AND r.n > $2 ORDER BY r.n LIMIT $3"
)
_PRESENT: Final = (
    "SELECT r.n, r.type, r.id, r.updated, r.date, r.present, r.labels, r.deleted, r.keys FROM resource r"
    " WHERE r.patient = $1 AND r.n > $2 AND r.n <= $3"
)
_BY_NUMBER: Final = {name: index for name, index in INDEXES.items() if index[0].columns[0] == "patient"}
"""The index tables in which a partition's rows are found; ``lookup`` is ordered by value, see ``lookups``."""
_ROWS: Final = {
    name: f'SELECT {", ".join(f"x.{column}" for column in insert.columns)} FROM "{name}" x'
    " WHERE x.patient = $1 AND x.n > $2 AND x.n <= $3"
    for name, (insert, _) in _BY_NUMBER.items()
}


@dataclass(frozen=True, slots=True)
class _Made:
    """The rows that a resource should have, as it was at ``updated``; None for a deleted one."""

    updated: int
    rows: Rows | None


async def lock_partition(writer: Writer, patient: int) -> bool:
    """Keep other writers out until the transaction ends, and change nothing; False when there is no such partition."""
    return bool(await writer.fetch(_LOCK, patient))


async def restore_rows(server: FhirServer, patient: int, report: ReindexReport) -> None:
    """Put the index rows of one partition right. What costs time is done before its lock is taken."""
    low = 0
    while True:
        async with server.database.snapshot() as reader:
            seq = await reader.fetch(_SEQ, patient)
            found = await reader.fetch(_BODIES, patient, low, SLICE)
        if not seq:
            return
        made = await _make(server, found)
        last = len(found) < SLICE
        # Numbers up to the partition's ``seq`` are given out: what has one of them and is not here, does not exist.
        high = seq[0][0] if last else found[-1][0]
        report.rows += await server.database.transact(partial(_correct, patient, (low, high), made))
        report.resources += len(found)
        if last:
            return
        low = high


async def _make(server: FhirServer, found: Sequence[Row]) -> dict[tuple[int, str], _Made]:
    made = {}
    for index, (_, number, resource_id, updated, flags, body) in enumerate(found):
        rows = None
        if body is not None:
            indexer = server.indexer(server.registry.type_names[number])
            rows = indexer.rows(decode(body), owned=bool(flags & OWNER_FLAG))
        made[number, resource_id] = _Made(updated, rows)
        if index % _BREATH == 0:
            await asyncio.sleep(0)
    return made


async def _correct(patient: int, between: tuple[int, int], made: dict[tuple[int, str], _Made], writer: Writer) -> int:
    """Write what differs in the slice; how many index rows were missing or too many."""
    if not await lock_partition(writer, patient):
        return 0
    expected = _Expected(patient)
    for n, number, resource_id, updated, date, present, labels, deleted, keys in await writer.fetch(
        _PRESENT, patient, *between
    ):
        fresh = made.get((number, resource_id))
        if fresh is not None and fresh.updated == updated:
            should = (NO_DATE, 0, NO_KEYS) if fresh.rows is None else _summary(fresh.rows)
            if should != (date, present, bytes(keys)):
                expected.resources.append((patient, number, resource_id, should[0], should[1], labels, should[2]))
            rows = fresh.rows
        else:  # written since then, and indexed with it
            rows = None if deleted else unpack(keys, date)
        expected.add(number, resource_id, n, rows)
    changed = 0
    batches = expected.certain()
    for name, (insert, delete) in _BY_NUMBER.items():
        actual = {tuple(row) for row in await writer.fetch(_ROWS[name], patient, *between)}
        missing, stray = expected.rows[name] - actual, actual - expected.rows[name]
        batches += [(delete, [row[: len(delete.keys)] for row in stray]), (insert, list(missing))]
        changed += len(missing) + len(stray)
    await writer.alter(batches)
    return changed


def _summary(rows: Rows) -> tuple[int, int, bytes]:
    return rows.date, rows.present, rows.packed()


class _Expected:
    """What a slice of one partition should have, per index table."""

    def __init__(self, patient: int) -> None:
        self._patient = patient
        self.rows: dict[str, set[tuple[Any, ...]]] = {name: set() for name in INDEXES}
        self.resources: list[tuple[Any, ...]] = []
        self._terms: set[tuple[Any, ...]] = set()
        self._aliases: list[tuple[Any, ...]] = []

    def add(self, number: int, resource_id: str, n: int, rows: Rows | None) -> None:
        """One resource; ``number``: of its type."""
        if key_of(resource_id) is None:
            self._aliases.append((number, resource_id, self._patient))
        if rows is not None:
            self._terms.update((self._patient, *term) for term in rows.terms)
            for name, whole in index_rows(rows, self._patient, number, n).items():
                self.rows[name].update(whole)

    def certain(self) -> list[Batch]:
        """What is written without looking first: rows that are there already stay as they are."""
        return [
            (tables.UPDATE_INDEX, self.resources),
            (tables.INSERT_LOOKUP, list(self.rows["lookup"])),
            (tables.INSERT_TERM, list(self._terms)),
            (tables.INSERT_ALIAS, self._aliases),
        ]
