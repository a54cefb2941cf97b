"""The write connection of SQLite: who may use it, and the writes that share one COMMIT.

A write hardly ever gives up the event loop, since its statements run inline: so all that are ready take their turns in
one round of the loop, and the COMMIT, which is the only part that waits for the disk, comes after them in a thread.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

import structlog

from app.database.interface import Batch
from app.database.statements import Delete, Insert, Row, sqlite_alteration, sqlite_text
from app.errors import Conflict, Unavailable

_LONGEST_GROUP: Final = 64
_FOLDS: Final = 60
_LONGEST_PAUSE: Final = 0.5
"""How often the log is tried to be emptied while reads stand in the way, and how far apart (seconds): together longer
than any read is let go on.
"""
_ROUNDS: Final = 2
"""Rounds of the event loop for which a group stays open: in the first a request is read, in the next it is here."""
_PASSING: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY})
"""What goes wrong with the machine and not with the statement."""
_log: Final = structlog.get_logger(__name__)
_NOT_STORED: Final = "The database could not store this. Nothing of it was kept."


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

    __slots__ = ("members",)

    def __init__(self) -> None:
        self.members: list[asyncio.Future[None]] = []

    def join(self) -> asyncio.Future[None]:
        """What a member waits for, which is its own: whoever is cancelled takes nobody along."""
        done = asyncio.get_running_loop().create_future()
        self.members.append(done)
        return done

    def keep(self) -> None:
        """Tell every member that it is on disk."""
        for done in self.members:
            if not done.done():
                done.set_result(None)

    def fail(self, cause: BaseException | None) -> None:
        """Tell every member that nothing of the group was kept."""
        for done in self.members:
            if not done.done():
                failure = Unavailable(_NOT_STORED)
                failure.__cause__ = cause
                done.set_exception(failure)


class SqliteWrite:
    """One write in the present group: a SAVEPOINT of its own, acknowledged when the group is on disk."""

    __slots__ = ("_connection",)

    def __init__(self, connection: WriteConnection) -> None:
        self._connection = connection

    async def __aenter__(self) -> SqliteWriter:
        await self._connection.enter()
        return self._connection.writer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.leave(keep=error is None)
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in _PASSING:
            raise Unavailable(_NOT_STORED) from error


class WriteConnection:
    """Everybody's one connection for writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.writer = SqliteWriter(connection)
        self._pool = ThreadPoolExecutor(1, "sqlite-commit")
        self._free = asyncio.Event()
        self._free.set()
        self._group: _Group | None = None
        self._ending: set[asyncio.Task[None]] = set()

    async def _take(self) -> None:
        """Wait for the connection. Whoever waits is told at once, in their order: most find it free again."""
        while not self._free.is_set():
            await self._free.wait()
        self._free.clear()

    async def enter(self) -> None:
        """Wait for the connection, and join the group that is open on it or open one."""
        await self._take()
        try:
            if self._group is None:
                self.connection.execute("BEGIN IMMEDIATE")
                self._group = _Group()
                self._track(self._end_soon(self._group))
            self.connection.execute("SAVEPOINT member")
        except sqlite3.Error as error:
            self._free.set()
            raise Unavailable("The database cannot be written to at the moment.") from error

    async def leave(self, *, keep: bool) -> None:
        """End one member. Returns when it is durable."""
        group = self._group
        assert group is not None, "a write ended that never began"
        done = group.join() if keep else None
        if not self.connection.in_transaction:
            # SQLite undid the whole transaction by itself, as it does when a statement finds the disk full.
            self._group = None
            group.fail(None)
        else:
            if not keep:
                self.connection.execute("ROLLBACK TO member")
            self.connection.execute("RELEASE member")
        if self._group is not None and len(group.members) >= _LONGEST_GROUP:
            self._track(self._commit(group))
        else:
            self._free.set()
        if done is not None:
            await done

    def _track(self, work: Any) -> None:
        # Held here so that a cancelled request neither cancels nor loses the commit of its neighbours.
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end_soon(self, group: _Group) -> None:
        """Commit the group, once those who are about to have joined it."""
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
        await self._take()
        if self._group is group:
            await self._commit(group)
        else:
            self._free.set()

    async def _commit(self, group: _Group) -> None:
        """Commit the open group; the caller holds the connection, which is given back here."""
        self._group = None
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, self.connection.commit)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self.connection.rollback()
            group.fail(error)
        else:
            group.keep()
        finally:
            self._free.set()

    async def _take_alone(self) -> None:
        """Wait for the connection, with no group open on it."""
        await self._take()
        while self._group is not None:
            await self._commit(self._group)
            await self._take()

    async def tidy(self) -> None:
        """ANALYZE, and the write-ahead log moved into the file."""
        await self._take_alone()
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._tidy)
        finally:
            self._free.set()

    async def fold(self) -> None:
        """The write-ahead log moved into the file and emptied: nothing of what was overwritten is left in it."""
        for attempt in range(_FOLDS):
            await self._take_alone()
            try:
                if await asyncio.get_running_loop().run_in_executor(self._pool, self._fold):
                    return
            finally:
                self._free.set()
            # A read that looks at an older state keeps the log; it ends by itself.
            await asyncio.sleep(min(0.02 * attempt, _LONGEST_PAUSE))
        _log.warning("sqlite.fold.unfinished")  # somebody's reads followed each other on one state all that time

    def _tidy(self) -> None:
        self.connection.execute("ANALYZE")
        self._fold()

    def _fold(self) -> bool:
        """Whether the log is empty now."""
        self.connection.execute("PRAGMA busy_timeout=0")
        busy = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
        self.connection.execute("PRAGMA busy_timeout=10000")
        return not busy

    async def close(self) -> None:
        """Commit what is open, and close. Who waited for the connection, or comes later, is refused."""
        await self._take_alone()
        with suppress(sqlite3.Error):
            self.connection.execute("PRAGMA optimize")
        self.connection.close()
        self._pool.shutdown()
        self._free.set()
