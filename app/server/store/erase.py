"""Erasing at the person's request: the one exception to "nothing is overwritten" (MODEL 5).

Of a resource, all versions lose their content and every index row goes; a last version says that it was removed and
when, so numbers have no gap and clients that follow the history drop their copy. Of a whole partition, every row goes.
https://gdpr-info.eu/art-17-gdpr/ https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.database import Row, Writer
from app.errors import NotFound
from app.fhir.dates import NO_DATE
from app.fhir.resource import decode
from app.fhir.scopes import Action
from app.server import tables
from app.server.access import Access
from app.server.ids import key_of
from app.server.search.rows import NO_KEYS, unpack
from app.server.server import FhirServer
from app.server.store.batches import Batches, write_index
from app.server.store.copies import copies_of
from app.server.store.read import check_guard
from app.server.store.removal import EMPTIED, ERASED, REMOVAL
from app.server.store.write import BEFORE_POSTGRESQL, BEFORE_SQLITE, LOCK

SLICE: Final = 200
"""Resources at a time; others get a turn in between."""

_VERSIONS: Final = "SELECT h.id, h.seq, h.interaction, h.body FROM history h WHERE h.patient = $1 AND h.type = $2"
_VERSIONS_SQLITE: Final = f"{_VERSIONS} AND h.id IN (SELECT j.value FROM json_each($3) j)"
_VERSIONS_POSTGRESQL: Final = f"{_VERSIONS} AND h.id = ANY($3::text[])"
_DERIVED: Final = (
    "SELECT DISTINCT r.id, r.body FROM link l CROSS JOIN resource r WHERE l.patient = $1 AND l.type = $2"
    " AND l.param = $3 AND l.target_type = $4 AND {any} AND r.patient = l.patient AND r.n = l.n AND r.deleted = 0"
)
_DERIVED_SQLITE: Final = _DERIVED.format(any="l.target_id IN (SELECT j.value FROM json_each($5) j)")
_DERIVED_POSTGRESQL: Final = _DERIVED.format(any="l.target_id = ANY($5::text[])")
_CLAIMS: Final = (
    # Not the name of a number, which stays taken: what is numbered has no gap, and no number comes twice.
    "DELETE FROM claim WHERE patient = $1 AND name NOT LIKE '%|%'"
    f" AND n IN (SELECT r.n FROM resource r WHERE r.patient = $1 AND r.deleted = {ERASED})"
)
_TERMS: Final = (
    "DELETE FROM term WHERE patient = $1 AND value IN (SELECT t.value FROM term t WHERE t.patient = $1"
    " EXCEPT SELECT k.value FROM token k WHERE k.patient = $1"
    " EXCEPT SELECT p.value FROM pair p WHERE p.patient = $1)"
)
_NUMBERED: Final = "UPDATE partition SET seq = $2, erased = 1 WHERE patient = $1"
_END: Final = "UPDATE partition SET state = 'erased' WHERE patient = $1"
_KEYS: Final = (
    "SELECT r.n, r.type, r.id, r.date, r.deleted, r.keys FROM resource r"
    " WHERE r.patient = $1 AND r.n > $2 ORDER BY r.n LIMIT $3"
)
_COUNT_VERSIONS: Final = "SELECT count(*) FROM history WHERE patient = $1"
_TYPES: Final = "SELECT DISTINCT r.type FROM resource r WHERE r.patient = $1"
_BY_TYPE: Final = ("token", "period", "range", "text", "link", "pair", "history", "resource")
_WHOLE: Final = ("claim", "term", "history", "resource", "token", "period", "range", "text", "link", "pair")


@dataclass(frozen=True, slots=True)
class Erased:
    """One resource that was erased: its new last version, how many versions lost their content, and the content for
    who has to know what may not come back.
    """

    type: str
    id: str
    version: int
    versions: int
    bodies: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class ErasedRecord:
    """How much there was of a whole partition."""

    resources: int
    versions: int


async def _lock(writer: Writer, access: Access, patient: int, *, now: int) -> tuple[int, int]:
    """Take the partition; its last number so far, and the time of the change."""
    rows = await writer.fetch(LOCK, patient, 0, now, access.hash, access.stamp)
    if not rows:
        await check_guard(writer, access, now)
        raise NotFound("The patient is not known.")
    return rows[0][0], rows[0][1]


class Erasing:
    """Erases resources of one partition, within a transaction, as one change of it."""

    def __init__(self, server: FhirServer, writer: Writer, access: Access, patient: int, *, request: str) -> None:
        self._server = server
        self._writer = writer
        self._patient = patient
        self._access = access
        self._request = request
        self._seq = self._updated = 0
        self._copies: dict[str, Mapping[str, frozenset[str]]] = {}

    async def begin(self, *, now: int) -> int:
        """Lock the partition; the time of the change (µs). Raises ``GrantChanged`` or ``NotFound``."""
        self._seq, self._updated = await _lock(self._writer, self._access, self._patient, now=now)
        return self._updated

    async def erase(self, resource_type: str, ids: Sequence[str]) -> list[Erased]:
        """Erase at most ``SLICE`` resources of one type; those that are there for who erases, and were not erased
        before.
        """
        number = self._server.registry.number(resource_type)
        denied = self._access.denied_labels(self._patient, Action.DELETE)
        rows = await self._fetch(BEFORE_SQLITE, BEFORE_POSTGRESQL, (number,), ids)
        before = [row for row in rows if row[6] != ERASED and not row[7] & denied]
        found = [row[0] for row in before]
        if not found:
            return []
        bodies, emptied = await self._contents(number, found)
        batches = Batches(self._server.registry)
        batches.into(tables.EMPTY_HISTORY).extend((self._patient, seq, EMPTIED, "", "", None) for seq in emptied)
        erased = []
        for row in before:
            self._remove(batches, number, row)
            content = [*bodies[row[0]], *([row[10]] if row[10] is not None else [])]
            erased.append(Erased(resource_type, row[0], row[2] + 1, len(content), content))
        await self._writer.alter(batches.all())
        await asyncio.sleep(0)
        return erased

    async def following(self, resource_type: str, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """What goes with those resources, by type: the Observations that hold nothing but what follows from them, and
        the working copies that were made of them, which say the same.
        """
        found = {"Observation": await self._derived(resource_type, ids)}
        if resource_type not in self._copies:
            self._copies[resource_type] = await copies_of(self._server, self._writer, self._patient, resource_type)
        copies = self._copies[resource_type]
        found.setdefault(resource_type, []).extend(sorted({copy for each in ids for copy in copies.get(each, ())}))
        return found

    async def _derived(self, resource_type: str, ids: Sequence[str]) -> list[str]:
        server = self._server
        registry = server.registry
        fixed = registry.number("Observation"), registry.params("Observation")["derived-from"].number
        rows = await self._fetch(_DERIVED_SQLITE, _DERIVED_POSTGRESQL, (*fixed, registry.number(resource_type)), ids)
        resources = ((row[0], decode(row[1])) for row in rows if row[1] is not None)
        return [each for each, body in resources if any(follows(body) for follows in server.follows)]

    async def finish(self) -> None:
        """Remove what only the erased resources needed: names that they claimed, what their tokens stood for. Keep
        how far the numbers went, and that something was erased.
        """
        await self._writer.execute(_NUMBERED, self._patient, self._seq)
        await self._writer.execute(_CLAIMS, self._patient)
        await self._writer.execute(_TERMS, self._patient)

    async def _contents(self, number: int, ids: Sequence[str]) -> tuple[Mapping[str, list[bytes]], list[int]]:
        """The bodies of former versions by id, and the ``seq`` of every version that is to be emptied."""
        bodies: dict[str, list[bytes]] = defaultdict(list)
        emptied = []
        for resource_id, seq, interaction, body in await self._fetch(
            _VERSIONS_SQLITE, _VERSIONS_POSTGRESQL, (number,), ids
        ):
            if interaction not in (REMOVAL, EMPTIED):
                emptied.append(seq)
            if body is not None:
                bodies[resource_id].append(body)
        return bodies, emptied

    async def _fetch(self, sqlite: str, postgresql: str, numbers: Sequence[int], ids: Sequence[str]) -> Sequence[Row]:
        if self._server.database.dialect == "postgresql":
            return await self._writer.fetch(postgresql, self._patient, *numbers, list(ids))
        listed = "[" + ",".join(f'"{each}"' for each in ids) + "]"
        return await self._writer.fetch(sqlite, self._patient, *numbers, listed)

    def _remove(self, batches: Batches, number: int, row: Row) -> None:
        """Queue the last version of one resource, and the end of its index rows."""
        resource_id, n, version, _, _, date, deleted, labels, _, keys, _ = row
        self._seq += 1
        key = (self._patient, number, resource_id)
        batches.into(tables.UPDATE_RESOURCE).append(
            (*key, n, version + 1, self._seq, self._updated, NO_DATE, 0, ERASED, labels, 0, NO_KEYS, None)
        )
        batches.into(tables.INSERT_HISTORY).append(
            (
                self._patient,
                self._seq,
                number,
                resource_id,
                version + 1,
                self._updated,
                REMOVAL,
                labels,
                self._access.actor,
                self._request,
                None,
            )
        )
        if not deleted:
            write_index(batches.into, (self._patient, number), n, old=unpack(keys, date), new=None)


async def erase_record(writer: Writer, access: Access, patient: int, *, now: int) -> ErasedRecord:
    """Erase every row of a partition, after which nothing resolves in it. Raises ``GrantChanged`` or ``NotFound``."""
    await _lock(writer, access, patient, now=now)
    versions = (await writer.fetch(_COUNT_VERSIONS, patient))[0][0]
    resources, after = 0, 0
    while True:
        rows = await writer.fetch(_KEYS, patient, after, SLICE)
        await _leave_shared_tables(writer, patient, rows)
        resources += len(rows)
        if len(rows) < SLICE:
            break
        after = rows[-1][0]
        await asyncio.sleep(0)
    for (number,) in await writer.fetch(_TYPES, patient):
        for table in _BY_TYPE:
            await writer.execute(f'DELETE FROM "{table}" WHERE patient = $1 AND type = $2', patient, number)
        await asyncio.sleep(0)
    for table in _WHOLE:
        await writer.execute(f'DELETE FROM "{table}" WHERE patient = $1', patient)
    await writer.execute(_END, patient)
    return ErasedRecord(resources, versions)


async def _leave_shared_tables(writer: Writer, patient: int, rows: Sequence[Row]) -> None:
    """Take resources out of the tables that are ordered by something else than the patient."""
    lookups: list[tuple[Any, ...]] = []
    aliases: list[tuple[Any, ...]] = []
    for n, number, resource_id, date, deleted, keys in rows:
        if not deleted:
            lookups += [(number, param, value, patient, n) for param, value in unpack(keys, date).lookups]
        if key_of(resource_id) is None:
            aliases.append((number, resource_id, patient))
    await writer.alter([(tables.DELETE_LOOKUP, lookups), (tables.DELETE_ALIAS, aliases)])
