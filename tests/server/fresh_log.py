"""An access log that begins with the test: a reset of the sandbox leaves it as it is, and what a test finds in it, or
does not find, must not be what an earlier one did.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.audit import Journal, Mover
from app.clock import system_clock
from app.errors import Unavailable
from app.main import Parts


@asynccontextmanager
async def beginning_log(parts: Parts) -> AsyncIterator[None]:
    """Journal and mover of the running service as when it starts, in a stream of their own and without a file. Inside,
    nothing is moved: the time to empty the tables (``restoring.empty_log``).
    """
    journal, mover = parts.journal, parts.mover
    await mover.stop()
    journal.synced = journal.line  # what is thrown away need not be on disk
    with suppress(Unavailable):  # a test may have left it broken
        await journal.stop()
    for file in journal.folder.iterdir():
        file.unlink()
    # Everybody who writes holds these very objects. Nothing is awaited since the journal was closed.
    Journal.__init__(journal, journal.folder, secrets.token_bytes(16), now=system_clock())
    Mover.__init__(mover, parts.database, journal.folder, journal=journal)
    journal.start()
    try:
        yield
    finally:
        mover.start()
