"""What ``zelfregie quarantine`` does, in the process that holds the database.

Who looks at what was delivered to people, or has it tried again, stands in their access log: NEN 7513.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from app.audit import Agent, Journal
from app.audit.mover import Mover
from app.auth.accounts.sessions import CLIENT
from app.auth.recording import Recording
from app.cli.control import Asked, Done, Line, Say
from app.config import Settings
from app.fhir.dates import instant
from app.server.intake import quarantine
from app.server.intake.quarantine import Kept
from app.server.interactions.taking.again import Again
from app.server.server import FhirServer
from app.server.stu3 import Stu3Border

_ANY: Final = ""
"""No version of the service: whichever tried it last."""
_OPERATOR: Final = Agent(client=CLIENT, role="administrator", purpose="HSYSADMIN")
"""Who keeps the service, by its command: https://terminology.hl7.org/CodeSystem-v3-ActReason.html"""
_DONE: Final = 200
_NOT_READ: Final = 422


async def _list(settings: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    del asked
    kept = await quarantine.every(server.database)
    async with _recording(settings, server) as recording:
        for patient in dict.fromkeys(each.patient for each in kept):
            await recording.record(
                "delivery-listed", _DONE, agent=_OPERATOR, now=server.clock(), patients=(patient,), durable=False
            )
    for each in kept:
        places = ", ".join(dict.fromkeys(place for problem in each.problems for place in problem.expression))
        how = f"FHIR {each.fhir_version}, tried by {each.program}"
        await say(
            Line(
                f"{each.id} {instant(each.at)} {each.kind} {each.type or '-'} of {each.source} ({how}): {places or '-'}"
            )
        )
    held = sum(each.kind == "held" for each in kept)
    await say(Done({"entries": len(kept) - held, "held": held}))


async def _retry(settings: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    del asked
    border = Stu3Border(server, f"{settings.public_url}/fhir/stu3/")
    again = Again({border.version: border})
    async with _recording(settings, server) as recording:

        async def told(kept: Kept, resources: Sequence[str]) -> None:
            await recording.record(
                "delivery-retried", _DONE if resources else _NOT_READ, agent=_OPERATOR, now=server.clock(),
                patients=(kept.patient,), resources=resources,
            )  # fmt: skip
            if resources:
                await say(Line(f"{kept.id} of {kept.source}: {', '.join(resources)}"))

        stored, left = await again.retry_all(server, now=server.clock(), told=told, program=_ANY)
    await say(Done({"stored": stored, "left": left}))


@asynccontextmanager
async def _recording(settings: Settings, server: FhirServer) -> AsyncIterator[Recording]:
    """A journal of the command's own, on disk and in the table when this is left. Raises ``Unavailable``."""
    journal = Journal(settings.journal, secrets.token_bytes(16), now=server.clock())
    try:
        yield Recording(journal)
    finally:
        await journal.stop()
    await Mover(server.database, settings.journal, journal=journal).drain()


QUARANTINE_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {
    "quarantine-list": _list,
    "quarantine-retry": _retry,
}
"""By the name of the command."""
