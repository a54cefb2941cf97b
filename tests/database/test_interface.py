"""What both databases promise alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from app.database import Database, Delete, Insert, Update, Writer, open_database
from app.errors import Conflict, Invalid
from tests.database.conftest import INSERT_WORD, words, write_word

DELETE_WORD: Final = Delete("word", ("id",), ("bigint",))
UPDATE_WORD: Final = Update("word", ("id",), ("text",), ("bigint", "text"))
IGNORING: Final = Insert("word", ("id", "text"), ("bigint", "text"), "ignore")


async def test_a_write_is_there_when_its_block_has_ended(database: Database) -> None:
    await write_word(database, 1, "plan")
    assert await words(database) == ["plan"]


async def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as writer:
            await writer.insert(INSERT_WORD, [(1, "plan")])
            assert [tuple(row) for row in await writer.fetch("SELECT text FROM word")] == [("plan",)]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await words(database) == []
    await write_word(database, 1, "do")
    assert await words(database) == ["do"]


async def test_a_transaction_gives_what_its_work_gives(database: Database) -> None:
    async def work(writer: Writer) -> str:
        await writer.execute("INSERT INTO word (id, text) VALUES ($1, $2)", 1, "plan")
        return "done"

    assert await database.transact(work) == "done"
    assert await words(database) == ["plan"]


async def test_a_work_that_raises_is_not_tried_again(database: Database) -> None:
    tries = 0

    async def work(writer: Writer) -> None:
        nonlocal tries
        tries += 1
        await writer.insert(INSERT_WORD, [(1, "plan")])
        raise Conflict("no")

    with pytest.raises(Conflict):
        await database.transact(work)
    assert tries == 1
    assert await words(database) == []


async def test_a_key_that_is_there_already_is_a_conflict_and_leaves_nothing(database: Database) -> None:
    await write_word(database, 1, "plan")
    with pytest.raises(Conflict) as refused:
        async with database.write() as writer:
            await writer.alter([(INSERT_WORD, [(2, "do"), (1, "check")])])
    assert refused.value.code == "duplicate"
    assert await words(database) == ["plan"]


async def test_an_insert_may_keep_what_is_there(database: Database) -> None:
    await write_word(database, 1, "plan")
    async with database.write() as writer:
        await writer.insert(IGNORING, [(1, "check"), (2, "do"), (2, "act")])
    assert await words(database) == ["plan", "do"]


async def test_alter_changes_several_tables_at_once_and_passes_over_what_is_empty(database: Database) -> None:
    async with database.write() as writer:
        await writer.execute("CREATE TABLE other (id BIGINT PRIMARY KEY)")
        await writer.alter([(INSERT_WORD, [(1, "plan"), (2, "do")]), (Insert("other", ("id",), ("bigint",)), [(7,)])])
    async with database.write() as writer:
        await writer.alter(
            [(INSERT_WORD, []), (UPDATE_WORD, [(1, "act"), (2, "check"), (9, "nobody")]), (DELETE_WORD, [])]
        )
        await writer.alter([])
    assert await words(database) == ["act", "check"]
    assert [tuple(row) for row in await database.fetch("SELECT id FROM other")] == [(7,)]


@pytest.mark.parametrize("first", ["delete", "insert"])
async def test_alter_lets_a_key_go_and_come_back(database: Database, first: str) -> None:
    await write_word(database, 1, "plan")
    batches: list[tuple[Any, Sequence[Sequence[Any]]]] = [(DELETE_WORD, [(1,)]), (INSERT_WORD, [(1, "do")])]
    async with database.write() as writer:
        await writer.alter(batches if first == "delete" else batches[::-1])
    assert await words(database) == ["do"]


async def test_a_snapshot_sees_one_state(database: Database) -> None:
    await write_word(database, 1, "plan")
    async with database.snapshot() as reader:
        before = [tuple(row) for row in await reader.fetch("SELECT id, text FROM word")]
        await write_word(database, 2, "do")
        assert [tuple(row) for row in await reader.fetch("SELECT id, text FROM word")] == before == [(1, "plan")]
        assert await words(database) == ["plan", "do"]
    assert await words(database) == ["plan", "do"]


async def test_nobody_sees_a_write_before_it_is_committed(database: Database) -> None:
    async with database.write() as writer:
        await writer.insert(INSERT_WORD, [(1, "plan")])
        assert await words(database) == []
    assert await words(database) == ["plan"]


async def test_a_snapshot_refuses_to_write(database: Database) -> None:
    with pytest.raises(Exception, match="read") as refused:
        async with database.snapshot() as reader:
            await reader.fetch("INSERT INTO word (id, text) VALUES (1, 'plan') RETURNING id")
    assert "only" in str(refused.value)
    assert await words(database) == []


async def test_many_writes_at_once_are_all_kept(database: Database) -> None:
    await asyncio.gather(*(write_word(database, number, str(number)) for number in range(200)))
    assert await words(database) == [str(number) for number in range(200)]


@asynccontextmanager
async def held(
    database: Database, work: Callable[[Writer], Awaitable[None]]
) -> AsyncIterator[tuple[asyncio.Task[None], asyncio.Event]]:
    """A write that has begun, done ``work``, and goes on only when the event is set."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with database.write() as writer:
            await work(writer)
            begun.set()
            await go_on.wait()

    task = asyncio.create_task(write())
    await begun.wait()
    yield task, go_on
    go_on.set()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_cancelled_write_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    async def work(writer: Writer) -> None:
        await writer.insert(INSERT_WORD, [(1, "plan")])

    async with held(database, work) as (task, _):
        other = asyncio.create_task(write_word(database, 2, "do"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await other
    assert await words(database) == ["do"]
    await write_word(database, 1, "act")
    assert await words(database) == ["act", "do"]


async def test_reads_go_on_while_a_write_is_open(database: Database) -> None:
    await write_word(database, 1, "plan")

    async def work(writer: Writer) -> None:
        await writer.execute("UPDATE word SET text = 'do'")

    async with held(database, work):
        assert await words(database) == ["plan"]
    assert await words(database) == ["do"]


async def test_another_kind_of_url_is_refused() -> None:
    with pytest.raises(Invalid):
        await open_database("mysql://localhost/zelfregie")
