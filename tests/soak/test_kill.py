"""``kill -9`` in mixed writes, again and again: what was acknowledged is there, whole, indexed and logged."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from app.audit import verify_folder
from app.database import Database, open_database
from app.server.server import FhirServer
from tests.process import Process, free_port, serving
from tests.server.service import Caller
from tests.service import ORIGIN, SECRET
from tests.soak.ledger import Load, lies, silences

ROUNDS: Final = 12
pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@asynccontextmanager
async def looked_into(url: str) -> AsyncIterator[tuple[Database, FhirServer]]:
    """The database itself, while no service (SQLite) or whoever (PostgreSQL) uses it."""
    database = await open_database(url, connections=2)
    try:
        yield database, FhirServer(database, f"{ORIGIN}/fhir/", b"")
    finally:
        await database.close()


def service_of(url: str, folder: Path, port: int) -> AbstractContextManager[Process]:
    """The service on ``url``, always at the same place and with the same state."""
    return serving(folder / "state", "serve", "--database", url, port=port, more={"ZELFREGIE_SECRET": SECRET})


async def test_kills_of_the_service_lose_nothing_that_was_acknowledged(durable_url: str, tmp_path: Path) -> None:
    draw, load, port = random.Random(7), Load(7), free_port()
    for number in range(ROUNDS):
        with service_of(durable_url, tmp_path, port) as service:
            await read_back(load, service)
            load.start(service.address)
            await load.ledger.wait_for(draw.randint(10, 90))
            service.stop(signal.SIGKILL)
        await load.stop()
        async with looked_into(durable_url) as (database, server):
            assert await lies(load.ledger, database, server) == [], f"after round {number + 1}"
        assert verify_folder(tmp_path / "state" / "journal") == []
    assert_enough(load)
    await end_well(durable_url, tmp_path, load, port)


@pytest.mark.parametrize("setting", ["postgresql"])
async def test_crashes_of_postgresql_lose_nothing_that_was_acknowledged(durable_url: str, tmp_path: Path) -> None:
    """One of its processes is killed: it ends all others, and recovers from its log. The service goes on by itself."""
    if "TEST_DATABASE_URL" in os.environ:
        pytest.skip("PostgreSQL crashes: only a server of our own is crashed; unset TEST_DATABASE_URL")
    draw, load, port = random.Random(8), Load(8), free_port()
    with service_of(durable_url, tmp_path, port) as service:
        load.start(service.address)
        for _ in range(ROUNDS):
            await load.ledger.wait_for(draw.randint(10, 60))
            await crash(durable_url)
        await load.ledger.wait_for(50)
        await load.stop()
        service.stop()
    assert load.ledger.statuses[503] > 0, "nobody noticed the crashes"
    async with looked_into(durable_url) as (database, server):
        assert await lies(load.ledger, database, server) == []
    assert_enough(load)
    await end_well(durable_url, tmp_path, load, port)


async def crash(url: str) -> None:
    """Kill a process of PostgreSQL's that serves the service, and return when it takes connections again."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url)
    pid = await connection.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'zelfregie' ORDER BY state = 'active' DESC LIMIT 1"
    )
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    connection.terminate()
    while pid is not None:
        try:
            await (await asyncpg.connect(url)).close()
            return
        except (asyncpg.PostgresError, OSError):
            await asyncio.sleep(0.05)


async def read_back(load: Load, service: Process) -> None:
    """The last acknowledged versions, over HTTP, as the restarted service gives them."""
    last = [version for told in [*load.ledger.acknowledged.values()][-10:] for version in told.versions.items()]
    async with httpx.AsyncClient(base_url=service.address, timeout=30) as http:
        operator = Caller(http, "operator")
        for (resource_type, resource_id, version), body in last:
            answer = await operator.get(f"/{resource_type}/{resource_id}/_history/{version}")
            assert answer.status_code in (200, 410), answer.text
            assert body is None or answer.content == body


def assert_enough(load: Load) -> None:
    """The rounds were what they were meant to be."""
    ledger = load.ledger
    assert len(ledger.acknowledged) >= ROUNDS * 10
    assert any(told.changes > 3 for told in ledger.acknowledged.values())
    assert ledger.unknown, "no write was ever interrupted"
    assert ledger.statuses[201] > 10
    assert ledger.statuses[204] > 0


async def end_well(url: str, folder: Path, load: Load, port: int) -> None:
    """Start once more and stop as it should be: then the whole access log is in the database, its chains unbroken."""
    with service_of(url, folder, port) as service:
        assert service.stop() == 0
    for log in (folder / "state").glob("output-*"):
        assert "fhir.fault" not in log.read_text(errors="replace")
    async with looked_into(url) as (database, server):
        assert await silences(load.ledger, database) == []
        assert await lies(load.ledger, database, server) == []
    assert verify_folder(folder / "state" / "journal") == []
