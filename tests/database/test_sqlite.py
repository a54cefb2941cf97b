"""What only the embedded database does: shared commits, slow reads in threads, one process per file."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from structlog.testing import capture_logs

from app.database.interface import TOO_LONG
from app.database.sqlite import DatabaseInUse, SqliteDatabase
from app.errors import Unavailable
from tests.database.conftest import INSERT_WORD, words, write_word
from tests.postgresql import CHECKOUT

SLOW: Final = (
    "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 300000)"
    " SELECT count(*), pass_gate() FROM number"
)
"""Long beyond the budget of a read in the event loop; then it waits at the gate, which is passed in a thread only."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    path = tmp_path / "zelfregie.db"
    opened = SqliteDatabase(str(path), url=f"sqlite:///{path}")
    await make_table(opened)
    yield opened
    await opened.close()


async def make_table(database: SqliteDatabase) -> None:
    async with database.write() as writer:
        await writer.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")


@contextmanager
def commits(database: SqliteDatabase) -> Iterator[list[str]]:
    """The COMMITs of the write connection meanwhile."""
    seen: list[str] = []
    database._writes.connection.set_trace_callback(lambda text: seen.append(text) if text == "COMMIT" else None)
    yield seen
    database._writes.connection.set_trace_callback(None)


async def test_writes_that_wait_share_one_commit(database: SqliteDatabase) -> None:
    with commits(database) as seen:
        await asyncio.gather(*(write_word(database, number, "plan") for number in range(8)))
    assert len(seen) == 1
    assert len(await words(database)) == 8


async def test_a_group_ends_before_it_gets_too_long(database: SqliteDatabase) -> None:
    with commits(database) as seen:
        await asyncio.gather(*(write_word(database, number, "plan") for number in range(64 + 11)))
    assert len(seen) == 2
    assert len(await words(database)) == 75


async def test_a_failing_member_does_not_harm_its_neighbours(database: SqliteDatabase) -> None:
    async def fail(number: int) -> None:
        async with database.write() as writer:
            await writer.insert(INSERT_WORD, [(number, "never")])
            raise ZeroDivisionError

    with commits(database) as seen:
        works = [fail(n) if n in (3, 7) else write_word(database, n, str(n)) for n in range(8)]
        results = await asyncio.gather(*works, return_exceptions=True)
    assert [isinstance(result, ZeroDivisionError) for result in results] == [n in (3, 7) for n in range(8)]
    assert await words(database) == ["0", "1", "2", "4", "5", "6"]
    assert len(seen) == 1


class Held:
    """A write that holds the connection until it is let go."""

    def __init__(self, database: SqliteDatabase, number: int) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.before_leaving: list[asyncio.Task[None]] = []
        self.task = asyncio.create_task(self._write(database, number))

    async def _write(self, database: SqliteDatabase, number: int) -> None:
        async with database.write() as writer:
            await writer.insert(INSERT_WORD, [(number, str(number))])
            self.entered.set()
            await self.go_on.wait()
            for task in self.before_leaving:
                task.cancel()


async def turns() -> None:
    """Let every task run until it waits for something outside the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_cancelled_waiter_takes_nothing_with_it(database: SqliteDatabase) -> None:
    held = Held(database, 0)
    await held.entered.wait()
    waiters = [asyncio.create_task(write_word(database, number, str(number))) for number in (1, 2, 3)]
    await turns()
    waiters[1].cancel()
    held.go_on.set()
    results = await asyncio.gather(held.task, *waiters, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), type(None), asyncio.CancelledError, type(None)]
    assert await words(database) == ["0", "1", "3"]


async def test_a_group_is_committed_when_those_who_would_have_ended_it_go_away(database: SqliteDatabase) -> None:
    held = Held(database, 0)
    await held.entered.wait()
    # They are cancelled when the holder has counted on them already, and before they get their turn.
    held.before_leaving = [asyncio.create_task(write_word(database, number, str(number))) for number in (1, 2)]
    await turns()
    held.go_on.set()
    await held.task
    assert await words(database) == ["0"]
    await write_word(database, 3, "3")
    assert await words(database) == ["0", "3"]


async def test_a_write_that_is_cancelled_while_its_group_commits_is_kept_with_the_others(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(database._writes, "connection", SlowCommit(database, gate))
    works = [asyncio.create_task(write_word(database, number, str(number))) for number in range(3)]
    await asyncio.to_thread(gate.reached.wait, 30)
    works[0].cancel()
    await turns()
    gate.opened.set()
    results = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [None, None]
    assert await words(database) == ["0", "1", "2"]


class Gate:
    """Where a thread waits until the test has seen that the event loop goes on without it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait(self) -> int:
        self.reached.set()
        return int(self.opened.wait(30))


