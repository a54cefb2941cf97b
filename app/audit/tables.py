"""The access log in the database: every line of every stream, and which patients it is about.

Rows are only ever added. What may change afterwards is ``audit.payload``, which becomes NULL when its retention ends:
``payload_hash`` and ``chain`` stay, so the chain can still be verified. ``audit_head`` is how far each stream has come.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Table

from app.database.metadata import metadata
from app.database.statements import Insert, Update

audit: Final = Table(
    "audit",
    metadata,
    Column("stream", LargeBinary(16), nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("happened", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=True),
    Column("payload_hash", LargeBinary(32), nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("stream", "line"),
    sqlite_with_rowid=False,
)

audit_patient: Final = Table(
    "audit_patient",
    metadata,
    Column("patient", BigInteger, nullable=False),
    Column("happened", BigInteger, nullable=False),
    Column("stream", LargeBinary(16), nullable=False),
    Column("line", BigInteger, nullable=False),
    PrimaryKeyConstraint("patient", "happened", "stream", "line"),
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

INSERT_LINES: Final = Insert(
    "audit",
    ("stream", "line", "happened", "payload", "payload_hash", "chain"),
    ("bytea", "bigint", "bigint", "bytea", "bytea", "bytea"),
)
INSERT_PATIENTS: Final = Insert(
    "audit_patient",
    ("patient", "happened", "stream", "line"),
    ("bigint", "bigint", "bytea", "bigint"),
)
ADVANCE_HEADS: Final = Update("audit_head", ("stream",), ("line", "chain"), ("bytea", "bigint", "bytea"))
