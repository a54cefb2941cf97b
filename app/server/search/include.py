"""What is to come with the matches of a search: what they refer to, and what refers to them.

https://hl7.org/fhir/R4/search.html#include

One statement per round and direction, however many matches and parameters there are. References lead to the partition
of what refers, then to the catalogues; what the caller may not read is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.database import Reader
from app.fhir.resource import encode
from app.fhir.scopes import Action
from app.server.access import NOTHING, Access, guarded
from app.server.search.follow import OWNER_FLAG
from app.server.search.narrowed_rows import rows_within
from app.server.search.query import Include
from app.server.search.registry import Param, Registry
from app.server.tables import PATIENT

MOST_INCLUDED: Final = 2000
"""Resources that come with one page."""
_MOST_ROUNDS: Final = 20
_GUARD: Final = guarded(1)
_FIRST: Final = 4
"""The placeholders before it are the guard's; what scopes are narrowed by comes next."""
_COLUMNS: Final = "c.patient, c.type, c.id, c.n, c.body"


@dataclass(frozen=True, slots=True)
class Found:
    """A resource of the answer, by partition, type number, id and ``n``."""

    patient: int
    type: int
    id: str
    n: int
    body: bytes


@dataclass(slots=True)
class Included:
    """What comes with a page; ``cut``: there was more than an answer holds."""

    rows: list[Found] = field(default_factory=list)
    cut: bool = False


async def include(
    reader: Reader,
    access: Access,
    registry: Registry,
    dialect: str,
    *,
    includes: Sequence[Include],
    matches: Sequence[Found],
    partitions: Sequence[int],
    now: int,
) -> Included:
    """Follow ``includes`` from the matches, the iterating ones from what they bring too.

    ``partitions`` are those of the caller that may refer to what is in a catalogue.
    """
    search = _Inclusion(reader, access, registry, dialect, now)
    answer = Included()
    seen = {(each.patient, each.type, each.id) for each in matches}
    new = list(matches)
    for turn in range(_MOST_ROUNDS):
        asked = [each for each in includes if each.iterate or turn == 0]
        if not new or not asked:
            break
        brought = await search.forward([each for each in asked if not each.reverse], new)
        brought += await search.backward([each for each in asked if each.reverse], new, partitions)
        new = []
        for each in brought:
            key = (each.patient, each.type, each.id)
            if key not in seen:
                seen.add(key)
                new.append(each)
        room = MOST_INCLUDED - len(answer.rows)
        answer.cut = answer.cut or len(new) > room or len(brought) > MOST_INCLUDED
        new = new[:room]
        answer.rows += new
    return answer


