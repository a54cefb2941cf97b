"""The plan as it was: its revisions by number or time, and the versions that each of them showed.

MODEL 2, "Revisions". Nothing is read here without the caller's access of now: of a version that may not be seen it is
only told that there is one. https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from app.careplan.past import HIDDEN, Key, Member, Revision, Span
from app.careplan.refusals import refused
from app.careplan.revision import MOST_OBSERVED, claim_of
from app.database import Reader, Row
from app.errors import NotFound
from app.fhir.dates import OPEN_END, OPEN_START
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.narrowed import is_within
from app.server.store.read import check_guard

_OBSERVATION: Final = "Observation"
LAST: Final = 99_999_999
"""Above every number of a revision."""
_GUARD: Final = guarded(3)
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
    "SELECT c.n, c.name FROM claim c WHERE c.patient = $1 AND c.name >= $6 AND c.name <= $7 AND CAST($2 AS bigint) >= 0"
    f" AND {_GUARD} ORDER BY c.n"
)
_REMOVAL: Final = (
    "(SELECT min(e.updated) FROM history e WHERE e.patient = $1 AND e.type = h.type AND e.id = h.id"
    " AND e.version >= h.version AND e.interaction = 'erase')"
)
_COLUMNS: Final = (
    "h.type, h.id, h.version, h.seq, h.updated, h.interaction, CASE WHEN h.labels & $2 = 0 THEN"
    " coalesce(h.body, (SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = h.type AND r.id = h.id"
    " AND r.version = h.version)) END,"
    f" CASE WHEN h.interaction IN ('erase', 'erased') THEN {_REMOVAL} END, h.labels"
)
"""Those of a ``Member`` in its order, and the labels."""
_ASKED: Final = {
    "postgresql": "unnest($6::smallint[], $7::text[], $8::int[], $9::int[]) AS t(type, id, low, high)",
    "sqlite": (
        "(SELECT json_extract(j.value, '$[0]') AS type, json_extract(j.value, '$[1]') AS id,"
        " json_extract(j.value, '$[2]') AS low, json_extract(j.value, '$[3]') AS high FROM json_each($6) j) t"
    ),
}
_NOW: Final = (
    "SELECT r.type, r.id, r.version, r.seq, r.updated, '', CASE WHEN r.labels & $2 = 0 THEN r.body END, NULL, r.labels"
    f" FROM resource r WHERE r.patient = $1 AND r.type = $6 AND r.deleted = 0 AND {_GUARD}"
)
_THEN: Final = (
    f"SELECT {_COLUMNS} FROM history h WHERE h.patient = $1 AND h.type = $6 AND h.seq <= $7"
    " AND h.interaction NOT IN ('delete', 'erase') AND NOT EXISTS (SELECT 1 FROM history v WHERE v.patient = $1"
    f" AND v.type = h.type AND v.id = h.id AND v.version = h.version + 1 AND v.seq <= $7) AND {_GUARD}"
)
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
_NUMBERS_OF: Final = (
    "SELECT r.id, c.name FROM claim c CROSS JOIN resource r WHERE c.patient = $1 AND c.name >= $6 AND c.name <= $7"
    " AND r.patient = $1 AND r.n = c.n AND r.type = $8 AND r.id IN ({ids}) AND CAST($2 AS bigint) >= 0"
    f" AND {_GUARD}"
)
_SAID: Final = (
    "SELECT o.goal, o.id FROM (SELECT f.target_id AS goal, r.id, row_number()"
    " OVER (PARTITION BY f.target_id ORDER BY r.date DESC, r.n DESC) AS place FROM (SELECT DISTINCT l.target_id, l.n"
    " FROM link l WHERE l.patient = $1 AND l.type = $6 AND l.param = $7 AND l.target_type = $8"
    " AND l.target_id IN ({goals})) f JOIN resource r ON r.patient = $1 AND r.n = f.n"
    " WHERE r.deleted = 0 AND CAST($2 AS bigint) >= 0 AND EXISTS (SELECT 1 FROM history h WHERE h.patient = $1"
    f" AND h.type = r.type AND h.id = r.id AND h.updated < $9) AND {_GUARD}) o WHERE o.place <= $10 ORDER BY o.place"
)
_BODY: Final = 6
_LABELS: Final = 8
"""The columns of a version that a ``Judge`` looks at."""
Judge = Callable[[int, bytes | None], bool]
"""Whether a version is wanted, by its labels and its content, None where the caller may not see it."""


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
        self._allowed: dict[str, bool] = {}
        self._is_narrowed = access.scopes.narrowed is not None
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
        return await self.named([claim_of(self.place.plan, each) for each in sorted(numbers)])

    async def named(self, names: Sequence[str]) -> list[Revision]:
        """Those with these names, as ``recorded`` has them."""
        if not names:
            return []
        places = ", ".join(f"${at}" for at in range(6, 6 + len(names)))
        rows = await self.reader.fetch(_CHOSEN.format(names=places), *self._start, *names)
        return [await self._revision(row) for row in rows]

    async def _revision(self, row: Row) -> Revision:
        name, n, resource_id, version, updated, deleted, denied, body = row
        number = int(name.rpartition("|")[2])
        seen = not denied and self._of_all("Provenance")
        if seen and self._is_narrowed:
            seen = await self._is_seen("Provenance", resource_id, version, body)
        return Revision(number, n, resource_id, version, updated, bool(deleted), seen, body)

    async def at_number(self, number: int) -> Revision:
        """The revision with a number. Raises ``NotFound``."""
        found = await self.revisions(number, number, limit=1) if 0 < number <= LAST else []
        if not found:
            raise refused(NotFound, "revision-unknown", as_type="not-found", id=self.place.plan, number=str(number))
        return found[0]

    async def at_time(self, before: int) -> Revision:
        """The newest revision that was recorded before a moment (µs). Raises ``NotFound``."""
        found = await self.revisions(1, LAST, limit=1, before=before)
        if not found:
            raise refused(NotFound, "not-there-yet", as_type="not-found", id=self.place.plan)
        return found[0]

    async def recorded(self, low: int, high: int) -> Sequence[Row]:
        """(place in the partition's order, name) of revisions, in their order."""
        return await self.reader.fetch(_NUMBERS, *self._start, *self._names(low, high))

    async def numbers_of(self, ids: Iterable[str]) -> dict[str, int]:
        """The numbers of revisions by the ids of their Provenance; one of another plan has none here."""
        listed = sorted(ids)
        if not listed:
            return {}
        places = ", ".join(f"${at}" for at in range(9, 9 + len(listed)))
        binds = (*self._names(1, LAST), self.server.registry.number("Provenance"), *listed)
        rows = await self.reader.fetch(_NUMBERS_OF.format(ids=places), *self._start, *binds)
        return {row[0]: int(row[1].rpartition("|")[2]) for row in rows}

    async def said_of(self, goals: Iterable[str], before: int) -> list[Member]:
        """What was said of goals before a moment (µs), as far as it is still there: of each goal the newest, each
        version as it was then.
        """
        number = self.server.registry.number
        about = (number(_OBSERVATION), self.server.definitions.parameter_numbers["goal-focus"], number("Goal"))
        by_goal: dict[str, list[str]] = {goal: [] for goal in goals}
        if not by_goal:
            return []
        places = ", ".join(f"${place}" for place in range(11, 11 + len(by_goal)))
        binds = (*self._start, *about, before, MOST_OBSERVED, *by_goal)
        for goal, resource_id in await self.reader.fetch(_SAID.format(goals=places), *binds):
            by_goal[goal].append(resource_id)
        found = dict.fromkeys(each for said in by_goal.values() for each in said)
        versions = await self.versions_at([(_OBSERVATION, each, 0) for each in found], before)
        return [versions[_OBSERVATION, each] for each in found if (_OBSERVATION, each) in versions]

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

    async def of_type(
        self, kind: str, ids: Sequence[str] | None, *, at: int | None, only: Judge | None = None
    ) -> list[Member]:
        """What stood under these ids, or everything of the type, at a place in the partition's order; None: what stands
        now. What was deleted is not among it.
        """
        binds: list[Any] = [*self._start, self.server.registry.number(kind)]
        statement, alias = _NOW, "r"
        if at is not None:
            statement, alias = _THEN, "h"
            binds.append(at)
        if ids is not None:
            places = ", ".join(f"${place}" for place in range(len(binds) + 1, len(binds) + 1 + len(ids)))
            statement += f" AND {alias}.id IN ({places})"
            binds += ids
        rows = await self.reader.fetch(f"{statement} ORDER BY {alias}.id", *binds)
        return await self._members([row for row in rows if only is None or only(row[_LABELS], row[_BODY])])

    def _names(self, low: int, high: int) -> tuple[str, str]:
        return claim_of(self.place.plan, low), claim_of(self.place.plan, high)

    def _columns(self, spans: Sequence[Span]) -> tuple[Any, ...]:
        number = self.server.registry.number
        rows = [(number(kind), resource_id, low, high) for kind, resource_id, low, high in spans]
        if self.server.database.dialect == "postgresql":
            return tuple(list(column) for column in zip(*rows, strict=True))
        return (encode(rows).decode(),)

    async def _members(self, rows: Sequence[Row]) -> list[Member]:
        names, denied = self.server.registry.type_names, self._denied
        found = []
        for row in rows:
            kind, labels = names[row[0]], row[_LABELS]
            hidden = bool(labels & denied) or not self._of_all(kind)
            if not hidden and self._is_narrowed:
                hidden = not await self._is_seen(kind, row[1], row[2], row[_BODY])
            _, resource_id, version, seq, updated, interaction, body, removal, _ = row
            state, content = (HIDDEN, None) if hidden else (interaction, body)
            found.append(Member(kind, resource_id, version, seq, updated, state, content, removal))
        return found

    def _of_all(self, kind: str) -> bool:
        """Whether the scopes allow to read a type; of which resources is asked of each version."""
        allowed = self._allowed.get(kind)
        if allowed is None:
            allowed = self._allowed[kind] = self.request.access.scopes.allow(kind, Action.READ)
        return allowed

    async def _is_seen(self, kind: str, resource_id: str, version: int, body: bytes | None) -> bool:
        if not self._of_all(kind):
            return False
        at = self.place.patient, kind, resource_id
        access, registry = self.request.access, self.server.registry
        return await is_within(self.reader, access, registry, at, version, body, action=Action.READ)
