"""From a URL to an open database: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://…``."""

from __future__ import annotations

from pathlib import Path

from app.database.interface import Database
from app.database.postgresql import PostgresqlDatabase
from app.database.sqlite import SqliteDatabase
from app.errors import Invalid


def sqlite_path(url: str) -> Path:
    """The file that a ``sqlite:///…`` URL names."""
    return Path(url.removeprefix("sqlite:///"))


async def open_database(url: str, *, connections: int = 10) -> Database:
    """Open ``url``. Raises ``Invalid`` for another kind of URL and ``Unavailable`` when it cannot be opened."""
    if url.startswith("sqlite:///"):
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteDatabase(str(path), url=url)
    if url.startswith(("postgresql://", "postgresql+asyncpg://")):
        database = PostgresqlDatabase(url, connections=connections)
        await (await database.connect()).close()
        return database
    raise Invalid("The database URL must begin with sqlite:/// or postgresql://.", "value")
