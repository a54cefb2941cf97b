"""What came in and could not be taken: kept as it was received, told to the person, tried again after an upgrade.

Never in search, and nobody's but the person's whose record it was sent to. The one thing that is changed in it is a
BSN, which is masked before anything is stored. MODEL 3, "Intake table" and "Pairing".
https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from app.config import VERSION as PROGRAM
from app.database import Reader, Row, Writer
from app.errors import Conflict, Issue, NotFound
from app.fhir.dates import instant
from app.fhir.resource import encode
from app.server.intake.received import masked
from app.server.intake.tables import INSERT_QUARANTINE

Kind = Literal["entry", "held"]
MOST: Final = 2000
"""How much is kept of one source in one record; what comes on top is refused without being kept."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""The same in bytes."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one resource that is kept."""
_COLUMNS: Final = (
    "patient, id, kind, source, source_name, type, media_type, fhir_version, received, problems, sent, at, request,"
    " program"
)
_HEADS: Final = _COLUMNS.replace("received", "substr(received, 1, 0) AS received")
_COUNT: Final = (
    "SELECT count(*), coalesce(sum(length(received)), 0), coalesce(max(CASE WHEN digest = $3 THEN 1 ELSE 0 END), 0)"
    " FROM quarantine WHERE patient = $1 AND source = $2"
)
_NUMBER: Final = "SELECT count(*) FROM quarantine WHERE patient = $1"
_LISTED: Final = "SELECT {columns} FROM quarantine WHERE patient = $1 ORDER BY at DESC, id"
_ONE: Final = f"SELECT {_COLUMNS} FROM quarantine WHERE patient = $1 AND id = $2"
_DROP: Final = "DELETE FROM quarantine WHERE patient = $1 AND id = $2 AND claimed <= $3 RETURNING id"
_TAKEN: Final = "DELETE FROM quarantine WHERE patient = $1 AND id = $2"
_CLAIM: Final = "UPDATE quarantine SET claimed = $3 WHERE patient = $1 AND id = $2 AND claimed <= $4 RETURNING claimed"
_LEAVE: Final = "UPDATE quarantine SET claimed = 0 WHERE patient = $1 AND id = $2"
_THERE: Final = "SELECT 1 FROM quarantine WHERE patient = $1 AND id = $2"
_DROP_SOURCE: Final = "DELETE FROM quarantine WHERE patient = $1 AND source = $2 RETURNING id"
UNTRIED: Final = (
    "SELECT patient, id FROM ("
    "SELECT patient, id, at FROM quarantine WHERE program < $1 AND kind = 'entry' UNION ALL "
    "SELECT patient, id, at FROM quarantine WHERE program > $1 AND kind = 'entry'"
    ") AS untried ORDER BY at, id"
)
"""Two ranges of the index on ``program``, where ``<>`` would have every row read."""
_EVERY: Final = f"SELECT {_HEADS} FROM quarantine ORDER BY at, id"
_TRIED: Final = "UPDATE quarantine SET problems = $3, program = $4, claimed = 0 WHERE patient = $1 AND id = $2"
_NAMES: Final = tuple(_COLUMNS.replace(" ", "").split(","))
_CLAIMED: Final = 600_000_000
"""How long (µs) who takes it in has for that, after which another may: they may be gone."""
_BUSY: Final = "This is just being taken in; look again in a moment."
_LOCK: Final = "UPDATE partition SET updated = updated WHERE patient = $1 AND state = 'live' RETURNING patient"


_problems: Final = msgspec.json.Decoder(tuple[Issue, ...]).decode


class Sent(msgspec.Struct, frozen=True):
    """By whom and how it was sent: ``grant``, what the token stood for, without which it cannot be tried again;
    ``method``, ``url`` and ``full_url`` of an entry; ``headers`` of a whole delivery.
    """

    grant: dict[str, Any]
    method: str = "POST"
    url: str = ""
    full_url: str = ""
    headers: dict[str, str] = {}


_sent: Final = msgspec.json.Decoder(Sent).decode


@dataclass(frozen=True, slots=True)
class Kept:
    """One row. ``received`` as it came in but for BSNs."""

    patient: int
    id: str
    kind: str
    source: str
    source_name: str
    type: str
    media_type: str
    fhir_version: str
    received: bytes = field(repr=False)
    problems: tuple[Issue, ...]
    sent: Sent = field(repr=False)
    at: int
    request: str
    program: str

    def told(self) -> dict[str, Any]:
        """What the person gets of it in a copy of everything."""
        return {
            "id": self.id,
            "kind": "could-not-be-read" if self.kind == "entry" else "held",
            "source": self.source_name,
            "type": self.type,
            "mediaType": self.media_type,
            "fhirVersion": self.fhir_version,
            "at": instant(self.at),
            "problems": [
                {"code": each.code, "text": each.diagnostics, "expression": list(each.expression)}
                for each in self.problems
            ],
        }


@dataclass(frozen=True, slots=True)
class Unread:
    """What is to be kept."""

    patient: int
    kind: Kind
    source: str
    source_name: str
    type: str
    media_type: str
    fhir_version: str
    received: bytes = field(repr=False)
    problems: Sequence[Issue]
    sent: Sent = field(repr=False)
    request: str


async def keep(writer: Writer, unread: Unread, *, now: int) -> bool:
    """Keep it, once; whether it is kept. Not where the record is gone, or there is too much of this source."""
    received = masked(unread.received, unread.media_type)
    if received is None or (unread.kind == "entry" and len(received) > LARGEST):
        return False
    if not await writer.fetch(_LOCK, unread.patient):
        return False
    digest = sha256(received).hexdigest()
    ((count, size, there),) = await writer.fetch(_COUNT, unread.patient, unread.source, digest)
    if there:
        return True
    if count >= MOST or size + len(received) > MOST_BYTES:
        return False
    row = (
        *(unread.patient, secrets.token_hex(8), unread.kind, unread.source, unread.source_name, unread.type),
        *(unread.media_type, unread.fhir_version, received, encode(list(unread.problems))),
        *(msgspec.json.encode(unread.sent), now, unread.request, PROGRAM, digest, 0),
    )
    await writer.insert(INSERT_QUARANTINE, [row])
    return True


async def listed(reader: Reader, patient: int) -> list[Kept]:
    """What of a record's deliveries could not be taken, the last first, without the bytes."""
    return [_kept(row) for row in await reader.fetch(_LISTED.format(columns=_HEADS), patient)]


