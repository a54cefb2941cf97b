"""A database for reading only, also while a service has the SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from app.database.interface import Reader
from app.database.opening import open_database, sqlite_path
from app.database.sqlite import connect
from app.database.statements import Row, sqlite_text
from app.errors import Unavailable


class _ReadOnly:
    """Statements on one read-only connection, in a thread."""

    def __init__(self, path: str) -> None:
        self.connection = connect(path, read_only=True)

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        try:
            return await asyncio.to_thread(lambda: self.connection.execute(sqlite_text(sql), binds).fetchall())
        except sqlite3.Error as error:
            raise Unavailable(f"The database cannot be read: {error}.") from error


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Reader]:
    """Read ``url`` beside whoever serves it. Raises ``Invalid`` or ``Unavailable``."""
    if not url.startswith("sqlite:///"):
        database = await open_database(url, connections=2)
        try:
            yield database
        finally:
            await database.close()
        return
    path = sqlite_path(url)
    if not path.is_file():
        raise Unavailable(f"There is no database {path}.")
    opened = _ReadOnly(str(path))
    try:
        yield opened
    finally:
        opened.connection.close()
