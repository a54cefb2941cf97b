"""What is in the catalogues: value sets and code systems by their canonical URL, as they are at this moment.
https://hl7.org/fhir/R4/references.html#canonical

A list of them is kept per tenant and made anew when the newest change of either type is another one, which every
request asks; so what another process writes holds from the next request on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

import msgspec

from app.database import Reader
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.fhir.terminology.codesystem import CodeSystem, read_code_system
from app.server.access import Access
from app.server.search.narrowing import narrowing_of
from app.server.search.registry import Registry
from app.server.store.read import check_guard

Kind = Literal["ValueSet", "CodeSystem"]
MOST_TENANTS: Final = 8
MOST_KEPT: Final = 50_000
"""Concepts of expansions, and of code systems, that are kept per tenant: some tens of MB."""
# Of what is in a catalogue nothing is denied to anybody of its tenant, so there are no labels to compare.
_GUARD: Final = "EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = $3 AND g.stamp = $4 AND g.expires > $5)"
_BODY: Final = (
    f"SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $6 AND r.deleted = 0 AND {_GUARD}"
)
_LISTED: Final = (
    "SELECT r.patient, r.type, r.id, r.seq, r.updated FROM resource r WHERE r.patient IN ($1, $2)"
    f" AND r.type IN ($6, $7) AND r.deleted = 0 AND {_GUARD}"
)


def _newest(partition: str, number: str) -> str:
    return (
        "SELECT * FROM (SELECT r.patient, r.type, r.seq, r.updated, r.id FROM resource r"
        f" WHERE r.patient = {partition} AND r.type = {number} AND {_GUARD}"
        " ORDER BY r.seq DESC LIMIT 1) n"
    )


_STATE: Final = " UNION ALL ".join(_newest(partition, number) for partition in ("$1", "$2") for number in ("$6", "$7"))


class _Head(msgspec.Struct):
    url: str = ""
    version: str | None = None
    status: str = ""
    content: str = ""
    supplements: str = ""


_heads = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True, slots=True)
class Entry:
    """One held resource: where it is, which change made it, and what it is known by."""

    patient: int
    kind: Kind
    id: str
    seq: int
    updated: int
    url: str
    version: str | None
    status: str

    @property
    def key(self) -> tuple[object, ...]:
        """The very content."""
        return self.patient, self.kind, self.id, self.seq, self.updated


@dataclass(slots=True)
class Holding:
    """What one tenant holds in one ``state`` of its catalogues, with what was made of it so far."""

    state: tuple[Any, ...] = ()
    entries: Mapping[tuple[int, str, str], Entry] = field(default_factory=dict)
    by_url: Mapping[tuple[Kind, str], list[Entry]] = field(default_factory=dict)
    systems: dict[object, CodeSystem] = field(default_factory=dict)
    expansions: dict[object, Any] = field(default_factory=dict)

    def find(self, kind: Kind, canonical: str) -> Entry | None:
        """The entry of a canonical: of the version after ``|``, else the newest one that is in use."""
        url, _, version = canonical.partition("|")
        found = self.by_url.get((kind, url), ())
        if version:
            return next((each for each in found if each.version == version), None)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Held:
    """One request's view: the holding and how to read more of it."""

    holding: Holding
    reader: Reader
    access: Access
    registry: Registry
    now: int

    def shows(self, resource: Resource) -> bool:
        """Whether the queries of the caller's scopes let a held resource be told about."""
        scopes = self.access.scopes
        return scopes.narrowed is None or narrowing_of(self.registry).allows(scopes, Action.READ, resource)

    async def read(self, entry: Entry) -> Resource | None:
        """The resource of an entry; None when it was deleted meanwhile."""
        access, number = self.access, self.registry.number(entry.kind)
        rows = await self.reader.fetch(_BODY, entry.patient, number, access.hash, access.stamp, self.now, entry.id)
        return decode(rows[0][0]) if rows else None

    async def code_system(self, canonical: str) -> CodeSystem | None:
        """The code system of a canonical; None when it is not held."""
        entry = self.holding.find("CodeSystem", canonical)
        if entry is None:
            return None
        found = self.holding.systems.get(entry.key)
        if found is None:
            resource = await self.read(entry)
            if resource is None:
                return None
            found = read_code_system(resource)
            keep(self.holding.systems, entry.key, found)
        return found


