"""Bringing a database to the present tables with Alembic, and refusing to serve one that is not there.
https://alembic.sqlalchemy.org
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from app.database.interface import Database
from app.database.opening import BAD_URL, SCHEMES, sqlite_path
from app.database.sqlite import FileLock
from app.errors import Conflict, Invalid, Unavailable

MIGRATIONS: Final = Path(__file__).parents[2] / "migrations"
_SELECT_BASE: Final = "SELECT value FROM setting WHERE name = 'canonical-base'"


def _config(url: str, partitions: int, canonical_base: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(url=url, partitions=partitions, canonical_base=canonical_base)
    return config


async def migrate(url: str, *, partitions: int = 0, canonical_base: str) -> None:
    """Make or bring up to date. ``partitions`` (PostgreSQL): hash partitions of the patient tables, decided at the
    first migration. Raises ``Invalid`` for another kind of URL, and ``Unavailable`` when it cannot be done.
    """
    if not url.startswith(SCHEMES):
        raise Invalid(BAD_URL, "value")
    try:
        make_url(url)
    except (SQLAlchemyError, ValueError) as error:
        raise Invalid("The database URL cannot be understood.", "value") from error
    try:
        with _only_user(url):
            await asyncio.to_thread(command.upgrade, _config(url, partitions, canonical_base), "head")
    except CommandError as error:
        raise Unavailable("The database's tables are those of another version of this service.") from error
    except (OSError, SQLAlchemyError, asyncpg.PostgresError) as error:
        reason = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip()
        raise Unavailable(f"The database cannot be brought up to date: {reason}") from error


@contextmanager
def _only_user(url: str) -> Iterator[None]:
    """Keep other processes away from a SQLite file. Raises ``DatabaseInUse`` when one has it."""
    if not url.startswith("sqlite:///"):
        yield
        return
    path = sqlite_path(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(Path(f"{path}.lock"))
    try:
        yield
    finally:
        lock.release()


async def check_migrated(database: Database, *, canonical_base: str) -> None:
    """Raises ``Unavailable`` for tables of another version, ``Conflict`` for another canonical base than this database
    was made with.
    """
    head = ScriptDirectory.from_config(_config(database.url, 0, canonical_base)).get_current_head()
    exists = (
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if database.dialect == "sqlite"
        else "SELECT 1 FROM pg_catalog.pg_tables WHERE tablename = 'alembic_version'"
    )
    current = await database.fetch("SELECT version_num FROM alembic_version") if await database.fetch(exists) else []
    if not current or current[0][0] != head:
        raise Unavailable("The database's tables are not those of this version. Run: zelfregie migrate")
    base = await database.fetch(_SELECT_BASE)
    if not base or base[0][0] != canonical_base:
        raise Conflict(
            "This database was made with another canonical base; set ZELFREGIE_CANONICAL_BASE to the one it has."
        )
