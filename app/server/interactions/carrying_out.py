"""Carrying out one request, or one entry of a batch, on what the grant allows now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from app.errors import Forbidden, NotFound, Unprocessable
from app.server.messages import Answer, Request, Target
from app.server.server import FhirServer
from app.server.store.read import check_guard

Handler = Callable[[FhirServer, Request, Target], Awaitable[Answer]]
Find = Callable[[FhirServer, Request], tuple[Handler, Target]]
"""What carries a request out, and what it names. Raises where there is nothing."""
_RESTING_ON_THE_GRANT: Final = (NotFound, Forbidden, Unprocessable)


async def carried_out(server: FhirServer, request: Request, find: Find) -> Answer:
    """The answer. A refusal may rest on what is kept in memory of the grant, without a statement that would have found
    it out of date (somebody without patients is asked nothing of the database): it counts only if the grant still
    stands as we know it.

    Raises ``GrantChanged`` where it does not, and what the interaction raises.
    """
    try:
        handler, target = find(server, request)
        return await handler(server, request, target)
    except _RESTING_ON_THE_GRANT:
        await check_guard(server.database, request.access, request.now)
        raise
