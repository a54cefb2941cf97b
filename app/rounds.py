"""Doing something every so often while the service runs. https://docs.python.org/3/library/asyncio-task.html"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
_log: Final = structlog.get_logger(__name__)


class Rounds:
    """Does ``work`` every ``every`` seconds, the first time after ``first``, which is as long when not said. A round
    that fails is in the service's log, and the next one is for what it left.
    """

    def __init__(
        self, work: Callable[[], Awaitable[object]], *, name: str, every: float, first: float | None = None
    ) -> None:
        self._work = work
        self._name = name
        self._every = every
        self._first = every if first is None else first
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """In a task of the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._repeat(), name=self._name)

    async def stop(self) -> None:
        """End the task, also in the middle of a round."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _repeat(self) -> None:
        await asyncio.sleep(self._first)
        while True:
            try:
                await self._work()
            except Exception:  # noqa: BLE001 - whatever failed: the next round does what this one left
                _log.exception("round.failed", round=self._name)
            await asyncio.sleep(self._every)
