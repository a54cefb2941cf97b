"""Which Observations the lines of a GP's journal refer to that are not given, as the encounter reports of a record say.
https://simplifier.net/packages/nictiz.fhir.nl.stu3.zib2017 (gp-EncounterReport)

All reports are asked, whatever the caller may see of them: who is not given a report is not given what it keeps back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Final

from app.fhir.resource import decode
from app.medmij.withholding import hidden_entries
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.guarded import GUARD, GuardedReader

_REPORTS: Final = f"SELECT r.body FROM resource r WHERE r.patient = $4 AND r.type = $5 AND r.deleted = 0 AND {GUARD}"  # noqa: S608
_REFERRED: Final = re.compile(rb"Observation/([A-Za-z0-9.\-]{1,64})")
_OBSERVATION: Final = "Observation/"
_AT_ONCE: Final = 100
"""Reports between which others have their turn."""


async def referred_to(server: FhirServer, request: Request, ids: Collection[str] | None) -> frozenset[str]:
    """``Observation/id`` of those among ``ids``, or of all, in the record of the one patient of a token. Raises
    ``GrantChanged``. Entries of sections within sections have no index row, so the reports themselves are looked
    through.
    """
    wanted = None if ids is None else {each.encode() for each in ids}
    if wanted is not None and not wanted:
        return frozenset()
    reader = GuardedReader.of(server.database, request)
    rows = await reader.fetch(_REPORTS, request.access.patient, server.registry.number("Composition"))
    found: set[str] = set()
    for start in range(0, len(rows), _AT_ONCE):
        for (body,) in rows[start : start + _AT_ONCE]:
            named = _REFERRED.findall(body)
            if named and (wanted is None or not wanted.isdisjoint(named)):
                found |= hidden_entries(decode(body))
        await asyncio.sleep(0)
    return frozenset(
        each
        for each in found
        if each.startswith(_OBSERVATION) and (wanted is None or each.removeprefix(_OBSERVATION).encode() in wanted)
    )
