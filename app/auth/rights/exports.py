"""Copies of a record: asked for, followed, fetched by a link that counts once, and gone after a week.

Whoever may not see the record any more does not get the copy that they made while they could; nor does anybody when
something was erased since. https://gdpr-info.eu/art-15-gdpr/
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from app.auth.accounts.sessions import Session
from app.auth.recipients import person
from app.auth.rights import tables
from app.auth.roles import Role
from app.auth.sealing import Seal
from app.auth.tickets import issue, look, take
from app.database import Database, Reader, Row, Writer
from app.errors import Conflict, Forbidden, Gone, NotFound
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.labels import EVERY_LABEL

WAITING: Final = "waiting"
RUNNING: Final = "running"
READY: Final = "ready"
FAILED: Final = "failed"
GONE: Final = "gone"
_DAY: Final = 24 * 3600 * 1_000_000
KEPT: Final = 7 * _DAY
"""How long a copy can be fetched (µs)."""
MOST_A_DAY: Final = 5
LINK_SECONDS: Final = 15 * 60
_KIND: Final = "export"
_WHO: Final = frozenset({Role.PATIENT, Role.REPRESENTATIVE})
_LOCK: Final = "UPDATE partition SET seq = seq WHERE patient = $1 AND state = 'live' RETURNING seq"
_UNDER_WAY: Final = "SELECT 1 FROM export WHERE patient = $1 AND state IN ('waiting', 'running')"
_RECENT: Final = "SELECT count(*) FROM export WHERE patient = $1 AND created > $2"
_COLUMNS: Final = "patient, id, account, state, done, total, size, created, finished, expires, labels"
_LISTED: Final = f"SELECT {_COLUMNS} FROM export WHERE patient = $1 AND account = $2 ORDER BY created DESC, id LIMIT 20"
_ONE: Final = f"SELECT {_COLUMNS} FROM export WHERE patient = $1 AND id = $2"
_PART: Final = "SELECT bytes FROM export_part WHERE patient = $1 AND id = $2 AND part = $3"
# By the states that there are besides ``gone``: those rows stay, and every process asks this every few seconds.
_ENDED: Final = (
    "SELECT e.patient, e.id FROM export e WHERE e.state IN ('waiting', 'running', 'ready', 'failed')"
    " AND ((e.state = 'ready' AND e.expires <= $1)"
    " OR NOT EXISTS (SELECT 1 FROM permit m WHERE m.recipient = $2 || e.account"
    " AND m.patient = e.patient AND m.purpose = 'own-use' AND m.until > $1))"
)
_END: Final = "UPDATE export SET state = 'gone' WHERE patient = $1 AND id = $2"
_END_PARTS: Final = "DELETE FROM export_part WHERE patient = $1 AND id = $2"


@dataclass(frozen=True, slots=True)
class Export:
    """One copy. ``done`` of ``total`` steps; ``size`` in bytes once it is ready; times in µs; ``labels``: the data
    categories that may be in it.
    """

    patient: int
    id: str
    account: str
    state: str
    done: int
    total: int
    size: int
    created: int
    finished: int
    expires: int
    labels: int

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 if self.state == READY else min(99, 100 * self.done // self.total) if self.total else 0


@dataclass(frozen=True, slots=True)
class Download:
    """An archive on its way out: its name and size, and the bytes in pieces."""

    export: Export
    name: str
    pieces: AsyncIterator[bytes]


def archive_seal(secret: bytes) -> Seal:
    """What archives are sealed with at rest. ``secret``: the service's own."""
    return Seal(secret, "export")


def about_part(patient: int, export_id: str, part: int) -> bytes:
    """What a sealed piece opens together with only."""
    return f"{patient}/{export_id}/{part}".encode()


