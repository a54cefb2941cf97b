"""Tokens with scopes of a test's own, as rows like any other."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from app.auth.grants import NewGrant, write_grant
from app.auth.tokens import hash_token
from tests.server.service import Caller, Service

_numbers: Final = count(1)


async def token_with(service: Service, scopes: str, *patients: str, **members: Any) -> Caller:
    """A caller with ``scopes`` for these patients: for the one of them when it is one, unless ``patient`` is None."""
    token = f"made-{next(_numbers)}"
    keys = [await service.key_of(each) for each in patients]
    given = {
        "recipient": f"test:{token}",
        "tenant": 1,
        "purpose": "treatment",
        "patients": keys,
        "patient": keys[0] if len(keys) == 1 else None,
        "kind": "sandbox",
    }
    async with service.database.write() as writer:
        await write_grant(writer, NewGrant(hash=hash_token(token), scopes=scopes, **{**given, **members}))
    return service.caller(token)
