"""What sources deliver, and what of it could not be taken"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.making import WORD, create_table

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "delivered",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", WORD, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("url", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "source", "type", "key", name=op.f("pk_delivered")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivered_resource", "delivered", ["patient", "type", "id"], unique=False)
    create_table(
        "delivered_under",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("request", WORD, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "source", "request", "type", "id", name=op.f("pk_delivered_under")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_delivered_under_resource", "delivered_under", ["patient", "type", "id"], unique=False)
    create_table(
        "quarantine",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("source_name", WORD, nullable=False),
        sa.Column("type", WORD, nullable=False),
        sa.Column("media_type", WORD, nullable=False),
        sa.Column("fhir_version", WORD, nullable=False),
        sa.Column("received", sa.LargeBinary(), nullable=False),
        sa.Column("problems", sa.LargeBinary(), nullable=False),
        sa.Column("sent", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("request", WORD, nullable=False),
        sa.Column("program", WORD, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("claimed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_program", "quarantine", ["program"], unique=False)
    _seed_again()


def downgrade() -> None:
    op.drop_index("ix_quarantine_program", table_name="quarantine")
    op.drop_table("quarantine")
    op.drop_index("ix_delivered_under_resource", table_name="delivered_under")
    op.drop_table("delivered_under")
    op.drop_index("ix_delivered_resource", table_name="delivered")
    op.drop_table("delivered")
    _seed_again()


def _seed_again() -> None:
    """What a sandbox keeps of its seeds lacks these tables: it is made anew when the sandbox is next served."""
    op.execute("UPDATE setting SET value = 'not seeded' WHERE name = 'sandbox'")
