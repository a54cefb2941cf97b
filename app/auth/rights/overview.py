"""What is in a record, for the person to look through: how much of which data category, and the newest of a type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.database import Row
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.server.access import Access, guarded
from app.server.labels import Category
from app.server.server import FhirServer
from app.server.store.read import check_guard

PAGE: Final = 50
"""Resources that are listed at once."""
_GUARD: Final = guarded(3)
_COUNTS: Final = (
    "SELECT r.labels, r.type, count(*) FROM resource r WHERE r.patient = $1 AND r.labels & $2 = 0 AND r.deleted = 0"
    f" AND {_GUARD} GROUP BY r.labels, r.type"
)
_NEWEST: Final = (
    "SELECT r.seq, r.id, r.updated, r.body FROM resource r WHERE r.patient = $1 AND r.labels & $2 = 0"
    f" AND {_GUARD} AND r.type = $6 AND r.seq < $7 AND r.deleted = 0 ORDER BY r.seq DESC LIMIT $8"
)
_FIRST: Final = 2**62


@dataclass(frozen=True, slots=True)
class Group:
    """One data category: how many resources of each type are in it, the most first."""

    category: Category
    types: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """How many resources."""
        return sum(count for _, count in self.types)


@dataclass(frozen=True, slots=True)
class Listed:
    """One resource; ``seq`` is where a list goes on after it, ``updated`` in µs."""

    seq: int
    id: str
    updated: int
    resource: Resource


async def groups_of(server: FhirServer, access: Access, patient: int, *, now: int) -> list[Group]:
    """What there is, by category in the order of the table; what is in several counts in each. Raises
    ``GrantChanged``.
    """
    rows = await server.database.fetch(_COUNTS, *_binds(access, patient, now))
    if not rows:
        await check_guard(server.database, access, now)
    groups = []
    for category in server.labels.categories.values():
        types = _types(server, rows, 1 << category.bit)
        if types:
            groups.append(Group(category, types))
    return groups


async def newest(
    server: FhirServer, access: Access, patient: int, resource_type: str, *, before: int | None, now: int
) -> tuple[list[Listed], bool]:
    """A page of the resources of a type, those changed last first, and whether there are more. Raises
    ``GrantChanged``.
    """
    binds = (*_binds(access, patient, now), server.registry.number(resource_type))
    rows = await server.database.fetch(_NEWEST, *binds, _FIRST if before is None else before, PAGE + 1)
    if not rows:
        await check_guard(server.database, access, now)
    listed = [Listed(seq, resource_id, updated, decode(body)) for seq, resource_id, updated, body in rows[:PAGE]]
    return listed, len(rows) > PAGE


def _binds(access: Access, patient: int, now: int) -> tuple[int, int, bytes, int, int]:
    return patient, access.denied_labels(patient, Action.READ), access.hash, access.stamp, now


def _types(server: FhirServer, rows: Sequence[Row], bit: int) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for labels, number, count in rows:
        if labels & bit:
            name = server.registry.type_names[number]
            counts[name] = counts.get(name, 0) + count
    return tuple(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
