"""What the rest of the service may ask of a database: one small async interface, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal, Protocol, TypeVar

from app.database.statements import Alteration, Insert, Row

T = TypeVar("T")
Batch = tuple[Alteration, Sequence[Sequence[Any]]]
"""Rows to insert, update or delete in one table."""
TOO_LONG: Final = "This took the database too long; ask for less and try again."
"""What is said of a statement that was stopped for its length; the issue's code is ``timeout``."""


class Reader(Protocol):
    """Statements that see one state of the database."""

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        """All rows of one statement."""


class Writer(Reader, Protocol):
    """Statements of one transaction."""

    async def execute(self, sql: str, *binds: Any) -> None:
        """Run one statement for its effect."""

    async def insert(self, insert: Insert, rows: Sequence[Sequence[Any]]) -> None:
        """Fill one table."""

    async def alter(self, batches: Sequence[Batch]) -> None:
        """Change several tables, in one round trip where the database has round trips; what is deleted goes first.

        Empty batches are passed over.

        Raises ``Conflict`` where a key is there already.
        """


class Database(Protocol):
    """An open database. Nobody but the owner of ``write`` or ``transact`` commits."""

    dialect: Literal["sqlite", "postgresql"]
    url: str

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        """All rows of one read statement, in a transaction of its own."""

    async def change(self, sql: str, *binds: Any) -> Sequence[Row]:
        """All rows of one statement that writes, in a transaction of its own; durable when this returns."""

    def snapshot(self) -> AbstractAsyncContextManager[Reader]:
        """Several reads of one state."""

    def write(self) -> AbstractAsyncContextManager[Writer]:
        """One transaction: durable when the block has ended, undone when it raised."""

    async def transact(self, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction and give its result; tried again (twice) when the database asks for it.

        Raises ``Unavailable`` when it still fails.
        """

    async def tidy(self) -> None:
        """After much was written at once: statistics made, and the log folded into the tables."""

    async def fold(self) -> None:
        """After something was erased: what was written stays in no log of this database's own.

        On SQLite the log is folded into the tables and emptied. PostgreSQL keeps what is said in ``docs/rights.md``.
        """

    async def close(self) -> None:
        """Give everything back."""
