"""The tables of the FHIR server. Every row that holds a patient's data starts with that patient's key.

``n`` is the row number that index rows carry: the ``seq`` at which the resource was born, so it also tells what
existed when. ``value`` is a 64-bit hash of a token; ``term`` says what it stands for. Times are microseconds since the
epoch. Keys are numbers of ``fhir/definitions/numbers.json``.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from app.database import Delete, Insert, Update, metadata


def _word(name: str, *, nullable: bool = False) -> Column[str]:
    # Byte order on both databases: keys compare alike, and indexes serve prefixes.
    return Column(name, Text().with_variant(Text(collation="C"), "postgresql"), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, autoincrement=False)


def _small(name: str) -> Column[int]:
    return Column(name, SmallInteger, nullable=False, autoincrement=False)


def _number(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


def _index_table(name: str, *columns: Column[Any]) -> Table:
    """A search index: its primary key is the whole row, and on SQLite the row is its key."""
    every = (_big("patient"), _small("type"), _small("param"), *columns)
    return Table(
        name, metadata, *every, PrimaryKeyConstraint(*(column.name for column in every)), sqlite_with_rowid=False
    )


tenant: Final = Table("tenant", metadata, Column("id", Integer, primary_key=True, autoincrement=False), _word("name"))

partition: Final = Table(
    "partition",
    metadata,
    _big("patient"),
    Column("tenant", Integer, nullable=False),
    _big("seq"),
    _big("updated"),
    _word("state"),
    PrimaryKeyConstraint("patient"),
    Index("ix_partition_tenant", "tenant", "patient"),
)
"""One row per patient and per catalogue: write lock, order of changes, and a lastUpdated that never goes back."""

claim: Final = Table(
    "claim",
    metadata,
    _big("patient"),
    _word("name"),
    _big("n"),
    PrimaryKeyConstraint("patient", "name"),
    sqlite_with_rowid=False,
)

resource: Final = Table(
    "resource",
    metadata,
    _big("patient"),
    _small("type"),
    _word("id"),
    _big("n"),
    Column("version", Integer, nullable=False),
    _big("seq"),
    _big("updated"),
    _big("date"),
    _big("present"),
    _small("deleted"),
    _big("labels"),
    _small("flags"),
    Column("keys", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=True),
    PrimaryKeyConstraint("patient", "type", "id"),
    UniqueConstraint("patient", "n"),
    Index("ix_resource_change", "patient", "type", "seq"),
)

history: Final = Table(
    "history",
    metadata,
    _big("patient"),
    _big("seq"),
    _small("type"),
    _word("id"),
    Column("version", Integer, nullable=False),
    _big("updated"),
    _word("interaction"),
    _big("labels"),
    _word("actor"),
    _word("request"),
    Column("body", LargeBinary, nullable=True),
    PrimaryKeyConstraint("patient", "seq"),
    UniqueConstraint("patient", "type", "id", "version"),
)
"""Every version. ``body`` is NULL while the version is the current one (``resource`` holds it) and for a deletion."""

token: Final = _index_table("token", _big("value"), _big("date"), _big("n"))
period: Final = _index_table("period", _big("low"), _big("high"), _big("n"))
range_: Final = _index_table("range", _big("unit"), _number("low"), _number("high"), _big("n"))
text_: Final = Table(
    "text",
    metadata,
    _big("patient"),
    _small("type"),
    _small("param"),
    _word("head"),
    _big("n"),
    _small("ord"),
    _word("folded"),
    _word("exact"),
    PrimaryKeyConstraint("patient", "type", "param", "head", "n", "ord"),
    sqlite_with_rowid=False,
)
"""``head``: the first 64 characters of the folded string, which the index is ordered by."""
link: Final = _index_table("link", _small("target_type"), _word("target_id"), _big("n"))
Index("ix_link_from", link.c.patient, link.c.n, link.c.param)
pair: Final = _index_table(
    "pair",
    _big("value"),
    _small("kind"),
    _big("unit"),
    _number("low"),
    _number("high"),
    _big("n"),
)

term: Final = Table(
    "term",
    metadata,
    _big("patient"),
    _big("value"),
    _word("system"),
    _word("code"),
    PrimaryKeyConstraint("patient", "value", "code"),
    Index("ix_term_code", "patient", "code"),
    sqlite_with_rowid=False,
)
"""What a ``value`` stands for: one token, or each of the texts that belong to the codes of a resource."""

lookup: Final = Table(
    "lookup",
    metadata,
    _small("type"),
    _small("param"),
    _big("value"),
    _big("patient"),
    _big("n"),
    PrimaryKeyConstraint("type", "param", "value", "patient", "n"),
    sqlite_with_rowid=False,
)
alias: Final = Table(
    "alias",
    metadata,
    _small("type"),
    _word("id"),
    _big("patient"),
    PrimaryKeyConstraint("type", "id", "patient"),
    sqlite_with_rowid=False,
)

PATIENT: Final = 103
"""The number of Patient in ``fhir/definitions/numbers.json``, which is append-only."""
Index(
    "uq_alias_patient",
    alias.c.id,
    unique=True,
    sqlite_where=alias.c.type == PATIENT,
    postgresql_where=alias.c.type == PATIENT,
)
"""Ids are unique per partition, and those of Patients per server."""

access_grant: Final = Table(
    "access_grant",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    _big("stamp"),
    _word("recipient"),
    _word("client"),
    _word("person"),
    _word("organization"),
    Column("tenant", Integer, nullable=False),
    _word("purpose"),
    _word("scopes"),
    _big("patient", nullable=True),
    _small("everyone"),
    _big("expires"),
    Index("ix_access_grant_recipient", "recipient"),
)
permit: Final = Table(
    "permit",
    metadata,
    _word("recipient"),
    _big("patient"),
    _word("purpose"),
    _word("consent"),
    _big("labels"),
    _small("actions"),
    _big("since"),
    _big("until"),
    PrimaryKeyConstraint("recipient", "patient", "purpose", "consent", "actions"),
    Index("ix_permit_patient", "patient"),
)
walk: Final = Table(
    "walk",
    metadata,
    _word("id"),
    _big("expires"),
    Column("partitions", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
)
"""The partitions and their ``seq`` that the pages of one search over several patients refer to."""

index_state: Final = Table(
    "index_state",
    metadata,
    _small("type"),
    _small("param"),
    Column("generation", Integer, nullable=False),
    _small("ready"),
    PrimaryKeyConstraint("type", "param"),
)
"""Which search parameters are filled (``ready`` 0: a reindex must come first), and by which ``generation`` of rules."""
setting: Final = Table("setting", metadata, _word("name"), _word("value"), PrimaryKeyConstraint("name"))
"""What was decided when this database was made: the canonical base, and whether it is a sandbox."""

_KINDS: Final = {
    "BIGINT": "bigint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "TEXT": "text",
    "DOUBLE": "double precision",
}


def _kind(column: Column[Any]) -> str:
    if isinstance(column.type, LargeBinary):
        return "bytea"
    if isinstance(column.type, Text):
        return "text"
    return _KINDS[str(column.type)]


def _insert(table: Table, *, ignore: bool = False) -> Insert:
    columns = tuple(table.columns)
    return Insert(
        table.name, tuple(each.name for each in columns), tuple(map(_kind, columns)), "ignore" if ignore else ""
    )


def _update(table: Table, keys: tuple[str, ...], values: tuple[str, ...]) -> Update:
    return Update(table.name, keys, values, tuple(_kind(table.c[name]) for name in (*keys, *values)))


def _delete(table: Table) -> Delete:
    keys = tuple(each.name for each in table.primary_key.columns)
    return Delete(table.name, keys, tuple(_kind(table.c[name]) for name in keys))


INSERT_RESOURCE: Final = _insert(resource)
INSERT_HISTORY: Final = _insert(history)
INSERT_TOKEN: Final = _insert(token, ignore=True)
INSERT_PERIOD: Final = _insert(period, ignore=True)
INSERT_TEXT: Final = _insert(text_, ignore=True)
INSERT_LINK: Final = _insert(link, ignore=True)
INSERT_RANGE: Final = _insert(range_, ignore=True)
INSERT_PAIR: Final = _insert(pair, ignore=True)
INSERT_TERM: Final = _insert(term, ignore=True)
INSERT_LOOKUP: Final = _insert(lookup, ignore=True)
INSERT_ALIAS: Final = _insert(alias, ignore=True)
INSERT_NEW_ALIAS: Final = _insert(alias)
"""For what was just made: a Patient whose id another one has is refused."""
INSERT_PARTITION: Final = _insert(partition)
INSERT_CLAIM: Final = _insert(claim)
INSERT_GRANT: Final = _insert(access_grant)
INSERT_PERMIT: Final = _insert(permit)
INSERT_INDEX_STATE: Final = _insert(index_state, ignore=True)

RESOURCE_KEY: Final = ("patient", "type", "id")
UPDATE_RESOURCE: Final = _update(
    resource,
    RESOURCE_KEY,
    ("n", "version", "seq", "updated", "date", "present", "deleted", "labels", "flags", "keys", "body"),
)
UPDATE_INDEX: Final = _update(resource, RESOURCE_KEY, ("date", "present", "labels", "keys"))
UPDATE_INDEX_STATE: Final = _update(index_state, ("type", "param"), ("generation", "ready"))
UPDATE_HISTORY_BODY: Final = _update(history, ("patient", "seq"), ("body",))
DELETE_TOKEN: Final = _delete(token)
DELETE_PERIOD: Final = _delete(period)
DELETE_TEXT: Final = _delete(text_)
DELETE_LINK: Final = _delete(link)
DELETE_RANGE: Final = _delete(range_)
DELETE_PAIR: Final = _delete(pair)
DELETE_LOOKUP: Final = _delete(lookup)

RECORD_TABLES: Final = (
    "partition",
    "claim",
    "resource",
    "history",
    "token",
    "period",
    "range",
    "text",
    "link",
    "pair",
    "term",
    "lookup",
    "alias",
    "access_grant",
    "permit",
    "walk",
)
"""The tables that a sandbox empties and fills."""
