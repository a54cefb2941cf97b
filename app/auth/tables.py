"""All tables of this package, so that whoever needs the whole of the metadata imports one module."""

from __future__ import annotations

from app.auth.accounts import tables as accounts
from app.auth.consents import tables as consents
from app.auth.oauth import tables as oauth
from app.auth.organizations import tables as organizations
from app.auth.rights import tables as rights

__all__ = ["accounts", "consents", "oauth", "organizations", "rights"]
