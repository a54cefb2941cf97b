"""What only the database for production does: connections that are cancelled, killed, in each other's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import asyncpg
import pytest

from app.database import Database, Writer, open_database
from app.errors import Unavailable
from tests.database.conftest import INSERT_WORD, words, write_word
from tests.postgresql import Databases

OPEN: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'zelfregie' AND pid <> pg_backend_pid() AND (xact_start IS NOT NULL OR state <> 'idle')"
)
KILL: Final = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'zelfregie'"
)
SLEEP: Final = "SELECT pg_sleep(60)"


@pytest.fixture
def database_url(postgresql_databases: Databases) -> str:
    return postgresql_databases.create()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Two connections, and the empty table ``word``."""
    opened = await open_database(database_url, connections=2)
    async with opened.write() as writer:
        await writer.execute("CREATE TABLE word (id BIGINT PRIMARY KEY, text TEXT NOT NULL)")
    yield opened
    await opened.close()


@pytest.fixture
async def bystander(database_url: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A connection beside the service's."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so; the test's own time limit ends a wait for what never comes."""
    while not await true():  # noqa: ASYNC110 - what is waited for happens in another process
        await asyncio.sleep(0.01)


async def has_begun(bystander: asyncpg.Connection[Any], count: int = 1) -> None:
    """Wait until so many statements of the service sleep."""
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"

    async def all_sleep() -> bool:
        return int(await bystander.fetchval(sleeping)) >= count

    await until(all_sleep)


async def write_and_sleep(database: Database) -> None:
    async with database.write() as writer:
        await writer.insert(INSERT_WORD, [(1, "never")])
        await writer.fetch(SLEEP)


async def snapshot_and_sleep(database: Database) -> None:
    async with database.snapshot() as reader:
        await reader.fetch(SLEEP)


async def fetch_and_sleep(database: Database) -> None:
    await database.fetch(SLEEP)


SLEEPERS: Final = [write_and_sleep, snapshot_and_sleep, fetch_and_sleep]


@pytest.mark.parametrize("sleeper", SLEEPERS)
async def test_a_cancelled_request_leaves_no_open_transaction(
    database: Database, bystander: asyncpg.Connection[Any], sleeper: Callable[[Database], Awaitable[None]]
) -> None:
    tasks = [asyncio.ensure_future(sleeper(database)) for _ in range(1 if sleeper is write_and_sleep else 2)]
    await has_begun(bystander, len(tasks))
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)

    async def nothing_is_open() -> bool:
        return int(await bystander.fetchval(OPEN)) == 0

    await until(nothing_is_open)
    await asyncio.gather(write_word(database, 1, "plan"), write_word(database, 2, "do"))
    assert await words(database) == ["plan", "do"]


async def test_a_request_that_is_cancelled_while_it_waits_for_a_connection_takes_none_with_it(
    database: Database, bystander: asyncpg.Connection[Any]
) -> None:
    holders = [asyncio.ensure_future(snapshot_and_sleep(database)) for _ in range(2)]
    await has_begun(bystander, 2)
    waiting = asyncio.ensure_future(write_word(database, 1, "never"))
    await asyncio.sleep(0)
    for task in (waiting, *holders):
        task.cancel()
    await asyncio.gather(waiting, *holders, return_exceptions=True)
    await asyncio.gather(write_word(database, 2, "plan"), write_word(database, 3, "do"))
    assert await words(database) == ["plan", "do"]


@pytest.mark.parametrize("opened", ["write", "snapshot"])
async def test_what_is_written_after_a_request_that_was_cancelled_as_it_began_is_kept(
    database: Database, bystander: asyncpg.Connection[Any], opened: str
) -> None:
    await write_word(database, 1, "plan")

    async def begin() -> None:
        async with database.write() if opened == "write" else database.snapshot():
            await asyncio.sleep(60)

    beginning = asyncio.ensure_future(begin())
    await asyncio.sleep(0)  # BEGIN is on its way, and PostgreSQL will have done it before it hears of the end
    beginning.cancel()
    await asyncio.gather(beginning, return_exceptions=True)
    await database.change("UPDATE word SET text = 'do' WHERE id = 1")
    assert await bystander.fetchval("SELECT text FROM word WHERE id = 1") == "do"


@pytest.mark.parametrize("sleeper", SLEEPERS)
async def test_a_killed_connection_is_answered_with_unavailable_and_replaced(
    database: Database, bystander: asyncpg.Connection[Any], sleeper: Callable[[Database], Awaitable[None]]
) -> None:
    task = asyncio.ensure_future(sleeper(database))
    await has_begun(bystander)
    await bystander.execute(KILL)
    with pytest.raises(Unavailable):
        await task
    await write_word(database, 1, "plan")
    assert await words(database) == ["plan"]


async def test_a_connection_that_was_killed_while_idle_is_replaced(
    database: Database, bystander: asyncpg.Connection[Any]
) -> None:
    await asyncio.gather(write_word(database, 1, "plan"), write_word(database, 2, "do"))
    await bystander.execute(KILL)

    async def works() -> bool:
        try:
            return await words(database) == ["plan", "do"]
        except Unavailable:  # the connection's end had not come through yet
            return False

    await until(works)
    await asyncio.gather(write_word(database, 3, "check"), write_word(database, 4, "act"))
    assert len(await words(database)) == 4


@pytest.mark.parametrize("sleeper", SLEEPERS)
async def test_a_statement_that_takes_too_long_is_unavailable(
    database: Database,
    bystander: asyncpg.Connection[Any],
    sleeper: Callable[[Database], Awaitable[None]],
) -> None:
    task = asyncio.ensure_future(sleeper(database))
    await has_begun(bystander)
    await bystander.execute(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'zelfregie' AND state = 'active'"
    )
    with pytest.raises(Unavailable) as stopped:
        await task
    assert stopped.value.code == "timeout"
    await write_word(database, 1, "plan")
    assert await words(database) == ["plan"]


async def test_a_serialization_failure_is_tried_again(database: Database) -> None:
    tries = 0

    async def work(writer: Writer) -> str:
        nonlocal tries
        tries += 1
        await writer.insert(INSERT_WORD, [(tries, f"try {tries}")])
        if tries < 3:
            await writer.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
        return "done"

    assert await database.transact(work) == "done"
    assert await words(database) == ["try 3"]


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_fails_three_times_is_unavailable_and_keeps_nothing(database: Database, state: str) -> None:
    tries = 0

    async def work(writer: Writer) -> None:
        nonlocal tries
        tries += 1
        await writer.insert(INSERT_WORD, [(1, "plan")])
        await writer.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")

    with pytest.raises(Unavailable, match="try again"):
        await database.transact(work)
    assert tries == 3
    assert await words(database) == []


async def test_a_deadlock_is_resolved_and_both_are_kept(database: Database) -> None:
    await write_word(database, 1, "")
    await write_word(database, 2, "")
    first_steps = asyncio.Barrier(2)
    tries: list[str] = []

    async def work(name: str, order: tuple[int, int]) -> None:
        met = False

        async def change(writer: Writer) -> None:
            nonlocal met
            tries.append(name)
            await writer.execute("UPDATE word SET text = text || $2 WHERE id = $1", order[0], name)
            if not met:
                met = True
                await first_steps.wait()
            await writer.execute("UPDATE word SET text = text || $2 WHERE id = $1", order[1], name)

        await database.transact(change)

    await asyncio.gather(work("a", (1, 2)), work("b", (2, 1)))
    assert len(tries) == 3, "one of the two had to begin again"
    assert {"".join(sorted(text)) for text in await words(database)} == {"ab"}


async def test_requests_wait_for_a_connection_and_are_all_served(database: Database) -> None:
    await asyncio.gather(*(write_word(database, number, str(number)) for number in range(50)))
    assert len(await words(database)) == 50


async def test_a_database_that_is_not_there_is_unavailable(database_url: str) -> None:
    with pytest.raises(Unavailable):
        await open_database(database_url.replace("/test_", "/absent_"))
