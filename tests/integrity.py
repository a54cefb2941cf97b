"""What must hold in every database at every moment between two writes, whatever was written and whatever was killed.

The index rows are made again from the bodies and compared with those that are stored; every history is walked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from app.database import Database, Row
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.server.ids import key_of
from app.server.search.follow import OWNER_FLAG
from app.server.search.rows import NO_KEYS
from app.server.search.terms import WORDS, hash_token, hash_words
from app.server.server import FhirServer
from app.server.store.batches import index_rows
from app.server.store.removal import EMPTIED, REMOVAL
from app.server.tables import resource as resource_table

INDEXES: Final = {
    "token": "patient, type, param, value, date, n",
    "period": "patient, type, param, low, high, n",
    "range": "patient, type, param, unit, low, high, n",
    "text": "patient, type, param, head, n, ord, folded, exact",
    "link": "patient, type, param, target_type, target_id, n",
    "pair": "patient, type, param, value, kind, unit, low, high, n",
    "lookup": "type, param, value, patient, n",
}
"""The tables that a search looks in, whose rows follow from the resources and from nothing else."""
_HISTORY: Final = "patient, seq, type, id, version, updated, interaction, labels, body"
_ALIASES: Final = (
    "SELECT a.type, a.id, a.patient FROM alias a"
    " WHERE coalesce((SELECT p.state FROM partition p WHERE p.patient = a.patient), '') <> 'erased'"
)
_BORN: Final = {"create", "update-create"}
_CHANGED: Final = {*_BORN, "update"}
_GONE: Final = {"delete", REMOVAL}

Key = tuple[int, int, str]
"""Partition, number of the type, id."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of ``resource``."""

    patient: int
    type: int
    id: str
    n: int
    version: int
    seq: int
    updated: int
    date: int
    present: int
    deleted: int
    labels: int
    flags: int
    keys: bytes
    body: bytes | None

    @property
    def key(self) -> Key:
        return self.patient, self.type, self.id


async def problems(database: Database, server: FhirServer) -> list[str]:
    """Everything that does not hold; empty when all is well. ``server`` has the tables that rows are made from."""
    async with database.snapshot() as reader:
        columns = ", ".join(column.name for column in resource_table.columns)
        resources = [Stored(*row) for row in await reader.fetch(f"SELECT {columns} FROM resource")]
        versions = [tuple(row) for row in await reader.fetch(f"SELECT {_HISTORY} FROM history ORDER BY patient, seq")]
        partitions = {
            row[0]: (row[1], row[2]) for row in await reader.fetch("SELECT patient, seq, updated FROM partition")
        }
        indexes = {
            name: [tuple(row) for row in await reader.fetch(f'SELECT {columns} FROM "{name}"')]
            for name, columns in INDEXES.items()
        }
        terms = {tuple(row) for row in await reader.fetch("SELECT patient, value, system, code FROM term")}
        aliases = {tuple(row) for row in await reader.fetch(_ALIASES)}
        claims = [tuple(row) for row in await reader.fetch("SELECT patient, name, n FROM claim")]
    return [
        *_in_indexes(server, resources, indexes, terms),
        *_in_resources(server, resources, aliases),
        *_in_history(server, resources, versions),
        *_in_partitions(resources, versions, partitions, claims),
    ]


def _in_indexes(
    server: FhirServer,
    resources: Sequence[Stored],
    stored: dict[str, list[tuple[Any, ...]]],
    terms: set[tuple[Any, ...]],
) -> Iterator[str]:
    expected: dict[str, set[tuple[Any, ...]]] = {name: set() for name in INDEXES}
    known: set[tuple[Any, ...]] = set()
    for each in resources:
        if each.body is None:
            continue
        indexer = server.indexer(server.registry.type_names[each.type])
        rows = indexer.rows(decode(each.body), owned=bool(each.flags & OWNER_FLAG))
        for name, made in index_rows(rows, each.patient, each.type, each.n).items():
            expected[name].update(made)
        known.update((each.patient, *term) for term in rows.terms)
    for name, rows_in in stored.items():
        found = set(rows_in)
        yield from (f"{name}: missing {row}" for row in sorted(expected[name] - found))
        yield from (f"{name}: belongs to nothing {row}" for row in sorted(found - expected[name]))
        if len(found) != len(rows_in):
            yield f"{name}: the same row twice"
    yield from (f"term: missing {row}" for row in sorted(known - terms))
    worded: dict[tuple[int, int], list[str]] = {}
    for patient, value, system, code in terms:
        if system == WORDS:
            worded.setdefault((patient, value), []).append(code)
        elif hash_token(system, code) != value:
            yield f"term: has another hash {(patient, value, system, code)}"
    yield from (f"term: has another hash {key}" for key, codes in worded.items() if hash_words(codes) != key[1])


