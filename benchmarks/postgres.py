"""A PostgreSQL server for each side, durable, whose processes can be counted.

Each side has a server of its own, so its figures hold its own checkpointer, writers and vacuum and nobody else's; on a
shared one (``TEST_DATABASE_URL``) it could not be told whose work those do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
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
def server() -> Iterator[Server]:
    """A new server with an empty database, removed at the end."""
    with temporary_server(SETTINGS) as running:
        yield examine(running.url)


def examine(url: str, *, durable: bool = True) -> Server:
    """The server behind ``url``. Raises ``ValueError`` when its processes cannot be seen from here, and when it would
    lose acknowledged writes, unless ``durable`` is false.
    """
    return asyncio.run(_examine(url, durable=durable))


async def _fetch(url: str, sql: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(sql))
    finally:
        await connection.close()


async def _examine(url: str, *, durable: bool) -> Server:
    connection = await asyncpg.connect(url)
    try:
        said = {name: await connection.fetchval(f"SHOW {name}") for name in (*SETTINGS, "server_version")}
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        # Looked at while it lives: it ends with the connection.
        command, postmaster = _process(backend)
    finally:
        await connection.close()
    if durable and (said["fsync"] != "on" or said["synchronous_commit"] != "on"):
        raise ValueError(f"PostgreSQL would lose acknowledged writes: {said}")
    if command != "postgres":
        raise ValueError("PostgreSQL does not run on this machine: its CPU cannot be counted")
    settings = ", ".join(f"{name} {said[name]}" for name in SETTINGS)
    return Server(url, postmaster, said["server_version"], settings)


def _process(backend: int) -> tuple[str, int]:
    """The command of a process and its parent; nothing and 0 where it cannot be seen from here."""
    try:
        return processes.name(backend), processes.parent(backend)
    except OSError:
        return "", 0
