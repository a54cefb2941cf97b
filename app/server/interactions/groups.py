"""The groups of ``$lastn``: Observations that share a coding, from the index rows that are kept beside each.

Bodies are read where there is no coding, for their text, and of what is given.
https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from typing import Any, Final

import msgspec

from app.database import Reader, Row
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.messages import Request
from app.server.search.rows import unpack
from app.server.server import FhirServer

Place = tuple[int, int]
"""Partition and ``n`` of a resource."""

_AT_ONCE: Final = 500
"""Observations per statement: what is held in memory of them at a time, and how long the event loop is."""
_SELECT: Final = (
    "SELECT r.patient, r.n, r.id, {column} FROM {places} CROSS JOIN resource r WHERE r.patient = p.patient"
    " AND r.n = p.n AND r.type = $4 AND r.deleted = 0 AND r.labels & p.denied = 0"
    f" AND {guarded(1)}"
)
_PLACES: Final = {
    "postgresql": "unnest($5::bigint[], $6::bigint[], $7::bigint[]) AS p(patient, n, denied)",
    "sqlite": (
        "(SELECT json_extract(j.value, '$[0]') AS patient, json_extract(j.value, '$[1]') AS n,"
        " json_extract(j.value, '$[2]') AS denied FROM json_each($5) j) p"
    ),
}


class _Concept(msgspec.Struct):
    text: str = ""


class _Observation(msgspec.Struct):
    code: _Concept


_read = msgspec.json.Decoder(_Observation).decode


class Observations:
    """Observations of one request, read by their places in the snapshot in which they were found."""

    def __init__(self, server: FhirServer, reader: Reader, request: Request) -> None:
        self._reader = reader
        self._access = request.access
        self._now = request.now
        self._dialect = server.database.dialect
        self._type = server.registry.number("Observation")
        self._codes = frozenset(server.registry.params("Observation")["code"].numbers)

    async def marks(self, places: Sequence[Place]) -> Mapping[Place, Sequence[Hashable]]:
        """What each has in common with the others of its group: its codings, or without any its text."""
        marks: dict[Place, Sequence[Hashable]] = {}
        async for patient, n, _, keys in self._each("r.keys", places):
            marks[patient, n] = [(patient, value) for number, value in unpack(keys, 0).tokens if number in self._codes]
        uncoded = [place for place, found in marks.items() if not found]
        async for patient, n, _, body in self._each("r.body", uncoded):
            marks[patient, n] = [(patient, _read(body).code.text)]
        return marks

    async def rows(self, places: Sequence[Place]) -> list[Row]:
        """The Observations at these places, in this order, as the rows of a ``Page``."""
        found: dict[Place, Row] = {}
        async for patient, n, resource_id, body in self._each("r.body", places):
            found[patient, n] = (resource_id, body, patient, n, self._type)
        return [found[place] for place in places if place in found]

    async def _each(self, column: str, places: Sequence[Place]) -> AsyncIterator[tuple[int, int, str, Any]]:
        sql = _SELECT.format(column=column, places=_PLACES[self._dialect])
        guard = (self._access.hash, self._access.stamp, self._now, self._type)
        for start in range(0, len(places), _AT_ONCE):
            some = [
                [patient, n, self._access.denied_labels(patient, Action.SEARCH)]
                for patient, n in places[start : start + _AT_ONCE]
            ]
            binds = [f"{some}"] if self._dialect == "sqlite" else [list(each) for each in zip(*some, strict=True)]
            for row in await self._reader.fetch(sql, *guard, *binds):
                yield row[0], row[1], row[2], row[3]
            await asyncio.sleep(0)  # others have their turn: quick statements do not wait for anything


def newest(places: Sequence[Place], marks: Mapping[Place, Sequence[Hashable]], most: int) -> list[Place]:
    """At most ``most`` of each group, in the order of the newest of each; ``places`` begin with the newest."""
    joined = Groups()
    for each in marks.values():
        joined.join(each)
    groups: dict[Hashable, list[Place]] = {}
    for place in places:
        if place in marks:
            group = groups.setdefault(joined.find(marks[place][0]), [])
            if len(group) < most:
                group.append(place)
    return [place for group in groups.values() for place in group]


class Groups:
    """Sets that grow together: what was joined once stays so (union-find)."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def find(self, mark: Hashable) -> Hashable:
        """What stands for the set of a mark."""
        above = self._above.setdefault(mark, mark)
        while above != mark:
            self._above[mark] = above = self._above[above]
            mark, above = above, self._above[above]
        return mark

    def join(self, marks: Sequence[Hashable]) -> None:
        """Make one set of all."""
        first = self.find(marks[0])
        for each in marks[1:]:
            self._above[self.find(each)] = first
