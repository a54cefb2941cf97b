"""Rows of ``lookup`` that stand for nothing any more. They are keyed by value, so they are gone through as a whole."""

from __future__ import annotations

from typing import Final

from app.database import Row, Writer
from app.server import tables
from app.server.reindexing.report import ReindexReport
from app.server.reindexing.rows import lock_partition
from app.server.search.rows import unpack
from app.server.server import FhirServer

PAGE: Final = 1000
_ROWS: Final = (
    "SELECT l.type, l.param, l.value, l.patient, l.n, r.date, r.keys FROM lookup l"
    " LEFT JOIN resource r ON r.patient = l.patient AND r.n = l.n AND r.type = l.type"
    " WHERE (l.type, l.param, l.value, l.patient, l.n)"
    " > ($1::smallint, $2::smallint, $3::bigint, $4::bigint, $5::bigint)"
    " ORDER BY l.type, l.param, l.value, l.patient, l.n LIMIT $6"
)
_KEYS: Final = "SELECT r.date, r.keys FROM resource r WHERE r.patient = $1 AND r.n = $2 AND r.type = $3"
_FIRST: Final = (-(2**15), -(2**15), -(2**63), -(2**63), -(2**63))


async def remove_stray_lookups(server: FhirServer, report: ReindexReport) -> None:
    """Delete the rows whose resource is gone or does not have the value. Small pages, and a lock for strays only."""
    after: tuple[int, ...] = _FIRST
    while page := await server.database.fetch(_ROWS, *after, PAGE):
        by_patient: dict[int, list[tuple[int, ...]]] = {}
        for row in page:
            if not _stands(row[:2], row[2], row[5:]):
                by_patient.setdefault(row[3], []).append(tuple(row[:5]))
        for patient, strays in by_patient.items():
            async with server.database.write() as writer:
                report.rows += await _remove(writer, patient, strays)
        after = tuple(page[-1][:5])


def _stands(key: Row, value: int, found: Row) -> bool:
    """Whether the resource has the value; ``found``: its date and keys, None when there is no such resource."""
    date, keys = found
    return keys is not None and (key[1], value) in unpack(keys, date).lookups


async def _remove(writer: Writer, patient: int, strays: list[tuple[int, ...]]) -> int:
    """Delete those that are strays still, now that nobody else changes the partition; how many."""
    await lock_partition(writer, patient)
    gone = []
    for row in strays:
        found = await writer.fetch(_KEYS, patient, row[4], row[0])
        if not found or not _stands(row[:2], row[2], found[0]):
            gone.append(row)
    await writer.alter([(tables.DELETE_LOOKUP, gone)])
    return len(gone)
