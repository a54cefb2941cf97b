"""The journal's files: their names, whose they are, and the lines in them.

``<stream>-<number of its first line>.journal`` is locked (flock) by the process that writes it, so a file whose lock is
free is finished: its process has gone on to the next file, or is dead. ``….apart`` beside it holds what could not be
read as a line of it.
"""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

APART: Final = ".apart"
_NAME: Final = re.compile(r"([0-9a-f]{32})-([0-9]{12})\.journal")
_TYPICAL_LINE: Final = 512


@dataclass(frozen=True, slots=True, order=True)
class JournalFile:
    """One file: ``first`` is the number of the first line it can hold."""

    stream: bytes
    first: int
    path: Path


# msgspec's structs, because there is one of each for every request: a frozen dataclass takes ten times as long to make.
class Line(msgspec.Struct, frozen=True, gc=False):
    """One line as it was written, and what the table keeps beside it. ``happened`` is in microseconds."""

    number: int
    payload: bytes
    happened: int
    patients: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading goes on: at ``offset`` bytes, with line ``expected``. ``apart`` is what was no line so far."""

    offset: int
    expected: int
    apart: tuple[bytes, ...] = ()


# Numbers that the table cannot hold make a line unreadable: it is set apart, and the lines behind it still move.
_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Head(msgspec.Struct, frozen=True, gc=False):
    """What the mover reads of a line."""

    line: _Number
    at: _Number
    patients: tuple[_Number, ...] = ()


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def file_name(stream: bytes, first: int) -> str:
    """The name of the file whose first line has this number."""
    return f"{stream.hex()}-{first:012d}.journal"


def journal_files(folder: Path) -> list[JournalFile]:
    """All journal files, those of one stream one after the other in the order they were written."""
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted(JournalFile(bytes.fromhex(match[1]), int(match[2]), path) for match, path in found if match)


def is_finished(descriptor: int) -> bool:
    """Whether nobody writes the file any more; if so, it is locked through this descriptor until that is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_lines(descriptor: int, place: Place, *, limit: int) -> tuple[list[Line], Place]:
    """At most ``limit`` complete lines from ``place`` on, and where the next ones are; the same place at the end.

    What does not decode, or repeats a number, is no line of this stream: it is added to ``Place.apart``.
    """
    texts, offset = read_texts(descriptor, place.offset, limit)
    lines: list[Line] = []
    apart: list[bytes] = []
    expected = place.expected
    for text in texts:
        try:
            head = _decode_head(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            apart.append(text)
            continue
        if head.line < expected:
            apart.append(text)
            continue
        lines.append(Line(head.line, text, head.at, head.patients))
        expected = head.line + 1
    return lines, Place(offset, expected, (*place.apart, *apart))


def read_rest(descriptor: int, place: Place) -> bytes:
    """What follows the last complete line: nothing, unless a process died while it wrote."""
    return os.pread(descriptor, max(0, os.fstat(descriptor).st_size - place.offset), place.offset)


def read_texts(descriptor: int, offset: int, limit: int) -> tuple[list[bytes], int]:
    """At most ``limit`` complete lines without their line ends, and the offset behind them."""
    size = limit * _TYPICAL_LINE
    chunk = os.pread(descriptor, size, offset)
    while len(chunk) == size and b"\n" not in chunk:
        size *= 2
        chunk = os.pread(descriptor, size, offset)
    texts = chunk.split(b"\n", limit)
    if not chunk:
        return [], offset
    texts.pop()  # an incomplete line, the empty text behind the last line end, or what is beyond the limit
    return texts, offset + sum(map(len, texts)) + len(texts)
