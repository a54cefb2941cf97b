"""What a resource that is checked refers to, as far as it is held and the caller may see it.

https://hl7.org/fhir/R4/references.html#literal: a reference resolves in the resource's own partition, then in the
catalogues. What is another patient's, or hidden from the caller, resolves as what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from app.database import Reader
from app.fhir.resource import LiteralReference, Resource, decode, encode, parse_reference
from app.fhir.scopes import Action
from app.server.access import Access, guarded
from app.server.intake.claims import Claimant
from app.server.intake.effort import MOST_RESOLVED, values_in
from app.server.search.narrowing import narrowing_of
from app.server.server import FhirServer

MOST: Final = 500
"""References that one check looks up."""
LARGEST: Final = 64 * 1024
"""Bytes of a resource that is read because something refers to it."""
NO_ENTRIES: Final[Mapping[str, Resource]] = MappingProxyType({})
_SELECT: Final = (
    "SELECT r.patient, r.type, r.id, r.body FROM {places} CROSS JOIN resource r WHERE r.patient = w.patient"
    " AND r.type = w.type AND r.id = w.id AND r.deleted = 0 AND r.labels & w.denied = 0"
    f" AND length(r.body) <= {LARGEST}"
    f" AND {guarded(1)}"
)
_PLACES: Final = {
    "postgresql": "unnest($4::bigint[], $5::smallint[], $6::text[], $7::bigint[]) AS w(patient, type, id, denied)",
    "sqlite": (
        "(SELECT json_extract(j.value, '$[0]') AS patient, json_extract(j.value, '$[1]') AS type,"
        " json_extract(j.value, '$[2]') AS id, json_extract(j.value, '$[3]') AS denied FROM json_each($4) j) w"
    ),
}
_Place = tuple[int, int, str]
"""Partition, type number and id."""


class Held:
    """What was read. ``entries``: what comes in with the resource, by what refers to it."""

    def __init__(
        self, server: FhirServer, access: Access, bodies: Mapping[_Place, bytes], entries: Mapping[str, Resource]
    ) -> None:
        self._server = server
        self._access = access
        self._bodies = bodies
        self._entries = entries
        self._read: dict[_Place, Resource | None] = {}
        self._left = MOST_RESOLVED

    def resolving(self, patient: int | None) -> Callable[[str], Resource | None]:
        """What gives the resource of a literal reference in that partition, None where there is none to be seen."""

        def resolve(text: str) -> Resource | None:
            found = look(text)
            if found is not None:
                self._left -= values_in(found)
            return found if self._left >= 0 else None

        def look(text: str) -> Resource | None:
            if (entry := self._entries.get(text)) is not None:
                return entry
            literal = literal_here(self._server, text)
            if literal is None:
                return None
            for place in _places(self._server, self._access, literal, patient):
                if (stored := self._at(place)) is not None:
                    known = literal.version in (None, stored["meta"]["versionId"])
                    return stored if known else None
            return None

        return resolve

    def _at(self, place: _Place) -> Resource | None:
        if place not in self._bodies:
            return None
        if place not in self._read:
            resource = decode(self._bodies[place])
            scopes = self._access.scopes
            seen = scopes.narrowed is None or narrowing_of(self._server.registry).allows(scopes, Action.READ, resource)
            self._read[place] = resource if seen else None
        return self._read[place]


async def read_held(
    server: FhirServer,
    reader: Reader,
    access: Access,
    claimants: Iterable[Claimant],
    *,
    entries: Mapping[str, Resource] = NO_ENTRIES,
) -> Held:
    """Everything that the claimants refer to, with one statement at most; of more than ``MOST`` the first."""
    wanted: dict[_Place, int] = {}
    for each in claimants:
        for text in references_of(each.resource):
            literal = None if text in entries else literal_here(server, text)
            if literal is None or not access.scopes.allow(literal.type, Action.READ):
                continue
            for place in _places(server, access, literal, each.patient):
                if len(wanted) < MOST:
                    wanted[place] = access.denied_labels(place[0], Action.READ)
    if not wanted:
        return Held(server, access, {}, entries)
    rows = [[*place, denied] for place, denied in wanted.items()]
    binds: list[Any] = [encode(rows).decode()]
    if server.database.dialect == "postgresql":
        binds = [list(column) for column in zip(*rows, strict=True)]
    sql = _SELECT.format(places=_PLACES[server.database.dialect])
    found = await reader.fetch(sql, access.hash, access.stamp, server.clock(), *binds)
    return Held(server, access, {(patient, number, id): body for patient, number, id, body in found}, entries)


def references_of(resource: Resource) -> Iterable[str]:
    """Every literal reference in a resource once, in the order of the resource."""
    found: dict[str, None] = {}
    _collect(resource, found)
    return found


def _collect(value: Any, found: dict[str, None]) -> None:
    if isinstance(value, dict):
        text = value.get("reference")
        if isinstance(text, str):
            found[text] = None
        value = value.values()
    for each in value:
        if isinstance(each, (dict, list)):
            _collect(each, found)


def literal_here(server: FhirServer, text: str) -> LiteralReference | None:
    """The reference, when it is to something that this server could hold."""
    literal = parse_reference(text)
    if literal is None or literal.base not in ("", server.base) or literal.type not in server.registry.stored:
        return None
    return literal


def _places(server: FhirServer, access: Access, literal: LiteralReference, patient: int | None) -> list[_Place]:
    """Where it may be, in the order in which it is looked for."""
    number = server.registry.number(literal.type)
    shared = access.catalogues if server.placement[literal.type].catalogue or access.everyone else ()
    own = () if patient is None or not access.may_see(patient) else (patient,)
    return [(each, number, literal.id) for each in dict.fromkeys((*own, *shared))]
