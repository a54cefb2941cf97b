"""Moves journal lines to the table, each exactly once, and deletes the files that are finished and moved.

The row of ``audit_head`` is locked for a batch and says which line was moved last, so a line that is found again after
a crash, or by another process, is passed over. A process moves its own stream and those of processes that are gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from app.audit.files import APART, JournalFile, Line, Place, is_finished, journal_files, read_lines, read_rest
from app.audit.stream import next_chain, origin, payload_hash
from app.audit.tables import ADVANCE_HEADS, INSERT_LINES, INSERT_PATIENTS
from app.database.interface import Database, Writer
from app.database.statements import Row

BATCH: Final = 1000
_LOCK_HEAD: Final = (
    "INSERT INTO audit_head (stream, line, chain) VALUES ($1, 0, $2)"
    " ON CONFLICT (stream) DO UPDATE SET line = audit_head.line RETURNING line, chain"
)
_log: Final = structlog.get_logger(__name__)


class Mover:
    """Moves what lies in ``folder``, at most ``limit`` lines per transaction.

    With ``stream`` it leaves alone what other living processes write; without, it moves what everyone has written.
    ``moved`` is the number of the last line of ``stream`` that is in the table.
    """

    def __init__(self, database: Database, folder: Path, *, limit: int = BATCH, stream: bytes | None = None) -> None:
        self._database = database
        self._folder = folder
        self._limit = limit
        self._stream = stream
        self.moved = 0
        self._places: dict[Path, Place] = {}
        self._running = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Move all complete lines that lie in the folder now; how many there were.

        Raises what the database or the file system raises; what was committed until then stays moved.
        """
        async with self._running:
            files = journal_files(self._folder)
            self._places = {file.path: self._places[file.path] for file in files if file.path in self._places}
            moved = 0
            for file in files:
                moved += await self._move_file(file)
            return moved

    async def drain(self) -> int:
        """Run until a run finds nothing; how many lines were moved. Does not end while someone keeps writing."""
        total = 0
        while moved := await self.run():
            total += moved
        return total

    def start(self, *, interval: float = 1.0) -> None:
        """Run every ``interval`` seconds from now on, in a task of the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._repeat(interval), name="audit mover")

    async def stop(self) -> None:
        """End the task, after the run that is going on."""
        if self._task is None:
            return
        async with self._running:
            self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    async def _repeat(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self.run()
            except Exception:
                _log.exception("audit.mover.failed", folder=str(self._folder))

    async def _move_file(self, file: JournalFile) -> int:
        try:
            descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # another mover was done with it
            return 0
        try:
            finished = is_finished(descriptor)
            if not finished and self._stream is not None and file.stream != self._stream:
                return 0
            moved = await self._move_lines(file, descriptor)
            if finished:
                self._finish(file, descriptor)
            return moved
        finally:
            os.close(descriptor)

    async def _move_lines(self, file: JournalFile, descriptor: int) -> int:
        moved = 0
        place = self._places.get(file.path, Place(0, file.first))
        while True:
            lines, following = read_lines(descriptor, place, limit=self._limit)
            if lines:
                moved += await self._database.transact(partial(store, stream=file.stream, lines=lines))
                if file.stream == self._stream:
                    self.moved = lines[-1].number
            self._places[file.path] = following
            if following.offset == place.offset:
                return moved
            place = following

    def _finish(self, file: JournalFile, descriptor: int) -> None:
        """Delete a file whose lines are all committed; what was no line is put beside it first, for a person to see."""
        place = self._places[file.path]
        rest = read_rest(descriptor, place)
        apart = (*place.apart, rest) if rest else place.apart
        if apart:
            _keep_apart(file.path.with_suffix(APART), b"\n".join(apart))
            _log.error("audit.journal.apart", file=file.path.name, pieces=len(apart))
        file.path.unlink()


async def move(database: Database, folder: Path, *, limit: int = BATCH, stream: bytes | None = None) -> int:
    """Move all complete lines that lie in ``folder``, in transactions of at most ``limit``; how many there were."""
    return await Mover(database, folder, limit=limit, stream=stream).run()


async def store(writer: Writer, *, stream: bytes, lines: Sequence[Line]) -> int:
    """Add those of the lines that the table does not have yet, in the transaction of ``writer``; how many."""
    ((head, chain),) = await writer.fetch(_LOCK_HEAD, stream, origin(stream))
    new = [line for line in lines if line.number > head]
    if not new:
        return 0
    if new[0].number != head + 1:
        _log.error("audit.journal.gap", stream=stream.hex(), after=head, before=new[0].number)
    rows: list[Row] = []
    patients: list[Row] = []
    for line in new:
        hashed = payload_hash(line.payload)
        chain = next_chain(chain, hashed)
        rows.append((stream, line.number, line.happened, line.payload, hashed, chain))
        patients += [(patient, line.happened, stream, line.number) for patient in set(line.patients)]
    heads = [(stream, new[-1].number, chain)]
    await writer.alter(((INSERT_LINES, rows), (INSERT_PATIENTS, patients), (ADVANCE_HEADS, heads)))
    return len(new)


def _keep_apart(path: Path, content: bytes) -> None:
    """Write the file durably, whole or not at all."""
    draft = path.with_suffix(path.suffix + ".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
