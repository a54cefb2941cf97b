"""Consents: what a person allowed to whom, every version with the text that was shown, and codes for pairing."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, small, word

consent: Final = Table(
    "consent",
    metadata,
    big("patient"),
    word("id"),
    Column("version", Integer, nullable=False),
    Column("tenant", Integer, nullable=False),
    word("state"),
    word("recipient"),
    word("recipient_name"),
    word("purpose"),
    big("labels"),
    small("actions"),
    big("since"),
    big("until"),
    word("language"),
    word("text_version"),
    blob("text_hash"),
    word("text"),
    word("given_by"),
    word("method"),
    big("recorded"),
    word("reason"),
    PrimaryKeyConstraint("patient", "id", "version"),
    Index("ix_consent_recipient", "recipient"),
)
"""Every version of every consent; the highest counts. ``state``: active, withdrawn or erased. ``recipient`` as in
``app/auth/recipients.py``; ``actions``: letters' bits; ``given_by``: the account that decided (the patient or who
represents them); ``text``: exactly what was shown, with ``text_hash`` its SHA-256. The active version's row of
``permit`` is written in the same transaction.
"""

pairing_code: Final = Table(
    "pairing_code",
    metadata,
    blob("hash"),
    big("patient"),
    word("organization"),
    word("consent"),
    word("given_by"),
    big("created"),
    big("expires"),
    PrimaryKeyConstraint("hash"),
    Index("ix_pairing_code_patient", "patient"),
)
"""One-time codes by which an organisation's system learns which patient is meant (MODEL 3)."""

INSERT_CONSENT: Final = insertion(consent)
INSERT_PAIRING_CODE: Final = insertion(pairing_code)
