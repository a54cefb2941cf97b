"""What is large is read and translated in a thread, a few at a time, so that everybody else has their turn.

https://docs.python.org/3/library/asyncio-task.html#running-in-threads
"""

from __future__ import annotations

from asyncio import Semaphore, to_thread
from collections.abc import Callable
from typing import Any, Final, TypeVar

from app.fhir.resource import encode

LARGE: Final = 65_536
"""Bytes of a body."""
MANY: Final = 2000
"""Values of one resource: about as much work as a body of that size."""
_LEAST: Final = 2
"""Bytes of JSON that a value takes, with what parts it from the next."""
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
    """Whether there are more values than ``most`` in JSON; looks at no more of them than that, and at none of what is
    short when it is written, which is far quicker found out.
    """
    try:
        if len(encode(value)) <= _LEAST * most:
            return False
    except RecursionError:  # what is nested so deeply is counted, however long it is
        pass
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
