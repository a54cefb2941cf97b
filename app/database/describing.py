"""The words in which every package's ``tables.py`` describes its tables, and the changes that follow from them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Double, LargeBinary, SmallInteger, Table, Text

from app.database.statements import Delete, Insert, Update

_KINDS: Final = {
    "BIGINT": "bigint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "TEXT": "text",
    "DOUBLE": "double precision",
}


def word(name: str, *, nullable: bool = False, default: str | None = None) -> Column[str]:
    """A key, code or id: in byte order on both databases, so that keys compare alike and indexes serve prefixes.
    ``default``: what rows have that were there before the column.
    """
    kind = Text().with_variant(Text(collation="C"), "postgresql")
    return Column(name, kind, nullable=nullable, server_default=default)


def big(name: str, *, nullable: bool = False) -> Column[int]:
    """A 64-bit number: a partition's key, a hash, or a time in µs."""
    return Column(name, BigInteger, nullable=nullable, autoincrement=False)


def small(name: str) -> Column[int]:
    """A number of a few bits, or a flag."""
    return Column(name, SmallInteger, nullable=False, autoincrement=False)


def number(name: str) -> Column[float]:
    """A measured value."""
    return Column(name, Double, nullable=False)


def blob(name: str, *, nullable: bool = False) -> Column[bytes]:
    """Bytes as they are."""
    return Column(name, LargeBinary, nullable=nullable)


def _kind(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return "bytea"
    if isinstance(column.type, Text):
        return "text"
    return _KINDS[str(column.type)]


def insertion(table: Table, *, ignore: bool = False) -> Insert:
    """New rows, columns in the table's order; ``ignore`` keeps a row that is there already."""
    columns = tuple(table.columns)
    return Insert(
        table.name, tuple(each.name for each in columns), tuple(map(_kind, columns)), "ignore" if ignore else ""
    )


def update_of(table: Table, keys: tuple[str, ...], values: tuple[str, ...]) -> Update:
    """Rows changed by key."""
    return Update(table.name, keys, values, tuple(_kind(table.c[name]) for name in (*keys, *values)))


def deletion(table: Table) -> Delete:
    """Rows removed by their primary key."""
    keys = tuple(each.name for each in table.primary_key.columns)
    return Delete(table.name, keys, tuple(_kind(table.c[name]) for name in keys))
