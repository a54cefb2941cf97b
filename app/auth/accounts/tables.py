"""Accounts of people and how they prove who they are. No clinical data; times are µs since the epoch.

An account is a pseudonym (``id``): 16 random characters, which is what logs, grants and histories say. Secrets are
kept as hashes, or sealed with the service's own key (``app/auth/sealing.py``) where they must be read back.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, small, word

account: Final = Table(
    "account",
    metadata,
    word("id"),
    Column("tenant", Integer, nullable=False),
    word("role"),
    word("email"),
    word("name"),
    word("language"),
    word("state"),
    word("password"),
    blob("totp"),
    big("totp_step"),
    blob("handle"),
    big("patient", nullable=True),
    word("birth_date"),
    big("created"),
    big("verified"),
    big("changed"),
    PrimaryKeyConstraint("id"),
    Index("uq_account_email", "tenant", "email", unique=True),
    Index("uq_account_handle", "handle", unique=True),
    Index("ix_account_patient", "patient"),
)
"""``email`` folded; ``state``: new (no password yet), active or closed; ``password``: argon2, "" for none; ``totp``:
sealed, b"" for none, ``totp_step`` the last step that was used; ``handle``: WebAuthn's user handle; ``patient``: the
own record; ``birth_date``: as registered, "" once a Patient has it; ``verified``: when the e-mail address was, 0 for
not; ``changed``: when a credential last was.
"""

passkey: Final = Table(
    "passkey",
    metadata,
    blob("id"),
    word("account"),
    word("name"),
    blob("public_key"),
    big("sign_count"),
    word("transports"),
    big("created"),
    big("used"),
    PrimaryKeyConstraint("id"),
    Index("ix_passkey_account", "account"),
)

recovery_code: Final = Table(
    "recovery_code",
    metadata,
    word("account"),
    blob("hash"),
    big("used"),
    PrimaryKeyConstraint("account", "hash"),
    sqlite_with_rowid=False,
)
"""``used``: when, 0 for not yet."""

session: Final = Table(
    "session",
    metadata,
    blob("hash"),
    word("account"),
    Column("tenant", Integer, nullable=False),
    word("method"),
    word("assurance"),
    word("issuer"),
    word("organization"),
    word("identifiers"),
    big("patient", nullable=True),
    big("created"),
    big("seen"),
    big("expires"),
    big("fresh"),
    blob("csrf"),
    PrimaryKeyConstraint("hash"),
    Index("ix_session_account", "account"),
)
"""A person's browser session. ``hash``: of the cookie. Once a record is chosen (``patient``) there is an access_grant
of kind session under the same hash. ``method``: how they logged in (password+totp, password+recovery, passkey, openid,
openid+totp); ``organization`` and ``identifiers`` (JSON): of a professional, as the identity provider said. ``fresh``:
until when the second factor counts as just given.
"""

ticket: Final = Table(
    "ticket",
    metadata,
    blob("hash"),
    word("kind"),
    word("account"),
    word("data"),
    big("created"),
    big("expires"),
    PrimaryKeyConstraint("hash"),
    Index("ix_ticket_expires", "expires"),
    Index("ix_ticket_account", "account", "kind"),
)
"""Secrets that count once and not for long: e-mail verification, recovery, WebAuthn challenges, the state of a log-in
elsewhere, a pushed or waiting authorization request, a launch, a download link. ``hash``: SHA-256 of the secret;
``data``: JSON. Taken with ``DELETE … RETURNING``.
"""

attempt: Final = Table(
    "attempt",
    metadata,
    blob("key"),
    big("count"),
    big("since"),
    big("until"),
    PrimaryKeyConstraint("key"),
    Index("ix_attempt_until", "until"),
)
"""Counters of rate limits and lock-out, the same for all processes. ``key``: a keyed hash of what is counted, so that
no address or account stands here.
"""

mandate: Final = Table(
    "mandate",
    metadata,
    big("patient"),
    word("id"),
    word("account"),
    word("ground"),
    word("state"),
    word("evidence"),
    big("since"),
    big("until"),
    word("given_by"),
    big("given"),
    big("ended"),
    word("ended_by"),
    PrimaryKeyConstraint("patient", "id"),
    Index("ix_mandate_account", "account"),
)
"""Who may act for a patient (MODEL 5). ``ground``: parental-authority, curator, mentor, written-authorisation;
``state``: asked (a parent says so, an administrator is to confirm it), active, refused or ended; ``evidence``: the
decision or document that it rests on. ``until`` is part of the permit that goes with it: an end holds by itself.
"""

event: Final = Table(
    "account_event",
    metadata,
    word("account"),
    big("at"),
    word("kind"),
    word("data"),
    small("told"),
    PrimaryKeyConstraint("account", "at", "kind"),
    sqlite_with_rowid=False,
)
"""What a person is told of their own account: logged in, credential changed, mandate given or ended."""

INSERT_ACCOUNT: Final = insertion(account)
INSERT_PASSKEY: Final = insertion(passkey)
INSERT_RECOVERY_CODE: Final = insertion(recovery_code)
INSERT_SESSION: Final = insertion(session)
INSERT_TICKET: Final = insertion(ticket)
INSERT_MANDATE: Final = insertion(mandate)
INSERT_EVENT: Final = insertion(event, ignore=True)
