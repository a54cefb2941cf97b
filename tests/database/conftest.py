"""A database with one small table in it, and what its tests say with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from app.database import Database, Insert, open_database

INSERT_WORD: Final = Insert("word", ("id", "text"), ("bigint", "text"))


async def words(database: Database) -> list[str]:
    """What is stored, in the order of the keys."""
    return [row[0] for row in await database.fetch("SELECT text FROM word ORDER BY id")]


async def write_word(database: Database, number: int, text: str) -> None:
    """One write of its own."""
    async with database.write() as writer:
        await writer.insert(INSERT_WORD, [(number, text)])


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Each engine, with the empty table ``word``."""
    opened = await open_database(database_url, connections=4)
    async with opened.write() as writer:
        await writer.execute("CREATE TABLE word (id BIGINT PRIMARY KEY, text TEXT NOT NULL)")
    yield opened
    await opened.close()
