"""Imports as people and apps follow them: asked for, looked at, and their report. https://hl7.org/fhir/R4/async.html"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.auth.sealing import Seal
from app.database import Database, Reader, Row, Writer
from app.errors import Conflict, Forbidden, NotFound
from app.measurements.confirming import is_the_person
from app.measurements.importing import tables
from app.measurements.importing.counting import Counts, Told, unpacked
from app.server.access import Access
from app.server.store.read import check_guard

RECEIVING: Final = "receiving"
WAITING: Final = "waiting"
RUNNING: Final = "running"
READY: Final = "ready"
STOPPED: Final = "stopped"
_SECOND: Final = 1_000_000
DAY: Final = 24 * 3600 * _SECOND
KEPT: Final = 30 * DAY
"""How long a report can be read (µs)."""
LONGEST: Final = DAY
"""How long an import may take from its begin: so long does the grant last that it is carried out with."""
MOST_AT_ONCE: Final = 3
"""Imports of one person that wait or run."""
PART: Final = 1_048_576
_LOCK: Final = "UPDATE partition SET seq = seq WHERE patient = $1 AND state = 'live' RETURNING seq"
_UNDER_WAY: Final = (
    "SELECT count(*) FROM import_job WHERE patient = $1 AND state IN ('receiving', 'waiting', 'running')"
)
_COPY_GRANT: Final = (
    "INSERT INTO access_grant (hash, stamp, recipient, client, person, organization, tenant, purpose, scopes, patient,"
    " everyone, expires, kind, role, also, within, responsible, fhir_user, family, fresh, services)"
    " SELECT $1::bytea, 1, g.recipient, g.client, g.person, g.organization, g.tenant, g.purpose, g.scopes, g.patient,"
    " g.everyone, $3::bigint, g.kind, g.role, g.also, g.within, g.responsible, g.fhir_user,"
    " CASE WHEN g.kind = 'session' THEN '' ELSE g.family END, 0, g.services FROM access_grant g WHERE g.hash = $2"
)
_COLUMNS: Final = (
    "patient, id, source, access, request, format, state, reason, position, counts, created, finished, expires"
)
_ONE: Final = f"SELECT {_COLUMNS} FROM import_job WHERE patient = $1 AND id = $2"  # noqa: S608
_LISTED: Final = (
    f"SELECT {_COLUMNS} FROM import_job WHERE patient = $1 AND source = $2 AND state <> 'receiving'"  # noqa: S608
    " ORDER BY created DESC, id LIMIT 20"
)
_TOLD: Final = (
    "SELECT line, severity, rule, place, nl, en FROM import_told WHERE patient = $1 AND id = $2 AND row >= $3"
    " ORDER BY row LIMIT $4"
)
_RECEIVED: Final = (
    "UPDATE import_job SET state = 'waiting', access = $3 WHERE patient = $1 AND id = $2 AND state = 'receiving'"
    " RETURNING id"
)
FORGET: Final = (
    "DELETE FROM import_told WHERE patient = $1 AND id = $2",
    "DELETE FROM import_part WHERE patient = $1 AND id = $2",
    "DELETE FROM import_job WHERE patient = $1 AND id = $2",
)
_PART_OF: Final = "SELECT bytes FROM import_part WHERE patient = $1 AND id = $2 AND part = $3"


@dataclass(frozen=True, slots=True)
class Job:
    """One import. ``state`` as in the table; ``reason``: why it stopped (withdrawn, failed); times in µs."""

    patient: int
    id: str
    source: str
    access: bytes
    request: str
    format: str
    state: str
    reason: str
    position: int
    counts: Counts
    created: int
    finished: int
    expires: int

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in (READY, STOPPED)


def import_seal(secret: bytes) -> Seal:
    """What files are sealed with at rest. ``secret``: the service's own."""
    return Seal(secret, "import")


