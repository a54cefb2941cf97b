"""Events, journals and rows for the tests of the access log."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import getrlimit, setrlimit
from typing import Any, Final

from app.audit import Agent, Event, Journal
from app.audit.line import line_text
from app.audit.stream import HASH_BYTES, line_id_prefix, origin
from app.database.interface import Database

NOW: Final = 1_790_000_000_000_000
"""The time of the first event, in microseconds."""

ANNA: Final = 4_000_000_000_000_000_001
BRAM: Final = 4_000_000_000_000_000_002

AGENT: Final = Agent(client="diary", person="p-1", role="patient", purpose="PATRQT").sealed()
_streams: Final = itertools.count(1)


def read_of(patient: int = ANNA, *, at: int = NOW, **facts: Any) -> Event:
    """A read of one Observation."""
    return Event(
        **{
            "at": at,
            "request": "r-1",
            "interaction": "read",
            "status": 200,
            "agent": AGENT,
            "patients": (patient,),
            "resources": ("Observation/o-1",),
            **facts,
        }
    )


def new_journal(folder: Path, **settings: Any) -> Journal:
    """A journal of a stream of its own, opened at ``NOW``."""
    return Journal(folder, next(_streams).to_bytes(16), now=NOW, **settings)


def write_reads(journal: Journal, count: int) -> None:
    """So many reads, a microsecond apart, of Anna's and Bram's record by turns."""
    for index in range(count):
        journal.write(read_of((ANNA, BRAM)[index % 2], at=NOW + index))


def files_in(folder: Path, pattern: str = "*.journal") -> list[Path]:
    """The files of this kind, in the order of their names."""
    return sorted(folder.glob(pattern))


def lines_in(folder: Path) -> list[bytes]:
    """All lines of all journal files, without their line ends."""
    return [line for path in files_in(folder) for line in path.read_bytes().splitlines()]


async def moved_lines(database: Database) -> list[bytes]:
    """The lines in the table as they were written, in the order of streams and numbers; behind a gap, the hash of the
    line before is not known and left out.
    """
    lines: list[bytes] = []
    before: dict[bytes, tuple[int, bytes]] = {}
    for stream, first, hashes, payload in await database.fetch(
        "SELECT stream, line, hashes, payload FROM audit ORDER BY stream, line"
    ):
        number, previous = before.get(stream, (0, origin(stream)))
        if first != number + 1:
            previous = b""
        for index, facts in enumerate(payload.split(b"\n")):
            lines.append(line_text(line_id_prefix(stream).encode(), first + index, previous, facts)[:-1])
            previous = hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]
            before[stream] = first + index, previous
    return lines


@contextmanager
def limited(resource: int, soft: int) -> Iterator[None]:
    """Within the block this process meets a real limit of the operating system."""
    before = getrlimit(resource)
    setrlimit(resource, (soft, before[1]))
    try:
        yield
    finally:
        setrlimit(resource, before)
