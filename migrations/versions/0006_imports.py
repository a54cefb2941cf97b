"""Files of measurements that are imported"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.making import WORD, create_table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "import_job",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("source", WORD, nullable=False),
        sa.Column("access", sa.LargeBinary(), nullable=False),
        sa.Column("request", WORD, nullable=False),
        sa.Column("format", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finished", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("worker", WORD, nullable=False),
        sa.Column("beat", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", name=op.f("pk_import_job")),
    )
    op.create_index("ix_import_job_state", "import_job", ["state"], unique=False)
    create_table(
        "import_part",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", "part", name=op.f("pk_import_part")),
    )
    create_table(
        "import_told",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("row", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("line", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("severity", WORD, nullable=False),
        sa.Column("rule", WORD, nullable=False),
        sa.Column("place", WORD, nullable=False),
        sa.Column("nl", WORD, nullable=False),
        sa.Column("en", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", "row", name=op.f("pk_import_told")),
    )


def downgrade() -> None:
    op.drop_table("import_told")
    op.drop_table("import_part")
    op.drop_index("ix_import_job_state", table_name="import_job")
    op.drop_table("import_job")
