"""The time, as an argument: everything that needs ``now`` is handed a ``Clock``, so tests decide what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives the present as microseconds since 1970-01-01T00:00:00Z."""


def system_clock() -> int:
    """The machine's time in microseconds since the epoch."""
    return time.time_ns() // 1000
