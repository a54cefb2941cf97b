"""The journal's files: their names, whose they are, and reading whole lines from them.

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
from typing import Final

APART: Final = ".apart"
_NAME: Final = re.compile(r"([0-9a-f]{32})-([0-9]{12})\.journal")


@dataclass(frozen=True, slots=True, order=True)
class JournalFile:
    """One file: ``first`` is the number of the first line it can hold."""

    stream: bytes
    first: int
    path: Path


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


def unread(descriptor: int, offset: int) -> int:
    """How many bytes there are from ``offset`` on."""
    return os.fstat(descriptor).st_size - offset


def read_whole_lines(descriptor: int, offset: int, *, size: int) -> bytes:
    """Lines from ``offset`` on, the last with its line end too: as many as ``size`` bytes hold, or one that is longer.

    Nothing when no whole line is left.
    """
    chunk = os.pread(descriptor, size, offset)
    while len(chunk) == size and b"\n" not in chunk:
        size *= 2
        chunk = os.pread(descriptor, size, offset)
    return chunk[: chunk.rfind(b"\n") + 1]


def read_rest(descriptor: int, offset: int) -> bytes:
    """All from ``offset`` on: behind the last whole line nothing, unless a process died while it wrote."""
    return os.pread(descriptor, max(0, unread(descriptor, offset)), offset)
