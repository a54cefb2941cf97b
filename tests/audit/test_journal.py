"""The journal: one write per line, refused when it fails, on disk when it says so."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from resource import RLIMIT_FSIZE, RLIMIT_NOFILE
from typing import Any

import anyio
import pytest

from app.audit import Journal, line_id, verify_folder
from app.audit.stream import origin
from app.errors import Unavailable
from tests.audit.events import ANNA, NOW, files_in, limited, lines_in, new_journal, read_of, write_reads


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    journal = new_journal(folder)
    yield journal
    if journal._descriptor >= 0:
        journal.close()


class Calls:
    """Counts the calls of a function of ``os``, which still does its work; ``gate`` holds it up while it is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.count = 0
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self._real = getattr(os, name)
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments: Any) -> Any:
        self.count += 1
        self.begun.set()
        assert self.gate.wait(60)
        return self._real(*arguments)


def test_lines_are_numbered_and_each_holds_the_hash_of_the_one_before(journal: Journal, folder: Path) -> None:
    assert [journal.write(read_of(at=NOW + index)) for index in range(3)] == [1, 2, 3]
    previous = origin(journal.stream)
    for number, line in enumerate(lines_in(folder), start=1):
        said = json.loads(line)
        assert said["line"] == number
        assert said["id"] == line_id(journal.stream, number)
        assert said["previous"] == previous.hex()
        facts = said["event"]
        assert facts["at"] == NOW + number - 1
        assert facts["patients"] == [ANNA]
        assert facts["agent"] == {"client": "diary", "person": "p-1", "role": "patient", "purpose": "PATRQT"}
        previous = sha256(line + b"\n").digest()


