"""What a condition finds, within what the caller may search. https://hl7.org/fhir/R4/http.html#cond-update"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass

from app.database import Reader
from app.server.access import Access
from app.server.search import page
from app.server.search.query import SearchQuery
from app.server.server import FhirServer


@dataclass(frozen=True, slots=True)
class Match:
    """A resource that a condition finds, and the partition that it is in."""

    id: str
    patient: int


async def matched(
    server: FhirServer,
    reader: Reader,
    access: Access,
    query: SearchQuery,
    *,
    now: int,
    within: int | None = None,
    without: Collection[Match] = (),
) -> list[Match]:
    """What ``query`` finds: two at most, since all above one is too many. ``within``: the one partition to look in,
    with the catalogues where they may hold the type; ``without``: what is not there any more for who asks.
    """
    asked = copy.copy(query)  # a search notes in its query what it learns of the record, which may change
    asked.conditions = list(query.conditions)
    asked.count = 2 + len(without)
    found = await page.run(server, reader, access, asked, now=now, within=within)
    matches = [Match(row[0], row[2] if found.patient is None else found.patient) for row in found.rows]
    return [match for match in matches if match not in without][:2]
