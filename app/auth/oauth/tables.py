"""The authorization server: clients, authorizations with all that came from them, and signing keys."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, Table

from app.database import metadata
from app.database.describing import big, blob, insertion, word

client: Final = Table(
    "client",
    metadata,
    word("id"),
    Column("tenant", Integer, nullable=False),
    word("name"),
    word("kind"),
    word("users"),
    word("organization"),
    word("purpose"),
    word("secret"),
    word("jwks"),
    word("jwks_uri"),
    word("redirect_uris"),
    word("launch_uri"),
    word("scopes"),
    word("state"),
    big("created"),
    word("services", default=""),
    PrimaryKeyConstraint("id"),
)
"""A registered app or system. ``kind``: public, secret or private_key_jwt; ``users``: patients, professionals or none
(a backend service of ``organization``); ``purpose``: what its tokens are for; ``secret``: SHA-256 of a random one, ""
for none; ``jwks``, ``redirect_uris``: JSON; ``scopes``: the most that it may be given; ``services``: the MedMij data
services that its tokens are for, by number, "" for every other client.
"""

authorization: Final = Table(
    "client_authorization",
    metadata,
    word("id"),
    word("client"),
    Column("tenant", Integer, nullable=False),
    word("account"),
    big("patient", nullable=True),
    word("organization"),
    word("recipient"),
    word("also"),
    word("within"),
    word("role"),
    word("responsible"),
    word("fhir_user"),
    word("purpose"),
    word("scopes"),
    word("asked"),
    word("redirect_uri"),
    word("text_version"),
    blob("session"),
    word("nonce"),
    big("authenticated"),
    word("assurance"),
    big("created"),
    big("expires"),
    big("revoked"),
    word("reason"),
    PrimaryKeyConstraint("id"),
    Index("ix_client_authorization_account", "account"),
    Index("ix_client_authorization_client", "client", "patient"),
    Index("ix_client_authorization_recipient", "recipient", "patient"),
)
"""One time that somebody let a client in: the family of codes, access and refresh tokens that came from it.
``asked``, ``redirect_uri``, ``text_version``: what the person was asked, so that the same is not asked twice;
``session``: the hash of the session that it ends with, b"" for none; ``expires``: of its refresh tokens; ``revoked``:
when, 0 for not.
"""

authorization_code: Final = Table(
    "authorization_code",
    metadata,
    blob("hash"),
    word("family"),
    word("client"),
    word("redirect_uri"),
    word("challenge"),
    big("expires"),
    big("used"),
    PrimaryKeyConstraint("hash"),
    Index("ix_authorization_code_expires", "expires"),
)
"""A row that was used stays until it expires, so that a second use is seen and revokes the family."""

refresh_token: Final = Table(
    "refresh_token",
    metadata,
    blob("hash"),
    word("family"),
    word("client"),
    word("scopes"),
    big("expires"),
    big("used"),
    PrimaryKeyConstraint("hash"),
    Index("ix_refresh_token_family", "family"),
)

assertion: Final = Table(
    "client_assertion",
    metadata,
    word("client"),
    word("jti"),
    big("expires"),
    PrimaryKeyConstraint("client", "jti"),
    sqlite_with_rowid=False,
)
"""The ``jti`` of client assertions that were used."""

signing_key: Final = Table(
    "signing_key",
    metadata,
    word("kid"),
    word("algorithm"),
    word("public"),
    blob("private"),
    big("created"),
    big("retires"),
    PrimaryKeyConstraint("kid"),
)
"""``private`` sealed. A key signs until a newer one is there, and is published until ``retires`` (0: no end yet)."""

INSERT_CLIENT: Final = insertion(client)
INSERT_AUTHORIZATION: Final = insertion(authorization)
INSERT_AUTHORIZATION_CODE: Final = insertion(authorization_code)
INSERT_REFRESH_TOKEN: Final = insertion(refresh_token)
INSERT_ASSERTION: Final = insertion(assertion)
INSERT_SIGNING_KEY: Final = insertion(signing_key)
