"""Removes, every hour, the rows of what has expired: sessions, tickets, counters, codes, tokens, authorizations, keys.

Nothing depends on it: what has expired is refused whether its row is there or not.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from app.auth import tickets
from app.auth.accounts.limits import Limits
from app.auth.accounts.sessions import Sessions
from app.auth.oauth import families
from app.clock import Clock
from app.database import Database

_HOUR: Final = 3600.0
_log: Final = structlog.get_logger(__name__)


class Tidying:
    """Does so while the service runs. Several processes may do it at once."""

    def __init__(self, database: Database, sessions: Sessions, limits: Limits, *, clock: Clock) -> None:
        self._database = database
        self._sessions = sessions
        self._limits = limits
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """In a task of the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._repeat(), name="tidying")

    async def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def tidy(self) -> None:
        """Once, now."""
        now = self._clock()
        await tickets.tidy(self._database, now=now)
        await self._sessions.tidy(now=now)
        await self._limits.tidy(now=now)
        await families.tidy(self._database, now=now)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(_HOUR)
            try:
                await self.tidy()
            except Exception:  # noqa: BLE001 - whatever failed: the next round finds the same rows
                _log.exception("tidying.failed")
