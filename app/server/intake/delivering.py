"""Who delivers: the system of an organisation, whose resources are known again by the names that it gives them.

MODEL 3: matching happens within one source only. https://hl7.org/fhir/R4/resource-definitions.html#Meta.source
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from app.database import Reader
from app.fhir.resource import Resource, decode, parse_reference
from app.server.access import SERVICE, Access
from app.server.search.registry import Registry

_BODY: Final = (
    "SELECT r.body FROM resource r WHERE r.patient IN ($1, $2) AND r.type = $3 AND r.id = $4 AND r.deleted = 0"
)

_LONGEST: Final = 300
"""Characters of an identifier and its system that are kept as they are."""


@dataclass(frozen=True, slots=True)
class Source:
    """``key`` is how it stands in the history and the tables; ``uri`` is what ``meta.source`` says of what it gave;
    ``name`` is shown to people.
    """

    key: str
    uri: str
    name: str


def source_of(base: str, access: Access) -> Source | None:
    """The source that delivers through ``access``; None for people, apps, operators and the service itself."""
    if not access.is_system or access.everyone or access.kind == SERVICE:
        return None
    name = access.organization or access.client
    who = access.fhir_user or f"Organization/{quote(name, safe='')}"
    return Source(access.source, f"{base}{who}", name)


async def with_name(reader: Reader, registry: Registry, access: Access, source: Source) -> Source:
    """The source by the name that its organisation has in the catalogue, where it is there."""
    name = await name_of(reader, registry, access, unquote(source.uri.rpartition("/")[2]))
    return replace(source, name=name) if name else source


async def name_of(reader: Reader, registry: Registry, access: Access, organization: str) -> str:
    """What the Organization with this id is called in the caller's catalogues; "" where none is there."""
    rows = await reader.fetch(_BODY, *access.catalogues, registry.number("Organization"), organization)
    return str(decode(rows[0][0]).get("name", "")) if rows else ""


class Given(msgspec.Struct, frozen=True):
    """By what a source names one resource: its own ``id`` and address (``url``), each "" where it says none, and its
    identifiers with their systems.
    """

    type: str
    id: str
    url: str
    identifiers: tuple[str, ...]

    def names(self) -> list[tuple[str, str]]:
        """Type and key as the tables have them, what counts most first."""
        names = [(self.type, f"id:{self.id}")] if self.id else []
        names += [(self.type, f"identifier:{each}") for each in self.identifiers]
        return names


def given_as(resource: Resource, *, full_url: str, named: str) -> Given:
    """How the source names a resource whose shape is right. ``named``: the id in the url of its entry, which counts
    before that in ``fullUrl`` and that of the resource.
    """
    kind = resource["resourceType"]
    literal = parse_reference(full_url)
    own = literal.id if literal is not None and literal.type == kind else ""
    resource_id = named or own or resource.get("id", "")
    return Given(kind, resource_id, full_url if own else "", _identifiers(resource))


def _identifiers(resource: Resource) -> tuple[str, ...]:
    found: Any = resource.get("identifier")
    if not found:
        return ()
    listed = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    return tuple(
        dict.fromkeys(
            _short(f"{each['system']}|{each['value']}")
            for each in listed
            if isinstance(each, dict) and isinstance(each.get("system"), str) and isinstance(each.get("value"), str)
        )
    )


def _short(text: str) -> str:
    """As it is, or its digest: a key of a table has no room for everything."""
    return text if len(text) <= _LONGEST else f"sha256:{sha256(text.encode()).hexdigest()}"
