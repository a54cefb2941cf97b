"""Recomputes the hash chains of the journal's files and of the table, and says what does not hold.

What this cannot see: lines cut from the end of a stream together with its head, a stream removed as a whole, or one
that was written anew from some line on. Only heads that were kept outside the database can show that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from app.audit.files import (
    APART,
    JournalFile,
    Place,
    is_finished,
    journal_files,
    read_rest,
    read_texts,
)
from app.audit.stream import line_id, next_chain, origin, payload_hash
from app.database.interface import Database
from app.database.statements import Row

_PAGE: Final = 1000
_HEADS: Final = "SELECT stream FROM audit_head"
_HEAD: Final = "SELECT line, chain FROM audit_head WHERE stream = $1"
_NEXT_STREAM: Final = "SELECT stream FROM audit WHERE stream > $1 ORDER BY stream LIMIT 1"
_LINES: Final = (
    "SELECT line, happened, payload, payload_hash, chain FROM audit"
    " WHERE stream = $1 AND line > $2 ORDER BY line LIMIT 1000"
)
_PATIENT_LINES: Final = (
    "SELECT line FROM audit_patient WHERE patient = $1 AND happened BETWEEN $2 AND $3 AND stream = $4"
)


class _Head(msgspec.Struct, frozen=True):
    """What is verified of a line."""

    id: str
    line: int
    previous: str
    at: int
    patients: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold: in which file or stream, at which line (0 for the whole), and what."""

    place: str
    line: int
    problem: str


def verify_folder(folder: Path) -> list[Finding]:
    """What does not hold in the journal's files, from file to file of each stream; empty when all is true.

    Lines that were moved and whose file is deleted are the table's to verify.
    """
    findings = [
        Finding(path.name, 0, "kept apart by the mover: it could not be read as lines")
        for path in sorted(folder.glob(f"*{APART}"))
    ]
    for stream, files in groupby(journal_files(folder), key=lambda file: file.stream):
        previous = _Previous(0, origin(stream))
        for file in files:
            if file.first != previous.line + 1:
                previous = _Previous(file.first - 1, None)
            findings.extend(_verify_file(file, previous))
    return findings


def verify_file(path: Path) -> list[Finding]:
    """What does not hold in one journal file; the hash that its first line names is taken as true unless it is line 1.

    Raises ``ValueError`` when the name is not that of a journal file.
    """
    file = next((file for file in journal_files(path.parent) if file.path == path), None)
    if file is None:
        raise ValueError(f"{path.name} is not the name of a journal file")
    return list(_verify_file(file, _Previous(file.first - 1, origin(file.stream) if file.first == 1 else None)))


async def verify_table(database: Database) -> list[Finding]:
    """What does not hold in the table: lines, payloads, patients and heads of every stream; empty when all is true."""
    streams = {row[0] for row in await database.fetch(_HEADS)}
    stream = b""
    while following := await database.fetch(_NEXT_STREAM, stream):
        stream = following[0][0]
        streams.add(stream)
    return [finding for stream in sorted(streams) for finding in await _verify_stream(database, stream)]


@dataclass(slots=True)
class _Previous:
    """The line before, and its hash where it is known."""

    line: int
    hashed: bytes | None


def _verify_file(file: JournalFile, previous: _Previous) -> Iterator[Finding]:
    name = file.path.name
    descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        finished = is_finished(descriptor)
        offset = 0
        while True:
            texts, offset = read_texts(descriptor, offset, _PAGE)
            if not texts:
                break
            for text in texts:
                for number, problem in _check(file.stream, text, previous):
                    yield Finding(name, number, problem)
        if finished and (rest := read_rest(descriptor, Place(offset, previous.line + 1))):
            yield Finding(name, previous.line + 1, f"torn: {len(rest)} bytes without a line end")
    finally:
        os.close(descriptor)


def _check(stream: bytes, text: bytes, previous: _Previous) -> Iterator[tuple[int, str]]:
    """What is wrong with this line after ``previous``, which then becomes this line."""
    expected = previous.line + 1
    head = _head(text)
    if head is None:
        yield expected, "cannot be read as a line"
        return
    if head.line < expected:
        yield head.line, f"stands where line {expected} is due"
        return
    if head.line > expected:
        yield expected, f"missing: line {head.line} follows line {previous.line}"
    elif previous.hashed is not None and head.previous != previous.hashed.hex():
        yield head.line, "does not hold the hash of the line before: one of the two was changed"
    if head.id != line_id(stream, head.line):
        yield head.line, "has the id of another stream or line"
    previous.line = head.line
    previous.hashed = payload_hash(text)


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def _head(text: bytes) -> _Head | None:
    try:
        return _decode_head(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


async def _verify_stream(database: Database, stream: bytes) -> list[Finding]:
    """What does not hold in one stream, whether or not lines are added to it meanwhile."""
    problems: list[tuple[int, str]] = []
    previous = _Previous(0, origin(stream))
    chain = origin(stream)
    while True:
        rows = await database.fetch(_LINES, stream, previous.line)
        if not rows:
            heads = await database.fetch(_HEAD, stream)
            # A head that is further than the lines seen was moved since, and then so were its lines.
            rows = await database.fetch(_LINES, stream, previous.line) if heads and heads[0][0] > previous.line else ()
            if not rows:
                break
        for row in rows:
            problems.extend(_check_row(stream, row, previous, chain))
            chain = row[4]
        problems.extend(await _check_patients(database, stream, rows))
    if [tuple(head) for head in heads] != [(previous.line, chain)]:
        problems.append((previous.line, "is the last line, but the head says otherwise"))
    return [Finding(stream.hex(), line, problem) for line, problem in problems]


def _check_row(stream: bytes, row: Row, previous: _Previous, chain: bytes) -> Iterator[tuple[int, str]]:
    line, happened, payload, hashed, chained = row
    if line != previous.line + 1:
        yield previous.line + 1, f"missing: line {line} follows line {previous.line}"
        previous.line, previous.hashed = line - 1, None
    if chained != next_chain(chain, hashed):
        yield line, "breaks the chain: a hash was changed, or a line before it removed"
    if payload is None:
        previous.line, previous.hashed = line, hashed
        return
    if payload_hash(payload) != hashed:
        yield line, "was changed: the payload does not have its hash"
    head = _head(payload)
    if head is None or head.line != line:
        yield line, "holds the payload of another line, or none"
    elif head.at != happened:
        yield line, "has another time than its payload"
    else:
        yield from _check(stream, payload, previous)
    previous.line, previous.hashed = line, hashed


async def _check_patients(database: Database, stream: bytes, rows: Sequence[Row]) -> list[tuple[int, str]]:
    """The lines that their patients would not be shown, or that others would be shown as theirs."""
    expected: dict[int, set[int]] = {}
    known: set[int] = set()
    times: list[int] = []
    for line, happened, payload, _, _ in rows:
        head = None if payload is None else _head(payload)
        if head is not None:
            known.add(line)
            times.append(happened)
            for patient in head.patients:
                expected.setdefault(patient, set()).add(line)
    problems: list[tuple[int, str]] = []
    for patient, lines in expected.items():
        shown = await database.fetch(_PATIENT_LINES, patient, min(times), max(times), stream)
        listed = {row[0] for row in shown} & known
        problems.extend((line, "is not in its patient's view") for line in sorted(lines - listed))
        problems.extend((line, "is in the view of a patient it is not about") for line in sorted(listed - lines))
    return problems