class _Concepts(Protocol):
    @property
    def concepts(self) -> Mapping[Any, Any]:
        """What tells how large it is."""


Kept = TypeVar("Kept", bound=_Concepts)


def keep(kept: dict[object, Kept], key: object, value: Kept) -> None:
    """Add to what is kept; the oldest goes when there is no more room."""
    room = MOST_KEPT - len(value.concepts)
    while kept and sum(len(each.concepts) for each in kept.values()) > room:
        del kept[next(iter(kept))]
    kept[key] = value


class Holdings:
    """The holdings of all tenants of one server."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._numbers = (registry.number("ValueSet"), registry.number("CodeSystem"))
        self._kinds: dict[int, Kind] = {self._numbers[0]: "ValueSet", self._numbers[1]: "CodeSystem"}
        self._held: dict[int, Holding] = {}

    async def of(self, reader: Reader, access: Access, *, now: int) -> Held:
        """What the caller's tenant holds now. Raises ``GrantChanged``."""
        binds = (*access.catalogues, access.hash, access.stamp, now, *self._numbers)
        state = tuple(sorted(tuple(row) for row in await reader.fetch(_STATE, *binds)))
        if not state:
            await check_guard(reader, access, now)
        known = self._held.get(access.tenant, _NOTHING)
        if known is _NOTHING or known.state != state:
            known = await self._list(reader, access, known, state, now=now)
            if len(self._held) >= MOST_TENANTS:
                del self._held[next(iter(self._held))]
            self._held[access.tenant] = known
        return Held(known, reader, access, self._registry, now)

    async def _list(
        self, reader: Reader, access: Access, known: Holding, state: tuple[Any, ...], *, now: int
    ) -> Holding:
        binds = (*access.catalogues, access.hash, access.stamp, now, *self._numbers)
        entries: dict[tuple[int, str, str], Entry] = {}
        for patient, number, resource_id, seq, updated in await reader.fetch(_LISTED, *binds):
            kind = self._kinds[number]
            name = (patient, kind, resource_id)
            entry = known.entries.get(name)
            if entry is None or (entry.seq, entry.updated) != (seq, updated):
                entry = await self._entry(
                    reader, access, Entry(patient, kind, resource_id, seq, updated, "", None, ""), now
                )
            if entry is not None:
                entries[name] = entry
        by_url: dict[tuple[Kind, str], list[Entry]] = {}
        for entry in sorted(entries.values(), key=_preferred, reverse=True):
            if entry.url:
                by_url.setdefault((entry.kind, entry.url), []).append(entry)
        held = {entry.key for entry in entries.values()}
        systems: dict[object, CodeSystem] = {key: system for key, system in known.systems.items() if key in held}
        return Holding(state, entries, by_url, systems)

    async def _entry(self, reader: Reader, access: Access, entry: Entry, now: int) -> Entry | None:
        number = self._registry.number(entry.kind)
        rows = await reader.fetch(_BODY, entry.patient, number, access.hash, access.stamp, now, entry.id)
        if not rows:
            return None
        head = _heads(rows[0][0])
        # A supplement adds words to a system and is not the system itself.
        url = "" if head.supplements or head.content == "supplement" else head.url
        return Entry(entry.patient, entry.kind, entry.id, entry.seq, entry.updated, url, head.version, head.status)


_NOTHING: Final = Holding()


def _preferred(entry: Entry) -> tuple[object, ...]:
    """The tenant's own before the shared one, what is in use before a draft or what is retired, the newest version."""
    numbers = tuple((int(part), "") if part.isdigit() else (-1, part) for part in (entry.version or "").split("."))
    return entry.patient < 0, entry.status == "active", numbers, entry.updated
