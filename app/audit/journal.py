"""The journal of this process: one line per request, written before the answer leaves.

Every line is one ``os.write`` of one JSON object: the line's UUID, its number, the SHA-256 hash of the line before and
the facts of an ``Event``. What was written survives the death of the process; ``durable`` makes it survive the machine.
The last lines are also remembered, so that the mover of this process need not read and take them apart again.

``write`` belongs to one thread (the event loop's). ``sync`` may run in any.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog

from app.audit.event import Event, encode_event
from app.audit.files import file_name
from app.audit.line import line_text
from app.audit.segments import SIZE, Recent
from app.audit.stream import line_hash, line_id_prefix, new_stream, origin
from app.errors import Unavailable

HOUR: Final = 3_600_000_000
_REMEMBERED: Final = 16
"""How many segments are remembered, of about a megabyte of memory each; those before have to be read."""
_log: Final = structlog.get_logger(__name__)


class Journal:
    """An open journal: ``folder`` holds its files and those of other processes.

    ``randomness`` is 16 random bytes, ``now`` and ``longest`` are microseconds, ``largest`` is bytes: a file that is
    larger or older gives way to a new one. Raises ``OSError`` when no file can be made.
    """

    def __init__(
        self, folder: Path, randomness: bytes, *, now: int, largest: int = 16 * 1024 * 1024, longest: int = HOUR
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.stream = new_stream(randomness)
        self.line = 0
        self.synced = 0
        self._largest = largest
        self._longest = longest
        self._prefix = line_id_prefix(self.stream).encode()
        self._previous = origin(self.stream)
        self._fault = ""
        self._torn = False
        self._syncing = threading.Lock()
        self._retired: deque[int] = deque()
        self._recent: deque[Recent] = deque(maxlen=_REMEMBERED)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._flush: asyncio.Future[None] | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._descriptor: int
        self._unlisted: bool
        self._directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._adopt(self._open(), now)

    def write(self, event: Event) -> int:
        """Append the event and give its line number.

        Raises ``Unavailable`` when the line could not be written whole; then nothing of it is in the journal.
        """
        if self._fault:
            raise Unavailable(self._fault)
        if self._size >= self._next or event.at >= self._until:
            self._prepare(event.at)
        line = self.line + 1
        facts = encode_event(event)
        text = line_text(self._prefix, line, self._previous, facts)
        hashed = line_hash(text)
        try:
            written = os.write(self._descriptor, text)
        except OSError as error:
            self._cut()
            raise Unavailable("the access log cannot be written") from error
        if written != len(text):
            self._cut()
            raise Unavailable("the access log could only be written in part")
        self._size += written
        self._previous = hashed
        self.line = line
        recent = self._recent[-1]
        recent.events.append(event)
        recent.facts.append(facts)
        recent.hashes.append(hashed)
        return line

    def recent(self, first: int, offset: int) -> Recent | None:
        """The remembered lines of the file with this first line that are at ``offset`` or, else, next behind it.
        Nothing is added to them any more.
        """
        for recent in self._recent:
            if recent.first == first and recent.offset >= offset and recent.facts:
                if recent.end is None:
                    self._end_recent()
                return recent
        return None

    def forget(self, line: int) -> None:
        """Remember nothing any more of the lines up to this one, which is the last of those remembered together."""
        while self._recent and self._recent[0].line <= line:
            if len(self._recent) == 1:
                self._end_recent()
            self._recent.popleft()

    def sync(self) -> None:
        """Put every line written so far on disk; costs nothing when they are there already.

        Raises ``Unavailable`` when that fails. The journal then refuses every further line: after a failed sync the
        operating system may call pages clean that never reached the disk, so a later success would prove nothing.
        """
        with self._syncing:
            if self._fault:
                raise Unavailable(self._fault)
            written = self.line
            if written == self.synced:
                return
            # In this order: a file is retired before its successor becomes current, so no line is passed over.
            current = self._descriptor
            try:
                os.fdatasync(current)
                self._release_retired()
                if self._unlisted:
                    self._unlisted = False
                    os.fsync(self._directory)
            except OSError as error:
                self._fault = f"the access log cannot be put on disk: {error.strerror}"
                raise Unavailable(self._fault) from error
            self.synced = written

    async def durable(self) -> None:
        """Return when every line written before this call is on disk. Callers that come together share one sync.

        Raises ``Unavailable`` as ``sync`` does.
        """
        written = self.line
        while self.synced < written:
            # A sync that is over may still be waiting to say so; awaiting it would not let the loop get that far.
            if self._flush is None or self._flush.done():
                self._flush = asyncio.ensure_future(self._sync_soon())
                self._flush.add_done_callback(self._flushed)
            # A caller that is cancelled must not take the sync away from the others.
            await asyncio.shield(self._flush)

    async def _sync_soon(self) -> None:
        # One turn of the loop later: the writes that one commit acknowledged together then share this sync.
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(self._pool, self.sync)

    def start(self, *, interval: float = 1.0) -> None:
        """Sync every ``interval`` seconds from now on, in a task of the running event loop."""
        self._ticker = asyncio.get_running_loop().create_task(self._tick(interval), name="journal")

    async def stop(self) -> None:
        """End the task, put everything on disk and close."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
            self._ticker = None
        try:
            await self.durable()
        finally:
            self.close()

    def close(self) -> None:
        """Put everything on disk, close and let go of the file, so that a mover may finish it. Later writes fail."""
        if self._descriptor < 0:
            return
        try:
            if not self._fault:
                self.sync()
        finally:
            self._fault = self._fault or "the access log is closed"
            for descriptor in (*self._retired, self._descriptor, self._directory):
                os.close(descriptor)
            self._retired.clear()
            self._descriptor = self._directory = -1
            self._pool.shutdown()

    async def _tick(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self.durable()
            except Unavailable as error:
                _log.error("audit.journal.unsynced", stream=self.stream.hex(), synced=self.synced, reason=str(error))
                return

    def _flushed(self, flush: asyncio.Future[None]) -> None:
        if self._flush is flush:
            self._flush = None
        # Asked for here because every caller may have been cancelled.
        if not flush.cancelled():
            flush.exception()

    def _open(self) -> int:
        """Make the file for the lines from the next one on, locked for as long as it is written."""
        path = self.folder / file_name(self.stream, self.line + 1)
        while True:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError:
                os.close(descriptor)
                raise
            if os.fstat(descriptor).st_nlink:
                return descriptor
            # A mover took it for the empty file of a dead process before it was locked.
            os.close(descriptor)

    def _adopt(self, descriptor: int, now: int) -> None:
        """Write to this file from now on."""
        self._end_recent()
        self._unlisted = True
        self._descriptor = descriptor
        self._first = self.line + 1
        self._size = 0
        self._limit = self._largest
        self._until = now + self._longest

    def _end_recent(self) -> None:
        """Add nothing more to what is remembered together; the next line begins anew."""
        if self._recent and self._recent[-1].end is None:
            self._recent[-1].end = self._size
        self._next = 0

    def _prepare(self, now: int) -> None:
        """Do what is due before a line is written: it is not much, and seldom."""
        if self._torn and not self._cut():
            raise Unavailable("the access log cannot be repaired")
        if self._size >= self._limit or now >= self._until:
            self._rotate(now)
        if self._size >= self._next:
            self._end_recent()
            self._recent.append(Recent(self._first, self._size, self.line + 1))
            self._next = min(self._limit, self._size + SIZE)

    def _rotate(self, now: int) -> None:
        """Go on in a new file. Where none can be made the old one serves for another size and age."""
        self._until = now + self._longest
        if not self._size:
            return
        try:
            descriptor = self._open()
        except OSError as error:
            _log.error("audit.journal.unrotated", stream=self.stream.hex(), line=self.line, reason=error.strerror)
            self._limit = self._size + self._largest
            return
        self._retired.append(self._descriptor)
        self._adopt(descriptor, now)

    def _cut(self) -> bool:
        """Cut off what a failed write may have left, so that the next line starts clean; whether that worked."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._torn = True
            self._next = 0
            return False
        self._torn = False
        return True

    def _release_retired(self) -> None:
        while self._retired:
            os.fdatasync(self._retired[0])
            os.close(self._retired.popleft())
