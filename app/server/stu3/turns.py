"""Long work on the event loop in short turns. https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code"""

from __future__ import annotations

from asyncio import sleep
from time import perf_counter
from typing import Final

LONGEST_TURN: Final = 0.004
"""Seconds until others have theirs."""


class Turns:
    """Counts the time since others had their turn."""

    def __init__(self) -> None:
        self._since = perf_counter()

    async def take(self) -> None:
        """Called between two pieces of work."""
        if perf_counter() - self._since > LONGEST_TURN:
            await sleep(0)
            self._since = perf_counter()