class SlowCommit:
    """The write connection, whose commits wait at a gate."""

    def __init__(self, database: SqliteDatabase, gate: Gate) -> None:
        self._connection = database._writes.connection
        self._gate = gate
        self.execute = self._connection.execute
        self.rollback = self._connection.rollback
        self.close = self._connection.close

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def commit(self) -> None:
        self._gate.wait()
        self._connection.commit()


@contextmanager
def full_disk(database: SqliteDatabase) -> Iterator[None]:
    """No file of this process may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(f"{database.path}-wal").stat().st_size, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_commit_that_fails_fails_for_every_member_and_keeps_nothing(database: SqliteDatabase) -> None:
    await write_word(database, 1, "plan")
    with full_disk(database):
        works = [write_word(database, number, "x" * 20_000) for number in range(2, 10)]
        results = await asyncio.gather(*works, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results), results
    assert await words(database) == ["plan"]
    await write_word(database, 2, "do")
    assert await words(database) == ["plan", "do"]


async def test_a_disk_that_is_full_during_a_statement_fails_the_whole_group(database: SqliteDatabase) -> None:
    """SQLite then undoes the whole transaction, the statements of members that were done included."""
    await write_word(database, 1, "plan")
    held = Held(database, 2)
    await held.entered.wait()
    pages = database._writes.connection.execute("PRAGMA page_count").fetchone()[0]
    database._writes.connection.execute(f"PRAGMA max_page_count = {pages}")
    works = [
        asyncio.create_task(write_word(database, number, "x" * size)) for number, size in ((3, 9), (4, 90_000), (5, 9))
    ]
    await turns()
    held.go_on.set()
    results = await asyncio.gather(held.task, *works, return_exceptions=True)
    stored = await words(database)
    for number, result in zip((2, 3, 4, 5), results, strict=True):
        text = "2" if number == 2 else "x" * 9
        kept = bool(await database.fetch("SELECT 1 FROM word WHERE id = $1", number))
        assert kept == (result is None), f"write {number} ({text}) was answered with {result!r}; stored: {stored}"
    assert isinstance(results[2], Exception)
    database._writes.connection.execute("PRAGMA max_page_count = 1000000")
    await write_word(database, 9, "act")
    assert (await words(database))[-1] == "act"


async def open_gate(database: SqliteDatabase) -> Gate:
    """A gate that statements on the idle read connection may wait at."""
    gate = Gate()
    loop = threading.current_thread()

    def pass_gate() -> int:
        assert threading.current_thread() is not loop, "a slow read was finished in the event loop"
        return gate.wait()

    (reader,) = database._idle
    reader.connection.create_function("pass_gate", 0, pass_gate)
    return gate


async def test_a_slow_read_goes_on_in_a_thread_and_the_loop_goes_on_without_it(database: SqliteDatabase) -> None:
    gate = await open_gate(database)
    slow = asyncio.create_task(database.fetch(SLOW))
    await turns()
    # All this happens while the read is not done: it cannot be before the gate is opened.
    await write_word(database, 1, "plan")
    assert await words(database) == ["plan"]
    assert not slow.done()
    gate.opened.set()
    assert [tuple(row) for row in await slow] == [(300_000, 1)]


async def test_a_slow_read_of_a_snapshot_stays_in_it(database: SqliteDatabase) -> None:
    gate = await open_gate(database)
    async with database.snapshot() as reader:
        assert await reader.fetch("SELECT count(*) FROM word") == [(0,)]
        slow = asyncio.create_task(reader.fetch(f"SELECT x.*, (SELECT count(*) FROM word) FROM ({SLOW}) x"))
        await turns()
        await write_word(database, 1, "plan")
        gate.opened.set()
        assert await slow == [(300_000, 1, 0)]
    assert await words(database) == ["plan"]


async def test_a_cancelled_slow_read_lets_its_connection_go_when_its_thread_is_done_with_it(
    database: SqliteDatabase,
) -> None:
    gate = await open_gate(database)
    slow = asyncio.create_task(database.fetch(SLOW))
    await asyncio.to_thread(gate.reached.wait, 30)
    slow.cancel()
    await turns()
    await write_word(database, 1, "plan")
    assert await words(database) == ["plan"], "on another connection, as the thread still has the first"
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert len(database._idle) == 1, "an interrupted connection is not used again"


async def test_what_was_slow_begins_in_a_thread_until_it_is_quick_there(database: SqliteDatabase) -> None:
    counting = (
        "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1)"
        " SELECT count(*), in_loop() FROM number"
    )
    loop = threading.current_thread()

    async def count(most: int) -> bool:
        """Whether the statement was finished in the event loop, on a connection that has its function."""
        await words(database)
        (reader,) = database._idle
        reader.connection.create_function("in_loop", 0, lambda: threading.current_thread() is loop)
        ((counted, in_loop),) = await database.fetch(counting, most)
        assert counted == most
        return bool(in_loop)

    assert await count(1), "nothing was slow yet"
    assert not await count(3_000_000)
    assert not await count(1), "it was slow the last time"
    # Then it was quick in the thread, or the machine was busy just then, and it is tried there again.
    assert any([await count(1) for _ in range(100)])


ENDLESS: Final = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT count(*) FROM number"


@pytest.fixture
async def hurried(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """A database whose reads may take 20 ms."""
    path = tmp_path / "hurried.db"
    opened = SqliteDatabase(str(path), url=f"sqlite:///{path}", longest_read=20_000_000)
    await make_table(opened)
    yield opened
    await opened.close()


async def test_a_read_that_takes_too_long_is_stopped(hurried: SqliteDatabase) -> None:
    results = await asyncio.gather(*(hurried.fetch(ENDLESS) for _ in range(5)), return_exceptions=True)
    for result in results:
        assert isinstance(result, Unavailable), "also those that waited for one of the two threads"
        assert (result.code, str(result)) == ("timeout", TOO_LONG)
    await write_word(hurried, 1, "plan")
    assert await words(hurried) == ["plan"]


async def test_a_snapshot_goes_on_after_a_read_that_took_too_long(hurried: SqliteDatabase) -> None:
    async with hurried.snapshot() as reader:
        assert await reader.fetch("SELECT count(*) FROM word") == [(0,)]
        with pytest.raises(Unavailable, match="too long"):
            await reader.fetch(ENDLESS)
        await write_word(hurried, 1, "plan")
        assert await reader.fetch("SELECT count(*) FROM word") == [(0,)]
    assert await words(hurried) == ["plan"]


async def test_a_second_database_on_the_same_file_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(DatabaseInUse, match=r"Another process is serving"):
        SqliteDatabase(database.path, url=database.url)
    await write_word(database, 1, "plan")
    assert await words(database) == ["plan"]


async def test_a_second_process_on_the_same_file_is_refused_with_a_clear_line(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    refused = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app.cli", "serve", "--database", database.url, "--port", "1"],
        cwd=CHECKOUT,
        env={**os.environ, "ZELFREGIE_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("Another process is serving the SQLite database")
    assert "zelfregie.db" in line


async def test_the_file_is_free_once_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "zelfregie.db"
    first = SqliteDatabase(str(path), url="")
    await make_table(first)
    await write_word(first, 1, "plan")
    await first.close()
    second = SqliteDatabase(str(path), url="")
    assert await words(second) == ["plan"]
    await second.close()


async def test_closing_waits_for_the_writes_that_have_begun(tmp_path: Path) -> None:
    path = tmp_path / "zelfregie.db"
    database = SqliteDatabase(str(path), url="")
    await make_table(database)
    works = [asyncio.create_task(write_word(database, number, "plan")) for number in range(5)]
    await asyncio.sleep(0)
    await database.close()
    results = await asyncio.gather(*works, return_exceptions=True)
    again = SqliteDatabase(str(path), url="")
    assert len(await words(again)) == sum(result is None for result in results)
    await again.close()


async def test_a_write_that_comes_after_the_end_is_refused_and_does_not_wait(tmp_path: Path) -> None:
    database = SqliteDatabase(str(tmp_path / "zelfregie.db"), url="")
    await make_table(database)
    await database.close()
    async with asyncio.timeout(60):
        with pytest.raises(Unavailable):
            await write_word(database, 1, "te laat")


async def test_a_log_that_cannot_be_emptied_is_told_and_one_that_a_read_keeps_is_waited_for(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write_word(database, 1, "plan")
    log = f"{database.path}-wal"
    async with database.snapshot() as reader:
        await reader.fetch("SELECT count(*) FROM word")
        await write_word(database, 2, "doel")
        monkeypatch.setattr("app.database.sqlite_writes._FOLDS", 2)
        with capture_logs() as told:
            await database.fold()
        assert [each["event"] for each in told] == ["sqlite.fold.unfinished"]
        monkeypatch.undo()
        folding = asyncio.create_task(database.fold())
        await asyncio.sleep(0.1)
        assert not folding.done()
    await folding
    assert os.stat(log).st_size == 0  # noqa: PTH116 - of a file in a test
