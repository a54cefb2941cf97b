"""What a source gave before, found again by the names that it gives: its own ids, else identifiers with a system.

Asked before anything is locked, and once more, without the bodies, when the partition is: what another delivery of the
same source made or changed meanwhile makes the whole be drafted anew. MODEL 3
https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from app.database import Reader, Row
from app.fhir.resource import encode
from app.server.access import BY, FOR
from app.server.intake.delivering import Source
from app.server.search.registry import Registry
from app.server.store.removal import ERASED

_WANTED: Final = {
    "sqlite": (
        "(SELECT json_extract(j.value, '$[0]') AS type, json_extract(j.value, '$[1]') AS name FROM json_each($2) j) w"
    ),
    "postgresql": "unnest($2::smallint[], $3::text[]) AS w(type, name)",
}
_KNOWN: Final = (
    "SELECT d.type, d.key, d.id, d.url, r.version, r.updated, r.deleted, {body}, CASE WHEN d.key >= 'identifier:' THEN"
    " (SELECT count(*) FROM delivered o WHERE o.patient = d.patient AND o.type = d.type AND o.id = d.id"
    " AND o.source = d.source AND o.key < 'identifier:') ELSE 0 END FROM {wanted}"
    " CROSS JOIN delivered d LEFT JOIN resource r ON r.patient = d.patient AND r.type = d.type AND r.id = d.id"
    " WHERE d.patient = $1 AND d.source = {source} AND d.type = w.type AND d.key = w.name"
)
_TAKEN: Final = (
    "SELECT r.type, r.id, r.deleted, h.actor, (SELECT count(*) FROM delivered d WHERE d.patient = r.patient"
    " AND d.type = r.type AND d.id = r.id AND d.source <> {source}) FROM {wanted} CROSS JOIN resource r"
    " JOIN history h ON h.patient = r.patient AND h.seq = r.n"
    " WHERE r.patient = $1 AND r.type = w.type AND r.id = w.name"
)

_VERSIONS: Final = (
    "SELECT r.type, r.id, r.version FROM {wanted} CROSS JOIN resource r WHERE r.patient = $1 AND r.type = w.type"
    " AND r.id = w.name AND r.deleted = 0 AND {source} <> ''"
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a name stands for: the resource as it is stored. ``deleted``: 1 when it was deleted, 2 when it was erased;
    ``body`` is None where it was not asked for or is not there. ``named``: the name is an identifier, and the source
    gave it with an id of its own.
    """

    id: str
    url: str
    version: int
    updated: int
    deleted: int
    body: bytes | None
    named: bool = False

    @property
    def state(self) -> tuple[str, int, int]:
        """What may not have changed between the look and the lock."""
        return self.id, self.version, self.deleted


Names = Mapping[tuple[str, str], Known]
"""By type and key."""


class Whose(Enum):
    """Whose is what has an id that a source wants: it was there first."""

    OWN = "own"
    OTHERS = "others"
    ERASED = "erased"
    """It was erased, and nobody knows any more who gave it."""


class Matching:
    """Asks one database what one source gave."""

    def __init__(self, registry: Registry, dialect: str, source: Source) -> None:
        self._registry = registry
        self._dialect = dialect
        self._source = source

    async def known(
        self, reader: Reader, patient: int, names: Iterable[tuple[str, str]], *, bodies: bool = True
    ) -> Names:
        """What the source gave under these (type, key)."""
        rows = await self._fetch(reader, _KNOWN, patient, names, body="r.body" if bodies else "NULL")
        type_names = self._registry.type_names
        return {
            (type_names[number], key): Known(
                *(resource_id, url, version or 0, updated or 0, ERASED if deleted is None else deleted, body),
                named=bool(named),
            )
            for number, key, resource_id, url, version, updated, deleted, body, named in rows
        }

    async def taken(
        self, reader: Reader, patient: int, names: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], Whose]:
        """Those (type, id) that are there, or were, and whose they are: another source's, the person's, or its own."""
        rows = await self._fetch(reader, _TAKEN, patient, names)
        return {
            (self._registry.type_names[number], resource_id): self._whose(deleted, actor, others)
            for number, resource_id, deleted, actor, others in rows
        }

    async def versions(
        self, reader: Reader, patient: int, names: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], int]:
        """The versions of these (type, id), as far as they are there."""
        rows = await self._fetch(reader, _VERSIONS, patient, names)
        return {(self._registry.type_names[number], resource_id): version for number, resource_id, version in rows}

    def _whose(self, deleted: int, actor: str, others: int) -> Whose:
        if others:
            return Whose.OTHERS
        if deleted == ERASED:
            return Whose.ERASED
        who = actor.partition(BY)[0].partition(FOR)[0]
        return Whose.OWN if who == self._source.key else Whose.OTHERS

    async def _fetch(
        self, reader: Reader, statement: str, patient: int, names: Iterable[tuple[str, str]], *, body: str = ""
    ) -> Sequence[Row]:
        wanted = [(self._registry.number(kind), name) for kind, name in dict.fromkeys(names)]
        if not wanted:
            return ()
        binds: list[Any] = [encode([list(each) for each in wanted]).decode()]
        if self._dialect == "postgresql":
            binds = [list(column) for column in zip(*wanted, strict=True)]
        sql = statement.format(wanted=_WANTED[self._dialect], source=f"${len(binds) + 2}", body=body)
        return await reader.fetch(sql, patient, *binds, self._source.key)


def best(names: Iterable[tuple[str, str]], known: Names, *, identified: bool) -> Known | None:
    """What a resource with these names is again: by the source's id, else by an identifier. Two that have an id each
    are two, whatever identifiers they share: results of one order have its number. ``identified``: it has one.
    """
    if not known:
        return None
    found = (known[each] for each in names if each in known)
    return next((each for each in found if not (identified and each.named)), None)
