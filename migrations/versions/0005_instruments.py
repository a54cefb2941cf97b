"""Questionnaires that a tenant installed with a licence"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.making import WORD, create_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "instrument",
        sa.Column("catalogue", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", WORD, nullable=False),
        sa.Column("version", WORD, nullable=False),
        sa.Column("installed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("licence", sa.LargeBinary(), nullable=False),
        sa.Column("scoring", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("catalogue", "url", "version", name=op.f("pk_instrument")),
    )
    op.bulk_insert(sa.table("setting", sa.column("name"), sa.column("value")), [{"name": "instruments", "value": "0"}])


def downgrade() -> None:
    op.execute("DELETE FROM setting WHERE name = 'instruments'")
    op.drop_table("instrument")
