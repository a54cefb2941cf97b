"""What ``zelfregie import`` does, in the process that holds the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from app.auth import service_access
from app.auth.sandbox import TENANT
from app.cli.control import Asked, Done, Refused, Say
from app.config import Settings
from app.database import Writer
from app.errors import Invalid, Issue, NotFound
from app.measurements.importing.counting import OUTCOMES, Counts, Told
from app.measurements.importing.formats import FORMATS, guessed
from app.measurements.importing.preparing import Target
from app.measurements.importing.running import run
from app.measurements.importing.storing import Keep, Storing
from app.server.access import Access
from app.server.server import FhirServer
from app.server.store.find import find_patient

_PIECE: Final = 262_144


async def _import(_: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    path = Path(asked.files[0])
    beginning = await asyncio.to_thread(_beginning, path)
    name = asked.options.get("format") or guessed(beginning)
    if name not in FORMATS:
        raise Invalid(f"--format is one of {', '.join(FORMATS)}.", "value")
    number = server.registry.number("Patient")
    async with service_access(
        server.database, tenant=TENANT, reason="import", now=server.clock(), patient_type=number
    ) as access:
        patient_id = asked.patient or ""
        patient = await find_patient(server.database, access, patient_id, server.registry)
        if patient is None:
            raise NotFound(f"There is no Patient/{patient_id} to import for.")
        storing = Storing(server, access, Target(patient, patient_id, name), Counts(), request="import")

        async def look_again() -> Access:
            return access

        await run(_pieces(path), name, storing, _Said(path.name, say), look_again=look_again)
    counts = storing.counts
    unused = sum(counts.unused.values())
    await say(Done({"read": counts.read, **{each: counts.outcomes[each] for each in OUTCOMES}, "unused": unused}))


class _Said:
    """See ``Progress``: what there is to say of a line is shown at once."""

    def __init__(self, name: str, say: Say) -> None:
        self._name = name
        self._say = say

    async def beat(self, read: int) -> None:
        pass

    def keeping(self, position: int) -> Keep:
        del position

        async def keep(writer: Writer, counts: Counts, told: Sequence[Told]) -> None:
            del writer, counts
            for each in told:
                if each.severity != "information":
                    severity = "error" if each.severity in ("error", "fatal") else "warning"
                    place = (each.place,) if each.place else ()
                    issue = Issue("business-rule", each.en, place, severity, rule=each.rule)  # type: ignore[arg-type]
                    await self._say(Refused(f"{self._name}:{each.line}", (issue,)))

        return keep


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.", "not-found") from error


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


IMPORT_ORDERS: Final[Mapping[str, Callable[[Settings, FhirServer, Asked, Say], Awaitable[None]]]] = {"import": _import}
"""By the name of the command."""
