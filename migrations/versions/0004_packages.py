"""Packages of conformance resources"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.making import WORD, create_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "artifact",
        sa.Column("package_name", WORD, nullable=False),
        sa.Column("package_version", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("url", WORD, nullable=False),
        sa.Column("version", WORD, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("package_name", "package_version", "kind", "url", "version", name=op.f("pk_artifact")),
    )
    create_table(
        "package",
        sa.Column("name", WORD, nullable=False),
        sa.Column("version", WORD, nullable=False),
        sa.Column("fhir_version", WORD, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("dependencies", WORD, nullable=False),
        sa.Column("installed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_package")),
    )
    op.bulk_insert(sa.table("setting", sa.column("name"), sa.column("value")), [{"name": "packages", "value": "0"}])


def downgrade() -> None:
    op.execute("DELETE FROM setting WHERE name = 'packages'")
    op.drop_table("package")
    op.drop_table("artifact")