class _Inclusion:
    """The statements of one answer's includes."""

    def __init__(self, reader: Reader, access: Access, registry: Registry, dialect: str, now: int) -> None:
        self._reader = reader
        self._access = access
        self._registry = registry
        self._dialect = dialect
        self._now = now
        allowed = access.scopes.types(Action.READ)
        known = registry.definitions.resource_types
        numbers = None if allowed == "every" else [registry.number(each) for each in allowed if each in known]
        self._readable = (
            "" if numbers is None else f" AND c.type IN ({', '.join(map(str, numbers))})" if numbers else " AND 0 = 1"
        )
        narrowed, self._asked = rows_within(registry, dialect, access, Action.READ, alias="c", first=_FIRST, now=now)
        self._readable += narrowed
        self._first = _FIRST + len(self._asked)

    async def forward(self, includes: Sequence[Include], new: Sequence[Found]) -> list[Found]:
        """What ``new`` refers to by ``includes``."""
        if not includes:
            return []
        sources, binds = self._listed(
            {"patient": "bigint", "n": "bigint", "denied": "bigint"},
            [(each.patient, each.n, self._denied(each.patient)) for each in new],
        )
        links = " OR ".join(map(self._link, includes))
        place = len(binds) + self._first
        sql = (
            "WITH t AS (SELECT DISTINCT l.patient, s.denied, l.target_type, l.target_id"
            f" FROM {sources} CROSS JOIN link l WHERE l.patient = s.patient AND l.n = s.n AND l.target_type > 0"
            f" AND ({links})) SELECT {_COLUMNS} FROM t CROSS JOIN resource c WHERE c.patient = t.patient"
            f" AND {self._target('t.denied')} UNION ALL SELECT {_COLUMNS} FROM t CROSS JOIN resource c"
            f" WHERE c.patient IN (${place}, ${place + 1}) AND {self._target('0')} AND NOT EXISTS (SELECT 1 FROM"
            " resource o WHERE o.patient = t.patient AND o.type = c.type AND o.id = c.id AND o.deleted = 0)"
        )
        found = await self._fetch(sql, *binds, *self._access.catalogues)
        owned = [each for each in includes if self._may_own(each)]
        return found + await self._owners(owned, sources, binds) if owned else found

    def _target(self, denied: str) -> str:
        return (
            "c.type = t.target_type AND c.id = t.target_id AND c.deleted = 0"
            f" AND c.labels & {denied} = 0{self._readable} AND {_GUARD}"
        )

    def _link(self, include: Include) -> str:
        """The links of one include, as a condition on ``l``."""
        parts = ["1 = 1"]
        if include.source_type:
            parts.append(f"l.type = {self._registry.number(include.source_type)}")
        if include.param is not None:
            parts.append(f"l.param = {include.param.number}")
        if include.target_type:
            parts.append(f"l.target_type = {self._registry.number(include.target_type)}")
        return f"({' AND '.join(parts)})"

    @staticmethod
    def _may_own(include: Include) -> bool:
        """Whether the include may mean the Patient whom a record is of, whom no link names."""
        named = include.param is None or include.param.owner
        return named and include.target_type in ("", "Patient")

    async def _owners(self, includes: Sequence[Include], sources: str, binds: Sequence[Any]) -> list[Found]:
        """The Patients whom the sources name as subject."""
        types = {each.source_type for each in includes}
        of_type = ""
        if "" not in types:
            of_type = f" AND r.type IN ({', '.join(str(self._registry.number(each)) for each in sorted(types))})"
        sql = (
            f"SELECT {_COLUMNS} FROM (SELECT DISTINCT s.patient, s.denied FROM {sources} CROSS JOIN resource r"
            f" WHERE r.patient = s.patient AND r.n = s.n AND r.flags & {OWNER_FLAG} <> 0{of_type}) t"
            f" CROSS JOIN resource c WHERE c.patient = t.patient AND c.type = {PATIENT} AND c.deleted = 0"
            f" AND c.labels & t.denied = 0{self._readable} AND {_GUARD}"
        )
        return await self._fetch(sql, *binds)

    async def backward(
        self, includes: Sequence[Include], new: Sequence[Found], partitions: Sequence[int]
    ) -> list[Found]:
        """What refers to ``new`` by ``includes``."""
        found: list[Found] = []
        for include in includes:
            targets = [each for each in new if self._is_target(include, each.type)]
            if not targets:
                continue
            pairs = self._pairs(include, {each.type for each in targets})
            rows = [
                (place, each.type, each.id, self._denied(place))
                for each in targets
                for place in ((each.patient, *partitions) if each.patient <= 0 else (each.patient,))
            ]
            sources, binds = self._listed(
                {"patient": "bigint", "type": "smallint", "id": "text", "denied": "bigint"}, rows
            )
            if pairs:
                found += await self._fetch(self._referring(sources, pairs), *binds)
            owned = self._owned_types(include)
            if owned and any(each.type == PATIENT for each in targets):
                sql = (
                    f"SELECT {_COLUMNS} FROM {sources} CROSS JOIN resource c WHERE c.patient = s.patient"
                    f" AND s.type = {PATIENT} AND c.type IN ({owned}) AND c.flags & {OWNER_FLAG} <> 0"
                    f" AND c.deleted = 0 AND c.labels & s.denied = 0{self._readable} AND {_GUARD}"
                )
                found += await self._fetch(sql, *binds)
        return found

    def _referring(self, sources: str, pairs: Sequence[tuple[int, int]]) -> str:
        listed = ", ".join(f"({number}, {param})" for number, param in pairs)
        return (
            f"SELECT {_COLUMNS} FROM {sources} CROSS JOIN"
            f" (SELECT column1 AS type, column2 AS param FROM (VALUES {listed}) v) k CROSS JOIN link l"
            " CROSS JOIN resource c WHERE l.patient = s.patient AND l.type = k.type AND l.param = k.param"
            " AND l.target_type = s.type AND l.target_id = s.id AND c.patient = l.patient AND c.n = l.n"
            f" AND c.deleted = 0 AND c.labels & s.denied = 0{self._readable} AND {_GUARD}"
        )

    def _is_target(self, include: Include, number: int) -> bool:
        return not include.target_type or self._registry.number(include.target_type) == number

    def _params(self, include: Include) -> Iterable[Param]:
        """The reference parameters that an include means."""
        if include.param is not None:
            return (include.param,)
        types = (include.source_type,) if include.source_type else sorted(self._registry.stored)
        return (each for name in types for each in self._registry.offered(name).values() if each.kind == "reference")

    def _pairs(self, include: Include, types: set[int]) -> list[tuple[int, int]]:
        """The (type, parameter) numbers whose links may lead to ``types``."""
        names = {self._registry.type_names[each] for each in types}
        return [
            (each.type_number, each.number)
            for each in self._params(include)
            if not each.definition.targets or not names.isdisjoint(each.definition.targets)
        ]

    def _owned_types(self, include: Include) -> str:
        """The numbers of the types that name their record's patient by an owner parameter of the include."""
        return ", ".join(sorted({str(each.type_number) for each in self._params(include) if each.owner}))

    def _denied(self, patient: int) -> int:
        return self._access.denied_labels(patient, Action.READ)

    def _listed(self, columns: dict[str, str], rows: Sequence[tuple[Any, ...]]) -> tuple[str, list[Any]]:
        """``rows`` as the FROM item ``s``, and its binds."""
        kept = [row for row in rows if row[-1] != NOTHING]
        if self._dialect == "postgresql":
            arrays = ", ".join(f"${self._first + place}::{kind}[]" for place, kind in enumerate(columns.values()))
            binds = [[row[place] for row in kept] for place in range(len(columns))]
            return f"unnest({arrays}) AS s({', '.join(columns)})", binds
        parts = ", ".join(f"json_extract(j.value, '$[{place}]') AS {name}" for place, name in enumerate(columns))
        return f"(SELECT {parts} FROM json_each(${self._first}) j) s", [encode(kept).decode()]

    async def _fetch(self, sql: str, *binds: Any) -> list[Found]:
        access = self._access
        rows = await self._reader.fetch(
            f"{sql} LIMIT {MOST_INCLUDED + 1}", access.hash, access.stamp, self._now, *self._asked, *binds
        )
        return [Found(patient, number, resource_id, n, body) for patient, number, resource_id, n, body in rows]
