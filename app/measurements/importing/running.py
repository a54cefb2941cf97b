"""One file from its bytes to the record: read piece by piece, stored chunk by chunk, with turns for everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from app.measurements.importing.formats import reader_of
from app.measurements.importing.lines import Line, Reader
from app.measurements.importing.storing import CHUNK, Keep, Storing
from app.server.access import Access
from app.server.store.read import GrantChanged

LookAgain = Callable[[], Awaitable[Access]]
"""What the caller may do by now. Raises ``Withdrawn``."""
_TIMES: int = 5


class Withdrawn(Exception):
    """Whoever asked for the import may not do it any more."""


class Progress(Protocol):
    """Keeps what is done. ``beat``: nothing was stored for a while, and ``read`` lines were looked at."""

    async def beat(self, read: int) -> None: ...

    def keeping(self, position: int) -> Keep: ...


async def run(
    pieces: AsyncIterator[bytes],
    name: str,
    storing: Storing,
    progress: Progress,
    *,
    look_again: LookAgain,
    position: int = 0,
) -> None:
    """Read and store a whole file of format ``name``. ``position``: lines of it whose outcome is on disk already, which
    are passed over. Raises ``Withdrawn`` and what ``Storing.store`` does.
    """
    work = _Running(storing, progress, look_again, position)
    reader: Reader | None = None
    step = 1
    async for piece in pieces:
        if reader is None:
            reader, step = reader_of(name, piece)
        for start in range(0, len(piece), step):
            for line in reader.feed(piece[start : start + step]):
                if work.add(line):
                    await work.flush(reader)
            await asyncio.sleep(0)
        await progress.beat(reader.read)
    if reader is None:
        reader, _ = reader_of(name, b"")
    for line in reader.end():
        if work.add(line):
            await work.flush(reader)
    await work.flush(reader, last=True)


class _Running:
    """The lines that wait to be stored."""

    def __init__(self, storing: Storing, progress: Progress, look_again: LookAgain, position: int) -> None:
        self._storing = storing
        self._progress = progress
        self._look_again = look_again
        self._done = position
        self._passed = 0
        self._waiting: list[Line] = []

    def add(self, line: Line) -> bool:
        """Take a line; whether a chunk is full."""
        if self._passed < self._done:
            self._passed += 1
            return False
        self._waiting.append(line)
        return len(self._waiting) >= CHUNK

    async def flush(self, reader: Reader, *, last: bool = False) -> None:
        """Store what waits. Where the grant changed meanwhile it is asked again what is allowed."""
        for turn in range(_TIMES):
            counts = self._storing.counts.copy()
            counts.read = reader.read
            if last:
                counts.unused = dict(reader.unused)
            keep = self._progress.keeping(self._done + len(self._waiting))
            try:
                await self._storing.store(self._waiting, counts, keep)
                break
            except GrantChanged:
                if turn == _TIMES - 1:
                    raise
                self._storing.go_on_as(await self._look_again())
        self._done += len(self._waiting)
        self._passed = self._done
        self._waiting = []
