"""Makes the copies that were asked for, in the background of this process; takes over what a dead process left.

A copy is one claimed row of ``export``. Whoever makes it says so every few seconds; a piece is stored only while the
claim stands, so that of two who believe it is theirs one stops. What is taken over is begun again.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog

from app.auth.grants import NewGrant, write_grant
from app.auth.recipients import person
from app.auth.rights import tables
from app.auth.rights.archive import Archive
from app.auth.rights.copying import Copying, Wanted
from app.auth.rights.exports import KEPT, about_part, archive_seal, end_what_is_over
from app.auth.roles import Role
from app.database import Writer
from app.rounds import Bell, Rounds
from app.server.access import OWN_USE, load_access
from app.server.server import FhirServer
from app.server.store.read import GrantChanged

SECOND: Final = 1_000_000
BEAT: Final = 5 * SECOND
"""How often the maker of a copy says that it is there."""
DEAD: Final = 60 * SECOND
"""After how long a silence another process takes over."""
_DAY: Final = 24 * 3600 * SECOND
_LOOK: Final = 5.0
"""How often is looked whether another process left something, in seconds."""
_OPEN: Final = (
    "SELECT patient, id FROM export WHERE state = 'waiting' OR (state = 'running' AND beat < $1)"
    " ORDER BY created, id LIMIT 10"
)
_CLAIM: Final = (
    "UPDATE export SET state = 'running', worker = $3, beat = $4, done = 0, total = 0 WHERE patient = $1 AND id = $2"
    " AND (state = 'waiting' OR (state = 'running' AND beat < $5)) RETURNING account, created"
)
_EMPTY: Final = "DELETE FROM export_part WHERE patient = $1 AND id = $2"
_STEP: Final = (
    "UPDATE export SET done = $4, total = $5, beat = $6 WHERE patient = $1 AND id = $2 AND worker = $3"
    " AND state = 'running' RETURNING id"
)
_DONE: Final = (
    "UPDATE export SET state = 'ready', size = $4, digest = $5, finished = $6, expires = $7, done = total"
    " WHERE patient = $1 AND id = $2 AND worker = $3 AND state = 'running' RETURNING id"
)
_SET: Final = (
    "UPDATE export SET state = $4, worker = '' WHERE patient = $1 AND id = $2 AND worker = $3 AND state = 'running'"
)
_RELEASE: Final = "UPDATE export SET state = 'waiting', worker = '' WHERE worker = $1 AND state = 'running'"
_OLDER: Final = "SELECT id FROM export WHERE patient = $1 AND account = $2 AND id <> $3 AND state = 'ready'"
_REPLACED: Final = "UPDATE export SET state = 'gone' WHERE patient = $1 AND id = $2"
_WHO: Final = "SELECT a.tenant, a.language, a.patient FROM account a WHERE a.id = $1 AND a.state = 'active'"
_DELETE_GRANT: Final = "DELETE FROM access_grant WHERE hash = $1"
_log: Final = structlog.get_logger(__name__)


class _Overtaken(Exception):
    """The claim does not stand any more: erased meanwhile, or taken over."""


class _NoRight(Exception):
    """Whoever asked for it may not see the record any more."""


class ExportWorker:
    """One per process. ``moved`` puts what the access log of this process holds where a copy reads it."""

    def __init__(
        self, server: FhirServer, *, name: str = "", moved: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self._server = server
        self._moved = moved
        self._name = name or secrets.token_hex(8)
        self.bell = Bell()
        self._rounds = Rounds(self.run, name="exports", every=_LOOK, first=0.0, bell=self.bell)

    def start(self) -> None:
        """Work from now on, in the background of the running event loop."""
        self._rounds.start()

    async def stop(self) -> None:
        """Stop, and leave what is not finished to the next who comes by."""
        await self._rounds.stop()
        await self._server.database.change(_RELEASE, self._name)

    async def run(self) -> int:
        """Make all that is waiting, and remove what is over; how many copies were made."""
        database, now = self._server.database, self._server.clock()
        await end_what_is_over(database, now=now)
        made = 0
        for patient, export_id in await database.fetch(_OPEN, now - DEAD):
            made += await self._take(patient, export_id)
        return made

    async def _take(self, patient: int, export_id: str) -> bool:
        now = self._server.clock()

        async def claim(writer: Writer) -> str:
            rows = await writer.fetch(_CLAIM, patient, export_id, self._name, now, now - DEAD)
            if rows:
                await writer.execute(_EMPTY, patient, export_id)
            return rows[0][0] if rows else ""

        account = await self._server.database.transact(claim)
        if not account:
            return False
        try:
            await self._make(patient, export_id, account)
        except _Overtaken:
            return False
        except _NoRight:
            await self._server.database.change(_SET, patient, export_id, self._name, "gone")
            return False
        except GrantChanged:  # the person's right changed meanwhile: what is in it may be too much
            await self._server.database.change(_SET, patient, export_id, self._name, "waiting")
            return False
        except Exception as error:  # noqa: BLE001 - told to the person, and found in our log
            _log.error("export.failed", export=export_id, error=type(error).__name__)
            await self._server.database.change(_SET, patient, export_id, self._name, "failed")
            return False
        return True

    async def _make(self, patient: int, export_id: str, account: str) -> None:
        """Make one copy, with the person's own permits under a grant of its own. Raises ``GrantChanged``."""
        if self._moved is not None:
            await self._moved()
        server, now = self._server, self._server.clock()
        rows = await server.database.fetch(_WHO, account)
        if not rows:
            raise _NoRight
        tenant, language, own = rows[0]
        role = Role.PATIENT if own == patient else Role.REPRESENTATIVE
        token_hash = secrets.token_bytes(32)
        grant = NewGrant(
            token_hash, person(account), "patient/*.rs", tenant, OWN_USE, client="service:export", person=account,
            patient=patient, expires=now + _DAY, kind="service", role=role,
        )  # fmt: skip
        async with server.database.write() as writer:
            await write_grant(writer, grant)
        try:
            number = server.registry.number("Patient")
            access = await load_access(server.database, token_hash, now=now, patient_type=number)
            if access is None or access.patient is None:
                raise _NoRight
            pieces = _Pieces(server, patient, export_id, self._name)
            wanted = Wanted(patient, account, language, now)
            archive = await Copying(server, server.database, access, wanted, pieces.told).make()
            await pieces.finish(archive, account)
        finally:
            await server.database.change(_DELETE_GRANT, token_hash)


