"""What it costs to add where nothing was erased, and that an erasure is seen by who was already waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.database.postgresql import PostgresqlDatabase
from app.database.sqlite_writes import SqliteWriter
from tests.builders import condition, observation
from tests.rights.people import erasures, visit
from tests.server.service import Caller, Service

NUMBER = {"system": "https://his.example/nummers", "value": "17"}


@contextmanager
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is asked within transactions of their own, and "transaction" for each of those on PostgreSQL."""
    told: list[str] = []
    fetch, transact = SqliteWriter.fetch, PostgresqlDatabase.transact

    async def fetched(self: SqliteWriter, sql: str, *binds: object) -> object:
        told.append(sql)
        return await fetch(self, sql, *binds)

    async def transacted(self: PostgresqlDatabase, work: object) -> object:
        told.append("transaction")
        return await transact(self, work)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(SqliteWriter, "fetch", fetched)
        patched.setattr(PostgresqlDatabase, "transact", transacted)
        yield told


async def test_adding_asks_nothing_about_erasure_where_nothing_was_erased(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asked(monkeypatch) as told:
        await anna.create(condition(identifier=[NUMBER]))
    # PostgreSQL: one statement and no transaction around it. SQLite: nothing but the lock.
    assert told == [] if service.database.dialect == "postgresql" else len(told) == 1
    assert not any("tombstone" in sql for sql in told)


async def test_where_something_was_erased_only_what_may_be_it_is_looked_up(
    service: Service, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await anna.create(condition(identifier=[NUMBER]))
    await erase(service, kept["id"])
    with asked(monkeypatch) as told:
        await anna.create(observation())
    assert not any("tombstone" in sql or sql == "transaction" for sql in told)
    assert (await anna.post("/Condition", condition(identifier=[NUMBER]))).status_code == 409
    await anna.create(condition(identifier=[{**NUMBER, "value": "18"}]))
    assert (
        await service.caller("bram").post("/Condition", condition("Patient/bram", identifier=[NUMBER]))
    ).status_code == 201


async def erase(service: Service, resource_id: str) -> None:
    access = (await visit(service, "anna")).access
    await erasures(service).one(access, "Condition", resource_id, now=service.server.clock(), request="r")


async def test_who_waits_for_an_erasure_cannot_bring_back_what_it_removes(service: Service, anna: Caller) -> None:
    kept = await anna.create(condition(identifier=[NUMBER]))
    key = await service.key_of("anna")
    access = (await visit(service, "anna")).access
    async with service.database.write() as writer:
        await writer.execute("UPDATE partition SET seq = seq WHERE patient = $1", key)
        now = service.server.clock()
        erasing = asyncio.create_task(erasures(service).one(access, "Condition", kept["id"], now=now, request="r"))
        await asyncio.sleep(0.1)
        adding = asyncio.create_task(anna.post("/Condition", condition(identifier=[NUMBER])))
        await asyncio.sleep(0.1)
        assert not erasing.done()
        assert not adding.done()
    assert (await erasing).resources == 1
    assert (await adding).status_code == 409
    assert await anna.found("/Condition") == []
