"""All tables of this package, so that whoever needs the whole of the metadata imports one module."""

from __future__ import annotations

from typing import Final

from app.auth.accounts import tables as accounts
from app.auth.consents import tables as consents
from app.auth.oauth import tables as oauth
from app.auth.organizations import tables as organizations
from app.auth.rights import tables as rights

FILLED: Final = (
    *("account", "passkey", "recovery_code", "session", "ticket", "attempt", "mandate", "account_event"),
    *("organization", "identity_provider", "identity", "pairing"),
    *("client", "client_authorization", "authorization_code", "refresh_token", "client_assertion"),
    *("consent", "pairing_code", "export", "export_part", "erasure", "tombstone", "tombstone_identifier"),
    *("instrument", "import_job", "import_part", "import_told"),
)
"""The tables that a sandbox empties and fills; what was installed of questionnaires goes with the catalogues, and the
imports of measurements with the records. Signing keys stay.
"""

__all__ = ["FILLED", "accounts", "consents", "oauth", "organizations", "rights"]
