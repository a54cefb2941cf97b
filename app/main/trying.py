"""What could not be read is tried again after an upgrade, by the service itself. MODEL 3, "Intake table"

https://docs.python.org/3/library/asyncio-task.html
"""

from __future__ import annotations

from collections.abc import Sequence

from app.auth.recording import Recording
from app.server.intake.quarantine import Kept
from app.server.interactions.taking.again import Again
from app.server.server import FhirServer


async def retry_by_clock(server: FhirServer, again: Again, recording: Recording) -> tuple[int, int]:
    """Each that another version of the service tried last; what is stored of it is in the access log."""

    async def told(kept: Kept, resources: Sequence[str]) -> None:
        if not resources:
            return  # nobody was given anything of it
        await recording.by_service("delivery-read", patient=kept.patient, resources=resources, now=server.clock())

    return await again.retry_all(server, now=server.clock(), told=told)
