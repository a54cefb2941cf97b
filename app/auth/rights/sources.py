"""Where what is in a record came from: the app, organisation, person or collection that entered it.

The source of a resource is who entered it first (``history.actor`` of the version with which it was born); of what the
service brought in for somebody (collected, loaded) it is what ``meta.source`` names.
https://hl7.org/fhir/R4/resource-definitions.html#Meta.source
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from app.auth.recipients import parts
from app.database import Reader
from app.fhir.scopes import Action
from app.server.access import BY, FOR, Access, guarded
from app.server.server import FhirServer
from app.server.store.read import check_guard

SLICE: Final = 500
_SERVICE: Final = "service"
_FROM: Final = "|"
_COLUMNS: Final = (
    "r.n, r.type, r.id, r.deleted, h.actor, CASE WHEN h.actor >= 'service:' AND h.actor < 'service;' THEN"
    " coalesce(r.body, (SELECT o.body FROM history o WHERE o.patient = r.patient AND o.type = r.type AND o.id = r.id"
    " AND o.body IS NOT NULL ORDER BY o.version DESC LIMIT 1)) END"
)
_HELD: Final = (
    f"SELECT {_COLUMNS} FROM resource r JOIN history h ON h.patient = $1 AND h.seq = r.n"
    " WHERE r.patient = $1 AND r.n > $2 AND r.deleted < 2 AND r.labels & $3 = 0"
    f" AND {guarded(4)}"
    " ORDER BY r.n LIMIT $7"
)
_ENTERED: Final = (
    "SELECT h.actor FROM resource r JOIN history h ON h.patient = $1 AND h.seq = r.n"
    " WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
)
_NAMES: Final[Mapping[str, str]] = {
    "app": "SELECT name FROM client WHERE id = $1",
    "organization": "SELECT name FROM organization WHERE id = $1",
    "person": "SELECT name FROM account WHERE id = $1",
}


@dataclass(frozen=True, slots=True)
class Held:
    """One resource of a record, with the key of its source. ``deleted``: its earlier versions are still there."""

    type: str
    id: str
    deleted: bool
    source: str


@dataclass(slots=True)
class Source:
    """One source. ``kind``: app, organization, person or service, "" for a sandbox's caller; ``origin``: what
    ``meta.source`` says of what the service brought in; ``name`` "" where none is known.
    """

    key: str
    kind: str
    id: str
    origin: str = ""
    name: str = ""
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many resources."""
        return self.counts.total()


class _Meta(msgspec.Struct):
    source: str = ""


class _Resource(msgspec.Struct):
    meta: _Meta = msgspec.field(default_factory=_Meta)


_decode: Final = msgspec.json.Decoder(_Resource).decode


def source_of(actor: str, body: bytes | None) -> str:
    """The key of a source: who wrote, without in whose name; for what the service brought in, from where."""
    source = actor.partition(BY)[0].partition(FOR)[0]
    if body is not None and parts(source)[0] == _SERVICE and (origin := _decode(body).meta.source):
        return f"{source}{_FROM}{origin}"
    return source


async def entered_by(reader: Reader, patient: int, number: int, resource_id: str) -> str:
    """Who entered a resource first, as ``history.actor`` has it; "" for what is not there. ``number``: of its type."""
    rows = await reader.fetch(_ENTERED, patient, number, resource_id)
    return rows[0][0] if rows else ""


async def held(
    server: FhirServer, reader: Reader, access: Access, patient: int, action: int, *, now: int
) -> AsyncIterator[Held]:
    """Every resource of the record on which ``access`` allows ``action``, deleted ones included. Raises
    ``GrantChanged``.
    """
    after = -1
    denied = access.denied_labels(patient, action)
    while True:
        rows = await reader.fetch(_HELD, patient, after, denied, access.hash, access.stamp, now, SLICE)
        for _, number, resource_id, deleted, actor, body in rows:
            name = server.registry.type_names[number]
            yield Held(name, resource_id, bool(deleted), source_of(actor, body))
        if len(rows) < SLICE:
            await check_guard(reader, access, now)
            return
        after = rows[-1][0]


async def sources_of(server: FhirServer, access: Access, patient: int, *, now: int) -> list[Source]:
    """The sources of what is in the record and may be seen, the largest first."""
    found: dict[str, Source] = {}
    async for each in held(server, server.database, access, patient, Action.READ, now=now):
        if not each.deleted:
            source = found.get(each.source)
            if source is None:
                source = found[each.source] = await named(server.database, each.source)
            source.counts[each.type] += 1
    return sorted(found.values(), key=lambda source: (-source.total, source.key))


async def named(reader: Reader, key: str) -> Source:
    """The source with this key, and what it is called."""
    written, _, origin = key.partition(_FROM)
    kind, name = parts(written)
    if kind not in _NAMES and kind != _SERVICE:
        return Source(key, "", written, name=written)
    rows = await reader.fetch(_NAMES[kind], name) if kind in _NAMES else ()
    return Source(key, kind, name, origin, rows[0][0] if rows else "")
