"""Organisations, and the identity providers that people log in with elsewhere."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, word

organization: Final = Table(
    "organization",
    metadata,
    word("id"),
    Column("tenant", Integer, nullable=False),
    word("name"),
    word("agb"),
    word("ura"),
    word("state"),
    big("created"),
    PrimaryKeyConstraint("id"),
)
"""A care provider that may be given consent, known by AGB or URA. ``state``: active or closed."""

identity_provider: Final = Table(
    "identity_provider",
    metadata,
    word("id"),
    Column("tenant", Integer, nullable=False),
    word("organization"),
    word("name"),
    word("issuer"),
    word("client_id"),
    blob("client_secret"),
    word("claims"),
    word("state"),
    big("created"),
    PrimaryKeyConstraint("id"),
    Index("uq_identity_provider_issuer", "tenant", "issuer", unique=True),
)
"""An OpenID Connect provider. With ``organization``: its professionals log in there, and their identifiers come from
there and from nowhere else; without: patients of the tenant may. ``client_secret`` sealed; ``claims``: JSON, which
claim says what (assurance, AGB, BIG, UZI, role).
"""

identity: Final = Table(
    "identity",
    metadata,
    word("issuer"),
    word("subject"),
    word("account"),
    word("assurance"),
    big("linked"),
    big("used"),
    PrimaryKeyConstraint("issuer", "subject"),
    Index("ix_identity_account", "account"),
)
"""Whose account a subject of an identity provider is."""

pairing: Final = Table(
    "pairing",
    metadata,
    word("organization"),
    word("system"),
    word("value"),
    big("patient"),
    big("paired"),
    PrimaryKeyConstraint("organization", "system", "value"),
    Index("ix_pairing_patient", "patient"),
)
"""An organisation's own patient number (MODEL 3). Nobody but that organisation finds a patient by it."""

INSERT_ORGANIZATION: Final = insertion(organization)
INSERT_IDENTITY_PROVIDER: Final = insertion(identity_provider)
INSERT_IDENTITY: Final = insertion(identity)
INSERT_PAIRING: Final = insertion(pairing)
