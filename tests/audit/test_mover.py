"""Lines get from the journal to the table exactly once, whoever dies when."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import anyio
import pytest
from structlog.testing import capture_logs

from app.audit import Mover, move, mover, verify_folder, verify_table
from app.audit.files import journal_files
from app.audit.tables import INSERT_PATIENTS
from app.database import Database, Insert, open_database
from tests.audit.conftest import create_tables
from tests.audit.events import (
    ANNA,
    BRAM,
    NOW,
    files_in,
    lines_in,
    moved_lines,
    new_journal,
    read_of,
    write_reads,
)
from tests.postgresql import CHECKOUT, Databases

DYING: Final = """
import os, sys
from pathlib import Path
from app.audit import Journal
from tests.audit.events import NOW, write_reads
journal = Journal(Path(sys.argv[1]), os.urandom(16), now=NOW)
write_reads(journal, 20)
os.write(journal._descriptor, sys.argv[2].encode())
print("written", flush=True)
sys.stdin.read()
"""
MOVING: Final = """
import asyncio, sys
from pathlib import Path
from app.audit import move
from app.database import open_database
async def main():
    database = await open_database(sys.argv[1], connections=2)
    sys.stdin.readline()
    print(await move(database, Path(sys.argv[2]), size=3000))
    await database.close()
asyncio.run(main())
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def die_while_writing(folder: Path, torn: str = "") -> None:
    """A process of its own writes 20 lines and the beginning of another, and is killed."""
    with start(DYING, str(folder), torn) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)


async def test_lines_are_moved_as_they_were_written(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 25)
    written = lines_in(folder)
    assert await move(database, folder, size=10 * len(written[0])) == 25
    assert await moved_lines(database) == written
    rows = await database.fetch("SELECT stream, line, lines, began, ended FROM audit ORDER BY line")
    assert [tuple(row) for row in rows] == [
        (journal.stream, first, lines, NOW + first - 1, NOW + first + lines - 2)
        for first, lines in [(1, 9), (10, 9), (19, 7)]
    ]
    assert await verify_table(database) == []
    journal.close()


async def test_a_segment_is_in_the_view_of_every_patient_that_a_line_of_it_is_about(
    database: Database, folder: Path
) -> None:
    journal = new_journal(folder)
    for at in (NOW, NOW + 3):
        journal.write(read_of(patients=(ANNA, BRAM, ANNA), interaction="transaction", at=at))
        journal.write(read_of(patients=(), interaction="capabilities", at=at + 1))
        await move(database, folder)
    journal.write(read_of(patients=(BRAM,), at=NOW + 6))
    await move(database, folder)
    rows = await database.fetch("SELECT patient, began, stream, line FROM audit_patient ORDER BY patient, began")
    assert [tuple(row) for row in rows] == [
        (ANNA, NOW, journal.stream, 1),
        (ANNA, NOW + 3, journal.stream, 3),
        (BRAM, NOW, journal.stream, 1),
        (BRAM, NOW + 3, journal.stream, 3),
        (BRAM, NOW + 6, journal.stream, 5),
    ]
    journal.close()


async def test_what_was_moved_is_not_moved_again(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 5)
    assert await move(database, folder) == 5
    assert await move(database, folder) == 0
    write_reads(journal, 3)
    assert await move(database, folder) == 3
    assert await moved_lines(database) == lines_in(folder)
    journal.close()


async def test_a_file_is_deleted_when_it_is_finished_and_not_before(database: Database, folder: Path) -> None:
    journal = new_journal(folder, largest=2000)
    write_reads(journal, 20)
    journal.sync()
    written = lines_in(folder)
    assert len(files_in(folder)) > 2
    mover = Mover(database, folder, journal=journal)
    assert await mover.run() == 20
    assert len(files_in(folder)) == 1
    journal.close()
    assert await mover.run() == 0
    assert files_in(folder) == []
    assert await moved_lines(database) == written
    assert await verify_table(database) == []


