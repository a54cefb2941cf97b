"""Whatever is changed afterwards is found; what is true, or was erased as it should be, is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from app.audit import Finding, move, verify_file, verify_folder, verify_table
from app.audit.segments import SIZE
from app.audit.stream import HASH_BYTES
from app.database import Database, Row
from tests.audit.events import ANNA, BRAM, NOW, files_in, new_journal, write_reads

Lines = list[bytes]
TABLES: Final = ("audit", "audit_patient", "audit_head")
CHANGES: Final = [
    ("UPDATE audit SET payload = $1 WHERE line = 5", {5}),
    ("UPDATE audit SET hashes = $1 WHERE line = 5", {5}),
    ("UPDATE audit SET chain = $1 WHERE line = 5", {5, 7}),
    ("UPDATE audit SET chain = $1 WHERE line = 9", {9, 10}),
    ("UPDATE audit SET began = began + 1 WHERE line = 5", {5}),
    ("UPDATE audit SET began = began - 1 WHERE line = 5", {5}),
    ("UPDATE audit SET ended = ended + 1 WHERE line = 5", {5}),
    ("UPDATE audit SET lines = 3 WHERE line = 5", {5, 8}),
    ("UPDATE audit SET line = 50 WHERE line = 5", {5, 50}),
    ("DELETE FROM audit WHERE line = 5", {5, 7}),
    ("DELETE FROM audit WHERE line = 9", {8}),
    ("DELETE FROM audit", {0}),
    ("DELETE FROM audit_head", {10}),
    ("UPDATE audit_head SET line = 9", {10}),
    ("UPDATE audit_head SET line = 11", {10}),
    ("UPDATE audit_head SET chain = $1", {10}),
    (f"DELETE FROM audit_patient WHERE line = 5 AND patient = {ANNA}", {5}),
    (f"UPDATE audit_patient SET patient = {BRAM + 1} WHERE line = 5 AND patient = {BRAM}", {5}),
    (f"UPDATE audit_patient SET began = began + 1 WHERE line = 9 AND patient = {ANNA}", {9}),
    ("INSERT INTO audit_patient SELECT patient, began - 1, stream, 7 FROM audit_patient WHERE line = 7", set()),
]


PAIR: Final = 800
"""So many bytes hold two lines of these journals, and not three."""


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
    await move(database, folder, size=PAIR)
    true = {table: await database.fetch(f"SELECT * FROM {table}") for table in TABLES}
    assert [row[1] for row in true["audit"]] == [1, 3, 5, 7, 9]
    for change, found in CHANGES:
        async with database.write() as writer:
            await writer.execute(change, *([b"x" * 32] if "$1" in change else []))
        findings = await verify_table(database)
        assert {finding.line for finding in findings} >= found, change
        assert len(findings) <= 8, f"{change} is one change, not many"
        await restore(database, true)
        assert await verify_table(database) == []


async def restore(database: Database, true: dict[str, Sequence[Row]]) -> None:
    async with database.write() as writer:
        for table, rows in true.items():
            await writer.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join(f"${index + 1}" for index in range(len(row)))
                await writer.execute(f"INSERT INTO {table} VALUES ({marks})", *row)


async def change_segment(database: Database, change: Callable[[Lines, Lines], tuple[Lines, Lines]]) -> None:
    """Change the only segment, given the facts and the hashes of its lines."""
    async with database.write() as writer:
        ((payload, hashes),) = await writer.fetch("SELECT payload, hashes FROM audit")
        facts, proofs = change(
            payload.split(b"\n"), [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
        )
        await writer.execute("UPDATE audit SET payload = $1, hashes = $2", b"\n".join(facts), b"".join(proofs))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda facts, hashes: ([*facts[:4], facts[4].replace(b"o-1", b"o-2"), *facts[5:]], hashes), [5]),
        (lambda facts, hashes: ([*facts[:9], facts[9].replace(b"read", b"vread")], hashes), [10]),
        (lambda facts, hashes: ([*facts[:4], facts[6], *facts[5:]], hashes), [5]),
        (lambda facts, hashes: ([*facts[:4], b"nothing", *facts[5:]], hashes), [5]),
        (lambda facts, hashes: ([*facts[:4], *facts[5:]], hashes), [1]),
        (lambda facts, hashes: ([*facts[:4], *facts[5:]], [*hashes[:4], *hashes[5:]]), [1, 1]),
        (lambda facts, hashes: (facts, [*hashes[:4], b"x" * HASH_BYTES, *hashes[5:]]), [1, 5, 6]),
        (lambda facts, hashes: ([*facts[:4], facts[6], *facts[5:]], [*hashes[:4], hashes[6], *hashes[5:]]), [1, 5, 6]),
    ],
    ids=["changed", "last changed", "copied", "garbled", "removed", "removed with hash", "hash", "copied with hash"],
)
async def test_a_changed_line_is_found(
    database: Database, folder: Path, change: Callable[[Lines, Lines], tuple[Lines, Lines]], found: list[int]
) -> None:
    written(folder)
    await move(database, folder)
    await change_segment(database, change)
    assert [finding.line for finding in await verify_table(database)] == found


@pytest.mark.parametrize(("size", "found"), [(SIZE, 5), (PAIR, 5), (1, 6)])
async def test_a_line_that_was_changed_before_it_was_moved_is_found(
    database: Database, folder: Path, size: int, found: int
) -> None:
    path = written(folder)
    path.write_bytes(path.read_bytes().replace(b'"at":%d' % (NOW + 4), b'"at":%d' % (NOW + 5)))
    await move(database, folder, size=size)
    assert [finding.line for finding in await verify_table(database)] == [found]
