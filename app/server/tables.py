"""The tables of the FHIR server. Every row that holds a patient's data starts with that patient's key.

``n`` is the row number that index rows carry: the ``seq`` at which the resource was born, so it also tells what
existed when. ``value`` is a 64-bit hash of a token; ``term`` says what it stands for. Times are microseconds since the
epoch. Keys are numbers of ``fhir/definitions/numbers.json``.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from app.database import metadata
from app.database.describing import big, deletion, insertion, number, small, update_of, word


def _index_table(name: str, *columns: Column[Any]) -> Table:
    """A search index: its primary key is the whole row, and on SQLite the row is its key."""
    every = (big("patient"), small("type"), small("param"), *columns)
    return Table(
        name, metadata, *every, PrimaryKeyConstraint(*(column.name for column in every)), sqlite_with_rowid=False
    )


tenant: Final = Table("tenant", metadata, Column("id", Integer, primary_key=True, autoincrement=False), word("name"))

partition: Final = Table(
    "partition",
    metadata,
    big("patient"),
    Column("tenant", Integer, nullable=False),
    big("seq"),
    big("updated"),
    word("state"),
    small("erased"),
    PrimaryKeyConstraint("patient"),
    Index("ix_partition_tenant", "tenant", "patient"),
)
"""One row per patient and per catalogue: write lock, order of changes, and a lastUpdated that never goes back.
``erased``: 1 once something of it was erased at the person's request, so that only then is asked what.
"""

claim: Final = Table(
    "claim",
    metadata,
    big("patient"),
    word("name"),
    big("n"),
    PrimaryKeyConstraint("patient", "name"),
    sqlite_with_rowid=False,
)

resource: Final = Table(
    "resource",
    metadata,
    big("patient"),
    small("type"),
    word("id"),
    big("n"),
    Column("version", Integer, nullable=False),
    big("seq"),
    big("updated"),
    big("date"),
    big("present"),
    small("deleted"),
    big("labels"),
    small("flags"),
    Column("keys", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=True),
    PrimaryKeyConstraint("patient", "type", "id"),
    UniqueConstraint("patient", "n"),
    Index("ix_resource_change", "patient", "type", "seq"),
)

history: Final = Table(
    "history",
    metadata,
    big("patient"),
    big("seq"),
    small("type"),
    word("id"),
    Column("version", Integer, nullable=False),
    big("updated"),
    word("interaction"),
    big("labels"),
    word("actor"),
    word("request"),
    Column("body", LargeBinary, nullable=True),
    PrimaryKeyConstraint("patient", "seq"),
    UniqueConstraint("patient", "type", "id", "version"),
)
"""Every version. ``body`` is NULL while the version is the current one (``resource`` holds it), for a deletion, and for
what was erased: ``interaction`` is then ``erased``, and ``erase`` for the version that says so.
"""

token: Final = _index_table("token", big("value"), big("date"), big("n"))
period: Final = _index_table("period", big("low"), big("high"), big("n"))
range_: Final = _index_table("range", big("unit"), number("low"), number("high"), big("n"))
text_: Final = Table(
    "text",
    metadata,
    big("patient"),
    small("type"),
    small("param"),
    word("head"),
    big("n"),
    small("ord"),
    word("folded"),
    word("exact"),
    PrimaryKeyConstraint("patient", "type", "param", "head", "n", "ord"),
    sqlite_with_rowid=False,
)
"""``head``: the first 64 characters of the folded string, which the index is ordered by."""
link: Final = _index_table("link", small("target_type"), word("target_id"), big("n"))
Index("ix_link_from", link.c.patient, link.c.n, link.c.param)
pair: Final = _index_table(
    "pair",
    big("value"),
    small("kind"),
    big("unit"),
    number("low"),
    number("high"),
    big("n"),
)

term: Final = Table(
    "term",
    metadata,
    big("patient"),
    big("value"),
    word("system"),
    word("code"),
    PrimaryKeyConstraint("patient", "value", "code"),
    Index("ix_term_code", "patient", "code"),
    sqlite_with_rowid=False,
)
"""What a ``value`` stands for: one token, or each of the texts that belong to the codes of a resource."""

lookup: Final = Table(
    "lookup",
    metadata,
    small("type"),
    small("param"),
    big("value"),
    big("patient"),
    big("n"),
    PrimaryKeyConstraint("type", "param", "value", "patient", "n"),
    sqlite_with_rowid=False,
)
alias: Final = Table(
    "alias",
    metadata,
    small("type"),
    word("id"),
    big("patient"),
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
    big("stamp"),
    word("recipient"),
    word("client"),
    word("person"),
    word("organization"),
    Column("tenant", Integer, nullable=False),
    word("purpose"),
    word("scopes"),
    big("patient", nullable=True),
    small("everyone"),
    big("expires"),
    word("kind"),
    word("role"),
    word("also"),
    word("within"),
    word("responsible"),
    word("fhir_user"),
    word("family"),
    big("fresh"),
    word("services", default=""),
    Index("ix_access_grant_recipient", "recipient"),
    Index("ix_access_grant_also", "also"),
    Index("ix_access_grant_within", "within"),
    Index("ix_access_grant_family", "family"),
)
"""What a token or a session stands for. Its permits are those of ``recipient`` and of ``also`` together, as far as
those of ``within`` go: an app (recipient) does not reach beyond the person who uses it (within).

