"""Migrations make exactly the tables that the models describe; a database without them is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

import app.audit.tables
import app.auth.tables
import app.server.tables
from app.config import CANONICAL_BASE
from app.database import Database, metadata, open_database
from app.database.making import BY_PATIENT
from app.database.migrations import _config, check_migrated, migrate
from app.errors import Conflict, Unavailable
from tests.postgresql import Databases

T = TypeVar("T")
assert app.audit.tables.audit.metadata is app.server.tables.resource.metadata, "one set of tables"

SQLITE_SHAPE: Final = """
    SELECT m.type, m.name, c.name, c.type, c."notnull", c.pk, t.wr, t.type FROM sqlite_master m
    LEFT JOIN pragma_table_info(m.name) c LEFT JOIN pragma_table_list(m.name) t WHERE m.tbl_name <> 'alembic_version'
    UNION ALL
    SELECT 'index', i.name, x.name, x.seqno, i."unique", i.partial, x."desc", x.coll FROM sqlite_master m
    JOIN pragma_index_list(m.name) i JOIN pragma_index_xinfo(i.name) x
    WHERE m.type = 'table' AND m.tbl_name <> 'alembic_version'
"""
POSTGRESQL_SHAPE: Final = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
    UNION ALL
    SELECT tablename, indexname, indexdef, '', '', '' FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""


async def within(url: str, work: Callable[[Connection], T]) -> T:
    """Run ``work`` on one SQLAlchemy connection, and commit."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        with engine.begin() as connection:
            result = work(connection)
        engine.dispose()
        return result
    asynchronous = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with asynchronous.begin() as connected:
        result = await connected.run_sync(work)
    await asynchronous.dispose()
    return result


def shape(connection: Connection) -> set[tuple[Any, ...]]:
    """Columns with types and collations, keys and indexes, as the database itself tells them."""
    sql = SQLITE_SHAPE if connection.dialect.name == "sqlite" else POSTGRESQL_SHAPE
    return {tuple(row) for row in connection.execute(text(sql))}


def differences(connection: Connection) -> list[Any]:
    """What Alembic would still migrate."""
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def tables(connection: Connection) -> set[str]:
    sqlite = connection.dialect.name == "sqlite"
    sql = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if sqlite
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    return {row[0] for row in connection.execute(text(sql))}


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await open_database(url, connections=1)
    try:
        yield database
    finally:
        await database.close()


async def test_what_migrations_make_is_what_the_models_describe(
    database_url: str, request: pytest.FixtureRequest
) -> None:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    assert await within(database_url, differences) == []
    if database_url.startswith("sqlite"):
        other = database_url.replace("zelfregie.db", "models.db")
    else:
        databases: Databases = request.getfixturevalue("postgresql_databases")
        other = databases.create()
    await within(other, metadata.create_all)
    migrated, described = await within(database_url, shape), await within(other, shape)
    assert migrated == described
    assert len(migrated) > 100


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    before = await within(database_url, shape)
    await migrate(database_url, canonical_base="https://another.example/fhir")
    assert await within(database_url, shape) == before
    async with opened(database_url) as database:
        await check_migrated(database, canonical_base=CANONICAL_BASE)


async def test_a_downgrade_takes_everything_away_and_an_upgrade_brings_it_back(database_url: str) -> None:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    before = await within(database_url, shape)
    config = _config(database_url, 0, CANONICAL_BASE)
    await asyncio.to_thread(command.downgrade, config, "base")
    assert await within(database_url, tables) == {"alembic_version"}
    await asyncio.to_thread(command.upgrade, config, "head")
    assert await within(database_url, shape) == before


async def test_codes_are_kept_and_words_wait_for_the_reindex_when_these_become_one_row(database_url: str) -> None:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    config = _config(database_url, 0, CANONICAL_BASE)
    await asyncio.to_thread(command.downgrade, config, "0001")
    terms = "INSERT INTO term VALUES (1, 7, 'http://loinc.org', '8867-4'), (1, 8, ' words', 'hartslag')"
    await within(database_url, lambda connection: connection.execute(text(terms)))
    await asyncio.to_thread(command.upgrade, config, "head")
    async with opened(database_url) as database:
        kept = await database.fetch("SELECT patient, value, system, code FROM term")
        assert [tuple(row) for row in kept] == [(1, 7, "http://loinc.org", "8867-4")]


async def test_a_database_without_tables_is_refused_naming_the_command(database_url: str) -> None:
    async with opened(database_url) as database:
        with pytest.raises(Unavailable, match="zelfregie migrate"):
            await check_migrated(database, canonical_base=CANONICAL_BASE)


async def test_tables_of_another_version_are_refused_naming_the_command(database_url: str) -> None:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    async with opened(database_url) as database:
        async with database.write() as writer:
            await writer.execute("UPDATE alembic_version SET version_num = 'other'")
        with pytest.raises(Unavailable, match="zelfregie migrate"):
            await check_migrated(database, canonical_base=CANONICAL_BASE)


async def test_another_canonical_base_than_the_database_was_made_with_is_refused(database_url: str) -> None:
    await migrate(database_url, canonical_base="https://one.example/fhir")
    async with opened(database_url) as database:
        with pytest.raises(Conflict, match="ZELFREGIE_CANONICAL_BASE"):
            await check_migrated(database, canonical_base="https://two.example/fhir")
        await check_migrated(database, canonical_base="https://one.example/fhir")


async def test_bodies_are_stored_as_they_are_on_postgresql(postgresql_databases: Databases) -> None:
    url = postgresql_databases.create()
    await migrate(url, canonical_base=CANONICAL_BASE)
    async with opened(url) as database:
        rows = await database.fetch(
            "SELECT attrelid::regclass::text, attstorage::text FROM pg_attribute"
            " WHERE attname = 'body' AND attrelid::regclass::text IN ('resource', 'history') ORDER BY 1"
        )
    assert [tuple(row) for row in rows] == [("history", "e"), ("resource", "e")]


async def test_patient_tables_are_spread_over_hash_partitions_when_asked(postgresql_databases: Databases) -> None:
    url = postgresql_databases.create()
    await migrate(url, partitions=8, canonical_base=CANONICAL_BASE)
    async with opened(url) as database:
        rows = await database.fetch(
            "SELECT inhparent::regclass::text, count(*), min(pg_get_partkeydef(inhparent)) FROM pg_inherits"
            " JOIN pg_class c ON c.oid = inhrelid WHERE c.relkind = 'r' GROUP BY 1"
        )
    found = {row[0].strip('"'): tuple(row)[1:] for row in rows}
    assert found == dict.fromkeys(BY_PATIENT, (8, "HASH (patient)"))
    by_patient = {name for name, table in metadata.tables.items() if next(iter(table.primary_key)).name == "patient"}
    # By time, by whose turn it is, and by who has it, too.
    across = {"audit_patient", "export", "import_job", "mandate", "quarantine"}
    assert by_patient == BY_PATIENT | across, "a table by patient that is not spread: say why here"
    await asyncio.to_thread(command.downgrade, _config(url, 8, CANONICAL_BASE), "base")
    assert await within(url, tables) == {"alembic_version"}
