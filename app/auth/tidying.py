"""Removes the rows of what has expired: sessions, tickets, counters, codes, tokens, authorizations, keys.

Nothing depends on it: what has expired is refused whether its row is there or not.
"""

from __future__ import annotations

from app.auth import tickets
from app.auth.accounts.limits import Limits
from app.auth.accounts.sessions import Sessions
from app.auth.oauth import families
from app.clock import Clock
from app.database import Database


class Tidying:
    """Does so. Several processes may do it at once."""

    def __init__(self, database: Database, sessions: Sessions, limits: Limits, *, clock: Clock) -> None:
        self._database = database
        self._sessions = sessions
        self._limits = limits
        self._clock = clock

    async def tidy(self) -> None:
        """Once, now."""
        now = self._clock()
        await tickets.tidy(self._database, now=now)
        await self._sessions.tidy(now=now)
        await self._limits.tidy(now=now)
        await families.tidy(self._database, now=now)
