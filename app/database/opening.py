"""From a URL to an open database: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://…``."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from app.database.interface import Database
from app.database.postgresql import PostgresqlDatabase
from app.database.sqlite import SqliteDatabase
from app.errors import Invalid, Unavailable

SCHEMES: Final = ("sqlite:///", "postgresql://", "postgresql+asyncpg://")
BAD_URL: Final = "The database URL must begin with sqlite:/// or postgresql://."


def sqlite_path(url: str) -> Path:
    """The file that a ``sqlite:///…`` URL names."""
    return Path(url.removeprefix("sqlite:///"))


async def open_database(url: str, *, connections: int = 10) -> Database:
    """Open ``url``. Raises ``Invalid`` for another kind of URL and ``Unavailable`` when it cannot be opened."""
    if url.startswith("sqlite:///"):
        path = sqlite_path(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return SqliteDatabase(str(path), url=url)
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise Unavailable(f"The database {path} cannot be opened: {reason}.") from error
    if url.startswith(SCHEMES):
        database = PostgresqlDatabase(url, connections=connections)
        await (await database.connect()).close()
        return database
    raise Invalid(BAD_URL, "value")
