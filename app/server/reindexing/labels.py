"""The data categories of one partition's resources and of their earlier versions, as ``categories.yaml`` has them now.

What takes the categories of what it refers to (Provenance, Task, Binary …) takes those that its targets have now.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from app.database import Row, Writer
from app.fhir.resource import Resource, decode, parse_reference
from app.server.reindexing.report import ReindexReport
from app.server.reindexing.rows import SLICE, lock_partition
from app.server.server import FhirServer
from app.server.store.removal import EMPTIED, REMOVAL
from app.server.store.write import SELECT_LABELS

_CURRENT: Final = (
    "SELECT r.n, r.type, r.id, r.labels, r.body FROM resource r"
    " WHERE r.patient = $1 AND r.n > $2 AND r.deleted = 0 ORDER BY r.n LIMIT $3"
)
_VERSIONS: Final = (
    "SELECT h.seq, h.type, h.id, h.labels, h.interaction, h.body, r.labels, r.seq FROM history h"
    " JOIN resource r ON r.patient = h.patient AND r.type = h.type AND r.id = h.id"
    " WHERE h.patient = $1 AND h.seq > $2 ORDER BY h.seq LIMIT $3"
)
_SET_CURRENT: Final = "UPDATE resource SET labels = $4 WHERE patient = $1 AND type = $2 AND id = $3"
_SET_VERSION: Final = "UPDATE history SET labels = $3 WHERE patient = $1 AND seq = $2"
_DEEPEST: Final = 8
"""How long a chain of resources that take the categories of the next one is followed."""

_Last = dict[tuple[int, str], int]
"""The labels of the latest version so far, by type number and id."""


async def restore_labels(server: FhirServer, patient: int, report: ReindexReport) -> None:
    """Put the labels of one partition right: first of what stands for itself, then of what takes those of others."""
    report.labels += await _walk(server, patient, referring=False)
    for _ in range(_DEEPEST):
        changed = await _walk(server, patient, referring=True)
        report.labels += changed
        if not changed:
            break
    latest: _Last = {}
    after = 0
    while True:
        changed, count, after = await server.database.transact(partial(_versions, server, patient, after, latest))
        report.labels += changed
        if count < SLICE:
            return


async def _walk(server: FhirServer, patient: int, *, referring: bool) -> int:
    total = after = 0
    while True:
        work = partial(_current, server, patient, after, referring=referring)
        changed, count, after = await server.database.transact(work)
        total += changed
        if count < SLICE:
            return total


async def _current(
    server: FhirServer, patient: int, after: int, writer: Writer, *, referring: bool
) -> tuple[int, int, int]:
    """One slice of current versions: how many changed, how many there were, and where the next slice begins."""
    await lock_partition(writer, patient)
    rows = await writer.fetch(_CURRENT, patient, after, SLICE)
    changed = 0
    for n, number, resource_id, labels, body in rows:
        after = n
        if (server.registry.type_names[number] in server.labels.refers and patient > 0) != referring:
            continue
        should = await _labels_of(server, writer, patient, decode(body))
        if should != labels:
            await writer.execute(_SET_CURRENT, patient, number, resource_id, should)
            changed += 1
    return changed, len(rows), after


async def _versions(
    server: FhirServer, patient: int, after: int, latest: _Last, writer: Writer
) -> tuple[int, int, int]:
    """One slice of the history: how many changed, how many there were, and where the next slice begins.

    A deletion, and the row of what is deleted, has the categories of what was there; what was erased keeps its own.
    """
    await lock_partition(writer, patient)
    rows: Sequence[Row] = await writer.fetch(_VERSIONS, patient, after, SLICE)
    changed = 0
    for seq, number, resource_id, labels, interaction, body, current, current_seq in rows:
        after = seq
        if interaction in ("delete", REMOVAL, EMPTIED):
            should = latest.get((number, resource_id), labels)
            if seq == current_seq and should != current:
                await writer.execute(_SET_CURRENT, patient, number, resource_id, should)
        else:
            should = current if body is None else await _labels_of(server, writer, patient, decode(body))
            latest[number, resource_id] = should
        if should != labels:
            await writer.execute(_SET_VERSION, patient, seq, should)
            changed += 1
    return changed, len(rows), after


async def _labels_of(server: FhirServer, writer: Writer, patient: int, resource: Resource) -> int:
    if patient <= 0:
        return 1 << server.labels.categories["catalogue"].bit
    references = server.labels.referred(resource)
    if references is None:
        return server.labels.of(resource)
    known: dict[str, int] = {}
    for name in references:
        target = parse_reference(name)
        if target is None or target.base or target.type not in server.registry.stored:
            continue
        for (labels,) in await writer.fetch(SELECT_LABELS, patient, server.registry.number(target.type), target.id):
            known[name] = labels
    return server.labels.complete(resource, known.get)