async def ask(database: Database, access: Access, *, now: int) -> Export:
    """Ask for a copy, which is made in the background. ``access``: of the person's own session, the second factor just
    given.

    Raises ``Forbidden``, and ``Conflict`` while one is being made or when there were too many today.
    """
    patient = _check(access, now)

    async def work(writer: Writer) -> Export:
        if not await writer.fetch(_LOCK, patient):
            raise NotFound("The patient is not known.")
        if await writer.fetch(_UNDER_WAY, patient):
            raise Conflict("A copy of this record is being made already.", "duplicate")
        if (await writer.fetch(_RECENT, patient, now - _DAY))[0][0] >= MOST_A_DAY:
            raise Conflict(f"There were {MOST_A_DAY} copies of this record today; ask again tomorrow.", "throttled")
        labels = EVERY_LABEL & ~access.denied_labels(patient, Action.READ)
        export_id = secrets.token_hex(8)
        row = (patient, export_id, access.person, WAITING, 0, 0, 0, b"", now, 0, 0, "", 0, labels)
        await writer.insert(tables.INSERT_EXPORT, [row])
        return Export(patient, export_id, access.person, WAITING, 0, 0, 0, now, 0, 0, labels)

    return await database.transact(work)


async def listed(reader: Reader, access: Access) -> list[Export]:
    """The copies that this person asked for of this record, the last first."""
    if access.patient is None or access.role not in _WHO:
        return []
    return [_export(row) for row in await reader.fetch(_LISTED, access.patient, access.person)]


async def link(database: Database, session: Session, access: Access, export_id: str, *, now: int) -> str:
    """The secret of a link by which this session fetches the copy, once, within ``LINK_SECONDS``.

    Raises ``Forbidden``, ``NotFound`` or ``Gone``.
    """
    patient = _check(access, now)
    export = await _ready(database, access, patient, export_id, now=now)
    async with database.write() as writer:
        data = {"patient": str(patient), "export": export.id, "session": session.hash.hex()}
        return await issue(writer, _KIND, now=now, seconds=LINK_SECONDS, account=session.account, data=data)


async def fetch(database: Database, seal: Seal, session: Session, access: Access, secret: str, *, now: int) -> Download:
    """What a link stands for, the first time that the session for which it was made asks for it.

    Raises ``NotFound`` for every other link, ``Gone`` when the copy is there no more.
    """
    known = await look(database, _KIND, secret, now=now)
    if known is None or known.account != session.account or known.data["session"] != session.hash.hex():
        raise NotFound("This link is not valid (any more).")
    ticket = await take(database, _KIND, secret, now=now)
    if ticket is None or access.patient is None or str(access.patient) != ticket.data["patient"]:
        raise NotFound("This link is not valid (any more).")
    export = await _ready(database, access, access.patient, ticket.data["export"], now=now)
    return Download(export, f"zelfregie-{export.id}.zip", _pieces(database, seal, export))


async def end_what_is_over(database: Database, *, now: int) -> int:
    """Remove the copies whose week is over, and those of people who may not see the record any more; how many."""
    rows = await database.fetch(_ENDED, now, person(""))
    for patient, export_id in rows:
        async with database.write() as writer:
            await writer.execute(_END_PARTS, patient, export_id)
            await writer.execute(_END, patient, export_id)
    if rows:
        await database.fold()
    return len(rows)


def _check(access: Access, now: int) -> int:
    """The record that may be copied. Raises ``Forbidden``."""
    if access.kind != "session" or access.role not in _WHO or access.patient is None:
        raise Forbidden("Only the person, or who represents them, can ask for a copy, in their own session.")
    if access.fresh <= now:
        raise Forbidden("Give your second factor again first.", "fresh")
    return access.patient


async def _ready(reader: Reader, access: Access, patient: int, export_id: str, *, now: int) -> Export:
    rows = await reader.fetch(_ONE, patient, export_id)
    export = _export(rows[0]) if rows else None
    if export is None or export.account != access.person:
        raise NotFound("There is no such copy.")
    if export.state != READY or export.expires <= now:
        raise Gone("This copy is not there (any more).")
    if export.labels & access.denied_labels(patient, Action.READ):
        raise Gone("This copy holds more than you may see now; make a new one.")
    return export


async def _pieces(database: Database, seal: Seal, export: Export) -> AsyncIterator[bytes]:
    part = 0
    while True:
        rows = await database.fetch(_PART, export.patient, export.id, part)
        if not rows:
            return
        yield seal.open(bytes(rows[0][0]), about_part(export.patient, export.id, part))
        part += 1


def _export(row: Row) -> Export:
    return Export(*row)
