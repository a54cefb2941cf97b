"""What one request may ask of terminology, and in which order what is held is looked in.
https://hl7.org/fhir/R4/terminology-service.html

First the tenant's catalogue and then the shared one; packages of FHIR R4; what FHIR's own definitions hold; packages of
STU3, whose value sets and concept maps have the same shape. A canonical with ``|version`` finds that version wherever
it is. Of a code system the first complete one counts; else all parts that are held are taken together.

Composing is not asynchronous: it says by a signal which resource it needs next, that is read, and it begins again with
what it made so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from app.database import Reader
from app.errors import NotFound
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.fhir.terminology.codesystem import CodeSystem, read_code_system
from app.fhir.terminology.conceptmap import ConceptMap, read_concept_map
from app.fhir.terminology.defined import defined_code_system, defined_value_set
from app.fhir.terminology.parts import combined, supplemented
from app.fhir.terminology.selection import Selection
from app.server.access import Access
from app.server.search.narrowing import narrowing_of
from app.server.search.registry import Registry
from app.server.server import FhirServer
from app.server.terminology.holdings import BODY, Entry, Holding, Kind, keep

MOST_CONCEPTS: Final = 20_000
Answer = TypeVar("Answer")


class Unread(Exception):
    """A signal and not an error: entries that have to be read before a question can be answered."""

    def __init__(self, *entries: Entry) -> None:
        super().__init__()
        self.entries = entries


@dataclass(slots=True)
class View:
    """Implements ``composing.Source`` over all that is held. Its methods raise ``Unread``."""

    holding: Holding
    registry: Registry
    taken: dict[object, Resource | None] = field(default_factory=dict)

    @property
    def most(self) -> int | None:
        return MOST_CONCEPTS

    def value_set(self, canonical: str) -> Resource | None:
        """The value set that a canonical means."""
        packages = self.holding.packages
        return (
            self._own("ValueSet", canonical)
            or packages.r4.resource("ValueSet", canonical)
            or defined_value_set(self.registry.definitions, canonical)
            or packages.stu3.resource("ValueSet", canonical)
        )

    def code_system(self, canonical: str) -> CodeSystem | None:
        """What is held of a code system."""
        made = self.holding.whole_systems
        found = made.get(canonical)
        if found is not None:
            return found
        packages = self.holding.packages
        own = self._own_system(canonical)
        defined = defined_code_system(self.registry.definitions, canonical)
        parts = [
            *([] if own is None else [own]),
            *packages.r4.code_systems(canonical),
            *([] if defined is None else [defined]),
            *packages.stu3.code_systems(canonical),
        ]
        found = combined(parts)
        if found is not None:
            found = supplemented(found, self._supplements(canonical))
            keep(made, canonical, found)
        return found

    def concept_map(self, canonical: str) -> ConceptMap | None:
        """The concept map that a canonical means."""
        packages = self.holding.packages
        entry = self.holding.find("ConceptMap", canonical)
        own = None if entry is None else self._own_map(entry)
        return own or packages.r4.concept_map(canonical) or packages.stu3.concept_map(canonical)

    def concept_maps(self) -> Iterator[ConceptMap]:
        """What every canonical of a concept map means."""
        seen: set[str] = set()
        packages = self.holding.packages
        for (kind, url), entries in self.holding.by_url.items():
            if kind == "ConceptMap" and (own := self._own_map(entries[0])) is not None:
                seen.add(url)
                yield own
        for packaged in (packages.r4, packages.stu3):
            for each in packaged.concept_maps():
                if each.url not in seen:
                    seen.add(each.url)
                    yield each

    def resources(self, kind: Kind, canonical: str) -> list[Resource]:
        """The resources that a canonical means: in the catalogues, else in the packages of each FHIR version."""
        own = self._own(kind, canonical)
        if own is not None:
            return [own]
        packages = self.holding.packages
        found = [packages.r4.resource(kind, canonical), packages.stu3.resource(kind, canonical)]
        return [each for each in found if each is not None]

    def kept(self, canonical: str) -> Selection | None:
        """What was made of a value set before."""
        return self.holding.expansions.get(canonical)

    def keep(self, canonical: str, selection: Selection) -> None:
        """Keep what was made of it."""
        keep(self.holding.expansions, canonical, selection)

    def _own(self, kind: Kind, canonical: str) -> Resource | None:
        entry = self.holding.find(kind, canonical)
        return None if entry is None else self._read(entry)

    def _own_system(self, canonical: str) -> CodeSystem | None:
        entry = self.holding.find("CodeSystem", canonical)
        if entry is None:
            return None
        found = self.holding.systems.get(entry.key)
        if found is None:
            resource = self._read(entry)
            if resource is None:
                return None
            found = read_code_system(resource)
            keep(self.holding.systems, entry.key, found)
        return found

    def _own_map(self, entry: Entry) -> ConceptMap | None:
        found = self.holding.maps.get(entry.key)
        if found is None:
            resource = self._read(entry)
            if resource is None:
                return None
            found = read_concept_map(resource)
            keep(self.holding.maps, entry.key, found)
        return found

    def _supplements(self, canonical: str) -> list[Resource]:
        entries = self.holding.supplements.get(canonical.partition("|")[0], [])
        unread = [each for each in entries if each.key not in self.taken]
        if unread:
            raise Unread(*unread)
        own = [resource for each in entries if (resource := self.taken[each.key]) is not None]
        packages = self.holding.packages
        return [*own, *packages.r4.supplements(canonical), *packages.stu3.supplements(canonical)]

    def _read(self, entry: Entry) -> Resource | None:
        """The resource of an entry; None when it was deleted meanwhile."""
        if entry.key not in self.taken:
            raise Unread(entry)
        return self.taken[entry.key]


@dataclass(frozen=True, slots=True)
class Held:
    """One request's view: what is held and how to read more of it."""

    view: View
    reader: Reader
    access: Access
    registry: Registry
    now: int

    @property
    def holding(self) -> Holding:
        return self.view.holding

    async def ask(self, question: Callable[[View], Answer]) -> Answer:
        """The answer to a question, after all that it needs was read. Raises what the question raises."""
        while True:
            try:
                return question(self.view)
            except Unread as unread:
                for entry in unread.entries:
                    self.view.taken[entry.key] = await self.read(entry)

    async def read(self, entry: Entry) -> Resource | None:
        """The resource of an entry; None when it was deleted meanwhile."""
        access, number = self.access, self.registry.number(entry.kind)
        rows = await self.reader.fetch(BODY, entry.patient, number, access.hash, access.stamp, self.now, entry.id)
        return decode(rows[0][0]) if rows else None

    def shows(self, resource: Resource) -> bool:
        """Whether the queries of the caller's scopes let a held resource be told about."""
        scopes = self.access.scopes
        return scopes.narrowed is None or narrowing_of(self.registry).allows(scopes, Action.READ, resource)

    async def tells_of(self, kind: Kind, canonical: str) -> bool:
        """The same of what a canonical means; what FHIR's own definitions hold is told to everybody."""
        if self.access.scopes.narrowed is None:
            return True
        return all(self.shows(each) for each in await self.ask(lambda view: view.resources(kind, canonical)))

    async def shown_value_set(self, canonical: str) -> Resource:
        """The value set that a canonical means. Raises ``NotFound`` where it is not held or may not be told about."""
        found = await self.ask(lambda view: view.value_set(canonical))
        if found is None or not self.shows(found):
            raise NotFound(f"The value set {canonical} is not held here.")
        return found


async def held_by(server: FhirServer, reader: Reader, access: Access, *, now: int) -> Held:
    """What is held for a caller now. Raises ``GrantChanged``."""
    holding = await server.holdings.of(reader, access, now=now)
    return Held(View(holding, server.registry), reader, access, server.registry, now)
