"""Statements for one caller, each with the guard. https://hl7.org/fhir/R4/security.html#AccessControl"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.database import Reader, Row
from app.server.access import Access, guarded
from app.server.messages import Request
from app.server.store.read import check_guard

GUARD: Final = guarded(1)
"""What each statement of a ``GuardedReader`` holds; its own binds begin at ``$4``."""


@dataclass(frozen=True, slots=True)
class GuardedReader:
    """What ``access`` may be told of at ``now`` (µs), while its grant stands."""

    reader: Reader
    access: Access
    now: int

    @classmethod
    def of(cls, reader: Reader, request: Request) -> GuardedReader:
        """For who sends a request."""
        return cls(reader, request.access, request.now)

    async def fetch(self, sql: str, *binds: Any) -> Sequence[Row]:
        """All rows of a statement with ``GUARD``. Raises ``GrantChanged`` where there are none because the grant does
        not stand.
        """
        rows = await self.reader.fetch(sql, self.access.hash, self.access.stamp, self.now, *binds)
        if not rows:
            await check_guard(self.reader, self.access, self.now)
        return rows
