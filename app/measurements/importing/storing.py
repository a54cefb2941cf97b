"""Lines into the record: some hundreds in one transaction, with what there is to say of them and how far the import is.

What a line says decides its id, so what is there already is found by key, under the lock of the partition; so is what
was deleted or erased, which stays away. https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from app.database import Reader, Writer
from app.errors import Forbidden, Issue, NotFound, Unavailable, ZelfregieError
from app.fhir.resource import decode
from app.measurements.importing.building import id_of, number_of
from app.measurements.importing.counting import (
    FLAGGED,
    LEFT_OUT,
    MOST_TOLD,
    REFUSED,
    SAME,
    STORED,
    Counts,
    Told,
    told_of,
    told_of_issues,
)
from app.measurements.importing.lines import Line, Problem
from app.measurements.importing.preparing import Named, Preparing, Ready, Target
from app.measurements.limits import values_of
from app.server.access import Access
from app.server.ids import write_key
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import execute
from app.server.store.read import GrantChanged, check_guard

CHUNK: Final = 400
"""Lines of one transaction: while it is written, some tens of milliseconds, other writes wait."""
_TURN: Final = 20
"""Lines after which others get a turn."""
_THERE: Final = {
    "sqlite": (
        "SELECT r.id, r.version, r.deleted FROM resource r WHERE r.patient = $1 AND r.type = $2"
        " AND r.id IN (SELECT j.value FROM json_each($3) j)"
    ),
    "postgresql": (
        "SELECT r.id, r.version, r.deleted FROM resource r WHERE r.patient = $1 AND r.type = $2"
        " AND r.id = ANY($3::text[])"
    ),
}
_BODY: Final = "SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
_ENDS: Final = (GrantChanged, NotFound, Unavailable)
"""What is not about the lines."""


class Keep(Protocol):
    """Writes how far an import is, in the transaction of what it counts. ``told``: new rows of the report."""

    async def __call__(self, writer: Writer, counts: Counts, told: Sequence[Told]) -> None: ...


@dataclass(frozen=True, slots=True)
class There:
    """What is stored under an id."""

    version: int
    deleted: bool


@dataclass(slots=True)
class Chunk:
    """What becomes of some lines."""

    counts: Counts
    told: list[Told] = field(default_factory=list)

    def tell(self, rows: Iterable[Told]) -> None:
        """Take up rows of the report; beyond the most that are kept they are counted only."""
        for each in rows:
            self.counts.rules[each.rule] += 1
            if self.counts.told < MOST_TOLD:
                self.counts.told += 1
                self.told.append(each)

    def refuse(self, line: int, issues: Sequence[Issue]) -> None:
        """A line is not stored."""
        self.counts.outcomes[REFUSED] += 1
        self.tell(told_of_issues(line, issues))

    def leave_out(self, line: int, code: str) -> None:
        """A line is not stored, and nothing is wrong with it."""
        self.counts.outcomes[LEFT_OUT] += 1
        self.tell([told_of(line, Problem(code, refuses=False))])


class Storing:
    """Stores the lines of one file. ``counts`` are those of what is on disk."""

    def __init__(self, server: FhirServer, access: Access, target: Target, counts: Counts, *, request: str) -> None:
        self.counts = counts
        self.server = server
        self._access = access
        self._target = target
        self._request = request
        self._key = write_key(target.patient)
        self._preparing = Preparing(server, access, target)

    def go_on_as(self, access: Access) -> None:
        """What is allowed has changed."""
        self._access = access
        self._preparing = Preparing(self.server, access, self._target)

    async def store(self, lines: Sequence[Line], counts: Counts, keep: Keep) -> None:
        """Store one chunk. ``counts``: those so far with what was read now; replaced when all is on disk. Raises
        ``GrantChanged``, and what ends an import: ``Forbidden``, ``NotFound``, ``Unavailable``.
        """
        chunk = Chunk(counts)
        named = self._named(lines, chunk)
        there = await self.there(self.server.database, named)
        ready: list[Ready] = []
        for turn, each in enumerate(named.values()):
            known = there.get(each.id)
            found = await self._preparing.ready(each) if known is None else await self._again(each, known, chunk)
            if isinstance(found, Ready):
                ready.append(found)
            elif found is not None:
                chunk.refuse(each.line.number, found)
            if turn % _TURN == 0:
                await asyncio.sleep(0)
        await self._write(ready, chunk, keep)

    def _named(self, lines: Sequence[Line], chunk: Chunk) -> dict[str, Named]:
        """The lines with a measurement, by id; the same one twice is taken once."""
        named: dict[str, Named] = {}
        for line in lines:
            if line.problems:
                chunk.tell(told_of(line.number, each) for each in line.problems)
            taken = line.taken
            if taken is None:
                refused = any(each.refuses for each in line.problems)
                chunk.counts.outcomes[REFUSED if refused else LEFT_OUT] += 1
                continue
            resource_id = id_of(number_of(taken), self._key)
            if resource_id in named:
                chunk.counts.outcomes[SAME] += 1
            else:
                named[resource_id] = Named(line, taken, resource_id)
        return named

    async def there(
        self, reader: Reader, ids: Iterable[str], resource_type: str = "Observation"
    ) -> Mapping[str, There]:
        """What is stored, deleted or erased under ids."""
        listed = list(ids)
        if not listed:
            return {}
        dialect = self.server.database.dialect
        bound = "[" + ",".join(f'"{each}"' for each in listed) + "]" if dialect == "sqlite" else listed
        number = self.server.registry.number(resource_type)
        rows = await reader.fetch(_THERE[dialect], self._target.patient, number, bound)
        return {row[0]: There(row[1], bool(row[2])) for row in rows}

    async def _again(self, named: Named, known: There, chunk: Chunk) -> Ready | Sequence[Issue] | None:
        """What is there already. The total of a day may have grown since: that is taken where nobody changed it."""
        line = named.line.number
        if known.deleted:
            chunk.leave_out(line, "removed-before")
            return None
        if not named.taken.total:
            chunk.counts.outcomes[SAME] += 1
            return None
        number = self.server.registry.number("Observation")
        rows = await self.server.database.fetch(_BODY, self._target.patient, number, named.id)
        found = await self._preparing.ready(named)
        if not rows or not isinstance(found, Ready):
            return None if isinstance(found, Ready) else found
        base = self.server.canonical_base
        assert found.draft.resource is not None
        before, after = values_of(decode(rows[0][0]), base), values_of(found.draft.resource, base)
        if before == after:
            chunk.counts.outcomes[SAME] += 1
            return None
        if known.version > 1 or before is None or after is None or max(after.values()) < max(before.values()):
            chunk.leave_out(line, "day-differs")
            return None
        found.draft.method, found.draft.fresh, found.draft.if_match = "update", False, known.version
        return found

    async def _write(self, ready: list[Ready], chunk: Chunk, keep: Keep) -> None:
        """Write a chunk in one transaction; what is refused is told, and the rest is written without it."""
        devices = self._preparing.new_devices
        while True:
            drafts = [*devices.values(), *(each.draft for each in ready)]
            writing = _Writing(self, drafts, ready, chunk, keep)
            try:
                await (self._execute(drafts, writing) if drafts else self._only_keep(chunk, keep))
            except _ENDS:
                raise
            except ZelfregieError as error:
                ready = await self._without_refused(ready, error, chunk)
                continue
            devices.clear()
            self.counts = writing.counts
            return

    async def _execute(self, drafts: Sequence[Draft], around: _Writing, *, rehearse: bool = False) -> None:
        now = self.server.clock()
        await execute(
            self.server, self._access, drafts, now=now, request=self._request, rehearse=rehearse, around=around
        )

    async def _only_keep(self, chunk: Chunk, keep: Keep) -> None:
        """Where there is nothing to write."""

        async def work(writer: Writer) -> None:
            await check_guard(writer, self._access, self.server.clock())
            await keep(writer, chunk.counts, chunk.told)

        await self.server.database.transact(work)

    async def _without_refused(self, ready: list[Ready], error: ZelfregieError, chunk: Chunk) -> list[Ready]:
        """Those that can be tried again. Raises what refuses everything."""
        refused = [each for each in ready if each.draft.refusal is not None] or await self._alone(ready)
        if not refused or (isinstance(error, Forbidden) and len(refused) == len(ready)):
            raise error
        for each in refused:
            chunk.refuse(each.named.line.number, (each.draft.refusal or error).all_issues())
        left = [each for each in ready if each not in refused]
        for each in ready:
            each.draft.refusal = None
        return left

    async def _alone(self, ready: list[Ready]) -> list[Ready]:
        """Those that are refused by themselves, seen by trying each without keeping it."""
        found = []
        for each in ready:
            try:
                await self._execute([each.draft], _Writing(self, [each.draft], (), None, None), rehearse=True)
            except _ENDS:
                raise
            except ZelfregieError as error:
                each.draft.refusal = error
                found.append(each)
        return found


class _Writing:
    """See ``Around``: one chunk, with what is told of it and how far the import is; without a chunk nothing is kept."""

    compared = False

    def __init__(
        self, storing: Storing, drafts: Sequence[Draft], ready: Sequence[Ready], chunk: Chunk | None, keep: Keep | None
    ) -> None:
        self._storing = storing
        self._drafts = drafts
        self._ready = ready
        self._chunk = chunk
        self._keep = keep
        self.counts = Counts() if chunk is None else chunk.counts

    def accounts(self, written: Sequence[Draft]) -> Sequence[Draft]:
        del written
        return ()

    async def locked(self, writer: Writer) -> None:
        by_type: dict[str, dict[str, Draft]] = {}
        for draft in self._drafts:
            if draft.method == "create":
                by_type.setdefault(draft.type, {})[draft.id] = draft
        for resource_type, drafts in by_type.items():
            for resource_id in await self._storing.there(writer, drafts, resource_type):
                drafts[resource_id].unchanged = True

    async def stored(self, writer: Writer) -> None:
        if self._chunk is None or self._keep is None:
            return
        chunk = Chunk(self._chunk.counts.copy(), list(self._chunk.told))
        outcomes = chunk.counts.outcomes
        for each in self._ready:
            if each.draft.unchanged:
                outcomes[SAME] += 1
                continue
            outcomes[STORED] += 1
            chunk.counts.kinds[each.named.taken.kind.name] += 1
            if each.findings:
                outcomes[FLAGGED] += 1
            if each.draft.remarks.issues:
                chunk.tell(told_of_issues(each.named.line.number, each.draft.remarks.issues))
        self.counts = chunk.counts
        await self._keep(writer, chunk.counts, chunk.told)