async def test_a_mover_that_died_between_commit_and_deletion_is_followed_without_duplicates(
    database: Database, folder: Path
) -> None:
    journal = new_journal(folder)
    write_reads(journal, 12)
    journal.close()
    (path,) = files_in(folder)
    content = path.read_bytes()
    assert await move(database, folder, size=2000) == 12
    path.write_bytes(content)
    assert await move(database, folder, size=2000) == 0
    assert files_in(folder) == []
    assert await moved_lines(database) == content.splitlines()
    assert await verify_table(database) == []


async def test_a_mover_that_died_in_the_middle_is_followed_without_gaps(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = new_journal(folder)
    write_reads(journal, 4)
    assert await move(database, folder) == 4
    write_reads(journal, 4)
    journal.close()
    written = lines_in(folder)
    broken = Insert("no_such_table", INSERT_PATIENTS.columns, INSERT_PATIENTS.types)
    with monkeypatch.context() as patch:
        patch.setattr(mover, "INSERT_PATIENTS", broken)
        with pytest.raises(Exception, match="no_such_table"):
            await move(database, folder)
    assert await moved_lines(database) == written[:4]
    assert await move(database, folder) == 4
    assert await moved_lines(database) == written
    assert await verify_table(database) == []


async def test_lines_longer_than_what_is_read_at_once_are_moved(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    many = tuple(f"Observation/o-{index}" for index in range(3000))
    for index in range(3):
        journal.write(read_of(interaction="transaction", resources=many, at=NOW + index))
    assert await move(database, folder, size=2000) == 3
    assert await moved_lines(database) == lines_in(folder)
    journal.close()


async def test_the_lines_of_a_dead_process_are_moved_by_another(database: Database, folder: Path) -> None:
    die_while_writing(folder)
    written = lines_in(folder)
    journal = new_journal(folder)
    mover = Mover(database, folder, journal=journal)
    assert await mover.run() == 20
    assert await moved_lines(database) == written
    assert len(files_in(folder)) == 1
    assert verify_folder(folder) == []
    journal.close()


async def test_a_torn_last_line_is_kept_apart_and_reported(database: Database, folder: Path) -> None:
    die_while_writing(folder, '{"id":"torn')
    (path,) = files_in(folder)
    assert [(finding.place, finding.line) for finding in verify_folder(folder)] == [(path.name, 21)]
    with capture_logs() as logs:
        assert await move(database, folder) == 20
    assert [(log["event"], log["file"]) for log in logs] == [("audit.journal.apart", path.name)]
    assert files_in(folder) == []
    (apart,) = files_in(folder, "*.apart")
    assert apart.read_bytes() == b'{"id":"torn'
    assert [finding.place for finding in verify_folder(folder)] == [apart.name]


@pytest.mark.parametrize(
    "damage",
    [
        b"\x00\xff no line",
        b'{"line":1,"at":1}',
        b'{"id":"x","line":99999999999999999999,"at":1}',
        b'{"id":"x","line":4,"at":1,"patients":[9223372036854775808]}',
    ],
)
async def test_what_is_no_line_is_kept_apart_and_does_not_stop_the_others(
    database: Database, folder: Path, damage: bytes
) -> None:
    journal = new_journal(folder)
    write_reads(journal, 6)
    journal.close()
    (path,) = files_in(folder)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:3], damage, *lines[3:], b""]))
    assert await move(database, folder, size=900) == 6
    assert await moved_lines(database) == lines
    (apart,) = files_in(folder, "*.apart")
    assert apart.read_bytes() == damage
    assert await verify_table(database) == []


