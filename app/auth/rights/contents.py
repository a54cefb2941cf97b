"""What of a record goes into a copy, read in slices with the person's own access in every statement.

Each resource is as it was when it was read. https://gdpr-info.eu/art-15-gdpr/ https://gdpr-info.eu/art-20-gdpr/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from app.audit.reading import events_of
from app.database import Reader, Row
from app.fhir.dates import instant
from app.fhir.scopes import Action
from app.server.access import Access, guarded
from app.server.server import FhirServer
from app.server.store.read import check_guard

SLICE: Final = 100
HELD: Final = 4 * 1024 * 1024
"""Bytes of content that are read at once, and at least one resource: scanned letters are megabytes each."""
_GUARD: Final = guarded(3)
_TYPES: Final = (
    "SELECT r.type, count(*) FROM resource r WHERE r.patient = $1 AND r.labels & $2 = 0 AND r.deleted = 0"
    f" AND {_GUARD} GROUP BY r.type ORDER BY r.type"
)
_PAST_TYPES: Final = (
    "SELECT h.type, count(*) FROM history h WHERE h.patient = $1 AND h.labels & $2 = 0"
    f" AND {_GUARD} GROUP BY h.type ORDER BY h.type"
)
_FROM_CURRENT: Final = (
    f" FROM resource r WHERE r.patient = $1 AND r.labels & $2 = 0 AND {_GUARD} AND r.type = $6 AND r.id > $7"
    " AND r.deleted = 0 ORDER BY r.id LIMIT $8"
)
_CURRENT: Final = f"SELECT r.id, r.version, r.labels, r.body{_FROM_CURRENT}"
_CURRENT_SIZES: Final = f"SELECT length(r.body){_FROM_CURRENT}"
_FROM_VERSIONS: Final = (
    " FROM history h LEFT JOIN resource r ON r.patient = $1 AND r.type = $6 AND r.id = h.id AND r.version = h.version"
    f" WHERE h.patient = $1 AND h.labels & $2 = 0 AND {_GUARD} AND h.type = $6"
    " AND (h.id > $7 OR (h.id = $7 AND h.version > $8)) ORDER BY h.id, h.version LIMIT $9"
)
_VERSIONS: Final = (
    f"SELECT h.id, h.version, h.updated, h.interaction, h.actor, coalesce(h.body, r.body){_FROM_VERSIONS}"
)
_VERSION_SIZES: Final = f"SELECT coalesce(length(h.body), length(r.body), 0){_FROM_VERSIONS}"
_REFERRED: Final = (
    "SELECT DISTINCT l.target_type, l.target_id FROM link l JOIN resource r ON r.patient = $1 AND r.n = l.n"
    f" WHERE l.patient = $1 AND r.labels & $2 = 0 AND {_GUARD}"
    " ORDER BY l.target_type, l.target_id"
)
_SHARED: Final = (
    "SELECT r.body FROM resource r WHERE r.patient IN ($1, $2) AND r.type = $3 AND r.id = $4 AND r.deleted = 0"
    " AND NOT EXISTS (SELECT 1 FROM resource o WHERE o.patient = $5 AND o.type = $3 AND o.id = $4)"
    " ORDER BY r.patient LIMIT 1"
)
_CONSENTS: Final = (
    "SELECT id, version, state, recipient, recipient_name, purpose, labels, actions, since, until, language,"
    " text_version, text, given_by, method, recorded, reason FROM consent WHERE patient = $1 ORDER BY id, version"
)


def _fitting(sizes: Sequence[Row]) -> int:
    """How many of what comes next are read at once."""
    held = 0
    for count, (size,) in enumerate(sizes):
        held += size
        if count and held > HELD:
            return count
    return len(sizes)


@dataclass(frozen=True, slots=True)
class Part:
    """How many resources or versions of one type there are."""

    type: str
    count: int


class Contents:
    """Reads for one person. Every method raises ``GrantChanged`` once the person's right has changed."""

    def __init__(self, server: FhirServer, reader: Reader, access: Access, patient: int, *, now: int) -> None:
        self._server = server
        self._reader = reader
        self._access = access
        self._patient = patient
        self._now = now
        denied = access.denied_labels(patient, Action.READ)
        self._binds = (patient, denied, access.hash, access.stamp, now)

    async def current_types(self) -> list[Part]:
        """What there is now."""
        return await self._parts(_TYPES)

    async def past_types(self) -> list[Part]:
        """What there ever was."""
        return await self._parts(_PAST_TYPES)

    async def current(self, resource_type: str) -> AsyncIterator[Sequence[Row]]:
        """Slices of id, version, labels and body."""
        async for rows in self._slices(_CURRENT_SIZES, _CURRENT, resource_type, ("",)):
            yield rows

    async def versions(self, resource_type: str) -> AsyncIterator[Sequence[Row]]:
        """Slices of id, version, time (µs), interaction, actor and body (None where there is no content)."""
        async for rows in self._slices(_VERSION_SIZES, _VERSIONS, resource_type, ("", 0)):
            yield rows

    async def shared(self) -> AsyncIterator[tuple[str, bytes]]:
        """Type and body of what the record refers to in the catalogues."""
        catalogue = self._server.registry.catalogue_numbers
        numbers = {int(each) for each in catalogue.split(",")}
        for number, resource_id in await self._reader.fetch(_REFERRED, *self._binds):
            if number in numbers:
                binds = (*self._access.catalogues, number, resource_id, self._patient)
                for (body,) in await self._reader.fetch(_SHARED, *binds):
                    yield self._server.registry.type_names[number], body

    async def consents(self) -> list[dict[str, Any]]:
        """Every version of every consent, with the text that was shown."""
        rows = await self._reader.fetch(_CONSENTS, self._patient)
        return [self._consent(row) for row in rows]

    async def log(self) -> AsyncIterator[dict[str, Any]]:
        """The access log of this patient, the newest line first, without what is about others in the same line."""
        async for each in events_of(self._reader, self._patient, since=0, until=self._now + 1):
            event = each.event
            alone = len(event.patients) == 1
            yield {
                "id": each.id,
                "at": instant(event.at),
                "interaction": event.interaction,
                "status": event.status,
                "request": event.request,
                "agent": msgspec.to_builtins(event.agent),
                "resources": list(event.resources) if alone else [],
                "type": event.type,
                "parameters": list(event.parameters),
                "rows": event.rows if alone else None,
            }

    async def _slices(
        self, sizes: str, statement: str, resource_type: str, after: tuple[Any, ...]
    ) -> AsyncIterator[Sequence[Row]]:
        """All rows in the order of the columns of ``after``, which come first; no more at once than is held easily."""
        binds = (*self._binds, self._server.registry.number(resource_type))
        while next_ones := await self._reader.fetch(sizes, *binds, *after, SLICE):
            rows = await self._reader.fetch(statement, *binds, *after, _fitting(next_ones))
            if rows:
                yield rows
                after = tuple(rows[-1][: len(after)])
        await check_guard(self._reader, self._access, self._now)

    async def _parts(self, statement: str) -> list[Part]:
        rows = await self._reader.fetch(statement, *self._binds)
        if not rows:
            await check_guard(self._reader, self._access, self._now)
        return [Part(self._server.registry.type_names[number], count) for number, count in rows]

    def _consent(self, row: Row) -> dict[str, Any]:
        names = ("id", "version", "state", "recipient", "recipientName", "purpose", "categories", "actions", "since",
                 "until", "language", "textVersion", "text", "givenBy", "method", "recorded", "reason")  # fmt: skip
        found = dict(zip(names, row, strict=True))
        categories = self._server.labels.categories
        found["categories"] = [name for name, each in categories.items() if found["categories"] & 1 << each.bit]
        for name in ("since", "until", "recorded"):
            found[name] = instant(found[name]) if found[name] < _FAR else None
        return found


_FAR: Final = 2**57
"""Later than any date that can be written: it does not end."""
