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
from types import TracebackType
from typing import Any, Final, Literal, TypeVar

from app.database.interface import TOO_LONG, Batch
from app.database.statements import Delete, Insert, Row, sqlite_alteration, sqlite_text
from app.errors import Conflict, Unavailable

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
_LONGEST_GROUP: Final = 64
_FOLDS: Final = 20
"""How often the log is tried to be emptied while reads stand in the way."""
_INTERRUPTED: Final = "interrupted"
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY})
"""What goes wrong with the machine and not with the statement."""
_NOT_STORED: Final = "The database could not store this. Nothing of it was kept."


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


def _deletes_first(batch: Batch) -> bool:
    # As on PostgreSQL: a key that goes and comes back in one change is there afterwards.
    return not isinstance(batch[0], Delete)


class SqliteWriter:
    """The statements of one write; they run inline on the write connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        return self._connection.execute(sqlite_text(sql), binds).fetchall()

    async def execute(self, sql: str, *binds: Any) -> None:
        self._connection.execute(sqlite_text(sql), binds)

    async def insert(self, insert: Insert, rows: Sequence[Sequence[Any]]) -> None:
        await self.alter([(insert, rows)])

    async def alter(self, batches: Sequence[Batch]) -> None:
        try:
            for alteration, rows in sorted(batches, key=_deletes_first):
                if len(rows) == 1:
                    self._connection.execute(sqlite_alteration(alteration), rows[0])
                elif rows:
                    self._connection.executemany(sqlite_alteration(alteration), rows)
        except sqlite3.IntegrityError as error:
            raise Conflict("Something with the same key is there already.", "duplicate") from error


class _Group:
    """The writes that share one COMMIT."""

    __slots__ = ("done", "members")

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.members = 0

    def fail(self, cause: BaseException | None) -> None:
        """Tell every member that nothing of the group was kept."""
        failure = Unavailable(_NOT_STORED)
        failure.__cause__ = cause
        self.done.set_exception(failure)
        self.done.exception()  # marked as seen: a group may have no member left that awaits it


class _Write:
    """One write in the present group: a SAVEPOINT of its own, acknowledged when the group is on disk."""

    __slots__ = ("_database",)

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def __aenter__(self) -> SqliteWriter:
        await self._database.enter_group()
        return self._database.writer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._database.leave_group(keep=error is None)
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in _PASSING:
            raise Unavailable(_NOT_STORED) from error


class SqliteDatabase:
    """See ``Database``. Only one process may open a file for serving. ``longest_read`` in nanoseconds."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: str, *, url: str, longest_read: int = LONGEST_READ_NS) -> None:
        self.url = url
        self.path = path
        self._longest_read = longest_read
        self._lock_file = FileLock(Path(f"{path}.lock"))
        self._connection = connect(path, read_only=False)
        self.writer = SqliteWriter(self._connection)
        self._readers_pool = ThreadPoolExecutor(2, "sqlite-read")
        self._commit_pool = ThreadPoolExecutor(1, "sqlite-commit")
        # Statements that were interrupted last time: they begin in a thread until they are quick there. Begun inline
        # again, each run would be stopped, started anew and pay for a new connection.
        self._slow: set[str] = set()
        self._idle: list[_ReadConnection] = [self._reader()]
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._group: _Group | None = None
        self._leftovers: set[asyncio.Task[None]] = set()

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
        async with _Write(self) as writer:
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

    def write(self) -> _Write:
        return _Write(self)

    async def transact(self, work: Callable[[SqliteWriter], Awaitable[T]]) -> T:
        async with _Write(self) as writer:
            return await work(writer)

    async def enter_group(self) -> None:
        """Wait for the write connection, and join the group that is open on it or open one."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:
            self._waiting -= 1
            self._commit_leftover()
            raise
        self._waiting -= 1
        try:
            if self._group is None:
                self._connection.execute("BEGIN IMMEDIATE")
                self._group = _Group()
            self._connection.execute("SAVEPOINT member")
        except sqlite3.Error as error:
            self._turn.release()
            self._commit_leftover()
            raise Unavailable("The database cannot be written to at the moment.") from error

    async def leave_group(self, *, keep: bool) -> None:
        """End one member; the last one of a group commits for all. Returns when this member is durable."""
        group = self._group
        assert group is not None, "a write ended that never began"
        if self._connection.in_transaction:
            await self._end_member(group, keep=keep)
        else:
            # SQLite undid the whole transaction by itself, as it does when a statement finds the disk full.
            self._group = None
            group.fail(None)
            self._turn.release()
        if keep:
            await asyncio.shield(group.done)

    async def _end_member(self, group: _Group, *, keep: bool) -> None:
        if keep:
            self._connection.execute("RELEASE member")
            group.members += 1
        else:
            self._connection.execute("ROLLBACK TO member")
            self._connection.execute("RELEASE member")
        if self._waiting and group.members < _LONGEST_GROUP:
            self._turn.release()
        else:
            await asyncio.shield(self._track(self._commit(group)))

    def _track(self, work: Any) -> asyncio.Task[None]:
        # Held here so that a cancelled request neither cancels nor loses the commit of its neighbours.
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._leftovers.add(task)
        task.add_done_callback(self._leftovers.discard)
        return task

    async def _commit(self, group: _Group) -> None:
        """Commit the open group; the caller holds the turn, which is given back here."""
        self._group = None
        try:
            await asyncio.get_running_loop().run_in_executor(self._commit_pool, self._connection.commit)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            group.fail(error)
        else:
            group.done.set_result(None)
        finally:
            self._turn.release()

    def _commit_leftover(self) -> None:
        """A waiting member went away: when nobody else will end the open group, do it."""
        if self._group is not None and not self._waiting:
            self._track(self._end_open_group())

    async def _end_open_group(self) -> None:
        async with self._turn:
            group = self._group
            if group is None:
                return
            await self._turn_over(group)

    async def _turn_over(self, group: _Group) -> None:
        # ``_commit`` gives the turn back, and ``async with`` above wants to as well: take it again in between.
        await self._commit(group)
        await self._turn.acquire()

    async def tidy(self) -> None:
        async with self._turn:
            if self._group is not None:
                await self._turn_over(self._group)
            await asyncio.get_running_loop().run_in_executor(self._commit_pool, self._tidy)

    async def fold(self) -> None:
        for attempt in range(_FOLDS):
            async with self._turn:
                if self._group is not None:
                    await self._turn_over(self._group)
                if await asyncio.get_running_loop().run_in_executor(self._commit_pool, self._fold):
                    return
            await asyncio.sleep(0.02 * attempt)  # a read that looks at an older state keeps the log; it ends by itself

    def _tidy(self) -> None:
        self._connection.execute("ANALYZE")
        self._fold()

    def _fold(self) -> bool:
        """Whether the log is empty now."""
        self._connection.execute("PRAGMA busy_timeout=0")
        busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
        self._connection.execute("PRAGMA busy_timeout=10000")
        return not busy

    async def close(self) -> None:
        async with self._turn:
            if self._group is not None:
                await self._turn_over(self._group)
        for reader in self._idle:
            reader.connection.close()
        self._idle.clear()
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA optimize")
        self._connection.close()
        self._readers_pool.shutdown()
        self._commit_pool.shutdown()
        self._lock_file.release()
