"""SQLite, the embedded default: one process, one write connection, commits shared by the writes that wait for one.

Statements run inline in the event loop, since most take less than a thread hop; a read that turns out slow moves to a
thread, and so does every COMMIT, which is the only part that waits for the disk. https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from app.database.interface import TOO_LONG
from app.database.sqlite_writes import SqliteWrite, SqliteWriter, WriteConnection
from app.database.statements import Row, sqlite_text
from app.errors import Unavailable

T = TypeVar("T")

INLINE_BUDGET_NS: Final = 3_000_000
"""How long a read may hold the event loop before it goes on in a thread."""
LONGEST_READ_NS: Final = 20_000_000_000
"""How long a read may take in all. The threads are few: one that never ended would keep its thread from all others."""
_PROGRESS_STEPS: Final = 4000
_READ_CACHE_KB: Final = 4096
_WRITE_CACHE_KB: Final = 8192
"""Pages that are read come from the mapped file; those of the write connection are private memory of this process for
good, and four times as many made no write cheaper."""
_MOST_SLOW: Final = 1000
_CHECKPOINT_PAGES: Final = 4000
"""Pages of write-ahead log, 16 MB, after which they are copied into the file. What is written often is then copied once
for several writes: at SQLite's 1000 every write had nearly as many pages copied as it wrote.
"""
_INTERRUPTED: Final = "interrupted"


class DatabaseInUse(Unavailable):
    """Another process serves this database file."""


def connect(path: str, *, read_only: bool) -> sqlite3.Connection:
    """A connection with this service's settings; ``read_only`` ones cannot write."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=1024, timeout=10
    )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA mmap_size=4294967296")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size=-{_READ_CACHE_KB if read_only else _WRITE_CACHE_KB}")
    if read_only:
        connection.execute("PRAGMA query_only=ON")
    return connection


class FileLock:
    """The mark of the one process that serves a database file; gone with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise DatabaseInUse(
                f"Another process is serving the SQLite database beside {path.name}. Stop it first, or use PostgreSQL"
                " for several processes."
            ) from error

    def release(self) -> None:
        """Let another process serve."""
        os.close(self._file)


class _ReadConnection:
    """A connection for reads: inline while it is quick, in a thread once it is not, on the same snapshot."""

    __slots__ = ("abandoned", "connection", "deadline", "longest", "pool", "slow", "spent")

    def __init__(self, path: str, pool: ThreadPoolExecutor, longest: int, slow: set[str]) -> None:
        self.connection = connect(path, read_only=True)
        self.pool = pool
        self.longest = longest
        self.slow = slow
        self.deadline = 0
        self.abandoned = False
        self.spent = False
        self.connection.set_progress_handler(self._is_to_stop, _PROGRESS_STEPS)

    def _is_to_stop(self) -> bool:
        return self.abandoned or (self.deadline != 0 and time.perf_counter_ns() > self.deadline)

    def quickly(self, text: str, binds: tuple[Any, ...]) -> Sequence[Row] | None:
        """The rows, or None when they would hold up the event loop."""
        if text in self.slow:
            return None
        self.deadline = time.perf_counter_ns() + INLINE_BUDGET_NS
        try:
            return self.connection.execute(text, binds).fetchall()
        except sqlite3.OperationalError as error:
            if str(error) != _INTERRUPTED:
                raise
            # Until 3.12, Python takes a statement that was interrupted for one in use, and prepares it anew at every
            # later run: this connection is not used again once the slow read is done.
            self.spent = True
            if len(self.slow) >= _MOST_SLOW:
                self.slow.clear()
            self.slow.add(text)
            return None
        finally:
            self.deadline = 0

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        text = sqlite_text(sql)
        rows = self.quickly(text, binds)
        return await self.slowly(text, binds) if rows is None else rows

    async def slowly(self, text: str, binds: tuple[Any, ...]) -> Sequence[Row]:
        """The rows, from a thread. Raises ``Unavailable`` when they took too long, the wait for a thread included."""
        job = self.pool.submit(self._fetch_slowly, text, binds, time.perf_counter_ns() + self.longest)
        try:
            return await asyncio.wrap_future(job)
        except sqlite3.OperationalError as error:
            if str(error) != _INTERRUPTED:
                raise
            raise Unavailable(TOO_LONG, "timeout") from error
        except asyncio.CancelledError:
            await self._abandon(job)
            raise

    async def _abandon(self, job: Future[Sequence[Row]]) -> None:
        """Nobody waits for the rows any more: stop the statement, and keep the connection until its thread is done."""
        self.abandoned = True
        while not job.done():
            with suppress(asyncio.CancelledError, sqlite3.Error):
                await asyncio.shield(asyncio.wrap_future(job))
        self.abandoned = False

    def _fetch_slowly(self, text: str, binds: tuple[Any, ...], deadline: int) -> Sequence[Row]:
        self.deadline = deadline
        began = time.perf_counter_ns()
        try:
            rows = self.connection.execute(text, binds).fetchall()
        finally:
            self.deadline = 0
        if time.perf_counter_ns() - began < INLINE_BUDGET_NS // 2:
            self.slow.discard(text)
        return rows


class SqliteDatabase:
    """See ``Database``. Only one process may open a file for serving. ``longest_read`` in nanoseconds."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: str, *, url: str, longest_read: int = LONGEST_READ_NS) -> None:
        self.url = url
        self.path = path
        self._longest_read = longest_read
        self._lock_file = FileLock(Path(f"{path}.lock"))
        self._writes = WriteConnection(connect(path, read_only=False))
        self._readers_pool = ThreadPoolExecutor(2, "sqlite-read")
        # Statements that were interrupted last time: they begin in a thread until they are quick there. Begun inline
        # again, each run would be stopped, started anew and pay for a new connection.
        self._slow: set[str] = set()
        self._idle: list[_ReadConnection] = [self._reader()]

    def _reader(self) -> _ReadConnection:
        return _ReadConnection(self.path, self._readers_pool, self._longest_read, self._slow)

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        reader = self._idle.pop() if self._idle else self._reader()
        try:
            text = sqlite_text(sql)
            rows = reader.quickly(text, binds)
            return await reader.slowly(text, binds) if rows is None else rows
        finally:
            self._give_back(reader)

    async def change(self, sql: str, *binds: Any) -> Sequence[Row]:
        async with SqliteWrite(self._writes) as writer:
            return await writer.fetch(sql, *binds)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[_ReadConnection]:
        reader = self._idle.pop() if self._idle else self._reader()
        reader.connection.execute("BEGIN")
        try:
            yield reader
        finally:
            reader.connection.execute("COMMIT")
            self._give_back(reader)

    def _give_back(self, reader: _ReadConnection) -> None:
        if reader.spent:
            reader.connection.close()
        else:
            self._idle.append(reader)

    def write(self) -> SqliteWrite:
        return SqliteWrite(self._writes)

    async def transact(self, work: Callable[[SqliteWriter], Awaitable[T]]) -> T:
        async with SqliteWrite(self._writes) as writer:
            return await work(writer)

    async def tidy(self) -> None:
        await self._writes.tidy()

    async def fold(self) -> None:
        await self._writes.fold()

    async def close(self) -> None:
        await self._writes.close()
        for reader in self._idle:
            reader.connection.close()
        self._idle.clear()
        self._readers_pool.shutdown()
        self._lock_file.release()
