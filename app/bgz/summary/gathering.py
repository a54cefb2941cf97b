"""What a document about the record is made of: the entries of its sections, what they refer to, and their sources, read
in one snapshot as the caller may see them. https://hl7.org/fhir/R4/documents.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.bgz.parts import Part, marked
from app.bgz.reading import Place, Reading
from app.bgz.sources import Origin, origins_of
from app.bgz.whose import Record
from app.careplan.plan import local
from app.database import Reader
from app.errors import Forbidden
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.messages import Request
from app.server.search.include import Found, include
from app.server.search.query import Include
from app.server.server import FhirServer
from app.server.store.read import check_guard, read_all

MOST_ENTRIES: Final = 5000
"""Entries of one document."""
_FOLLOWED: Final = (
    *("Practitioner", "PractitionerRole", "Organization", "Location", "RelatedPerson", "Medication", "Device"),
    *("Specimen", "Condition"),
)
"""Types that are taken along where an entry refers to them."""
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of a section, decoded. ``updated``: in µs."""

    section: str
    resource: Resource
    origin: Origin
    updated: int

    @property
    def key(self) -> Key:
        """Type and id."""
        return self.resource["resourceType"], self.resource["id"]


@dataclass(slots=True)
class Gathered:
    """``entries`` in the order of the sections. ``beside``: what they refer to, by type and id; ``resources``:
    everything, and ``partitions`` where each is. ``person``: the Patient, None where the caller may not see it.
    """

    record: Record
    person: Resource | None = None
    entries: list[Entry] = field(default_factory=list)
    beside: dict[Key, Resource] = field(default_factory=dict)
    partitions: dict[Key, int] = field(default_factory=dict)
    resources: dict[Key, Resource] = field(default_factory=dict)

    def find(self, reference: Any) -> Resource | None:
        """What a Reference leads to."""
        key = local(reference)
        return None if key is None else self.resources.get(key)

    def keep(self, resource: Resource, partition: int) -> None:
        """Have a resource found by what refers to it."""
        key = (resource["resourceType"], resource["id"])
        self.resources[key] = resource
        self.partitions[key] = partition


async def gather(server: FhirServer, request: Request, record: Record, parts: Sequence[Part]) -> Gathered:
    """The entries of the parts. What was entered in error is left out. Raises ``Forbidden`` where there is too much."""
    found = Gathered(record)
    async with server.database.snapshot() as reader:
        places = await Reading(server, request, record.patient, sources=True).places(reader, parts)
        if not places:
            await check_guard(reader, request.access, request.now)
        right = [each for each in places if not marked(each.body).is_error]
        if len(right) > MOST_ENTRIES:
            raise Forbidden(
                f"A document has at most {MOST_ENTRIES} entries; ask for the data themselves.", "too-costly"
            )
        origins = await origins_of(reader, right)
        for each in right:
            entry = Entry(parts[each.part].section, decode(each.body), origins[each.n], each.updated)
            found.entries.append(entry)
            found.keep(entry.resource, record.patient)
        await _person(server, reader, request, found)
        await _beside(server, reader, request, found, right)
    return found


async def _person(server: FhirServer, reader: Reader, request: Request, found: Gathered) -> None:
    record = found.record
    read = await read_all(
        *(reader, request.access, "Patient", [record.id]),
        registry=server.registry,
        now=request.now,
        partition=record.patient,
    )
    if record.id in read:
        found.person = decode(read[record.id].body)
        found.keep(found.person, record.patient)


async def _beside(
    server: FhirServer, reader: Reader, request: Request, found: Gathered, places: Sequence[Place]
) -> None:
    """Take along whom and what the entries and the person refer to."""
    access, registry = request.access, server.registry
    types = [each for each in _FOLLOWED if access.scopes.allow(each, Action.READ)]
    brought = await include(
        *(reader, access, registry, server.database.dialect),
        includes=[Include("", None, each, iterate=True, reverse=False) for each in types],
        matches=[Found(found.record.patient, each.type, each.id, each.n, each.body) for each in places],
        partitions=(),
        now=request.now,
    )
    for each in brought.rows:
        resource = decode(each.body)
        key = (resource["resourceType"], resource["id"])
        if key not in found.resources and not marked(each.body).is_error:
            found.beside[key] = resource
            found.keep(resource, each.patient)
