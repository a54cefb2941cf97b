"""Which MedMij data services a token is for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.making import WORD

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
_TABLES = ("access_grant", "client")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("services", WORD, nullable=False, server_default=""))
    _seed_again()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "services")
    _seed_again()


def _seed_again() -> None:
    """What a sandbox keeps of its seeds has the columns of before: it is made anew when the sandbox is next served."""
    op.execute("UPDATE setting SET value = 'not seeded' WHERE name = 'sandbox'")
