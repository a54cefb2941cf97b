"""Moves journal lines to the table, each exactly once, and deletes the files that are finished and moved.

The row of ``audit_head`` is locked for a batch and says which line was moved last, so a line that is found again after
a crash, or by another process, is passed over. A process moves its own stream and those of processes that are gone.

What its journal remembers is taken from there. The files are read for everything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from app.audit.files import APART, JournalFile, is_finished, journal_files, read_rest, read_whole_lines, unread
from app.audit.journal import Journal
from app.audit.segments import SIZE, Segment, segments_in
from app.audit.stream import line_id_prefix, next_chain, origin
from app.audit.tables import ADVANCE_HEADS, INSERT_PATIENTS, INSERT_SEGMENTS
from app.database.interface import Database, Writer
from app.faults import trace_of

PATIENCE: Final = 2.0
_TOGETHER: Final = 4
"""How many segments are moved in one transaction at most."""
_LOCK_HEAD: Final = (
    "INSERT INTO audit_head (stream, line, chain) VALUES ($1, 0, $2)"
    " ON CONFLICT (stream) DO UPDATE SET line = audit_head.line RETURNING line, chain"
)
_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading goes on: at ``offset`` bytes, with line ``expected``. ``apart`` is what was no line so far,
    ``since`` when lines were first seen here that are too few for a segment.
    """

    offset: int
    expected: int
    apart: tuple[bytes, ...] = ()
    since: float | None = None


