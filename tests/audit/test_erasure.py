"""What is erased is gone, and nothing else: the chain holds, and what is left is still there and still proven."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.audit import erase, move, verify_table
from app.audit.stream import HASH_BYTES
from app.database import Database
from tests.audit.events import ANNA, BRAM, NOW, new_journal, read_of

CLARA = BRAM + 1
ABOUT = [ANNA, BRAM, BRAM, ANNA, BRAM, BRAM, CLARA, BRAM, BRAM, ANNA]
"""Whose record each of ten lines is about."""


@pytest.fixture
async def stream(database: Database, folder: Path) -> bytes:
    """A stream of ten lines in the table, in segments of lines 1 to 6 and 7 to 10."""
    journal = new_journal(folder)
    for index, patient in enumerate(ABOUT):
        journal.write(read_of(patient, at=NOW + index, request=f"r-{index + 1}"))
        if index == 5:
            await move(database, folder)
    journal.close()
    await move(database, folder)
    return journal.stream


async def facts(database: Database) -> list[bytes]:
    rows = await database.fetch("SELECT payload FROM audit ORDER BY line")
    return [text for row in rows for text in row[0].split(b"\n")]


async def views(database: Database) -> set[tuple[int, int]]:
    """Which patients' views hold which segment."""
    return {(row[0], row[1]) for row in await database.fetch("SELECT patient, line FROM audit_patient")}


async def erase_lines(database: Database, stream: bytes, *lines: int) -> int:
    async with database.write() as writer:
        return await erase(writer, stream=stream, lines=lines)


async def test_lines_are_erased_one_by_one_and_the_chain_still_holds(database: Database, stream: bytes) -> None:
    before = await facts(database)
    proofs = await database.fetch("SELECT line, hashes, chain FROM audit ORDER BY line")
    erased: set[int] = set()
    for line in (4, 1, 10, 7, 6, 2, 3, 9, 8, 5):
        assert await erase_lines(database, stream, line) == 1
        erased.add(line)
        assert await facts(database) == [b"" if index + 1 in erased else text for index, text in enumerate(before)]
        assert await verify_table(database) == []
    assert await database.fetch("SELECT line, hashes, chain FROM audit ORDER BY line") == proofs
    assert await views(database) == set()


async def test_many_lines_are_erased_at_once(database: Database, stream: bytes) -> None:
    before = await facts(database)
    assert await erase_lines(database, stream, 9, 2, 7, 5) == 4
    assert await facts(database) == [b"" if index + 1 in {2, 5, 7, 9} else text for index, text in enumerate(before)]
    assert await verify_table(database) == []


async def test_a_segment_leaves_the_view_of_a_patient_with_the_last_line_about_them(
    database: Database, stream: bytes
) -> None:
    await erase_lines(database, stream, 1, 7)
    assert await views(database) == {(ANNA, 1), (BRAM, 1), (BRAM, 7), (ANNA, 7)}
    await erase_lines(database, stream, 4)
    assert await views(database) == {(BRAM, 1), (BRAM, 7), (ANNA, 7)}
    assert await verify_table(database) == []


async def test_what_is_left_beside_erased_lines_cannot_be_changed_unseen(database: Database, stream: bytes) -> None:
    await erase_lines(database, stream, 2, 4)
    async with database.write() as writer:
        ((payload, hashes),) = await writer.fetch("SELECT payload, hashes FROM audit WHERE line = 1")
        changed = payload.replace(b'"request":"r-5"', b'"request":"r-4"')
        await writer.execute("UPDATE audit SET payload = $1 WHERE line = 1", changed)
    assert [finding.line for finding in await verify_table(database)] == [5]
    async with database.write() as writer:
        forged = hashes[: 3 * HASH_BYTES] + b"x" * HASH_BYTES + hashes[4 * HASH_BYTES :]
        await writer.execute("UPDATE audit SET payload = $1, hashes = $2 WHERE line = 1", payload, forged)
    assert [finding.line for finding in await verify_table(database)] == [1, 5]


async def test_what_is_not_there_is_not_erased(database: Database, stream: bytes) -> None:
    before = await facts(database)
    assert await erase_lines(database, stream, 11, 0, -3) == 0
    assert await erase_lines(database, bytes(16), 1, 2) == 0
    assert await erase_lines(database, stream) == 0
    assert await facts(database) == before
    assert await erase_lines(database, stream, 3) == 1
    assert await erase_lines(database, stream, 3) == 0
    assert await verify_table(database) == []


async def test_a_line_that_cannot_be_read_can_be_erased(database: Database, stream: bytes) -> None:
    async with database.write() as writer:
        ((payload,),) = await writer.fetch("SELECT payload FROM audit WHERE line = 7")
        await writer.execute("UPDATE audit SET payload = $1 WHERE line = 7", payload.replace(b'{"at"', b"{at", 1))
    assert 7 in {finding.line for finding in await verify_table(database)}
    assert await erase_lines(database, stream, 7) == 1
    assert (await facts(database))[6] == b""
