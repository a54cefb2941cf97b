"""The tables that the migrations make are those that the access log is moved to."""

from __future__ import annotations

from pathlib import Path

from app.audit import move, verify_table
from app.database import open_database
from app.database.migrations import migrate
from tests.audit.events import lines_in, moved_lines, new_journal, write_reads

STORAGE = "SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'audit'::regclass AND attname = 'payload'"


async def test_lines_are_moved_to_a_migrated_database(database_url: str, folder: Path) -> None:
    await migrate(database_url, canonical_base="https://zelfregie.example/fhir")
    database = await open_database(database_url)
    journal = new_journal(folder)
    write_reads(journal, 20)
    assert await move(database, folder) == 20
    assert await moved_lines(database) == lines_in(folder)
    assert await verify_table(database) == []
    if database.dialect == "postgresql":
        # Compressing a payload costs PostgreSQL more than everything else it does for it.
        assert [row[0] for row in await database.fetch(STORAGE)] == ["e"]
    journal.close()
    await database.close()
