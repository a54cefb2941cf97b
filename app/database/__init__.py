"""One small async interface over sqlite3 and asyncpg: statements, transactions, group commit, migrations."""

from __future__ import annotations

from app.database.interface import Batch, Database, Reader, Writer
from app.database.metadata import metadata
from app.database.opening import open_database, sqlite_path
from app.database.sqlite import DatabaseInUse
from app.database.statements import Delete, Insert, Row, Update

__all__ = [
    "Batch",
    "Database",
    "DatabaseInUse",
    "Delete",
    "Insert",
    "Reader",
    "Row",
    "Update",
    "Writer",
    "metadata",
    "open_database",
    "sqlite_path",
]
