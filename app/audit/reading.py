"""Reading the access log: what happened in one patient's record, newest first.

What a process has written is in the table a moment later (``mover.py``); who must see it at once runs the mover first.
"""

from __future__ import annotations

import uuid
from asyncio import sleep
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from app.audit.event import Agent
from app.audit.line import UNREADABLE
from app.audit.segments import END, LONGEST
from app.audit.stream import line_id, locate
from app.database.interface import Reader
from app.database.statements import Row

_SEGMENTS_OF: Final = (
    "SELECT p.began, p.stream, p.line, a.payload FROM audit_patient p"
    " JOIN audit a ON a.stream = p.stream AND a.line = p.line"
    " WHERE p.patient = $1 AND p.began >= $2 AND (p.began < $3 OR (p.began = $3 AND (p.stream < $4"
    " OR (p.stream = $4 AND p.line < $5))))"
    " ORDER BY p.began DESC, p.stream DESC, p.line DESC LIMIT $6"
)
_SEGMENT_WITH: Final = (
    "SELECT stream, line, lines, payload FROM audit WHERE stream BETWEEN $1 AND $2 AND line <= $3"
    " ORDER BY stream DESC, line DESC LIMIT 1"
)
_TOGETHER: Final = 200
_LAST_STREAM: Final = b"\xff" * 16


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an ``Event`` as they were written."""

    at: int
    request: str
    interaction: str
    status: int
    agent: Agent
    address: str = ""
    patients: tuple[int, ...] = ()
    resources: tuple[str, ...] = ()
    type: str = ""
    parameters: tuple[str, ...] = ()
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the log. ``id`` is its UUID, which leads back to it; ``at`` of ``event`` in µs."""

    id: str
    event: Known


_decode: Final = msgspec.json.Decoder(Known).decode


def _read(payload: bytes) -> Known | None:
    try:
        return _decode(payload)
    except (*UNREADABLE, msgspec.ValidationError):
        return None  # erased


def _lines(row: Row, patient: int) -> Iterator[Recorded]:
    _, stream, first, payload = row
    for number, text in enumerate(bytes(payload).split(END), first):
        event = _read(text)
        if event is not None and patient in event.patients:
            yield Recorded(line_id(bytes(stream), number), event)


async def events_of(reader: Reader, patient: int, *, since: int, until: int) -> AsyncIterator[Recorded]:
    """What happened in the record of ``patient`` from ``since`` up to ``until`` (µs, not included), newest first.

    Holds an hour's lines of that patient at most: lines of a segment lie at most that far apart.
    """
    waiting: list[Recorded] = []
    place: tuple[int, bytes, int] = (until, _LAST_STREAM, 2**62)
    while True:
        rows = await reader.fetch(_SEGMENTS_OF, patient, since - LONGEST, *place, _TOGETHER)
        for row in rows:
            waiting += [each for each in _lines(row, patient) if since <= each.event.at < until]
            await sleep(0)  # a segment is up to an hour of everybody's lines: others have their turn
        waiting.sort(key=_order)
        # What is still to be read began no later than the last segment, and so ended at most an hour after that.
        done = len(rows) < _TOGETHER
        settled = -1 if done else rows[-1][0] + LONGEST
        while waiting and waiting[-1].event.at > settled:
            yield waiting.pop()
        if done:
            return
        place = (rows[-1][0], bytes(rows[-1][1]), rows[-1][2])


def _order(recorded: Recorded) -> tuple[int, str]:
    return recorded.event.at, recorded.id


async def event_with(reader: Reader, identifier: str, patient: int) -> Recorded | None:
    """The line with this id, if it is about ``patient``; None otherwise, and once it was erased."""
    try:
        low, high, line = locate(uuid.UUID(identifier))
    except ValueError:
        return None
    for stream, first, lines, payload in await reader.fetch(_SEGMENT_WITH, low, high, line):
        if line >= first + lines:
            return None
        event = _read(bytes(payload).split(END)[line - first])
        if event is not None and patient in event.patients and line_id(bytes(stream), line) == identifier.lower():
            return Recorded(identifier.lower(), event)
    return None
