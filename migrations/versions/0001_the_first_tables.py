"""The first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from app.database.making import WORD, create_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_table(
        "access_grant",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recipient", WORD, nullable=False),
        sa.Column("client", WORD, nullable=False),
        sa.Column("person", WORD, nullable=False),
        sa.Column("organization", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("scopes", WORD, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("everyone", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_access_grant")),
    )
    op.create_index("ix_access_grant_recipient", "access_grant", ["recipient"], unique=False)
    create_table(
        "alias",
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("type", "id", "patient", name=op.f("pk_alias")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_alias_patient",
        "alias",
        ["id"],
        unique=True,
        sqlite_where=sa.text("type = 103"),
        postgresql_where=sa.text("type = 103"),
    )
    create_table(
        "audit",
        sa.Column("stream", sa.LargeBinary(length=16), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "line", name=op.f("pk_audit")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # PostgreSQL's own compression costs more CPU than everything else that is done for these rows.
        op.execute("ALTER TABLE audit ALTER COLUMN payload SET STORAGE EXTERNAL")
    create_table(
        "audit_head",
        sa.Column("stream", sa.LargeBinary(length=16), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_audit_head")),
        sqlite_with_rowid=False,
    )
    create_table(
        "audit_patient",
        sa.Column("patient", sa.BigInteger(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.LargeBinary(length=16), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("patient", "began", "stream", "line", name=op.f("pk_audit_patient")),
        sqlite_with_rowid=False,
    )
    create_table(
        "claim",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "name", name=op.f("pk_claim")),
        sqlite_with_rowid=False,
    )
    create_table(
        "history",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("interaction", WORD, nullable=False),
        sa.Column("labels", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("request", WORD, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("patient", "seq", name=op.f("pk_history")),
        sa.UniqueConstraint("patient", "type", "id", "version", name=op.f("uq_history_patient_type_id_version")),
    )
    create_table(
        "index_state",
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("ready", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("type", "param", name=op.f("pk_index_state")),
    )
    create_table(
        "link",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("target_type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("target_id", WORD, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "type", "param", "target_type", "target_id", "n", name=op.f("pk_link")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_from", "link", ["patient", "n", "param"], unique=False)
    create_table(
        "lookup",
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("type", "param", "value", "patient", "n", name=op.f("pk_lookup")),
        sqlite_with_rowid=False,
    )
    create_table(
        "pair",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "patient", "type", "param", "value", "kind", "unit", "low", "high", "n", name=op.f("pk_pair")
        ),
        sqlite_with_rowid=False,
    )
    create_table(
        "partition",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("updated", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", name=op.f("pk_partition")),
    )
    op.create_index("ix_partition_tenant", "partition", ["tenant", "patient"], unique=False)
    create_table(
        "period",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("low", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("high", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "type", "param", "low", "high", "n", name=op.f("pk_period")),
        sqlite_with_rowid=False,
    )
    create_table(
        "permit",
        sa.Column("recipient", WORD, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("consent", WORD, nullable=False),
        sa.Column("labels", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actions", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("recipient", "patient", "purpose", "consent", "actions", name=op.f("pk_permit")),
    )
    op.create_index("ix_permit_patient", "permit", ["patient"], unique=False)
    create_table(
        "range",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "type", "param", "unit", "low", "high", "n", name=op.f("pk_range")),
        sqlite_with_rowid=False,
    )
    create_table(
        "resource",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("updated", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("present", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deleted", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("labels", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("flags", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("patient", "type", "id", name=op.f("pk_resource")),
        sa.UniqueConstraint("patient", "n", name=op.f("uq_resource_patient_n")),
    )
    op.create_index("ix_resource_change", "resource", ["patient", "type", "seq"], unique=False)
    create_table(
        "setting",
        sa.Column("name", WORD, nullable=False),
        sa.Column("value", WORD, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    create_table(
        "tenant",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
    )
    create_table(
        "term",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("system", WORD, nullable=False),
        sa.Column("code", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "value", name=op.f("pk_term")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_term_code", "term", ["patient", "code"], unique=False)
    create_table(
        "text",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("head", WORD, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ord", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("folded", WORD, nullable=False),
        sa.Column("exact", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "type", "param", "head", "n", "ord", name=op.f("pk_text")),
        sqlite_with_rowid=False,
    )
    create_table(
        "token",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("param", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "type", "param", "value", "date", "n", name=op.f("pk_token")),
        sqlite_with_rowid=False,
    )
    create_table(
        "walk",
        sa.Column("id", WORD, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("partitions", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_walk")),
    )

    if op.get_bind().dialect.name == "postgresql":
        # Bodies are served as they are stored: compressing them would cost more than it saves.
        for name in ("resource", "history"):
            op.execute(f"ALTER TABLE {name} ALTER COLUMN body SET STORAGE EXTERNAL")
    op.bulk_insert(
        sa.table("setting", sa.column("name"), sa.column("value")),
        [{"name": "canonical-base", "value": context.config.attributes["canonical_base"]}],
    )
    op.bulk_insert(sa.table("tenant", sa.column("id"), sa.column("name")), [{"id": 1, "name": "default"}])
    catalogues = sa.table("partition", *(sa.column(name) for name in ("patient", "tenant", "seq", "updated", "state")))
    rows = [{"patient": -tenant, "tenant": tenant, "seq": 0, "updated": 0, "state": "live"} for tenant in (0, 1)]
    op.bulk_insert(catalogues, rows)


def downgrade() -> None:
    op.drop_table("walk")
    op.drop_table("token")
    op.drop_table("text")
    op.drop_index("ix_term_code", table_name="term")
    op.drop_table("term")
    op.drop_table("tenant")
    op.drop_table("setting")
    op.drop_index("ix_resource_change", table_name="resource")
    op.drop_table("resource")
    op.drop_table("range")
    op.drop_index("ix_permit_patient", table_name="permit")
    op.drop_table("permit")
    op.drop_table("period")
    op.drop_index("ix_partition_tenant", table_name="partition")
    op.drop_table("partition")
    op.drop_table("pair")
    op.drop_table("lookup")
    op.drop_index("ix_link_from", table_name="link")
    op.drop_table("link")
    op.drop_table("index_state")
    op.drop_table("history")
    op.drop_table("claim")
    op.drop_table("audit_patient")
    op.drop_table("audit_head")
    op.drop_table("audit")
    op.drop_index(
        "uq_alias_patient",
        table_name="alias",
        sqlite_where=sa.text("type = 103"),
        postgresql_where=sa.text("type = 103"),
    )
    op.drop_table("alias")
    op.drop_index("ix_access_grant_recipient", table_name="access_grant")
    op.drop_table("access_grant")