class Mover:
    """Moves what lies in ``folder``, in transactions and segments of about ``size`` bytes.

    With ``journal``, that of its own process, it leaves alone what other living processes write; without, it moves what
    everyone has written. ``moved`` is the number of the last line of ``journal`` that is in the table. ``patience`` is
    how many seconds lines wait in the background for others to fill a segment with them.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        size: int = SIZE,
        journal: Journal | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._database = database
        self._folder = folder
        self._size = size
        self._journal = journal
        self._patience = patience
        self.moved = 0
        self._places: dict[Path, _Place] = {}
        self._running = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def run(self, *, now: float | None = None) -> int:
        """Move the complete lines that lie in the folder; how many there were. What is written meanwhile may stay: a
        run ends however much that is.

        With ``now``, the seconds of a clock that only goes forward, lines stay that neither fill a segment nor have
        waited long enough, unless nothing will be added to them. Raises what the database or the file system raises;
        what was committed until then stays moved.
        """
        async with self._running:
            files = journal_files(self._folder)
            self._places = {file.path: self._places[file.path] for file in files if file.path in self._places}
            streams = [file.stream for file in files]
            moved = 0
            for file, following in zip(files, [*streams[1:], None], strict=False):
                # A file that has a successor is complete, and must be moved before it, even while it is still locked.
                moved += await self._move_file(file, None if file.stream == following else now)
            return moved

    async def drain(self) -> int:
        """Run until a run finds nothing; how many lines were moved. Does not end while someone keeps writing."""
        total = 0
        while moved := await self.run():
            total += moved
        return total

    def start(self, *, interval: float = 0.5) -> None:
        """Look every ``interval`` seconds from now on, in a task of the running event loop."""
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
                await self.run(now=asyncio.get_running_loop().time())
            except Exception as error:  # noqa: BLE001 - whatever failed: the next run finds the lines in the journal
                _log.error("audit.mover.failed", folder=str(self._folder), trace=trace_of(error))

    async def _move_file(self, file: JournalFile, now: float | None) -> int:
        try:
            descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # another mover was done with it
            return 0
        try:
            finished = is_finished(descriptor)
            journal = self._journal
            if not finished and journal is not None and file.stream != journal.stream:
                return 0
            moved = await self._move_lines(file, descriptor, None if finished else now)
            if finished:
                self._finish(file, descriptor)
            return moved
        finally:
            os.close(descriptor)

    async def _move_lines(self, file: JournalFile, descriptor: int, now: float | None) -> int:
        own = self._journal if self._journal is not None and self._journal.stream == file.stream else None
        written = 0 if own is None else own.line
        moved = 0
        place = self._places.setdefault(file.path, _Place(0, file.first))
        while True:
            segments, following = await self._take(file, descriptor, place, own=own, now=now)
            if segments:
                moved += await self._database.transact(partial(store, stream=file.stream, segments=segments))
                if own is not None:
                    self.moved = segments[-1].last
                    own.forget(self.moved)
            self._places[file.path] = following
            if following.offset == place.offset or (segments and own is not None and self.moved >= written):
                return moved
            place = following

    async def _take(
        self, file: JournalFile, descriptor: int, place: _Place, *, own: Journal | None, now: float | None
    ) -> tuple[list[Segment], _Place]:
        """What is due from ``place`` on, a transaction's worth at most, and the place behind it.

        The same place when there is nothing, or when it is worth waiting.
        """
        segments: list[Segment] = []
        for _ in range(_TOGETHER):
            waiting = unread(descriptor, place.offset)
            if waiting <= 0:
                break
            if now is not None and waiting < self._size:
                since = now if place.since is None else place.since
                place = replace(place, since=since)
                if now - since < self._patience:
                    break
            following = place
            recent = None if own is None else own.recent(file.first, place.offset)
            if recent is not None and recent.offset == place.offset and recent.end is not None:
                segments += recent.segments()
                following = _Place(recent.end, segments[-1].last + 1, place.apart)
            else:
                size = self._size if recent is None else min(self._size, recent.offset - place.offset)
                found, following = _read(file, descriptor, place, size=size)
                segments += found
            if following.offset == place.offset:
                break
            place = following
            await asyncio.sleep(0)  # a segment is enough to do at once: others may want the event loop
        return segments, place

    def _finish(self, file: JournalFile, descriptor: int) -> None:
        """Delete a file whose lines are all committed; what was no line is put beside it first, for a person to see."""
        place = self._places[file.path]
        rest = read_rest(descriptor, place.offset)
        apart = (*place.apart, rest) if rest else place.apart
        if apart:
            _keep_apart(file.path.with_suffix(APART), b"\n".join(apart))
            _log.error("audit.journal.apart", file=file.path.name, pieces=len(apart))
        file.path.unlink()


async def move(database: Database, folder: Path, *, size: int = SIZE) -> int:
    """Move all complete lines that lie in ``folder``, in transactions of about ``size`` bytes; how many there were."""
    return await Mover(database, folder, size=size).run()


async def store(writer: Writer, *, stream: bytes, segments: Sequence[Segment]) -> int:
    """Add what the table does not have yet, in the transaction of ``writer``; how many lines that were."""
    ((head, chain),) = await writer.fetch(_LOCK_HEAD, stream, origin(stream))
    moved = 0
    for found in segments:
        if found.last <= head:
            continue
        new = found if found.line > head else found.beyond(head)
        if new.line != head + 1:
            _log.error("audit.journal.gap", stream=stream.hex(), after=head, before=new.line)
        chain = next_chain(chain, new.hashes)
        head = new.last
        moved += new.lines
        row = (stream, new.line, new.lines, new.began, new.ended, chain, new.hashes, new.payload)
        patients = [(patient, new.began, stream, new.line) for patient in sorted(new.patients)]
        await writer.alter(((INSERT_SEGMENTS, (row,)), (INSERT_PATIENTS, patients)))
        await asyncio.sleep(0)
    if moved:
        await writer.alter(((ADVANCE_HEADS, ((stream, head, chain),)),))
    return moved


def _read(file: JournalFile, descriptor: int, place: _Place, *, size: int) -> tuple[list[Segment], _Place]:
    """What about ``size`` bytes of the file from ``place`` on hold, and the place behind it."""
    text = read_whole_lines(descriptor, place.offset, size=size)
    if not text:
        return [], place
    segments, apart = segments_in(line_id_prefix(file.stream).encode(), text[:-1], place.expected)
    expected = segments[-1].last + 1 if segments else place.expected
    return segments, _Place(place.offset + len(text), expected, (*place.apart, *apart))


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
