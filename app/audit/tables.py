"""The access log in the database: every line of every stream in segments, and which patients each segment is about.

A segment is ``lines`` consecutive lines from number ``line`` on: ``payload`` holds the facts of each with line ends in
between, ``hashes`` 32 bytes for each. Rows are only ever added, until lines are erased (``erasure.py``): the facts go,
hashes and chain stay, so that the chain can still be verified. ``audit_head`` is how far each stream has come.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, PrimaryKeyConstraint, Table

from app.database.metadata import metadata
from app.database.statements import Delete, Insert, Update

# ``payload`` comes last: SQLite has to walk through it to get to what is behind. And with a row number, unlike the
# other tables: rows this large would make a deep tree of a table that is ordered by its key.
audit: Final = Table(
    "audit",
    metadata,
    Column("stream", LargeBinary(16), nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("stream", "line"),
)

audit_patient: Final = Table(
    "audit_patient",
    metadata,
    Column("patient", BigInteger, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("stream", LargeBinary(16), nullable=False),
    Column("line", BigInteger, nullable=False),
    PrimaryKeyConstraint("patient", "began", "stream", "line"),
    sqlite_with_rowid=False,
)

audit_head: Final = Table(
    "audit_head",
    metadata,
    Column("stream", LargeBinary(16), nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("stream"),
    sqlite_with_rowid=False,
)

INSERT_SEGMENTS: Final = Insert(
    "audit",
    ("stream", "line", "lines", "began", "ended", "chain", "hashes", "payload"),
    ("bytea", "bigint", "integer", "bigint", "bigint", "bytea", "bytea", "bytea"),
)
INSERT_PATIENTS: Final = Insert(
    "audit_patient", ("patient", "began", "stream", "line"), ("bigint", "bigint", "bytea", "bigint")
)
ADVANCE_HEADS: Final = Update("audit_head", ("stream",), ("line", "chain"), ("bytea", "bigint", "bytea"))
CHANGE_PAYLOADS: Final = Update("audit", ("stream", "line"), ("payload",), ("bytea", "bigint", "bytea"))
DELETE_PATIENTS: Final = Delete(
    "audit_patient", ("patient", "began", "stream", "line"), ("bigint", "bigint", "bytea", "bigint")
)