async def test_lines_behind_a_gap_are_moved_and_the_gap_is_reported(database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 6)
    journal.close()
    (path,) = files_in(folder)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[3:], b""]))
    with capture_logs() as logs:
        assert await move(database, folder) == 3
    assert [(log["event"], log["after"], log["before"]) for log in logs] == [("audit.journal.gap", 0, 4)]
    assert (await moved_lines(database))[1:] == lines[4:]
    assert [finding.problem for finding in await verify_table(database)] == ["missing: line 4 follows line 0"]


async def test_what_other_living_processes_write_is_left_to_them(database: Database, folder: Path) -> None:
    own, other = new_journal(folder), new_journal(folder)
    write_reads(own, 2)
    write_reads(other, 3)
    assert await Mover(database, folder, journal=own).run() == 2
    assert await move(database, folder) == 3
    assert len(files_in(folder)) == 2
    own.close()
    other.close()


async def test_a_file_that_nothing_was_written_to_goes_with_its_process(database: Database, folder: Path) -> None:
    new_journal(folder).close()
    assert await move(database, folder) == 0
    assert files_in(folder, "*") == []
    assert await database.fetch("SELECT stream FROM audit_head") == []


async def test_a_file_that_another_mover_deletes_meanwhile_is_passed_over(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = new_journal(folder)
    write_reads(journal, 2)
    journal.close()
    files = journal_files(folder)
    monkeypatch.setattr(mover, "journal_files", lambda _: files)
    assert await move(database, folder) == 2
    assert await move(database, folder) == 0


async def test_drain_empties_the_journal(database: Database, folder: Path) -> None:
    journal = new_journal(folder, largest=1000)
    write_reads(journal, 30)
    journal.close()
    assert await Mover(database, folder, size=1500).drain() == 30
    assert files_in(folder) == []
    assert len(await moved_lines(database)) == 30


async def test_the_background_task_goes_on_after_a_failure(empty_database: Database, folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 3)
    mover = Mover(empty_database, folder, journal=journal, patience=0)
    with capture_logs() as logs, anyio.fail_after(60):
        mover.start(interval=0.001)
        while not logs:  # noqa: ASYNC110 - the mover tells nobody else
            await asyncio.sleep(0.001)
        await create_tables(empty_database)
        while len(await moved_lines(empty_database)) < 3:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        await mover.stop()
        await mover.stop()
    assert {log["event"] for log in logs} == {"audit.mover.failed"}
    write_reads(journal, 1)
    assert await mover.drain() == 1
    journal.close()


async def test_two_movers_of_one_process_do_not_get_in_each_others_way(database: Database, folder: Path) -> None:
    journal = new_journal(folder, largest=4000)
    write_reads(journal, 60)
    journal.close()
    written = lines_in(folder)
    assert sum(await asyncio.gather(*(move(database, folder, size=2500) for _ in range(3)))) == 60
    assert await moved_lines(database) == written
    assert await verify_table(database) == []


@pytest.fixture
def shared_url(postgresql_databases: Databases) -> Iterator[str]:
    """A database that several processes may use at once."""
    url = postgresql_databases.create()
    yield url
    postgresql_databases.drop(url)


async def test_movers_of_several_processes_move_every_line_once(shared_url: str, folder: Path) -> None:
    database = await open_database(shared_url)
    await create_tables(database)
    living = new_journal(folder, largest=20_000)
    write_reads(living, 200)
    dead = new_journal(folder, largest=20_000)
    write_reads(dead, 200)
    dead.close()
    written = {tuple(json.loads(line)[name] for name in ("id", "line")) for line in lines_in(folder)}
    movers = [start(MOVING, shared_url, str(folder)) for _ in range(3)]
    counts = [process.communicate("go\n", timeout=100)[0] for process in movers]
    assert sum(map(int, counts)) == 400
    moved = [tuple(json.loads(line)[name] for name in ("id", "line")) for line in await moved_lines(database)]
    assert len(moved) == 400
    assert set(moved) == written
    assert await verify_table(database) == []
    assert all(path.name.startswith(living.stream.hex()) for path in files_in(folder))
    living.close()
    await database.close()
