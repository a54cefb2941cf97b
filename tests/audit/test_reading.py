"""The log of one record, newest first: only that record's lines, of the period that is asked for, each once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.audit import Mover, Recorded, event_with, events_of
from app.audit.segments import LONGEST
from app.database import Database
from tests.audit.events import ANNA, BRAM, NOW, new_journal, read_of, write_reads


async def read(database: Database, patient: int, *, since: int = 0, until: int = 2**62) -> list[Recorded]:
    return [each async for each in events_of(database, patient, since=since, until=until)]


async def moved(database: Database, folder: Path, *, size: int = 512) -> None:
    await Mover(database, folder, size=size).drain()


async def test_a_record_has_its_own_lines_newest_first(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 300)
    journal.close()
    await moved(database, folder)
    found = await read(database, ANNA)
    assert [each.event.at for each in found] == [NOW + index for index in range(298, -1, -2)]
    assert {each.event.patients for each in found} == {(ANNA,)}
    assert len({each.id for each in found}) == 150
    assert found[0].event.agent.client == "diary"
    assert found[0].event.resources == ("Observation/o-1",)


@pytest.mark.parametrize(
    ("since", "until", "expected"), [(10, 20, range(18, 9, -2)), (11, 13, [12]), (12, 12, []), (0, 1, [0])]
)
async def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(
    database: Database, folder: Path, since: int, until: int, expected: list[int]
) -> None:
    journal = new_journal(folder)
    write_reads(journal, 40)
    journal.close()
    await moved(database, folder)
    found = await read(database, ANNA, since=NOW + since, until=NOW + until)
    assert [each.event.at - NOW for each in found] == list(expected)


async def test_lines_of_several_processes_are_in_one_order(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.audit.reading._TOGETHER", 3)
    journals = [new_journal(folder) for _ in range(3)]
    step = LONGEST // 7
    for index in range(90):
        journals[index % 3].write(read_of(ANNA, at=NOW + index * step))
    for journal in journals:
        journal.close()
    await moved(database, folder)
    found = await read(database, ANNA)
    assert [each.event.at for each in found] == [NOW + index * step for index in range(89, -1, -1)]


async def test_a_line_is_found_by_its_id_in_its_own_record_only(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 9)
    journal.close()
    await moved(database, folder)
    for each in await read(database, ANNA):
        assert await event_with(database, each.id, ANNA) == each
        assert await event_with(database, each.id.upper(), ANNA) == each
        assert await event_with(database, each.id, BRAM) is None
    for nonsense in ("", "x", "00000000-0000-8000-8000-000000000000", found_behind(await read(database, ANNA))):
        assert await event_with(database, nonsense, ANNA) is None


def found_behind(found: list[Recorded]) -> str:
    """The id of a line that was never written."""
    return f"{found[0].id[:24]}{10**9:012x}"


async def test_others_have_their_turn_while_a_long_log_is_read(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 600)
    journal.close()
    await moved(database, folder)
    segments = (await database.fetch("SELECT count(*) FROM audit_patient WHERE patient = $1", ANNA))[0][0]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await asyncio.sleep(0)
    assert len(await read(database, ANNA)) == 300
    task.cancel()
    assert segments > 20
    assert turns > segments
