"""Who is asking. So far: bearer tokens whose grants are rows in the database, and the sandbox that writes such rows
from a file.
"""

from __future__ import annotations

from app.auth.grants import NewGrant, service_access, write_grant
from app.auth.publishing import publish
from app.auth.sandbox import Sandbox, read_sandbox
from app.auth.tokens import TokenAuthenticator, hash_token

__all__ = [
    "NewGrant",
    "Sandbox",
    "TokenAuthenticator",
    "hash_token",
    "publish",
    "read_sandbox",
    "service_access",
    "write_grant",
]
