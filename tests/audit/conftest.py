"""A database that has the tables of the access log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from app.audit import audit, audit_head, audit_patient
from app.database import Database, open_database


async def create_tables(database: Database) -> None:
    """The three tables, as ``tables.py`` describes them."""
    dialect = sqlite.dialect() if database.dialect == "sqlite" else postgresql.dialect()  # type: ignore[no-untyped-call]
    async with database.write() as writer:
        for table in (audit, audit_patient, audit_head):
            await writer.execute(str(CreateTable(table).compile(dialect=dialect)))


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def database(empty_database: Database) -> Database:
    await create_tables(empty_database)
    return empty_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where journals lie; made by the first one."""
    return tmp_path / "journal"
