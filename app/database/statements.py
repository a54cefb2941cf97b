"""SQL as text, written once for both databases with ``$1``, ``$2`` … for the binds; changes of many rows at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

Row = Sequence[Any]
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")
_CAST: Final = re.compile(r"::[a-z]+(\[\])?")


@lru_cache(maxsize=4096)
def sqlite_text(sql: str) -> str:
    """``$1`` as SQLite writes a numbered bind, and without PostgreSQL's casts."""
    return _CAST.sub("", _PLACEHOLDER.sub(r"?\1", sql))


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """New rows of one table: ``executemany`` on SQLite, one ``unnest`` statement on PostgreSQL.

    Made once and compared by identity, since they are keys of caches. ``types`` are PostgreSQL element types, one per
    column; ``conflict="ignore"`` keeps a row that is there already.
    """

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    conflict: Literal["", "ignore"] = ""

    def sqlite(self) -> str:
        """The statement for one row."""
        verb = "INSERT OR IGNORE" if self.conflict else "INSERT"
        marks = ", ".join("?" * len(self.columns))
        return f'{verb} INTO "{self.table}" ({", ".join(self.columns)}) VALUES ({marks})'

    def postgresql(self, first: int = 1) -> str:
        """The statement for any number of rows, its binds numbered from ``first``."""
        ignore = " ON CONFLICT DO NOTHING" if self.conflict else ""
        source = _unnest(self.types, first)
        return f'INSERT INTO "{self.table}" ({", ".join(self.columns)}) SELECT * FROM {source}{ignore}'


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """Rows of one table changed by key. A row gives the ``keys`` first, then the new values of ``columns``."""

    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]

    def sqlite(self) -> str:
        """The statement for one row."""
        shift = len(self.keys)
        values = ", ".join(f"{column} = ?{shift + index}" for index, column in enumerate(self.columns, 1))
        where = " AND ".join(f"{column} = ?{index}" for index, column in enumerate(self.keys, 1))
        return f'UPDATE "{self.table}" SET {values} WHERE {where}'

    def postgresql(self, first: int = 1, *, sole: bool = False) -> str:
        """The statement for any number of rows, its binds numbered from ``first``; ``sole`` as in ``_by_keys``."""
        names = ", ".join((*self.keys, *self.columns))
        values = ", ".join(f"{column} = u.{column}" for column in self.columns)
        where = _by_keys(self.keys, self.types, first, sole=sole)
        return f'UPDATE "{self.table}" t SET {values} FROM {_unnest(self.types, first)} AS u({names}) WHERE {where}'


@dataclass(frozen=True, slots=True, eq=False)
class Delete:
    """Rows of one table removed by key."""

    table: str
    keys: tuple[str, ...]
    types: tuple[str, ...]

    def sqlite(self) -> str:
        """The statement for one row."""
        return f'DELETE FROM "{self.table}" WHERE {" AND ".join(f"{column} = ?" for column in self.keys)}'

    def postgresql(self, first: int = 1, *, sole: bool = False) -> str:
        """The statement for any number of rows, its binds numbered from ``first``; ``sole`` as in ``_by_keys``."""
        where = _by_keys(self.keys, self.types, first, sole=sole)
        source = f"{_unnest(self.types, first)} AS u({', '.join(self.keys)})"
        return f'DELETE FROM "{self.table}" t USING {source} WHERE {where}'


Alteration = Insert | Update | Delete


def _unnest(types: tuple[str, ...], first: int) -> str:
    return f"unnest({', '.join(f'${first + index}::{kind}[]' for index, kind in enumerate(types))})"


def _by_keys(keys: tuple[str, ...], types: tuple[str, ...], first: int, *, sole: bool) -> str:
    """``sole``: all rows have the same first key; compared as one value, it keeps the plan to one partition."""
    parts = [f"t.{column} = u.{column}" for column in keys]
    if sole:
        parts[0] = f"t.{keys[0]} = (${first}::{types[0]}[])[1]"
    return " AND ".join(parts)


@lru_cache(maxsize=512)
def postgresql_alterations(alterations: tuple[Alteration, ...], soles: tuple[bool, ...]) -> str:
    """One statement that changes several tables, so that a whole write is one round trip.

    All parts see the state before it: give disjoint rows. ``soles``: whether the rows of each share their first key.
    """
    parts = []
    first = 1
    for alteration, sole in zip(alterations, soles, strict=True):
        keyed = {} if isinstance(alteration, Insert) else {"sole": sole}
        parts.append(alteration.postgresql(first, **keyed))
        first += len(alteration.types)
    if len(parts) == 1:
        return parts[0]
    named = ", ".join(f"w{index} AS ({part})" for index, part in enumerate(parts[:-1]))
    return f"WITH {named} {parts[-1]}"


@lru_cache(maxsize=64)
def sqlite_alteration(alteration: Alteration) -> str:
    """``alteration.sqlite()``, made once."""
    return alteration.sqlite()