def test_a_line_is_one_write(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = Calls(monkeypatch, "write")
    write_reads(journal, 5)
    assert writes.count == 5


@pytest.mark.parametrize("room", [0, 1, 100])
def test_on_a_full_disk_a_line_is_refused_and_leaves_nothing(journal: Journal, folder: Path, room: int) -> None:
    write_reads(journal, 2)
    (path,) = files_in(folder)
    before = path.read_bytes()
    with limited(RLIMIT_FSIZE, len(before) + room):
        for _ in range(2):
            with pytest.raises(Unavailable):
                journal.write(read_of())
        assert path.read_bytes() == before
    assert journal.write(read_of()) == 3
    assert len(lines_in(folder)) == 3
    assert verify_folder(folder) == []


def test_while_the_rest_of_a_failed_write_cannot_be_cut_off_every_line_is_refused(
    journal: Journal, folder: Path
) -> None:
    write_reads(journal, 1)
    good, journal._descriptor = journal._descriptor, os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(Unavailable, match="cannot be written"):
            journal.write(read_of())
        with pytest.raises(Unavailable, match="cannot be repaired"):
            journal.write(read_of())
    finally:
        os.close(journal._descriptor)
        journal._descriptor = good
    assert journal.write(read_of()) == 2
    assert verify_folder(folder) == []


async def test_after_a_failed_sync_nothing_is_accepted_any_more(journal: Journal) -> None:
    reading, writing = os.pipe()  # takes what is written to it, and cannot be synced
    good, journal._descriptor = journal._descriptor, writing
    journal.write(read_of())
    try:
        with pytest.raises(Unavailable, match="on disk"):
            await journal.durable()
    finally:
        os.close(reading)
        os.close(writing)
        journal._descriptor = good
    with pytest.raises(Unavailable, match="on disk"):
        journal.write(read_of())
    with pytest.raises(Unavailable, match="on disk"):
        journal.sync()
    with pytest.raises(Unavailable, match="on disk"):
        await journal.stop()


def test_what_was_refused_is_not_remembered(journal: Journal, folder: Path) -> None:
    write_reads(journal, 2)
    with limited(RLIMIT_FSIZE, files_in(folder)[0].stat().st_size), pytest.raises(Unavailable):
        journal.write(read_of())
    recent = journal.recent(1, 0)
    assert recent is not None
    assert len(recent.facts) == 2
    with limited(RLIMIT_FSIZE, files_in(folder)[0].stat().st_size), pytest.raises(Unavailable):
        journal.write(read_of())
    assert recent.end is not None
    assert journal.recent(1, recent.end) is None
    assert journal.write(read_of()) == 3
    following = journal.recent(1, recent.end)
    assert following is not None
    assert (following.line, len(following.facts)) == (3, 1)


def test_a_closed_journal_refuses_lines(journal: Journal, folder: Path) -> None:
    write_reads(journal, 1)
    journal.close()
    journal.close()
    with pytest.raises(Unavailable, match="closed"):
        journal.write(read_of())
    assert len(lines_in(folder)) == 1


def test_sync_does_nothing_when_nothing_is_new(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Calls(monkeypatch, "fdatasync")
    journal.sync()
    assert syncs.count == 0
    write_reads(journal, 3)
    journal.sync()
    journal.sync()
    assert (syncs.count, journal.synced) == (1, 3)


async def test_many_writers_share_a_sync(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Calls(monkeypatch, "fdatasync")

    async def write() -> None:
        line = journal.write(read_of())
        await journal.durable()
        assert journal.synced >= line

    await asyncio.gather(*(write() for _ in range(100)))
    assert journal.synced == 100
    assert syncs.count <= 2


async def test_a_line_written_during_a_sync_waits_for_the_next_one(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = Calls(monkeypatch, "fdatasync")
    syncs.gate.clear()
    write_reads(journal, 1)
    first = asyncio.ensure_future(journal.durable())
    await asyncio.to_thread(syncs.begun.wait, 60)
    write_reads(journal, 1)
    second = asyncio.ensure_future(journal.durable())
    syncs.gate.set()
    await first
    await second
    assert (syncs.count, journal.synced) == (2, 2)


async def test_a_caller_that_goes_away_does_not_take_the_sync_with_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = Calls(monkeypatch, "fdatasync")
    syncs.gate.clear()
    write_reads(journal, 1)
    callers = [asyncio.ensure_future(journal.durable()) for _ in range(3)]
    await asyncio.to_thread(syncs.begun.wait, 60)
    callers[0].cancel()
    syncs.gate.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None, None]
    assert (syncs.count, journal.synced) == (1, 1)


async def test_a_sync_that_is_over_but_has_not_said_so_is_not_waited_for(journal: Journal) -> None:
    write_reads(journal, 1)
    first = asyncio.ensure_future(journal.durable())
    while journal._flush is None or not journal._flush.done():  # noqa: ASYNC110 - the very moment in between is meant
        await asyncio.sleep(0)
    write_reads(journal, 1)
    await journal.durable()
    assert journal.synced == 2
    await first
    assert journal._flush is None


async def test_the_background_task_syncs_what_nobody_waits_for(journal: Journal) -> None:
    journal.start(interval=0.001)
    write_reads(journal, 3)
    with anyio.fail_after(60):
        while journal.synced < 3:  # noqa: ASYNC110 - the journal tells nobody
            await asyncio.sleep(0.001)
    write_reads(journal, 1)
    await journal.stop()
    assert journal.synced == 4
    assert journal._descriptor < 0


@pytest.mark.parametrize("settings", [{"largest": 1000}, {"longest": 3}])
def test_a_large_or_old_file_gives_way_to_a_new_one(folder: Path, settings: dict[str, int]) -> None:
    journal = new_journal(folder, **settings)
    write_reads(journal, 10)
    paths = files_in(folder)
    assert len(paths) >= 3
    firsts = [json.loads(path.read_bytes().splitlines()[0])["line"] for path in paths]
    assert [int(path.stem.split("-")[1]) for path in paths] == firsts
    assert [json.loads(line)["line"] for line in lines_in(folder)] == list(range(1, 11))
    journal.close()
    assert verify_folder(folder) == []


def test_only_the_current_file_is_locked_once_the_others_are_on_disk(folder: Path) -> None:
    journal = new_journal(folder, largest=1)
    write_reads(journal, 3)
    assert [is_locked(path) for path in files_in(folder)] == [True, True, True]
    journal.sync()
    assert [is_locked(path) for path in files_in(folder)] == [False, False, True]
    journal.close()
    assert [is_locked(path) for path in files_in(folder)] == [False, False, False]


def is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_an_old_file_without_lines_stays(folder: Path) -> None:
    journal = new_journal(folder, longest=10)
    journal.write(read_of(at=NOW + 1000))
    journal.close()
    assert len(files_in(folder)) == 1


def test_when_no_new_file_can_be_made_the_old_one_serves_on(folder: Path) -> None:
    journal = new_journal(folder, largest=1000)
    write_reads(journal, 3)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    with limited(RLIMIT_NOFILE, lowest_free):
        write_reads(journal, 1)
    assert len(files_in(folder)) == 1
    write_reads(journal, 10)
    assert len(files_in(folder)) > 1
    journal.close()
    assert len(lines_in(folder)) == 14
    assert verify_folder(folder) == []


def test_a_new_file_that_a_mover_deleted_before_it_was_locked_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def lock_too_late(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        (path,) = files_in(folder)
        path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_too_late)
    journal = new_journal(folder)
    write_reads(journal, 2)
    journal.close()
    assert len(lines_in(folder)) == 2
