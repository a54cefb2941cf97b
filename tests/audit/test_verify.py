"""Whatever is changed afterwards is found; what is true, or was erased as it should be, is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from app.audit import Finding, move, verify_file, verify_folder, verify_table
from app.database import Database, Row
from tests.audit.events import ANNA, BRAM, files_in, new_journal, write_reads

Lines = list[bytes]
TABLES: Final = ("audit", "audit_patient", "audit_head")
CHANGES: Final = [
    ("UPDATE audit SET payload = $1 WHERE line = 5", {5}),
    ("UPDATE audit SET payload_hash = $1 WHERE line = 5", {5, 6}),
    ("UPDATE audit SET chain = $1 WHERE line = 5", {5, 6}),
    ("UPDATE audit SET chain = $1 WHERE line = 10", {10}),
    ("UPDATE audit SET happened = happened + 1 WHERE line = 5", {5}),
    ("UPDATE audit SET line = 50 WHERE line = 5", {5, 50}),
    ("DELETE FROM audit WHERE line = 5", {5, 6}),
    ("DELETE FROM audit WHERE line = 10", {9}),
    ("DELETE FROM audit", {0}),
    ("DELETE FROM audit_head", {10}),
    ("UPDATE audit_head SET line = 9", {10}),
    ("UPDATE audit_head SET line = 11", {10}),
    ("UPDATE audit_head SET chain = $1", {10}),
    ("DELETE FROM audit_patient WHERE line = 5", {5}),
    (f"UPDATE audit_patient SET patient = {BRAM} WHERE line = 5", {5}),
    (
        "INSERT INTO audit_patient SELECT patient, happened - 1, stream, 8 FROM audit_patient WHERE line = 7",
        {8},
    ),
]


def written(folder: Path, **settings: Any) -> Path:
    """The only file, or the last one, of a journal of ten lines."""
    journal = new_journal(folder, **settings)
    write_reads(journal, 10)
    journal.close()
    return files_in(folder)[-1]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda lines: [*lines[:4], lines[4].replace(b"Observation/o-1", b"Observation/o-2"), *lines[5:]], {6}),
        (lambda lines: [*lines[:4], *lines[5:]], {5}),
        (lambda lines: lines[1:], {1}),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], {5}),
        (lambda lines: [*lines[:4], lines[2], *lines[4:]], {3}),
        (lambda lines: [*lines[:4], b"nothing", *lines[4:]], {5}),
        (lambda lines: [lines[0].replace(b'"previous":"', b'"previous":"0'), *lines[1:]], {1, 2}),
        (lambda lines: [*lines[:9], lines[9].replace(b'"id":"', b'"id":"0')], {10}),
    ],
    ids=["changed", "removed", "first removed", "swapped", "repeated", "inserted", "other origin", "other id"],
)
def test_a_changed_file_is_found(folder: Path, change: Callable[[Lines], Lines], found: set[int]) -> None:
    path = written(folder)
    assert verify_file(path) == []
    path.write_bytes(b"".join(line + b"\n" for line in change(path.read_bytes().splitlines())))
    assert {finding.line for finding in verify_file(path)} >= found
    assert verify_folder(folder) == verify_file(path)


def test_a_change_in_an_earlier_file_is_found_in_the_next(folder: Path) -> None:
    written(folder, largest=1)
    assert verify_folder(folder) == []
    first, second, *_ = files_in(folder)
    first.write_bytes(first.read_bytes().replace(b'"status":200', b'"status":404'))
    (finding,) = verify_folder(folder)
    assert (finding.place, finding.line) == (second.name, 2)
    assert verify_file(second) == []


def test_a_file_whose_earlier_ones_were_moved_is_verified_from_its_first_line_on(folder: Path) -> None:
    written(folder, largest=2000)
    first, *rest = files_in(folder)
    first.unlink()
    assert rest
    assert verify_folder(folder) == []


def test_a_line_that_is_being_written_is_not_torn(folder: Path) -> None:
    journal = new_journal(folder)
    write_reads(journal, 2)
    (path,) = files_in(folder)
    with path.open("ab") as file:
        file.write(b'{"id":')
    assert verify_folder(folder) == []
    journal.close()
    assert verify_folder(folder) == [Finding(path.name, 3, "torn: 6 bytes without a line end")]


def test_only_journal_files_are_verified(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("not ours")
    assert verify_folder(folder) == []
    with pytest.raises(ValueError, match="not the name"):
        verify_file(folder / "notes.txt")


async def test_a_true_table_has_no_findings(database: Database, folder: Path) -> None:
    for _ in range(2):
        journal = new_journal(folder)
        write_reads(journal, 1100)
        journal.close()
    await move(database, folder)
    assert await verify_table(database) == []


async def test_a_changed_table_is_found(database: Database, folder: Path) -> None:
    written(folder)
    await move(database, folder)
    true = {table: await database.fetch(f"SELECT * FROM {table}") for table in TABLES}
    for change, found in CHANGES:
        async with database.write() as writer:
            await writer.execute(change, *([b"x" * 32] if "$1" in change else []))
        findings = await verify_table(database)
        assert {finding.line for finding in findings} >= found, change
        assert len(findings) <= 7, f"{change} is one change, not many"
        await restore(database, true)
        assert await verify_table(database) == []


async def restore(database: Database, true: dict[str, Sequence[Row]]) -> None:
    async with database.write() as writer:
        for table, rows in true.items():
            await writer.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join(f"${index + 1}" for index in range(len(row)))
                await writer.execute(f"INSERT INTO {table} VALUES ({marks})", *row)


async def test_a_payload_swapped_with_that_of_another_line_is_found(database: Database, folder: Path) -> None:
    written(folder)
    await move(database, folder)
    async with database.write() as writer:
        ((payload, hashed),) = await writer.fetch("SELECT payload, payload_hash FROM audit WHERE line = 4")
        await writer.execute("UPDATE audit SET payload = $1, payload_hash = $2 WHERE line = 5", payload, hashed)
    assert (5, "holds the payload of another line, or none") in {
        (finding.line, finding.problem) for finding in await verify_table(database)
    }


async def test_erased_payloads_leave_a_true_chain(database: Database, folder: Path) -> None:
    written(folder)
    await move(database, folder)
    async with database.write() as writer:
        await writer.execute("UPDATE audit SET payload = NULL WHERE line IN (1, 4, 5, 10)")
        await writer.execute("DELETE FROM audit_patient WHERE line IN (1, 4, 5, 10)")
    assert await verify_table(database) == []
    async with database.write() as writer:
        await writer.execute("UPDATE audit SET payload_hash = $1 WHERE line = 4", b"x" * 32)
    assert {finding.line for finding in await verify_table(database)} == {4}


async def test_views_of_patients_are_compared_with_the_lines(database: Database, folder: Path) -> None:
    written(folder)
    await move(database, folder)
    async with database.write() as writer:
        await writer.execute("DELETE FROM audit_patient WHERE patient = $1 AND line = 3", ANNA)
    (finding,) = await verify_table(database)
    assert (finding.line, finding.problem) == (3, "is not in its patient's view")
