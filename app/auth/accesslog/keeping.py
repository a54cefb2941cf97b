"""The access log over time: anchored every hour outside the database, and kept as long as its classes say.

Anchors are signed with a key that follows from the service's own secret, so that neither the database nor the files
alone are enough to forge one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.audit.anchors import anchor, verify_anchors
from app.audit.retention import Retention, load_retention, prune
from app.audit.verify import Finding, verify_folder, verify_table
from app.auth.sealing import Seal
from app.clock import Clock
from app.config import Settings
from app.database import Database, Reader
from app.rounds import DAY, HOUR, Rounds


class Signatures:
    """Signs and opens anchors: ``<base64 of JSON>.<keyed hash>``. ``secret``: the service's own."""

    def __init__(self, secret: bytes) -> None:
        self._seal = Seal(secret, "anchors")

    async def sign(self, said: Mapping[str, Any]) -> str:
        """One line of ASCII."""
        content = base64.urlsafe_b64encode(json.dumps(said, sort_keys=True).encode()).decode("ascii")
        return f"{content}.{self._seal.digest(content.encode()).hex()}"

    async def opened(self, text: str) -> Mapping[str, Any]:
        """What was signed. Raises ``ValueError`` for anything else."""
        content, _, signature = text.partition(".")
        if not hmac.compare_digest(self._seal.digest(content.encode()).hex().encode(), signature.encode()):
            raise ValueError("not signed by this service")
        try:
            said = json.loads(base64.urlsafe_b64decode(content))
        except binascii.Error as error:
            raise ValueError("not base64") from error
        return dict(said)


def retention_of(settings: Settings) -> Retention:
    """How long lines are kept here. Raises ``ValueError`` for a class that there is not."""
    return load_retention(settings.audit_months)


def anchors_of(settings: Settings) -> Path:
    """The folder of the anchors."""
    return settings.state / "anchors"


async def write_anchor(database: Reader, settings: Settings, *, now: int) -> int:
    """Anchor every stream now; how many there are."""
    return await anchor(database, anchors_of(settings), sign=Signatures(settings.page_key()).sign, now=now)


async def verify(database: Reader, settings: Settings) -> list[Finding]:
    """What does not hold in the access log: in the journal's files, in the table, and against the anchors."""
    found = await asyncio.to_thread(verify_folder, settings.journal) if settings.journal.is_dir() else []
    found += await verify_table(database)
    opened = Signatures(settings.page_key()).opened
    return found + await verify_anchors(database, anchors_of(settings), opened=opened)


class Keeping:
    """Anchors every hour and erases once a day what is over its time, while the service runs."""

    def __init__(self, database: Database, settings: Settings, *, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._retention = retention_of(settings)
        self._clock = clock
        self._anchors = Rounds(self._anchor, name="audit anchors", every=HOUR, first=60.0)
        self._erasing = Rounds(self._erase, name="audit retention", every=DAY)

    def start(self) -> None:
        """In tasks of the running event loop."""
        self._anchors.start()
        self._erasing.start()

    async def stop(self) -> None:
        """End the tasks."""
        await self._anchors.stop()
        await self._erasing.stop()

    async def _anchor(self) -> None:
        await write_anchor(self._database, self._settings, now=self._clock())

    async def _erase(self) -> None:
        await prune(self._database, self._retention, now=self._clock())
