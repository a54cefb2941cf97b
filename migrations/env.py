"""How Alembic reaches the database: the URL is handed in by ``app.database.migrations``, or comes from the settings."""

from __future__ import annotations

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, pool
from sqlalchemy.ext.asyncio import create_async_engine

import app.audit.tables
import app.auth.tables
import app.measurements.importing.tables
import app.questionnaires.tables
import app.server.intake.tables
import app.server.packages.tables
import app.server.tables  # noqa: F401 - all add their tables to the metadata
from app.config import Settings
from app.database.metadata import metadata

_settings = Settings()
url: str = context.config.attributes.get("url") or _settings.database
context.config.attributes.setdefault("partitions", _settings.partitions)
context.config.attributes.setdefault("canonical_base", _settings.canonical_base)


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_object=_ours)
    with context.begin_transaction():
        context.run_migrations()


def _ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    """A sandbox's copies of its seeds are not part of the tables."""
    return kind != "table" or name is None or not name.startswith("seed_")


async def run_async() -> None:
    address = url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(address, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if url.startswith("sqlite"):
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)
        connection.commit()
    engine.dispose()
else:
    asyncio.run(run_async())
