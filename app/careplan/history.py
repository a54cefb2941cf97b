"""The plan as it was: its revisions by number or time, and the versions that each of them showed.

MODEL 2, "Revisions". Nothing is read here without the caller's access of now: of a version that may not be seen it is
only told that there is one. https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from app.careplan.past import HIDDEN, Key, Member, Revision, Span
from app.careplan.revision import claim_of
from app.database import Reader, Row
from app.errors import NotFound
from app.fhir.dates import OPEN_END, OPEN_START
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.narrowed import is_within
from app.server.store.read import check_guard

LAST: Final = 99_999_999
"""Above every number of a revision."""
_GUARD: Final = "EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = $3 AND g.stamp = $4 AND g.expires > $5)"
_REVISIONS: Final = (
    # What a revision that may not be seen showed is asked for all the same: each of those versions is judged by itself.
    "SELECT c.name, r.n, r.id, r.version, r.updated, r.deleted, r.labels & $2, r.body"
    " FROM claim c CROSS JOIN resource r WHERE c.patient = $1 AND c.name >= $6 AND c.name <= $7"
    " AND r.patient = $1 AND r.n = c.n"
    f" AND (r.deleted > 0 OR r.date >= $8 AND r.date < $9) AND {_GUARD} ORDER BY c.name DESC LIMIT $10"
)
_CHOSEN: Final = (
    "SELECT c.name, r.n, r.id, r.version, r.updated, r.deleted, r.labels & $2, r.body"
    " FROM claim c CROSS JOIN resource r WHERE c.patient = $1 AND c.name IN ({names})"
    f" AND r.patient = $1 AND r.n = c.n AND {_GUARD}"
)
_NUMBERS: Final = (
    "SELECT c.name, c.n FROM claim c WHERE c.patient = $1 AND c.name >= $6 AND c.name <= $7 AND CAST($2 AS bigint) >= 0"
    f" AND {_GUARD} ORDER BY c.n"
)
_REMOVAL: Final = (
    "(SELECT min(e.updated) FROM history e WHERE e.patient = $1 AND e.type = h.type AND e.id = h.id"
    " AND e.version >= h.version AND e.interaction = 'erase')"
)
_COLUMNS: Final = (
    "h.type, h.id, h.version, h.seq, h.updated, h.interaction, h.labels & $2, CASE WHEN h.labels & $2 = 0 THEN"
    " coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = h.type AND r.id = h.id"
    " AND r.version = h.version)) END,"
    f" CASE WHEN h.interaction IN ('erase', 'erased') THEN {_REMOVAL} END"
)
_ASKED: Final = {
    "postgresql": "unnest($6::smallint[], $7::text[], $8::int[], $9::int[]) AS t(type, id, low, high)",
    "sqlite": (
        "(SELECT json_extract(j.value, '$[0]') AS type, json_extract(j.value, '$[1]') AS id,"
        " json_extract(j.value, '$[2]') AS low, json_extract(j.value, '$[3]') AS high FROM json_each($6) j) t"
    ),
}
_WITHIN: Final = "h.version >= t.low AND h.version <= t.high"
_AT: Final = (
    "h.version = (SELECT max(v.version) FROM history v WHERE v.patient = $1 AND v.type = t.type AND v.id = t.id"
    " AND (v.version <= t.low OR v.updated < {at}))"
)


def _statement(dialect: str, condition: str) -> str:
    return (
        f"SELECT {_COLUMNS} FROM {_ASKED[dialect]} CROSS JOIN history h"
        f" WHERE h.patient = $1 AND h.type = t.type AND h.id = t.id AND {condition} AND {_GUARD}"
    )


_SPANS: Final = {dialect: _statement(dialect, _WITHIN) for dialect in _ASKED}
_MOMENT: Final = {
    "postgresql": _statement("postgresql", _AT.format(at="$10::bigint")),
    "sqlite": _statement("sqlite", _AT.format(at="$7")),
}


class Place(NamedTuple):
    """Whose plan it is, and which."""

    patient: int
    plan: str


class History:
    """The revisions of one plan as one caller may see them. ``reader``: one state of the database."""

    def __init__(self, server: FhirServer, reader: Reader, request: Request, place: Place) -> None:
        self.server = server
        self.reader = reader
        self.request = request
        self.place = place
        access = request.access
        self._denied = access.denied_labels(place.patient, Action.READ)
        self._start = (place.patient, self._denied, access.hash, access.stamp, request.now)

    async def revisions(
        self, low: int, high: int, *, limit: int, since: int = OPEN_START, before: int = OPEN_END
    ) -> list[Revision]:
        """Those with a number from ``low`` to ``high`` that were recorded within the time (µs), the newest first; what
        was erased is among them whatever its time was.
        """
        rows = await self.reader.fetch(_REVISIONS, *self._start, *self._names(low, high), since, before, limit)
        if not rows:
            await check_guard(self.reader, self.request.access, self.request.now)
        return [await self._revision(row) for row in rows]

    async def chosen(self, numbers: Iterable[int]) -> list[Revision]:
        """Those with these numbers."""
        names = [claim_of(self.place.plan, each) for each in sorted(numbers)]
        if not names:
            return []
        places = ", ".join(f"${at}" for at in range(6, 6 + len(names)))
        rows = await self.reader.fetch(_CHOSEN.format(names=places), *self._start, *names)
        return [await self._revision(row) for row in rows]

    async def _revision(self, row: Row) -> Revision:
        name, n, resource_id, version, updated, deleted, denied, body = row
        number = int(name.rpartition("|")[2])
        seen = not denied and await self._is_seen("Provenance", resource_id, version, body)
        return Revision(number, n, resource_id, version, updated, bool(deleted), seen, body)

    async def at_number(self, number: int) -> Revision:
        """The revision with a number. Raises ``NotFound``."""
        found = await self.revisions(number, number, limit=1) if 0 < number <= LAST else []
        if not found:
            raise NotFound(f"CarePlan/{self.place.plan} has no revision {number}.")
        return found[0]

    async def at_time(self, before: int) -> Revision:
        """The newest revision that was recorded before a moment (µs). Raises ``NotFound``."""
        found = await self.revisions(1, LAST, limit=1, before=before)
        if not found:
            raise NotFound(f"CarePlan/{self.place.plan} was not there yet at that time.")
        return found[0]

    async def numbers(self, low: int, high: int) -> list[tuple[int, int]]:
        """(place in the partition's order, number) of revisions, in their order."""
        rows = await self.reader.fetch(_NUMBERS, *self._start, *self._names(low, high))
        return [(row[1], int(row[0].rpartition("|")[2])) for row in rows]

    async def versions(self, keys: Iterable[Key]) -> dict[Key, Member]:
        """These very versions."""
        return {each.key: each for each in await self.spans([Span(*key, key[2]) for key in keys])}

    async def spans(self, spans: Sequence[Span]) -> list[Member]:
        """All versions of each span."""
        if not spans:
            return []
        dialect = self.server.database.dialect
        return await self._members(await self.reader.fetch(_SPANS[dialect], *self._start, *self._columns(spans)))

    async def versions_at(self, keys: Sequence[Key], before: int) -> dict[tuple[str, str], Member]:
        """Of each resource the version that was current before a moment (µs), and none before the one that is named;
        by type and id.
        """
        if not keys:
            return {}
        dialect = self.server.database.dialect
        spans = [Span(*key, key[2]) for key in keys]
        rows = await self.reader.fetch(_MOMENT[dialect], *self._start, *self._columns(spans), before)
        return {each.key[:2]: each for each in await self._members(rows)}

    def _names(self, low: int, high: int) -> tuple[str, str]:
        return claim_of(self.place.plan, low), claim_of(self.place.plan, high)

    def _columns(self, spans: Sequence[Span]) -> tuple[Any, ...]:
        number = self.server.registry.number
        rows = [(number(kind), resource_id, low, high) for kind, resource_id, low, high in spans]
        if self.server.database.dialect == "postgresql":
            return tuple(list(column) for column in zip(*rows, strict=True))
        return (encode(rows).decode(),)

    async def _members(self, rows: Sequence[Row]) -> list[Member]:
        names = self.server.registry.type_names
        found = []
        for number, resource_id, version, seq, updated, interaction, denied, body, removal in rows:
            kind = names[number]
            content = None if body is None else bytes(body)
            state = HIDDEN if denied or not self.request.access.scopes.allow(kind, Action.READ) else interaction
            if state != HIDDEN and not await self._is_seen(kind, resource_id, version, content):
                state = HIDDEN
            found.append(
                Member(kind, resource_id, version, seq, updated, state, None if state == HIDDEN else content, removal)
            )
        return found

    async def _is_seen(self, kind: str, resource_id: str, version: int, body: bytes | None) -> bool:
        access = self.request.access
        if not access.scopes.allow(kind, Action.READ):
            return False
        at = self.place.patient, kind, resource_id
        registry = self.server.registry
        return await is_within(self.reader, access, registry, at, version, body, action=Action.READ)
