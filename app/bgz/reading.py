"""All parts of a set of the record in one statement, with the guard of the grant, the labels and the scopes inside, in
place of a search for each. https://hl7.org/fhir/R4/search.html

What has no index row of its own to be found by is read by its type and told apart by its elements; Observations, of
which there may be very many, are found by their codes, and of one code only the newest is read where that is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.bgz.parts import OBSERVATION, Marked, Part, marked
from app.database import Reader
from app.errors import Forbidden
from app.fhir.scopes import Action
from app.server.access import guarded
from app.server.interactions.groups import newest
from app.server.messages import Request
from app.server.search.narrowed_rows import rows_within
from app.server.search.terms import hash_token
from app.server.server import FhirServer

MOST: Final = 20_000
"""Resources that one set is chosen from, of each way to find them."""
EVER: Final = 2**62
_BY_TYPE: Final = -1
_ERROR: Final = hash_token("", "entered-in-error")
_ACTOR: Final = "(SELECT h.actor FROM history h WHERE h.patient = r.patient AND h.seq = r.n)"
_FIRST: Final = 7
"""Where the placeholders of what scopes are narrowed by begin."""
_SELECT: Final = (
    "SELECT {part} AS part, r.n, r.type, r.id, r.seq, r.updated, r.date, r.body, {actor},"
    " (SELECT q.seq FROM partition q WHERE q.patient = $1) FROM"
)
_WHERE: Final = f"r.deleted = 0 AND r.labels & $2 = 0 AND r.n <= $6 AND {guarded(3)}{{within}}"
_LIMIT: Final = f"LIMIT {MOST + 1}"
_FOUND: Final = "t.patient = $1 AND t.type = {number} AND t.param = {param} AND t.value IN ({values})"
_OF_TYPES: Final = f"{_SELECT} resource r WHERE r.patient = $1 AND r.type IN ({{types}}) AND {_WHERE} {_LIMIT}"
_OF_CODES: Final = (
    f"{_SELECT} (SELECT DISTINCT t.n, t.date FROM token t WHERE {_FOUND}) t CROSS JOIN resource r"
    f" WHERE r.patient = $1 AND r.n = t.n AND {_WHERE} ORDER BY t.date DESC, t.n DESC LIMIT {{most}}"
)
_NEWEST: Final = (
    f"{_SELECT} token t CROSS JOIN resource r WHERE {_FOUND} AND r.patient = $1 AND r.n = t.n AND {_WHERE}"
    " AND NOT EXISTS (SELECT 1 FROM token s WHERE s.patient = $1 AND s.type = t.type AND s.param = {status}"
    f" AND s.value = {_ERROR} AND s.date = t.date AND s.n = t.n) ORDER BY t.date DESC, t.n DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Place:
    """One resource of a set. ``part``: the index of its part; ``seq``: of its last change, and ``standing`` that of the
    record when it was read; ``updated`` in µs. ``actor``: who entered it first, where that was asked for.
    """

    part: int
    n: int
    type: int
    id: str
    seq: int
    updated: int
    date: int
    body: bytes
    actor: str
    standing: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How parts are read: for whom, of which record (its partition). ``hidden``: labels that are left out, besides
    those that are denied; ``sources``: with who entered each first.
    """

    server: FhirServer
    request: Request
    patient: int
    sources: bool = False

    async def places(self, reader: Reader, parts: Sequence[Part], *, until: int = EVER) -> list[Place]:
        """What the parts have, in the order of the parts and of when each was born; each resource in the first part
        that takes it. ``until``: born after this change, it is not there. Raises ``Forbidden`` where there is too much.
        """
        access = self.request.access
        asked = {at: each for at, each in enumerate(parts) if access.scopes.allow(each.type, Action.READ)}
        if not asked:
            return []
        within, binds = rows_within(
            *(self.server.registry, self.server.database.dialect, access, Action.READ),
            alias="r",
            first=_FIRST,
            now=self.request.now,
        )
        denied = access.denied_labels(self.patient, Action.READ)
        sql = self._statement(asked, within)
        rows = await reader.fetch(sql, self.patient, denied, access.hash, access.stamp, self.request.now, until, *binds)
        if len(rows) > MOST:
            raise Forbidden("There is more than can be looked through at once; ask for fewer sections.", "too-costly")
        return self._chosen([Place(*row) for row in rows], asked)

    def _statement(self, asked: Mapping[int, Part], within: str) -> str:
        registry = self.server.registry
        number, params = registry.number(OBSERVATION), registry.params(OBSERVATION)
        words = {"actor": _ACTOR if self.sources else "''", "within": within, "number": number}
        pieces = []
        types = {registry.number(each.type) for each in asked.values() if not each.found_by}
        if types:
            pieces.append(_OF_TYPES.format(part=_BY_TYPE, types=", ".join(map(str, sorted(types))), **words))
        for at, each in asked.items():
            if each.found_by:
                values = ", ".join(str(hash_token(*key)) for key in each.codes)
                form = _NEWEST if each.last and each.found_by == "code" and len(each.codes) == 1 else _OF_CODES
                param, status = params[each.found_by].number, params["status"].number
                most = each.most or MOST + 1
                pieces.append(form.format(part=at, param=param, values=values, status=status, most=most, **words))
        return " UNION ALL ".join(f"SELECT * FROM ({piece}) p{at}" for at, piece in enumerate(pieces))

    def _chosen(self, found: Sequence[Place], asked: Mapping[int, Part]) -> list[Place]:
        by_type: dict[int, list[tuple[int, Part]]] = {}
        for at, each in asked.items():
            if not each.found_by:
                by_type.setdefault(self.server.registry.number(each.type), []).append((at, each))
        taken: dict[int, Place] = {}
        several: dict[int, list[tuple[Place, Marked]]] = {}
        for place, elements in _read(found):
            if place.part == _BY_TYPE:
                found_in = next((at for at, each in by_type[place.type] if each.takes(elements)), None)
                if found_in is not None:
                    taken[place.n] = _in_part(place, found_in)
            elif asked[place.part].takes(elements):
                several.setdefault(place.part, []).append((place, elements))
        for at in sorted(several):
            for place in _last(several[at]) if asked[at].last else [each for each, _ in several[at]]:
                taken.setdefault(place.n, place)
        return sorted(taken.values(), key=lambda each: (each.part, each.n))


def _read(found: Sequence[Place]) -> Iterator[tuple[Place, Marked]]:
    for each in found:
        yield each, marked(each.body)


def _in_part(place: Place, at: int) -> Place:
    return Place(
        *(at, place.n, place.type, place.id, place.seq, place.updated, place.date),
        *(place.body, place.actor, place.standing),
    )


def _last(listed: Sequence[tuple[Place, Marked]]) -> list[Place]:
    """The newest of each code, as ``$lastn`` takes codes together."""
    places = {(0, each.n): each for each, _ in listed}
    marks: dict[tuple[int, int], list[Any]] = {(0, each.n): list(elements.groups()) for each, elements in listed}
    ordered = sorted(places, key=lambda at: (places[at].date, at[1]), reverse=True)
    return [places[at] for at in newest(ordered, marks, 1)]
