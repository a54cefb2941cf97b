"""PostgreSQL, for production: any number of processes, one pool of asyncpg connections each.

The planner is left no choice on purpose: every statement's order comes straight from one index, so connections plan
once, for all values, and without scans that grow with the table.
https://www.postgresql.org/docs/current/runtime-config-query.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar

import asyncpg
import stamina

from app.database.interface import TOO_LONG, Batch
from app.database.statements import Delete, Insert, Row, postgresql_alterations
from app.errors import Conflict, Unavailable

T = TypeVar("T")

_SETTINGS: Final = {
    "application_name": "zelfregie",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_mergejoin": "off",
    "random_page_cost": "1.1",
    "synchronous_commit": "on",
    "statement_timeout": "30000",
    "idle_in_transaction_session_timeout": "60000",
}
_RETRIED: Final = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_GONE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a statement meets that is sent while the server ends the connection
    ConnectionError,
)


class PostgresqlWriter:
    """The statements of one transaction on one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        return await self._connection.fetch(sql, *binds)

    async def execute(self, sql: str, *binds: Any) -> None:
        await self._connection.fetch(sql, *binds)

    async def insert(self, insert: Insert, rows: Sequence[Sequence[Any]]) -> None:
        await self.alter([(insert, rows)])

    async def alter(self, batches: Sequence[Batch]) -> None:
        filled = [(alteration, rows) for alteration, rows in batches if rows]
        # The parts of one statement do not see each other: a key that goes and comes back must go in a statement
        # before.
        removed = [batch for batch in filled if isinstance(batch[0], Delete)]
        await self._run(removed)
        await self._run([batch for batch in filled if not isinstance(batch[0], Delete)])

    async def _run(self, filled: Sequence[Batch]) -> None:
        if not filled:
            return
        columns = [tuple(zip(*rows, strict=True)) for _, rows in filled]
        soles = tuple(len(set(each[0])) == 1 for each in columns)
        sql = postgresql_alterations(tuple(alteration for alteration, _ in filled), soles)
        try:
            await self._connection.fetch(sql, *(array for each in columns for array in each))
        except asyncpg.UniqueViolationError as error:
            raise Conflict("Something with the same key is there already.", "duplicate") from error


class PostgresqlDatabase:
    """See ``Database``."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: str, *, connections: int) -> None:
        self.url = url
        self._address = url.replace("postgresql+asyncpg://", "postgresql://")
        self._idle: list[asyncpg.Connection[Any]] = []
        self._room = asyncio.Semaphore(connections)

    async def connect(self) -> asyncpg.Connection[Any]:
        """A connection of its own with this service's settings."""
        try:
            return await asyncpg.connect(self._address, server_settings=_SETTINGS, statement_cache_size=2000)
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise Unavailable("The database cannot be reached.") from error

    async def _take(self) -> asyncpg.Connection[Any]:
        await self._room.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await self.connect()
        except BaseException:
            self._room.release()
            raise

    def _give_back(self, connection: asyncpg.Connection[Any]) -> None:
        if connection.is_closed() or connection.is_in_transaction():
            # A cancelled request left it in the middle: its transaction must not become another one's.
            connection.terminate()
        else:
            self._idle.append(connection)
        self._room.release()

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        connection = await self._take()
        try:
            return await connection.fetch(sql, *binds)
        except _GONE as error:
            raise Unavailable("The database cannot be reached.") from error
        except asyncpg.QueryCanceledError as error:
            raise Unavailable(TOO_LONG, "timeout") from error
        finally:
            self._give_back(connection)

    async def change(self, sql: str, *binds: Any) -> Sequence[Row]:
        try:
            return await self.fetch(sql, *binds)
        except asyncpg.UniqueViolationError as error:
            raise Conflict("Something with the same key is there already.", "duplicate") from error

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[PostgresqlWriter]:
        async with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as writer:
            yield writer

    @asynccontextmanager
    async def write(self) -> AsyncIterator[PostgresqlWriter]:
        async with self._transaction("BEGIN") as writer:
            yield writer

    @asynccontextmanager
    async def _transaction(self, begin: str) -> AsyncIterator[PostgresqlWriter]:
        connection = await self._take()
        try:
            try:
                await connection.execute(begin)
            except BaseException:
                # It may have begun all the same: what came next on this connection would be in it, and not committed.
                connection.terminate()
                raise
            try:
                yield PostgresqlWriter(connection)
            except BaseException:
                if not connection.is_closed():
                    await asyncio.shield(connection.execute("ROLLBACK"))
                raise
            await connection.execute("COMMIT")
        except _GONE as error:
            raise Unavailable("The database cannot be reached.") from error
        except asyncpg.QueryCanceledError as error:
            raise Unavailable(TOO_LONG, "timeout") from error
        finally:
            self._give_back(connection)

    async def transact(self, work: Callable[[PostgresqlWriter], Awaitable[T]]) -> T:
        try:
            async for attempt in stamina.retry_context(on=_RETRIED, attempts=3, wait_initial=0.01, wait_max=0.1):
                with attempt:
                    async with self._transaction("BEGIN") as writer:
                        return await work(writer)
        except _RETRIED as error:
            raise Unavailable("Too many others are changing the same record; try again.") from error
        raise Unavailable("Too many others are changing the same record; try again.")

    async def fold(self) -> None:
        """Nothing: its write-ahead log is recycled by the server, see ``docs/rights.md``."""

    async def tidy(self) -> None:
        connection = await self._take()
        try:
            await connection.execute("SET statement_timeout = 0")
            await connection.execute("VACUUM ANALYZE")
            await connection.execute("RESET statement_timeout")
        finally:
            self._give_back(connection)

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()
