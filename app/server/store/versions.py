"""Pages of versions, newest first, of one partition or of several. https://hl7.org/fhir/R4/http.html#history

Within a partition ``seq`` and ``updated`` grow together, so the newest are at the end of the primary key, and
``_since`` is where a walk stops. Several partitions are merged by ``(updated, patient, seq)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.database import Reader, Row
from app.server.access import Access, standing
from app.server.search.reach import Reach

Place = tuple[int, int, int]
"""``updated``, ``patient`` and ``seq`` of a version: where a page ends."""
_COLUMNS: Final = (
    "h.patient, h.seq, h.type, h.id, h.version, h.updated, h.interaction, coalesce(h.body, (SELECT r.body FROM"
    " resource r WHERE r.patient = h.patient AND r.type = h.type AND r.id = h.id AND r.version = h.version))"
)
_NEWEST: Final = "updated DESC, {0}.patient DESC, {0}.seq DESC"


@dataclass(frozen=True, slots=True)
class Asked:
    """``types``: numbers, None for all. ``id``: of one resource. ``at``: an interval in which the version was current;
    ``since``: when the oldest version may have been made. Times in µs.
    """

    types: tuple[int, ...] | None
    limit: int
    now: int
    id: str | None = None
    since: int | None = None
    at: tuple[int, int] | None = None
    after: Place | None = None


async def versions(reader: Reader, dialect: str, access: Access, reach: Reach, asked: Asked) -> Sequence[Row]:
    """At most ``asked.limit`` rows: patient, seq, type number, id, version, updated, interaction, body (None for a
    deletion and for what was erased).
    """
    if asked.types is not None and not asked.types:
        return ()
    text = _Text()
    picked = _of_one(text, reach, asked) if reach.single else _of_several(text, dialect, reach, asked)
    within = f"h.patient = {text.bind(reach.patients[0])} AND " if reach.single else ""
    guard = standing(text.bind(access.hash), text.bind(access.stamp), text.bind(asked.now))
    rows = await reader.fetch(
        f"SELECT {_COLUMNS} FROM ({picked}) f CROSS JOIN history h"
        f" WHERE {within}h.patient = f.patient AND h.seq = f.seq"
        f" AND {guard} ORDER BY f.{_NEWEST.format('f')}",
        *text.binds,
    )
    if asked.since is None:
        return rows
    return [row for row in rows if row[5] >= asked.since]


class _Text:
    """The binds of a statement in the making."""

    def __init__(self) -> None:
        self.binds: list[Any] = []

    def bind(self, value: Any) -> str:
        """A placeholder for ``value``."""
        self.binds.append(value)
        return f"${len(self.binds)}"


def _of_one(text: _Text, reach: Reach, asked: Asked) -> str:
    patient, denied = text.bind(reach.patients[0]), text.bind(reach.denied[0])
    where = [f"i.patient = {patient}", f"i.labels & {denied} = 0", *_wanted(text, asked, "i")]
    if asked.after is not None:
        where.append(f"i.seq < {text.bind(asked.after[2])}")
    return (
        f"SELECT i.patient, i.seq, i.updated FROM history i WHERE {' AND '.join(where)}"
        f" ORDER BY i.seq DESC LIMIT {text.bind(asked.limit)}"
    )


def _of_several(text: _Text, dialect: str, reach: Reach, asked: Asked) -> str:
    """The newest of the newest of each partition."""
    partitions = _partitions(text, dialect, reach)
    limit = text.bind(asked.limit)

    def of_each(alias: str) -> str:
        where = [f"{alias}.patient = p.patient", f"{alias}.labels & p.denied = 0", *_wanted(text, asked, alias)]
        if reach.seqs is not None:
            where.append(f"{alias}.seq <= p.seq")
        if asked.after is not None:
            updated, patient, seq = (f"{text.bind(each)}::bigint" for each in asked.after)
            where.append(f"({alias}.updated, {alias}.patient, {alias}.seq) < ({updated}, {patient}, {seq})")
        return f"FROM history {alias} WHERE {' AND '.join(where)}"

    newest = f"{of_each('i')} ORDER BY i.seq DESC LIMIT"
    if dialect == "postgresql":
        each = f"CROSS JOIN LATERAL (SELECT i.patient, i.seq, i.updated {newest} {limit}) k WHERE 0 = 0"
    else:
        # SQLite has no LATERAL: from the last one that can be on the page on, if there are so many.
        least = f"coalesce((SELECT i.seq {newest} 1 OFFSET {limit} - 1), 0)"
        each = f"CROSS JOIN {of_each('k').removeprefix('FROM ')} AND k.seq >= {least}"
    if asked.since is not None:
        # A partition's own clock tells whether there is anything new in it.
        each += f" AND (SELECT q.updated FROM partition q WHERE q.patient = p.patient) >= {text.bind(asked.since)}"
    order = _NEWEST.format("k")
    return f"SELECT k.patient, k.seq, k.updated FROM {partitions} p {each} ORDER BY k.{order} LIMIT {limit}"


def _partitions(text: _Text, dialect: str, reach: Reach) -> str:
    """The partitions as a FROM item with ``patient``, ``denied`` and ``seq``."""
    if reach.tenant is not None:
        live = f"q.tenant IN ({text.bind(reach.tenant)}, 0) AND q.state = 'live'"
        return f"(SELECT q.patient, 0 AS denied, q.seq FROM partition q WHERE {live})"
    columns = (list(reach.patients), list(reach.denied), list(reach.seqs or [0] * len(reach.patients)))
    if dialect == "postgresql":
        arrays = ", ".join(f"{text.bind(each)}::bigint[]" for each in columns)
        return f"(SELECT * FROM unnest({arrays}) AS u(patient, denied, seq))"
    listed = "[" + ",".join(f"[{patient},{denied},{seq}]" for patient, denied, seq in zip(*columns, strict=True)) + "]"
    names = enumerate(("patient", "denied", "seq"))
    parts = ", ".join(f"json_extract(j.value, '$[{index}]') AS {name}" for index, name in names)
    return f"(SELECT {parts} FROM json_each({text.bind(listed)}) j)"


def _wanted(text: _Text, asked: Asked, alias: str) -> list[str]:
    """What is asked of a version."""
    where = []
    if asked.types is not None:
        one = len(asked.types) == 1
        where.append(
            f"{alias}.type = {asked.types[0]}" if one else f"{alias}.type IN ({', '.join(map(str, asked.types))})"
        )
    if asked.id is not None:
        where.append(f"{alias}.id = {text.bind(asked.id)}")
    if asked.at is not None:
        low, high = (text.bind(each) for each in asked.at)
        where.append(f"{alias}.updated < {high}")
        # What was deleted is no longer current; the deletion itself belongs to the moment at which it was made.
        where.append(f"({alias}.interaction NOT IN ('delete', 'erase') OR {alias}.updated >= {low})")
        where.append(
            f"NOT EXISTS (SELECT 1 FROM history v WHERE v.patient = {alias}.patient AND v.type = {alias}.type"
            f" AND v.id = {alias}.id AND v.version = {alias}.version + 1 AND v.updated <= {low})"
        )
    return where