class _Pieces:
    """Stores what an archive gives off, while the claim stands."""

    def __init__(self, server: FhirServer, patient: int, export_id: str, worker: str) -> None:
        self._server = server
        self._seal = archive_seal(server.page_key)
        self._key = (patient, export_id, worker)
        self._part = 0
        self._beat = 0

    async def told(self, archive: Archive, done: int, total: int) -> None:
        """Store a piece when there is one, and say from time to time that this is being made."""
        now = self._server.clock()
        piece = archive.taken()
        if piece or now - self._beat >= BEAT:
            self._beat = now
            await self._server.database.transact(partial(self._step, piece, done, total, now))
            self._part += bool(piece)

    async def finish(self, archive: Archive, account: str) -> None:
        """Store the rest, and let it be fetched; the copies before it are gone."""
        await self._server.database.transact(partial(self._end, archive, archive.taken(least=1), account))
        await self._server.database.fold()

    async def _step(self, piece: bytes, done: int, total: int, now: int, writer: Writer) -> None:
        if not await writer.fetch(_STEP, *self._key, done, total, now):
            raise _Overtaken
        await self._store(piece, writer)

    async def _store(self, piece: bytes, writer: Writer) -> None:
        if piece:
            patient, export_id, _ = self._key
            sealed = self._seal.seal(piece, about_part(patient, export_id, self._part))
            await writer.insert(tables.INSERT_EXPORT_PART, [(patient, export_id, self._part, sealed)])

    async def _end(self, archive: Archive, piece: bytes, account: str, writer: Writer) -> None:
        now = self._server.clock()
        patient, export_id, _ = self._key
        await self._store(piece, writer)
        if not await writer.fetch(_DONE, *self._key, archive.size, archive.digest, now, now + KEPT):
            raise _Overtaken
        for (older,) in await writer.fetch(_OLDER, patient, account, export_id):
            await writer.execute(_EMPTY, patient, older)
            await writer.execute(_REPLACED, patient, older)
