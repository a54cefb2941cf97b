"""What is large is read and translated in a thread, a few at a time, so that everybody else has their turn.

https://docs.python.org/3/library/asyncio-task.html#running-in-threads
"""

from __future__ import annotations

from asyncio import Semaphore, to_thread
from collections.abc import Callable
from typing import Any, Final, TypeVar

LARGE: Final = 65_536
"""Bytes of a body."""
MANY: Final = 2000
"""Values of one resource: about as much work as a body of that size."""
_AT_ONCE: Final = 2
Made = TypeVar("Made")


class Large:
    """Carries out what is large elsewhere than on the event loop."""

    def __init__(self) -> None:
        self._turns = Semaphore(_AT_ONCE)

    async def do(self, work: Callable[[], Made], *, large: bool) -> Made:
        """What ``work`` gives, and raises: at once when it is small."""
        if not large:
            return work()
        async with self._turns:
            return await to_thread(work)


def has_many(value: Any, most: int = MANY) -> bool:
    """Whether there are more values than ``most`` in JSON; looks at no more of them than that."""
    left = most
    found = [value]
    while found:
        each = found.pop()
        listed = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        left -= len(listed)
        if left < 0:
            return True
        found += [one for one in listed if isinstance(one, dict | list)]
    return False
