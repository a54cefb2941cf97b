"""The databases that other tests stand on."""

from __future__ import annotations

import asyncio
import sqlite3

import asyncpg

from tests.postgresql import Databases


async def test_each_engine_gives_an_empty_database(database_url: str) -> None:
    if database_url.startswith("sqlite:///"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        connection.close()
        return
    connected = await asyncpg.connect(database_url)
    try:
        assert await connected.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    finally:
        await connected.close()


def test_a_database_can_be_made_like_another(postgresql_databases: Databases) -> None:
    async def run(url: str, statement: str) -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    template = postgresql_databases.create()
    asyncio.run(run(template, "CREATE TABLE word AS SELECT 'plan' AS text"))
    copy = postgresql_databases.create(like=template)
    assert asyncio.run(run(copy, "SELECT text FROM word")) == "plan"


async def test_a_database_can_be_made_from_within_a_running_loop(postgresql_databases: Databases) -> None:
    connection = await asyncpg.connect(postgresql_databases.create())
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
