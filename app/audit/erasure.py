"""Erases lines from the table when they may no longer be kept. Their hashes stay, so the chain still holds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from app.audit.line import read_facts
from app.audit.segments import END
from app.audit.tables import CHANGE_PAYLOADS, DELETE_PATIENTS
from app.database.interface import Writer
from app.database.statements import Row

_LOCK_HEAD: Final = "UPDATE audit_head SET line = line WHERE stream = $1 RETURNING line"
_SEGMENT_OF: Final = (
    "SELECT line, lines, began, payload FROM audit WHERE stream = $1 AND line <= $2 ORDER BY line DESC LIMIT 1"
)


async def erase(writer: Writer, *, stream: bytes, lines: Collection[int]) -> int:
    """Blank these lines of a stream, and take their segment from the views of the patients that no other line of it is
    about; how many lines there were to blank.
    """
    # One writer of a stream at a time: a segment is read, changed and written back.
    await writer.fetch(_LOCK_HEAD, stream)
    payloads: list[Row] = []
    gone: list[Row] = []
    erased = 0
    todo = set(lines)
    while todo:
        rows = await writer.fetch(_SEGMENT_OF, stream, max(todo))
        if not rows:
            break
        first, count, began, payload = rows[0]
        texts = payload.split(END)
        doomed = [number - first for number in todo if first <= number < first + count and texts[number - first]]
        todo = {number for number in todo if number < first}
        if not doomed:
            continue
        before = _patients(texts)
        for index in doomed:
            texts[index] = b""
        payloads.append((stream, first, END.join(texts)))
        gone += [(patient, began, stream, first) for patient in before - _patients(texts)]
        erased += len(doomed)
    await writer.alter(((CHANGE_PAYLOADS, payloads), (DELETE_PATIENTS, gone)))
    return erased


def _patients(texts: list[bytes]) -> set[int]:
    known = map(read_facts, texts)
    return {patient for facts in known if facts is not None for patient in facts.patients}