async def number(reader: Reader, patient: int) -> int:
    """How much that is."""
    return int((await reader.fetch(_NUMBER, patient))[0][0])


async def found(reader: Reader, patient: int, kept_id: str) -> Kept:
    """One of them. Raises ``NotFound``."""
    rows = await reader.fetch(_ONE, patient, kept_id)
    if not rows:
        raise NotFound("There is no such delivery.")
    return _kept(rows[0])


async def drop(writer: Writer, patient: int, kept_id: str, *, now: int) -> None:
    """Forget one of them. Raises ``NotFound``, or ``Conflict`` while it is being taken in."""
    if not await writer.fetch(_DROP, patient, kept_id, now):
        await _refuse(writer, patient, kept_id)


async def claim(writer: Writer, patient: int, kept_id: str, *, now: int) -> None:
    """Begin to take it in, which one at a time does. Raises ``NotFound`` or ``Conflict``."""
    if not await writer.fetch(_CLAIM, patient, kept_id, now + _CLAIMED, now):
        await _refuse(writer, patient, kept_id)


async def taken(writer: Writer, patient: int, kept_id: str) -> None:
    """It is in the record, so it is not kept."""
    await writer.execute(_TAKEN, patient, kept_id)


async def leave(writer: Writer, patient: int, kept_id: str) -> None:
    """It could not be taken in; another may try."""
    await writer.execute(_LEAVE, patient, kept_id)


async def _refuse(reader: Reader, patient: int, kept_id: str) -> None:
    if await reader.fetch(_THERE, patient, kept_id):
        raise Conflict(_BUSY)
    raise NotFound("There is no such delivery.")


async def drop_source(writer: Writer, patient: int, source: str) -> int:
    """Forget all of one source; how much there was."""
    return len(await writer.fetch(_DROP_SOURCE, patient, source))


async def untried(reader: Reader, *, program: str = PROGRAM) -> list[tuple[int, str]]:
    """Patient and id of the resources that another version of the service tried last."""
    return [(patient, kept_id) for patient, kept_id in await reader.fetch(UNTRIED, program)]


async def every(reader: Reader) -> list[Kept]:
    """All that is kept, of all records, without the bytes, for who keeps the service."""
    return [_kept(row) for row in await reader.fetch(_EVERY)]


async def tried(writer: Writer, patient: int, kept_id: str, problems: Sequence[Issue]) -> None:
    """It was tried by this version of the service, and still cannot be read."""
    await writer.execute(_TRIED, patient, kept_id, encode(list(problems)), PROGRAM)


def _kept(row: Row) -> Kept:
    made = dict(zip(_NAMES, row, strict=True))
    made["received"] = bytes(made["received"])
    made["problems"] = _problems(bytes(made["problems"]))
    made["sent"] = _sent(bytes(made["sent"]))
    return Kept(**made)
