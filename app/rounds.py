"""Doing something every so often while the service runs. https://docs.python.org/3/library/asyncio-task.html"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog

from app.faults import trace_of

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
_log: Final = structlog.get_logger(__name__)


class Bell:
    """Rung by who asks for work, heard by who does it in the same process.
    https://docs.python.org/3/library/asyncio-sync.html
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is something to do."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Until it is rung, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()


class Rounds:
    """Does ``work`` every ``every`` seconds, and when ``bell`` is rung; the first time after ``first``, which is as
    long when not said. A round that fails is in the service's log, and the next one is for what it left.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[object]],
        *,
        name: str,
        every: float,
        first: float | None = None,
        bell: Bell | None = None,
    ) -> None:
        self._work = work
        self._name = name
        self._every = every
        self._first = every if first is None else first
        self._bell = bell or Bell()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """In a task of the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._repeat(), name=self._name)

    async def stop(self) -> None:
        """End the task, also in the middle of a round."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _repeat(self) -> None:
        await asyncio.sleep(self._first)
        while True:
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - whatever failed: the next round does what this one left
                _log.error("round.failed", round=self._name, trace=trace_of(error))
            await self._bell.wait(self._every)