``kind``: app, system, session, service or sandbox. ``role``: of the person or system (``auth/roles.py``).
``responsible``: on whose behalf, where that is somebody else. ``family``: the authorization that it came from.
``fresh``: until when the second factor of a session counts as just given (µs), 0 for none. ``services``: the MedMij
data services that it is for, by number; "" for every other token.
"""
permit: Final = Table(
    "permit",
    metadata,
    word("recipient"),
    big("patient"),
    word("purpose"),
    word("consent"),
    big("labels"),
    small("actions"),
    big("since"),
    big("until"),
    PrimaryKeyConstraint("recipient", "patient", "purpose", "consent", "actions"),
    Index("ix_permit_patient", "patient"),
)
walk: Final = Table(
    "walk",
    metadata,
    word("id"),
    big("expires"),
    Column("partitions", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
)
"""The partitions and their ``seq`` that the pages of one search over several patients refer to."""

index_state: Final = Table(
    "index_state",
    metadata,
    small("type"),
    small("param"),
    Column("generation", Integer, nullable=False),
    small("ready"),
    PrimaryKeyConstraint("type", "param"),
)
"""Which search parameters are filled (``ready`` 0: a reindex must come first), and by which ``generation`` of rules."""
setting: Final = Table("setting", metadata, word("name"), word("value"), PrimaryKeyConstraint("name"))
"""What was decided when this database was made: the canonical base, and whether it is a sandbox. And ``packages``: how
often what is installed of packages has changed; ``instruments``: likewise of questionnaires.
"""

INSERT_RESOURCE: Final = insertion(resource)
INSERT_HISTORY: Final = insertion(history)
INSERT_TOKEN: Final = insertion(token, ignore=True)
INSERT_PERIOD: Final = insertion(period, ignore=True)
INSERT_TEXT: Final = insertion(text_, ignore=True)
INSERT_LINK: Final = insertion(link, ignore=True)
INSERT_RANGE: Final = insertion(range_, ignore=True)
INSERT_PAIR: Final = insertion(pair, ignore=True)
INSERT_TERM: Final = insertion(term, ignore=True)
INSERT_LOOKUP: Final = insertion(lookup, ignore=True)
INSERT_ALIAS: Final = insertion(alias, ignore=True)
INSERT_NEW_ALIAS: Final = insertion(alias)
"""For what was just made: a Patient whose id another one has is refused."""
INSERT_PARTITION: Final = insertion(partition)
INSERT_CLAIM: Final = insertion(claim)
INSERT_GRANT: Final = insertion(access_grant)
INSERT_PERMIT: Final = insertion(permit)
INSERT_INDEX_STATE: Final = insertion(index_state, ignore=True)

RESOURCE_KEY: Final = ("patient", "type", "id")
UPDATE_RESOURCE: Final = update_of(
    resource,
    RESOURCE_KEY,
    ("n", "version", "seq", "updated", "date", "present", "deleted", "labels", "flags", "keys", "body"),
)
UPDATE_INDEX: Final = update_of(resource, RESOURCE_KEY, ("date", "present", "labels", "keys"))
UPDATE_INDEX_STATE: Final = update_of(index_state, ("type", "param"), ("generation", "ready"))
UPDATE_HISTORY_BODY: Final = update_of(history, ("patient", "seq"), ("body",))
EMPTY_HISTORY: Final = update_of(history, ("patient", "seq"), ("interaction", "actor", "request", "body"))
DELETE_TOKEN: Final = deletion(token)
DELETE_PERIOD: Final = deletion(period)
DELETE_TEXT: Final = deletion(text_)
DELETE_LINK: Final = deletion(link)
DELETE_RANGE: Final = deletion(range_)
DELETE_PAIR: Final = deletion(pair)
DELETE_LOOKUP: Final = deletion(lookup)
DELETE_ALIAS: Final = deletion(alias)

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
    "delivered",
    "delivered_under",
    "quarantine",
)
"""The tables that a sandbox empties and fills."""
