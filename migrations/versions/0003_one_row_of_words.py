"""One row of words: what a hash stands for may be several texts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The index rows of these go with the reindex that follows, since their rules have changed.
    op.execute("DELETE FROM term WHERE system = ' words'")
    _key("patient, value, code")


def downgrade() -> None:
    op.execute("DELETE FROM term WHERE system = ' words'")
    _key("patient, value")


def _key(columns: str) -> None:
    """Give ``term`` another primary key; on SQLite the rows are their key, so the table is made anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_term", "term", type_="primary")
        op.create_primary_key("pk_term", "term", columns.split(", "))
        return
    op.drop_index("ix_term_code", table_name="term")
    op.rename_table("term", "term_before")
    op.create_table(
        "term",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*columns.split(", "), name="pk_term"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO term SELECT patient, value, system, code FROM term_before")
    op.drop_table("term_before")
    op.create_index("ix_term_code", "term", ["patient", "code"], unique=False)
