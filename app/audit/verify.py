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

from app.audit.files import APART, JournalFile, is_finished, journal_files, read_rest, read_whole_lines
from app.audit.line import UNREADABLE, Facts, line_text, read_facts
from app.audit.segments import END
from app.audit.stream import HASH_BYTES, line_hash, line_id, line_id_prefix, next_chain, origin
from app.database.interface import Reader
from app.database.statements import Row

_PAGE: Final = 256 * 1024
_HEADS: Final = "SELECT stream FROM audit_head"
_HEAD: Final = "SELECT line, chain FROM audit_head WHERE stream = $1"
_NEXT_STREAM: Final = "SELECT stream FROM audit WHERE stream > $1 ORDER BY stream LIMIT 1"
_SEGMENTS: Final = (
    "SELECT line, lines, began, ended, chain, hashes, payload FROM audit"
    " WHERE stream = $1 AND line > $2 ORDER BY line LIMIT 2"
)
_IN_VIEW: Final = "SELECT line FROM audit_patient WHERE patient = $1 AND began BETWEEN $2 AND $3 AND stream = $4"


class _Line(msgspec.Struct, frozen=True):
    """What is verified of a line in a file."""

    id: str
    line: int
    previous: str
    event: Facts


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


async def verify_table(database: Reader) -> list[Finding]:
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
            page = read_whole_lines(descriptor, offset, size=_PAGE)
            if not page:
                break
            offset += len(page)
            for text in page[:-1].split(END):
                for number, problem in _check(file.stream, text, previous):
                    yield Finding(name, number, problem)
        if finished and (rest := read_rest(descriptor, offset)):
            yield Finding(name, previous.line + 1, f"torn: {len(rest)} bytes without a line end")
    finally:
        os.close(descriptor)


def _check(stream: bytes, text: bytes, previous: _Previous) -> Iterator[tuple[int, str]]:
    """What is wrong with this line after ``previous``, which then becomes this line."""
    expected = previous.line + 1
    try:
        line = _decode_line(text)
    except UNREADABLE:
        yield expected, "cannot be read as a line"
        return
    if line.line < expected:
        yield line.line, f"stands where line {expected} is due"
        return
    if line.line > expected:
        yield expected, f"missing: line {line.line} follows line {previous.line}"
    elif previous.hashed is not None and line.previous != previous.hashed.hex():
        yield line.line, "does not hold the hash of the line before: one of the two was changed"
    if line.id != line_id(stream, line.line):
        yield line.line, "has the id of another stream or line"
    previous.line = line.line
    previous.hashed = line_hash(text + END)


_decode_line: Final = msgspec.json.Decoder(_Line).decode


async def _verify_stream(database: Reader, stream: bytes) -> list[Finding]:
    """What does not hold in one stream, whether or not lines are added to it meanwhile."""
    problems: list[tuple[int, str]] = []
    previous = _Previous(0, origin(stream))
    chain = origin(stream)
    seen = 0
    while True:
        rows = await database.fetch(_SEGMENTS, stream, seen)
        if not rows:
            heads = await database.fetch(_HEAD, stream)
            # A head that is further than the lines seen was moved since, and then so were its lines.
            rows = await database.fetch(_SEGMENTS, stream, seen) if heads and heads[0][0] > previous.line else ()
            if not rows:
                break
        for row in rows:
            problems.extend(_check_segment(stream, row, previous, chain))
            seen, chain = row[0], row[4]
        problems.extend(await _check_patients(database, stream, rows))
    if [tuple(head) for head in heads] != [(previous.line, chain)]:
        problems.append((previous.line, "is the last line, but the head says otherwise"))
    return [Finding(stream.hex(), line, problem) for line, problem in problems]


def _check_segment(stream: bytes, row: Row, previous: _Previous, chain: bytes) -> Iterator[tuple[int, str]]:
    line, lines, began, ended, chained, hashes, payload = row
    if line != previous.line + 1:
        yield previous.line + 1, f"missing: line {line} follows line {previous.line}"
        previous.line, previous.hashed = line - 1, None
    if chained != next_chain(chain, hashes):
        yield line, "breaks the chain: a hash was changed, or a segment before it removed"
    texts = payload.split(END)
    if not len(texts) == lines == len(hashes) / HASH_BYTES:
        yield line, f"begins a segment of {lines} lines, which has {len(texts)} and {len(hashes)} bytes of hashes"
        previous.line, previous.hashed = line + lines - 1, None
        return
    prefix = line_id_prefix(stream).encode()
    for index, text in enumerate(texts):
        hashed = hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        # An erased line has no text, and the first one behind a gap cannot be made again.
        if (
            text
            and previous.hashed is not None
            and line_hash(line_text(prefix, line + index, previous.hashed, text)) != hashed
        ):
            yield line + index, "does not have its hash: it was changed, or the line before when that was moved"
        previous.line, previous.hashed = line + index, hashed
    times = [facts.at for facts in map(read_facts, texts) if facts is not None]
    if times and not began <= min(times) <= max(times) <= ended:
        yield line, "begins a segment that says it is of another time"
    elif len(times) == lines and (began, ended) != (min(times), max(times)):
        yield line, "begins a segment that says it took longer"


async def _check_patients(database: Reader, stream: bytes, rows: Sequence[Row]) -> list[tuple[int, str]]:
    """The segments that patients would not be shown though a line is about them, or would be shown for nothing."""
    expected: dict[int, set[int]] = {}
    for row in rows:
        for facts in map(read_facts, row[6].split(END)):
            for patient in () if facts is None else facts.patients:
                expected.setdefault(patient, set()).add(row[0])
    firsts = {row[0] for row in rows}
    began = [row[2] for row in rows]
    problems: list[tuple[int, str]] = []
    for patient, lines in expected.items():
        shown = await database.fetch(_IN_VIEW, patient, min(began), max(began), stream)
        listed = {row[0] for row in shown} & firsts
        problems += [(line, "begins a segment that is not in its patient's view") for line in lines - listed]
        problems += [(line, "begins a segment in the view of a patient it is not about") for line in listed - lines]
    return sorted(problems)
