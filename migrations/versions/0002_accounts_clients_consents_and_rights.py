"""Accounts, clients, consents and rights"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.making import WORD, create_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

GRANT_WORDS = ("kind", "role", "also", "within", "responsible", "fhir_user", "family")


def upgrade() -> None:  # noqa: PLR0915 - one statement a table and index
    create_table(
        "account",
        sa.Column("id", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("email", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("language", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("password", WORD, nullable=False),
        sa.Column("totp", sa.LargeBinary(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.LargeBinary(), nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("birth_date", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verified", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_index("ix_account_patient", "account", ["patient"], unique=False)
    op.create_index("uq_account_email", "account", ["tenant", "email"], unique=True)
    op.create_index("uq_account_handle", "account", ["handle"], unique=True)
    create_table(
        "account_event",
        sa.Column("account", WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("data", WORD, nullable=False),
        sa.Column("told", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", "at", "kind", name=op.f("pk_account_event")),
        sqlite_with_rowid=False,
    )
    create_table(
        "attempt",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_until", "attempt", ["until"], unique=False)
    create_table(
        "client_authorization",
        sa.Column("id", WORD, nullable=False),
        sa.Column("client", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("organization", WORD, nullable=False),
        sa.Column("recipient", WORD, nullable=False),
        sa.Column("also", WORD, nullable=False),
        sa.Column("within", WORD, nullable=False),
        sa.Column("role", WORD, nullable=False),
        sa.Column("responsible", WORD, nullable=False),
        sa.Column("fhir_user", WORD, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("scopes", WORD, nullable=False),
        sa.Column("asked", WORD, nullable=False),
        sa.Column("redirect_uri", WORD, nullable=False),
        sa.Column("text_version", WORD, nullable=False),
        sa.Column("session", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", WORD, nullable=False),
        sa.Column("authenticated", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("assurance", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revoked", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_authorization")),
    )
    op.create_index("ix_client_authorization_account", "client_authorization", ["account"], unique=False)
    op.create_index("ix_client_authorization_client", "client_authorization", ["client", "patient"], unique=False)
    op.create_index("ix_client_authorization_recipient", "client_authorization", ["recipient", "patient"], unique=False)
    create_table(
        "authorization_code",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("family", WORD, nullable=False),
        sa.Column("client", WORD, nullable=False),
        sa.Column("redirect_uri", WORD, nullable=False),
        sa.Column("challenge", WORD, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_authorization_code")),
    )
    op.create_index("ix_authorization_code_expires", "authorization_code", ["expires"], unique=False)
    create_table(
        "client",
        sa.Column("id", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("users", WORD, nullable=False),
        sa.Column("organization", WORD, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("secret", WORD, nullable=False),
        sa.Column("jwks", WORD, nullable=False),
        sa.Column("jwks_uri", WORD, nullable=False),
        sa.Column("redirect_uris", WORD, nullable=False),
        sa.Column("launch_uri", WORD, nullable=False),
        sa.Column("scopes", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    create_table(
        "client_assertion",
        sa.Column("client", WORD, nullable=False),
        sa.Column("jti", WORD, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("client", "jti", name=op.f("pk_client_assertion")),
        sqlite_with_rowid=False,
    )
    create_table(
        "consent",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("recipient", WORD, nullable=False),
        sa.Column("recipient_name", WORD, nullable=False),
        sa.Column("purpose", WORD, nullable=False),
        sa.Column("labels", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actions", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("language", WORD, nullable=False),
        sa.Column("text_version", WORD, nullable=False),
        sa.Column("text_hash", sa.LargeBinary(), nullable=False),
        sa.Column("text", WORD, nullable=False),
        sa.Column("given_by", WORD, nullable=False),
        sa.Column("method", WORD, nullable=False),
        sa.Column("recorded", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", "version", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_recipient", "consent", ["recipient"], unique=False)
    create_table(
        "erasure",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("scope", WORD, nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("requested", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finished", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resources", sa.Integer(), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("proof", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", name=op.f("pk_erasure")),
    )
    create_table(
        "export",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("done", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("total", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("finished", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("worker", WORD, nullable=False),
        sa.Column("beat", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("labels", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", name=op.f("pk_export")),
    )
    op.create_index("ix_export_state", "export", ["state"], unique=False)
    create_table(
        "export_part",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", "part", name=op.f("pk_export_part")),
    )
    create_table(
        "identity",
        sa.Column("issuer", WORD, nullable=False),
        sa.Column("subject", WORD, nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("assurance", WORD, nullable=False),
        sa.Column("linked", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity")),
    )
    op.create_index("ix_identity_account", "identity", ["account"], unique=False)
    create_table(
        "identity_provider",
        sa.Column("id", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("organization", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("issuer", WORD, nullable=False),
        sa.Column("client_id", WORD, nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("claims", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_provider")),
    )
    op.create_index("uq_identity_provider_issuer", "identity_provider", ["tenant", "issuer"], unique=True)
    create_table(
        "mandate",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("ground", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("evidence", WORD, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("given_by", WORD, nullable=False),
        sa.Column("given", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_by", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "id", name=op.f("pk_mandate")),
    )
    op.create_index("ix_mandate_account", "mandate", ["account"], unique=False)
    create_table(
        "organization",
        sa.Column("id", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("agb", WORD, nullable=False),
        sa.Column("ura", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
    )
    create_table(
        "pairing",
        sa.Column("organization", WORD, nullable=False),
        sa.Column("system", WORD, nullable=False),
        sa.Column("value", WORD, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("paired", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("organization", "system", "value", name=op.f("pk_pairing")),
    )
    op.create_index("ix_pairing_patient", "pairing", ["patient"], unique=False)
    create_table(
        "pairing_code",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organization", WORD, nullable=False),
        sa.Column("consent", WORD, nullable=False),
        sa.Column("given_by", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_pairing_code")),
    )
    op.create_index("ix_pairing_code_patient", "pairing_code", ["patient"], unique=False)
    create_table(
        "passkey",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transports", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
    )
    op.create_index("ix_passkey_account", "passkey", ["account"], unique=False)
    create_table(
        "recovery_code",
        sa.Column("account", WORD, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("used", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("account", "hash", name=op.f("pk_recovery_code")),
        sqlite_with_rowid=False,
    )
    create_table(
        "refresh_token",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("family", WORD, nullable=False),
        sa.Column("client", WORD, nullable=False),
        sa.Column("scopes", WORD, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_refresh_token")),
    )
    op.create_index("ix_refresh_token_family", "refresh_token", ["family"], unique=False)
    create_table(
        "session",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("tenant", sa.Integer(), nullable=False),
        sa.Column("method", WORD, nullable=False),
        sa.Column("assurance", WORD, nullable=False),
        sa.Column("issuer", WORD, nullable=False),
        sa.Column("organization", WORD, nullable=False),
        sa.Column("identifiers", WORD, nullable=False),
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fresh", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("csrf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_session")),
    )
    op.create_index("ix_session_account", "session", ["account"], unique=False)
    create_table(
        "signing_key",
        sa.Column("kid", WORD, nullable=False),
        sa.Column("algorithm", WORD, nullable=False),
        sa.Column("public", WORD, nullable=False),
        sa.Column("private", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("retires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    create_table(
        "ticket",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("account", WORD, nullable=False),
        sa.Column("data", WORD, nullable=False),
        sa.Column("created", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_ticket")),
    )
    op.create_index("ix_ticket_account", "ticket", ["account", "kind"], unique=False)
    op.create_index("ix_ticket_expires", "ticket", ["expires"], unique=False)
    create_table(
        "tombstone",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", WORD, nullable=False),
        sa.Column("erased", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("erasure", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "type", "id", name=op.f("pk_tombstone")),
        sqlite_with_rowid=False,
    )
    create_table(
        "tombstone_identifier",
        sa.Column("patient", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("erasure", WORD, nullable=False),
        sa.PrimaryKeyConstraint("patient", "value", name=op.f("pk_tombstone_identifier")),
        sqlite_with_rowid=False,
    )
    # Rows that are there get a value; the columns then lose their default, as the tables describe them.
    with op.batch_alter_table("access_grant") as batch:
        for name in GRANT_WORDS:
            batch.add_column(sa.Column(name, WORD, nullable=False, server_default=""))
        batch.add_column(sa.Column("fresh", sa.BigInteger(), autoincrement=False, nullable=False, server_default="0"))
    with op.batch_alter_table("access_grant") as batch:
        for name in (*GRANT_WORDS, "fresh"):
            batch.alter_column(name, server_default=None)
    with op.batch_alter_table("partition") as batch:
        batch.add_column(
            sa.Column("erased", sa.SmallInteger(), autoincrement=False, nullable=False, server_default="0")
        )
    with op.batch_alter_table("partition") as batch:
        batch.alter_column("erased", server_default=None)
    op.create_index("ix_access_grant_also", "access_grant", ["also"], unique=False)
    op.create_index("ix_access_grant_family", "access_grant", ["family"], unique=False)
    op.create_index("ix_access_grant_within", "access_grant", ["within"], unique=False)


def downgrade() -> None:  # noqa: PLR0915 - one statement a table and index
    op.drop_index("ix_access_grant_within", table_name="access_grant")
    op.drop_index("ix_access_grant_family", table_name="access_grant")
    op.drop_index("ix_access_grant_also", table_name="access_grant")
    with op.batch_alter_table("access_grant") as batch:
        for name in (*GRANT_WORDS, "fresh"):
            batch.drop_column(name)
    with op.batch_alter_table("partition") as batch:
        batch.drop_column("erased")
    op.drop_table("tombstone_identifier")
    op.drop_table("tombstone")
    op.drop_index("ix_ticket_expires", table_name="ticket")
    op.drop_index("ix_ticket_account", table_name="ticket")
    op.drop_table("ticket")
    op.drop_table("signing_key")
    op.drop_index("ix_session_account", table_name="session")
    op.drop_table("session")
    op.drop_index("ix_refresh_token_family", table_name="refresh_token")
    op.drop_table("refresh_token")
    op.drop_table("recovery_code")
    op.drop_index("ix_passkey_account", table_name="passkey")
    op.drop_table("passkey")
    op.drop_index("ix_pairing_code_patient", table_name="pairing_code")
    op.drop_table("pairing_code")
    op.drop_index("ix_pairing_patient", table_name="pairing")
    op.drop_table("pairing")
    op.drop_table("organization")
    op.drop_index("ix_mandate_account", table_name="mandate")
    op.drop_table("mandate")
    op.drop_index("uq_identity_provider_issuer", table_name="identity_provider")
    op.drop_table("identity_provider")
    op.drop_index("ix_identity_account", table_name="identity")
    op.drop_table("identity")
    op.drop_table("export_part")
    op.drop_index("ix_export_state", table_name="export")
    op.drop_table("export")
    op.drop_table("erasure")
    op.drop_index("ix_consent_recipient", table_name="consent")
    op.drop_table("consent")
    op.drop_table("client_assertion")
    op.drop_table("client")
    op.drop_index("ix_authorization_code_expires", table_name="authorization_code")
    op.drop_table("authorization_code")
    op.drop_index("ix_client_authorization_recipient", table_name="client_authorization")
    op.drop_index("ix_client_authorization_client", table_name="client_authorization")
    op.drop_index("ix_client_authorization_account", table_name="client_authorization")
    op.drop_table("client_authorization")
    op.drop_index("ix_attempt_until", table_name="attempt")
    op.drop_table("attempt")
    op.drop_table("account_event")
    op.drop_index("uq_account_handle", table_name="account")
    op.drop_index("uq_account_email", table_name="account")
    op.drop_index("ix_account_patient", table_name="account")
    op.drop_table("account")