def may_import(access: Access) -> int:
    """The record that the caller may import into. Raises ``Forbidden``."""
    if access.patient is None or not is_the_person(access):
        raise Forbidden("Only the person, who represents them, or an app of theirs can import measurements.")
    return access.patient


async def ask(
    database: Database, seal: Seal, access: Access, pieces: AsyncIterator[bytes], name: str, *, request: str, now: int
) -> Job:
    """Keep a file that is to be imported, piece by piece, and then ask for its import. Raises ``Forbidden``, and
    ``Conflict`` while too many others of this person are not finished.
    """
    patient = may_import(access)
    job_id, grant = secrets.token_hex(8), secrets.token_bytes(32)

    async def begin(writer: Writer) -> None:
        if not await writer.fetch(_LOCK, patient):
            raise NotFound("The patient is not known.")
        await check_guard(writer, access, now)
        if (await writer.fetch(_UNDER_WAY, patient))[0][0] >= MOST_AT_ONCE:
            text = f"There are {MOST_AT_ONCE} imports for this record already; wait until one has ended."
            raise Conflict(text, "throttled")
        row = (
            *(patient, job_id, access.source, b"", request, name, RECEIVING, "", 0, Counts().packed()),
            *(now, 0, now + KEPT, "", now),
        )
        await writer.insert(tables.INSERT_JOB, [row])

    async def end(writer: Writer) -> None:
        await check_guard(writer, access, now)
        if not await writer.fetch(_RECEIVED, patient, job_id, grant):
            raise NotFound("The patient is not known.")  # erased while the file came in
        await writer.fetch(f"{_COPY_GRANT} RETURNING hash", grant, access.hash, now + LONGEST)

    await database.transact(begin)
    part = 0
    try:
        async for piece in pieces:
            for start in range(0, len(piece), PART):
                sealed = seal.seal(piece[start : start + PART], about_part(patient, job_id, part))
                async with database.write() as writer:
                    await writer.insert(tables.INSERT_PART, [(patient, job_id, part, sealed)])
                part += 1
        await database.transact(end)
    except BaseException:
        await forget(database, patient, job_id)
        raise
    return await found(database, access, job_id)


async def found(reader: Reader, access: Access, job_id: str) -> Job:
    """One import that this caller asked for. Raises ``Forbidden`` or ``NotFound``."""
    patient = may_import(access)
    rows = await reader.fetch(_ONE, patient, job_id)
    job = job_of(rows[0]) if rows else None
    if job is None or job.source != access.source:
        raise NotFound("There is no such import.")
    return job


async def listed(reader: Reader, access: Access) -> list[Job]:
    """The imports that this caller asked for, the last first."""
    return [job_of(row) for row in await reader.fetch(_LISTED, may_import(access), access.source)]


async def told(reader: Reader, job: Job, *, first: int, most: int) -> Sequence[Told]:
    """Rows of the report, from the ``first`` (0) on."""
    return [Told(*row) for row in await reader.fetch(_TOLD, job.patient, job.id, first, most)]


async def pieces_of(database: Database, seal: Seal, job: Job) -> AsyncIterator[bytes]:
    """The file."""
    part = 0
    while rows := await database.fetch(_PART_OF, job.patient, job.id, part):
        yield seal.open(bytes(rows[0][0]), about_part(job.patient, job.id, part))
        part += 1


async def forget(database: Database, patient: int, job_id: str) -> None:
    """Nothing of an import is kept; what it stored stays."""
    async with database.write() as writer:
        for statement in FORGET:
            await writer.execute(statement, patient, job_id)


def about_part(patient: int, job_id: str, part: int) -> bytes:
    """What a sealed piece opens together with only."""
    return f"{patient}/{job_id}/{part}".encode()


def job_of(row: Row) -> Job:
    """A row of the columns of a job."""
    values = dict(zip(Job.__dataclass_fields__, row, strict=True))
    return Job(**{**values, "access": bytes(values["access"]), "counts": unpacked(bytes(values["counts"]))})
