"""Carries out the imports that were asked for, in the background of this process, and takes over what a dead process
left: an import goes on behind the last chunk that is on disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import structlog

from app.database import Writer
from app.errors import Forbidden, NotFound
from app.fhir.scopes import Action
from app.measurements.importing import tables
from app.measurements.importing.counting import Counts, Told
from app.measurements.importing.jobs import Job, forget, found, import_seal, job_of, pieces_of
from app.measurements.importing.preparing import Target
from app.measurements.importing.running import Withdrawn, run
from app.measurements.importing.storing import Keep, Storing
from app.rounds import Bell, Rounds
from app.server.access import Access, load_access
from app.server.server import FhirServer
from app.server.store.read import GrantChanged

SECOND: Final = 1_000_000
BEAT: Final = 5 * SECOND
"""How often who carries out an import says that it is there."""
DEAD: Final = 60 * SECOND
"""After how long a silence another process takes over."""
_LOOK: Final = 5.0
"""How often is looked whether another process left something, in seconds."""
_OPEN: Final = (
    "SELECT patient, id FROM import_job WHERE state = 'waiting' OR (state = 'running' AND beat < $1)"
    " ORDER BY created, id LIMIT 10"
)
_CLAIM: Final = (
    "UPDATE import_job SET state = 'running', worker = $3, beat = $4 WHERE patient = $1 AND id = $2"
    " AND (state = 'waiting' OR (state = 'running' AND beat < $5)) RETURNING patient, id, source, access, request,"
    " format, state, reason, position, counts, created, finished, expires"
)
_STEP: Final = (
    "UPDATE import_job SET position = $4, counts = $5, beat = $6 WHERE patient = $1 AND id = $2 AND worker = $3"
    " AND state = 'running' RETURNING id"
)
_BEAT: Final = (
    "UPDATE import_job SET beat = $4, counts = $5 WHERE patient = $1 AND id = $2 AND worker = $3"
    " AND state = 'running' RETURNING id"
)
_END: Final = (
    "UPDATE import_job SET state = $4, reason = $5, finished = $6, worker = '', access = $7 WHERE patient = $1"
    " AND id = $2 AND worker = $3 AND state = 'running' RETURNING id"
)
_RELEASE: Final = "UPDATE import_job SET state = 'waiting', worker = '' WHERE worker = $1 AND state = 'running'"
_END_PARTS: Final = "DELETE FROM import_part WHERE patient = $1 AND id = $2"
_END_GRANT: Final = "DELETE FROM access_grant WHERE hash = $1"
_OVER: Final = (
    "SELECT patient, id FROM import_job WHERE (state IN ('ready', 'stopped') AND expires <= $1)"
    " OR (state = 'receiving' AND created <= $2) LIMIT 100"
)
_LONGEST_UPLOAD: Final = 3600 * SECOND
"""After how long a file that has not come in whole is forgotten."""
_log: Final = structlog.get_logger(__name__)


class _Overtaken(Exception):
    """The claim does not stand any more: erased meanwhile, or taken over."""


class ImportWorker:
    """One per process."""

    def __init__(self, server: FhirServer, bell: Bell, *, name: str = "") -> None:
        self._server = server
        self._seal = import_seal(server.page_key)
        self._name = name or secrets.token_hex(8)
        self._rounds = Rounds(self.work, name="imports", every=_LOOK, first=0.0, bell=bell)

    def start(self) -> None:
        """Work from now on, in the background of the running event loop."""
        self._rounds.start()

    async def stop(self) -> None:
        """Stop, and leave what is not finished to the next who comes by."""
        await self._rounds.stop()
        await self._server.database.change(_RELEASE, self._name)

    async def work(self) -> int:
        """Carry out all that is waiting, and forget what is over; how many imports ended."""
        database, now = self._server.database, self._server.clock()
        for patient, job_id in await database.fetch(_OVER, now, now - _LONGEST_UPLOAD):
            await forget(database, patient, job_id)
        ended = 0
        for patient, job_id in await database.fetch(_OPEN, now - DEAD):
            ended += await self.take(patient, job_id)
        return ended

    async def take(self, patient: int, job_id: str) -> bool:
        """Carry out one import, if nobody else does; whether it ended."""
        server, now = self._server, self._server.clock()
        rows = await server.database.change(_CLAIM, patient, job_id, self._name, now, now - DEAD)
        if not rows:
            return False
        job = job_of(rows[0])
        state, reason = "ready", ""
        try:
            await self._carry_out(job)
        except _Overtaken:
            return False
        except (Withdrawn, Forbidden, GrantChanged):
            state, reason = "stopped", "withdrawn"
        except NotFound:  # the record was erased meanwhile, and this with it
            state, reason = "stopped", "withdrawn"
        except Exception as error:  # noqa: BLE001 - told to the person, and found in our log
            _log.error("import.failed", job=job_id, error=type(error).__name__)
            state, reason = "stopped", "failed"
        await self._end(job, state, reason)
        return True

    async def _carry_out(self, job: Job) -> None:
        server = self._server

        async def look_again() -> Access:
            number = server.registry.number("Patient")
            access = await load_access(server.database, job.access, now=server.clock(), patient_type=number)
            if access is None or access.patient != job.patient or not access.scopes.allow("Observation", Action.CREATE):
                raise Withdrawn
            return access

        access = await look_again()
        target = Target(job.patient, access.patient_id, job.format)
        storing = Storing(server, access, target, job.counts, request=job.request)
        await run(
            pieces_of(server.database, self._seal, job),
            job.format,
            storing,
            _Kept(server, job, self._name, storing),
            look_again=look_again,
            position=job.position,
        )

    async def _end(self, job: Job, state: str, reason: str) -> None:
        now = self._server.clock()

        async def work(writer: Writer) -> None:
            await writer.fetch(_END, job.patient, job.id, self._name, state, reason, now, b"")
            await writer.execute(_END_PARTS, job.patient, job.id)
            await writer.execute(_END_GRANT, job.access)

        await self._server.database.transact(work)
        await self._server.database.fold()


async def at_once(server: FhirServer, access: Access, job: Job) -> Job:
    """Carry out a small import while who asked for it waits; how it is then."""
    await ImportWorker(server, Bell()).take(job.patient, job.id)
    return await found(server.database, access, job.id)


class _Kept:
    """See ``Progress``: in the row of the job, while the claim stands."""

    def __init__(self, server: FhirServer, job: Job, worker: str, storing: Storing) -> None:
        self._server = server
        self._job = job
        self._storing = storing
        self._key = (job.patient, job.id, worker)
        self._last = server.clock()

    async def beat(self, read: int) -> None:
        now = self._server.clock()
        if now - self._last < BEAT:
            return
        self._last = now
        counts = self._storing.counts.copy()
        counts.read = read
        if not await self._server.database.change(_BEAT, *self._key, now, counts.packed()):
            raise _Overtaken

    def keeping(self, position: int) -> Keep:
        async def keep(writer: Writer, counts: Counts, told: Sequence[Told]) -> None:
            self._last = self._server.clock()
            if not await writer.fetch(_STEP, *self._key, position, counts.packed(), self._last):
                raise _Overtaken
            first = counts.told - len(told)
            patient, job_id, _ = self._key
            await writer.insert(
                tables.INSERT_TOLD,
                [
                    (patient, job_id, first + place, each.line, each.severity, each.rule, each.place, each.nl, each.en)
                    for place, each in enumerate(told)
                ],
            )

        return keep
