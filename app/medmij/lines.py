"""Which Observations the lines of a GP's journal refer to that are not given, as the encounter reports of a record say.
https://simplifier.net/packages/nictiz.fhir.nl.stu3.zib2017 (gp-EncounterReport)

All reports are asked, whatever the caller may see of them: who is not given a report is not given what it keeps back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from typing import Final

from app.fhir.resource import decode, encode
from app.medmij.withholding import HIDDEN, LINES, SHOWN, hidden_entries
from app.server.messages import Request
from app.server.search.terms import hash_token
from app.server.server import FhirServer
from app.server.store.guarded import GUARD, GuardedReader

_CODES: Final = tuple(sorted(SHOWN | HIDDEN))
_REPORTS: Final = f"SELECT r.body FROM resource r WHERE r.patient = $4 AND r.type = $5 AND r.deleted = 0 AND {GUARD}"  # noqa: S608
_UNCODED: Final = (
    "SELECT r.id FROM resource r WHERE r.patient = $4 AND r.type = $5 AND r.deleted = 0 AND r.id {among}"  # noqa: S608
    " AND r.n NOT IN (SELECT t.n FROM token t WHERE t.patient = $4 AND t.type = $5 AND t.param = $6"
    f" AND t.value IN ($8, $9, $10, $11)) AND {GUARD}"
)
_UNCODED_AMONG: Final = {
    "sqlite": _UNCODED.replace("{among}", "IN (SELECT j.value FROM json_each($7) j)"),
    "postgresql": _UNCODED.replace("{among}", "= ANY($7::text[])"),
}
_REFERRED: Final = re.compile(rb"Observation/([A-Za-z0-9.\-]{1,64})")
_OBSERVATION: Final = "Observation/"
_AT_ONCE: Final = 100
"""Reports between which others have their turn."""


async def referred_to(server: FhirServer, request: Request, ids: Collection[str] | None) -> frozenset[str]:
    """``Observation/id`` of those among ``ids`` in the record of the one patient of a token; where there are none
    given, of all that are not coded as a line themselves, which a search passes over by its code. Raises
    ``GrantChanged``. Entries of sections within sections have no index row, so the reports themselves are looked
    through: those are decoded that name one of these.
    """
    if ids is not None and not ids:
        return frozenset()
    reader = GuardedReader.of(server.database, request)
    rows = await reader.fetch(_REPORTS, request.access.patient, server.registry.number("Composition"))
    named: list[tuple[bytes, frozenset[str]]] = []
    for start in range(0, len(rows), _AT_ONCE):
        for (body,) in rows[start : start + _AT_ONCE]:
            named.append((body, frozenset(each.decode() for each in _REFERRED.findall(body))))
        await asyncio.sleep(0)
    wanted = await _uncoded(server, reader, frozenset().union(*(each for _, each in named))) if ids is None else ids
    telling = [body for body, each in named if not each.isdisjoint(wanted)]
    found: set[str] = set()
    for start in range(0, len(telling), _AT_ONCE):
        for body in telling[start : start + _AT_ONCE]:
            found |= hidden_entries(decode(body))
        await asyncio.sleep(0)
    return frozenset(
        each for each in found if each.startswith(_OBSERVATION) and each.removeprefix(_OBSERVATION) in wanted
    )


async def _uncoded(server: FhirServer, reader: GuardedReader, named: frozenset[str]) -> frozenset[str]:
    """Of the ids that reports name those of Observations that are not coded as a line themselves."""
    if not named:
        return named
    dialect, listed = server.database.dialect, sorted(named)
    number, code = server.registry.number("Observation"), server.registry.params("Observation")["code"].number
    codes = (hash_token(LINES, each) for each in _CODES)
    among = encode(listed).decode() if dialect == "sqlite" else listed
    rows = await reader.fetch(_UNCODED_AMONG[dialect], reader.access.patient, number, code, among, *codes)
    return frozenset(row[0] for row in rows)
