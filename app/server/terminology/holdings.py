"""What is in the catalogues: value sets, code systems and concept maps by their canonical URL, as they are now.
https://hl7.org/fhir/R4/references.html#canonical

A list of them is kept per tenant and made anew when the newest change of any of the types is another one, or other
packages are installed, which every request asks; so what another process writes holds from the next request on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

import msgspec

from app.database import Reader
from app.fhir.packages import Library
from app.fhir.terminology.codesystem import CodeSystem
from app.fhir.terminology.conceptmap import ConceptMap
from app.fhir.terminology.library import Packaged
from app.fhir.terminology.selection import Selection
from app.server.access import Access, guarded
from app.server.search.registry import Registry
from app.server.store.read import check_guard

Kind = Literal["ValueSet", "CodeSystem", "ConceptMap"]
KINDS: Final[tuple[Kind, ...]] = ("ValueSet", "CodeSystem", "ConceptMap")
MOST_TENANTS: Final = 8
MOST_KEPT: Final = 50_000
"""Concepts of expansions, and of code systems, that are kept per tenant: some tens of MB."""
_STU3: Final = "3.0.1"
# Of what is in a catalogue nothing is denied to anybody of its tenant, so there are no labels to compare.
_GUARD: Final = guarded(3)
BODY: Final = (
    f"SELECT r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $6 AND r.deleted = 0 AND {_GUARD}"
)
_NUMBERS: Final = ("$6", "$7", "$8")
_LISTED: Final = (
    "SELECT r.patient, r.type, r.id, r.seq, r.updated FROM resource r WHERE r.patient IN ($1, $2)"
    f" AND r.type IN ({', '.join(_NUMBERS)}) AND r.deleted = 0 AND {_GUARD}"
)


def _newest(partition: str, number: str) -> str:
    return (
        "SELECT * FROM (SELECT r.patient, r.type, r.seq, r.updated, r.id FROM resource r"
        f" WHERE r.patient = {partition} AND r.type = {number} AND {_GUARD}"
        " ORDER BY r.seq DESC LIMIT 1) n"
    )


_STATE: Final = " UNION ALL ".join(_newest(partition, number) for partition in ("$1", "$2") for number in _NUMBERS)


class _Head(msgspec.Struct):
    url: str = ""
    version: str | None = None
    status: str = ""
    content: str = ""
    supplements: str = ""


_heads = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True, slots=True)
class Entry:
    """One held resource: where it is, which change made it, and what it is known by. ``supplements``: the canonical of
    the code system that it adds to and is not itself.
    """

    patient: int
    kind: Kind
    id: str
    seq: int
    updated: int
    url: str = ""
    version: str | None = None
    status: str = ""
    supplements: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """The very content."""
        return self.patient, self.kind, self.id, self.seq, self.updated


@dataclass(frozen=True, slots=True)
class Packages:
    """The terminology of what is installed, for both FHIR versions."""

    library: Library
    r4: Packaged
    stu3: Packaged


@dataclass(slots=True)
class Holding:
    """What one tenant holds in one ``state`` of its catalogues and of ``packages``, with what was made of it so far:
    ``systems`` and ``maps`` by the content of their entry, ``whole_systems`` and ``expansions`` by canonical.
    """

    packages: Packages
    state: tuple[Any, ...] = ()
    entries: Mapping[tuple[int, str, str], Entry] = field(default_factory=dict)
    by_url: Mapping[tuple[Kind, str], list[Entry]] = field(default_factory=dict)
    supplements: Mapping[str, list[Entry]] = field(default_factory=dict)
    systems: dict[object, CodeSystem] = field(default_factory=dict)
    maps: dict[object, ConceptMap] = field(default_factory=dict)
    whole_systems: dict[object, CodeSystem] = field(default_factory=dict)
    expansions: dict[object, Selection] = field(default_factory=dict)

    def find(self, kind: Kind, canonical: str) -> Entry | None:
        """The entry of a canonical: of the version after ``|``, else the newest one that is in use."""
        url, _, version = canonical.partition("|")
        found = self.by_url.get((kind, url), ())
        if version:
            return next((each for each in found if each.version == version), None)
        return found[0] if found else None


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
    """The holdings of all tenants of one server; ``library`` gives what is installed now."""

    def __init__(self, registry: Registry, library: Callable[[Reader], Awaitable[Library]]) -> None:
        self._registry = registry
        self._library = library
        self._packages = self._packaged(Library())
        self._numbers = tuple(registry.number(kind) for kind in KINDS)
        self._kinds: dict[int, Kind] = dict(zip(self._numbers, KINDS, strict=True))
        self._held: dict[int, Holding] = {}

    async def of(self, reader: Reader, access: Access, *, now: int) -> Holding:
        """What the caller's tenant holds now. Raises ``GrantChanged``."""
        library = await self._library(reader)
        packages = self._packages
        if packages.library is not library:
            packages = self._packages = self._packaged(library)
        binds = (*access.catalogues, access.hash, access.stamp, now, *self._numbers)
        state = tuple(sorted(tuple(row) for row in await reader.fetch(_STATE, *binds)))
        if not state:
            await check_guard(reader, access, now)
        known = self._held.get(access.tenant)
        if known is None or known.state != state or known.packages is not packages:
            known = await self._list(reader, access, known or Holding(packages), Holding(packages, state), now=now)
            if access.tenant not in self._held and len(self._held) >= MOST_TENANTS:
                del self._held[next(iter(self._held))]
            self._held[access.tenant] = known
        return known

    def _packaged(self, library: Library) -> Packages:
        return Packages(library, Packaged(library, self._registry.definitions.version), Packaged(library, _STU3))

    async def _list(self, reader: Reader, access: Access, known: Holding, made: Holding, *, now: int) -> Holding:
        """Fill ``made``; what is ``known`` is not read again."""
        binds = (*access.catalogues, access.hash, access.stamp, now, *self._numbers)
        entries: dict[tuple[int, str, str], Entry] = {}
        for patient, number, resource_id, seq, updated in await reader.fetch(_LISTED, *binds):
            kind = self._kinds[number]
            name = (patient, kind, resource_id)
            entry = known.entries.get(name)
            if entry is None or (entry.seq, entry.updated) != (seq, updated):
                entry = await self._entry(reader, access, Entry(patient, kind, resource_id, seq, updated), now)
            if entry is not None:
                entries[name] = entry
        by_url: dict[tuple[Kind, str], list[Entry]] = {}
        supplements: dict[str, list[Entry]] = {}
        for entry in sorted(entries.values(), key=_preferred, reverse=True):
            if entry.supplements:
                supplements.setdefault(entry.supplements.partition("|")[0], []).append(entry)
            elif entry.url:
                by_url.setdefault((entry.kind, entry.url), []).append(entry)
        made.entries, made.by_url, made.supplements = entries, by_url, supplements
        held = {entry.key for entry in entries.values()}
        made.systems = {key: system for key, system in known.systems.items() if key in held}
        made.maps = {key: each for key, each in known.maps.items() if key in held}
        return made

    async def _entry(self, reader: Reader, access: Access, entry: Entry, now: int) -> Entry | None:
        number = self._registry.number(entry.kind)
        rows = await reader.fetch(BODY, entry.patient, number, access.hash, access.stamp, now, entry.id)
        if not rows:
            return None
        head = _heads(rows[0][0])
        # A supplement adds words to a system and is not the system itself.
        is_supplement = bool(head.supplements) or head.content == "supplement"
        return Entry(
            entry.patient,
            entry.kind,
            entry.id,
            entry.seq,
            entry.updated,
            "" if is_supplement else head.url,
            head.version,
            head.status,
            head.supplements,
        )


def _preferred(entry: Entry) -> tuple[object, ...]:
    """The tenant's own before the shared one, what is in use before a draft or what is retired, the newest version."""
    numbers = tuple((int(part), "") if part.isdigit() else (-1, part) for part in (entry.version or "").split("."))
    return entry.patient < 0, entry.status == "active", numbers, entry.updated