def _in_resources(server: FhirServer, resources: Sequence[Stored], aliases: set[tuple[Any, ...]]) -> Iterator[str]:
    foreign = {(each.type, each.id, each.patient) for each in resources if key_of(each.id) is None}
    yield from (f"alias: missing {row}" for row in sorted(foreign - aliases))
    yield from (f"alias: belongs to nothing {row}" for row in sorted(aliases - foreign))
    for each in resources:
        if bool(each.deleted) != (each.body is None):
            yield f"resource {each.key}: deleted is {each.deleted}, and its body says otherwise"
        if each.body is None:
            if each.keys != NO_KEYS:
                yield f"resource {each.key}: is deleted and has keys"
            continue
        resource = decode(each.body)
        name = server.registry.type_names[each.type]
        rows = server.indexer(name).rows(resource, owned=bool(each.flags & OWNER_FLAG))
        if (resource["resourceType"], resource["id"]) != (name, each.id):
            yield f"resource {each.key}: holds another resource"
        if (each.keys, each.date, each.present) != (rows.packed(), rows.date, rows.present):
            yield f"resource {each.key}: keys, date or present are not those of its body"
        if name not in server.labels.refers and each.patient > 0 and each.labels != server.labels.of(resource):
            yield f"resource {each.key}: labels are not those of its body"
        yield from _in_meta(f"resource {each.key}", resource, each.version, each.updated)
        key = key_of(each.id)
        if key is not None and key != max(each.patient, 0):
            yield f"resource {each.key}: its id carries another partition's key"


def _in_history(server: FhirServer, resources: Sequence[Stored], versions: Sequence[Row]) -> Iterator[str]:
    chains: dict[Key, list[Row]] = defaultdict(list)
    for row in versions:
        chains[row[0], row[2], row[3]].append(row)
    current = {each.key: each for each in resources}
    yield from (f"history {key}: belongs to nothing" for key in chains.keys() - current.keys())
    for key, each in current.items():
        chain = chains.get(key, [])
        numbers = [row[4] for row in chain]
        if numbers != list(range(1, each.version + 1)):
            yield f"history {key}: versions {numbers} of {each.version}"
            continue
        last = chain[-1]
        if (last[1], last[5], last[6] in _GONE) != (each.seq, each.updated, bool(each.deleted)):
            yield f"history {key}: the last version is not the one that is stored"
        if last[8] is not None:
            yield f"history {key}: holds the body of the current version too"
        if [row[5] for row in chain] != sorted(row[5] for row in chain):
            yield f"history {key}: lastUpdated went back"
        born = max((row[1] for row in chain if row[6] in _BORN), default=None)
        if born != each.n and not each.deleted:
            yield f"history {key}: its number {each.n} is not when it was born: {born}"
        for row in chain[:-1]:
            if (row[8] is None) != (row[6] in {*_GONE, EMPTIED}):
                yield f"history {key}: version {row[4]} is a {row[6]}, and its body says otherwise"
            if row[8] is not None:
                yield from _in_meta(f"history {key}", decode(row[8]), row[4], row[5])
        if any(row[6] not in _CHANGED for row, after in pairwise(chain) if after[6] == "delete"):
            yield f"history {key}: was deleted twice"


def _in_partitions(
    resources: Sequence[Stored], versions: Sequence[Row], partitions: dict[int, tuple[int, int]], claims: Sequence[Row]
) -> Iterator[str]:
    numbers = {(each.patient, each.n) for each in resources}
    for patient, name, n in claims:
        if (patient, n) not in numbers:
            yield f"claim {name} of {patient}: its holder is not there"
    by_partition: dict[int, list[Row]] = defaultdict(list)
    for row in versions:
        by_partition[row[0]].append(row)
    for patient, rows in by_partition.items():
        if patient not in partitions:
            yield f"partition {patient}: is not there, and has a history"
            continue
        seq, updated = partitions[patient]
        if seq < rows[-1][1]:
            yield f"partition {patient}: seq {seq} is behind the last change {rows[-1][1]}"
        times = [row[5] for row in rows]
        if times != sorted(times):
            yield f"partition {patient}: lastUpdated went back"
        if updated < times[-1]:
            yield f"partition {patient}: updated is behind the last change"


def _in_meta(where: str, resource: Resource, version: int, updated: int) -> Iterator[str]:
    meta = resource.get("meta", {})
    if (meta.get("versionId"), meta.get("lastUpdated")) != (str(version), instant(updated)):
        yield f"{where}: version {version} has the meta of another"
