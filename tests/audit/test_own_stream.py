"""A process moves its own lines from memory where it can, and lets a few wait for more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.audit import Journal, Mover, move, mover, verify_table
from app.database import Database, Writer
from tests.audit.events import files_in, lines_in, moved_lines, new_journal, write_reads


async def test_a_process_moves_what_it_remembers_without_reading_it(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = new_journal(folder, largest=900_000)
    write_reads(journal, 4000)
    written = lines_in(folder)
    assert len(files_in(folder)) > 1
    with monkeypatch.context() as patch:
        patch.delattr(mover, "read_whole_lines")
        assert await Mover(database, folder, journal=journal).run() == 4000
    assert await moved_lines(database) == written
    assert await verify_table(database) == []
    journal.close()


class Busy:
    """A database of which every transaction takes as long as somebody needs to ask something."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self.transactions = 0

    async def transact(self, work: Callable[[Writer], Awaitable[int]]) -> int:
        self.transactions += 1
        assert self.transactions < 20, "it goes on for as long as somebody asks"
        write_reads(self._journal, 1)
        return await self._database.transact(work)


@pytest.mark.parametrize("largest", [1_000_000, 600])
async def test_a_run_ends_while_somebody_goes_on_asking(database: Database, folder: Path, largest: int) -> None:
    journal = new_journal(folder, largest=largest)
    write_reads(journal, 10)
    busy: Any = Busy(database, journal)
    moved = await Mover(busy, folder, journal=journal).run()
    assert 10 <= moved <= 10 + busy.transactions
    assert await Mover(database, folder, journal=journal).drain() == 10 + busy.transactions - moved
    assert len(await moved_lines(database)) == 10 + busy.transactions
    assert await verify_table(database) == []
    journal.close()


async def test_a_process_reads_what_it_does_not_remember_any_more(database: Database, folder: Path) -> None:
    journal = new_journal(folder, largest=300_000)
    write_reads(journal, 3000)
    written = lines_in(folder)
    assert len(files_in(folder)) > 2
    journal.forget(800)  # a part of the second file is still remembered
    write_reads(journal, 10)
    assert await Mover(database, folder, journal=journal, size=10_000).run() == 3010
    assert (await moved_lines(database))[:3000] == written
    assert await verify_table(database) == []
    write_reads(journal, 10)
    assert await Mover(database, folder, journal=journal).run() == 10
    assert len(await moved_lines(database)) == 3020
    assert await verify_table(database) == []
    journal.close()


async def test_a_process_remembers_no_more_than_it_has_room_for(database: Database, folder: Path) -> None:
    journal = new_journal(folder, largest=2000)
    write_reads(journal, 200)
    assert journal.recent(1, 0) is None
    assert sum(len(recent.facts) for recent in journal._recent) < 150
    assert await Mover(database, folder, journal=journal).drain() == 200
    assert len(journal._recent) == 0
    assert await verify_table(database) == []
    journal.close()


async def test_what_another_mover_has_moved_in_part_is_completed(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 3)
    assert await move(database, folder) == 3
    write_reads(journal, 4)
    own = Mover(database, folder, journal=journal)
    assert await own.run() == 4
    assert own.moved == 7
    assert await moved_lines(database) == lines_in(folder)
    assert [tuple(row) for row in await database.fetch("SELECT line, lines FROM audit ORDER BY line")] == [
        (1, 3),
        (4, 4),
    ]
    assert await verify_table(database) == []
    journal.close()


async def test_few_lines_wait_for_others_but_not_for_long(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    mover = Mover(database, folder, journal=journal, size=3000, patience=2.0)
    write_reads(journal, 2)
    assert [await mover.run(now=now) for now in (10.0, 11.5)] == [0, 0]
    write_reads(journal, 2)
    assert await mover.run(now=12.0) == 4
    assert mover.moved == journal.line == 4
    write_reads(journal, 1)
    assert await mover.run(now=13.0) == 0
    write_reads(journal, 9)
    assert await mover.run(now=13.5) == 10
    write_reads(journal, 1)
    assert [await mover.run(now=now) for now in (14.0, 15.9, 16.0, 20.0)] == [0, 0, 1, 0]
    assert len(await database.fetch("SELECT line FROM audit")) == 3
    write_reads(journal, 1)
    assert await mover.drain() == 1
    journal.close()


async def test_a_file_that_gave_way_to_another_does_not_wait(database: Database, folder: Path) -> None:
    journal = new_journal(folder, largest=1500)
    mover = Mover(database, folder, journal=journal)
    write_reads(journal, 6)
    first, second = files_in(folder)
    written = lines_in(folder)
    moved = await mover.run(now=1.0)
    assert await moved_lines(database) == first.read_bytes().splitlines() == written[:moved]
    assert await mover.run(now=3.0) == 6 - moved
    assert await moved_lines(database) == written
    journal.close()
    assert await mover.run(now=3.0) == 0
    assert files_in(folder) == []
    assert second.name > first.name
