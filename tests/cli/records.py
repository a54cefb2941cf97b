"""All that a database holds of its records, to be compared with another moment."""

from __future__ import annotations

from typing import Any

from app.database import Database
from app.server.tables import RECORD_TABLES

Records = dict[str, list[tuple[Any, ...]]]
"""The rows of each table, in one order."""


async def records(database: Database) -> Records:
    """Every row of the tables that a sandbox empties and fills."""
    async with database.snapshot() as reader:
        return {
            name: sorted((tuple(row) for row in await reader.fetch(f'SELECT * FROM "{name}"')), key=repr)
            for name in RECORD_TABLES
        }


def differences(before: Records, after: Records) -> dict[str, tuple[int, int]]:
    """For each table that is not the same: how many rows were lost, and how many came."""
    return {
        name: (len(set(before[name]) - set(after[name])), len(set(after[name]) - set(before[name])))
        for name in RECORD_TABLES
        if before[name] != after[name]
    }
