"""Which resources were filled in to correct others, as any version that is stored says; see ``working_copies.py``."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from app.database import Reader
from app.fhir.resource import decode
from app.server.server import FhirServer

_SLICE: Final = 500
_VERSIONS: Final = (
    "SELECT h.id, h.version, coalesce(h.body, r.body) FROM history h LEFT JOIN resource r ON r.patient = h.patient"
    " AND r.type = h.type AND r.id = h.id AND r.version = h.version"
    " WHERE h.patient = $1 AND h.type = $2 AND (h.id, h.version) > ($3, $4) ORDER BY h.id, h.version LIMIT $5"
)


async def copies_of(
    server: FhirServer, reader: Reader, patient: int, resource_type: str
) -> Mapping[str, frozenset[str]]:
    """The ids of the working copies, live or deleted, by the id of what they were made of. Every version of the type
    is read: no index leads to what was deleted. Others get a turn in between.
    """
    kinds = [each for each in server.working_copies if each.type == resource_type]
    found: dict[str, set[str]] = defaultdict(set)
    number = server.registry.number(resource_type)
    after: tuple[str, int] = ("", 0)
    while kinds:
        rows = await reader.fetch(_VERSIONS, patient, number, *after, _SLICE)
        for resource_id, _, body in rows:
            if body is None:
                continue
            resource = decode(body)
            for original in (each for kind in kinds for each in kind.made_of(resource)):
                found[original].add(resource_id)
        if len(rows) < _SLICE:
            break
        after = rows[-1][0], rows[-1][1]
        await asyncio.sleep(0)
    return {original: frozenset(ids) for original, ids in found.items()}
