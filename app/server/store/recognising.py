"""Creates of what is there already, found once their partition is locked. https://hl7.org/fhir/R4/http.html#ccreate

One look for all creates of a write: by identifiers and by moments. What is found takes the place of what was to be
made, as a conditional create's match does; that it is there is all that is told of it to who may not read it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.database import Reader, Row
from app.fhir.resource import Resource, decode, encode
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.recognition import Marks, Recogniser
from app.server.search.terms import hash_token
from app.server.server import FhirServer
from app.server.store.changes import Draft, Remarks
from app.server.store.narrowed import is_within

_COLUMNS: Final = "SELECT r.id, r.version, r.updated, r.labels, r.body FROM"
_PRESENT: Final = "r.patient = $1 AND r.type = $2 AND r.deleted = 0 AND r.labels & $4 = 0 ORDER BY r.seq"
_BY_IDENTIFIER: Final = {
    "sqlite": "t.value IN (SELECT j.value FROM json_each($5) j)",
    "postgresql": "t.value = ANY($5::bigint[])",
}
_SPANS: Final = {
    "sqlite": (
        "(SELECT json_extract(j.value, '$[0]') AS low, json_extract(j.value, '$[1]') AS high FROM json_each($5) j) w"
    ),
    "postgresql": "unnest($5::bigint[], $6::bigint[]) AS w(low, high)",
}


@dataclass(slots=True)
class Sought:
    """A create that may be one again. ``id`` and ``remarks`` are what it has when nothing is found."""

    draft: Draft
    resource: Resource
    recogniser: Recogniser
    marks: Marks
    id: str
    remarks: Remarks
    twin: Draft | None = None

    def begin(self) -> None:
        """As if nobody had looked yet. What refers to it may still mean what an earlier try found, so its id stays."""
        self.draft.remarks, self.twin = self.remarks, None

    def end(self) -> None:
        """Once everything is stored: what is the same as another of the same write is answered as that one is."""
        if self.twin is not None:
            self.draft.version, self.draft.updated = self.twin.version, self.twin.updated
            self.draft.body = self.twin.body


@dataclass(slots=True)
class _Known:
    """What one may be again: stored, or another ``draft`` of the same write, whose ``version`` is not known yet."""

    id: str
    resource: Resource
    version: int = 0
    updated: int = 0
    labels: int = 0
    body: bytes = b""
    draft: Draft | None = None


@dataclass(slots=True)
class _Held:
    """What is known, by identifiers and by moments."""

    by_identifier: dict[tuple[str, str], list[_Known]] = field(default_factory=dict)
    by_moment: dict[int, list[_Known]] = field(default_factory=dict)
    moments: list[int] = field(default_factory=list)

    def add(self, known: _Known, marks: Marks) -> None:
        for each in marks.identifiers:
            self.by_identifier.setdefault(each, []).append(known)
        if marks.moment is not None:
            if marks.moment not in self.by_moment:
                insort(self.moments, marks.moment)
            self.by_moment.setdefault(marks.moment, []).append(known)

    def candidates(self, marks: Marks, around: int) -> Iterator[_Known]:
        """Those with the same identifier first, then those around the same moment, the nearest in time last."""
        for each in marks.identifiers:
            yield from self.by_identifier.get(each, ())
        if marks.moment is not None:
            first = bisect_left(self.moments, marks.moment - around)
            last = bisect_right(self.moments, marks.moment + around)
            for moment in self.moments[first:last]:
                yield from self.by_moment[moment]


def sought_among(server: FhirServer, drafts: Sequence[Draft]) -> list[Sought]:
    """The creates among ``drafts`` that may be of what is there already."""
    found = []
    for draft in drafts:
        if draft.method != "create" or not draft.fresh or draft.birth or draft.patient <= 0 or draft.resource is None:
            continue
        for each in server.recognisers:
            if each.type == draft.type and each.concerns(draft.resource):
                marks = each.marks(draft.resource)
                found.append(Sought(draft, draft.resource, each, marks, draft.id, draft.remarks))
                break
    return found


async def recognise(
    server: FhirServer, reader: Reader, access: Access, sought: Sequence[Sought], *, among: bool = True
) -> dict[str, str]:
    """Find what is there already, in locked partitions; from the ``Type/id`` that was to be made to the one found.
    ``among``: also those that are the same as another of the same write.
    """
    led: dict[str, str] = {}
    groups: dict[tuple[int, str], list[Sought]] = {}
    for each in sought:
        if not each.draft.unchanged:  # else a condition found it
            groups.setdefault((each.draft.patient, each.draft.type), []).append(each)
    for (patient, kind), group in groups.items():
        held = await _held(server, reader, access, patient, group)
        for each in group:
            before = each.draft.id
            each.draft.id = each.id
            found = await _same(server, reader, access, each, held)
            if found is None and among:
                held.add(_Known(each.id, each.resource, draft=each.draft), each.marks)
            elif found is not None:
                readable = await _is_open(server, reader, access, each.draft, found, reading=True)
                _take(each, found, readable=readable)
            if before != each.draft.id:
                led[f"{kind}/{before}"] = f"{kind}/{each.draft.id}"
    return led


async def _same(server: FhirServer, reader: Reader, access: Access, sought: Sought, held: _Held) -> _Known | None:
    recogniser, draft = sought.recogniser, sought.draft
    said = None
    for known in held.candidates(sought.marks, recogniser.around):
        if recogniser.same(sought.resource, known.resource):
            if await _is_open(server, reader, access, draft, known):
                return known
        elif said is None:
            said = recogniser.remark(sought.resource, known.resource, f"{draft.type}/{known.id}")
            if said is not None and not await _is_open(server, reader, access, draft, known, reading=True):
                said = None
    if said is not None:
        draft.remarks = replace(sought.remarks, issues=(*sought.remarks.issues, said))
    return None


async def _is_open(
    server: FhirServer, reader: Reader, access: Access, draft: Draft, known: _Known, *, reading: bool = False
) -> bool:
    """Whether the caller's scopes reach it; ``reading``: whether it may be read."""
    if known.draft is not None:
        return True
    if reading:
        denied = access.denied_labels(draft.patient, Action.READ)
        if not access.scopes.allow(draft.type, Action.READ) or known.labels & denied:
            return False
    action = Action.READ if reading else Action.CREATE
    place = draft.patient, draft.type, known.id
    return await is_within(reader, access, server.registry, place, known.version, known.body, action=action)


def _take(sought: Sought, found: _Known, *, readable: bool) -> None:
    draft = sought.draft
    said = sought.recogniser.otherwise(sought.resource, found.resource) if readable else None
    draft.unchanged, draft.id, draft.remarks = True, found.id, Remarks(() if said is None else (said,))
    if found.draft is not None:
        sought.twin = found.draft
        return
    draft.version, draft.updated = found.version, found.updated
    draft.body = found.body if readable else b""


async def _held(server: FhirServer, reader: Reader, access: Access, patient: int, group: Sequence[Sought]) -> _Held:
    """What of the partition has an identifier or a moment that one of the group is looked for by, each once."""
    kind, recogniser = group[0].draft.type, group[0].recogniser
    params, dialect = server.registry.params(kind), server.database.dialect
    number, denied = server.registry.number(kind), access.denied_labels(patient, Action.CREATE)
    rows: dict[str, Row] = {}
    hashes = sorted({hash_token(*each) for sought in group for each in sought.marks.identifiers})
    if hashes:
        where = f"t.patient = $1 AND t.type = $2 AND t.param = $3 AND {_BY_IDENTIFIER[dialect]} AND r.n = t.n"
        sql = f"{_COLUMNS} token t CROSS JOIN resource r WHERE {where} AND {_PRESENT}"
        listed: Any = encode(hashes).decode() if dialect == "sqlite" else hashes
        found = await reader.fetch(sql, patient, number, params["identifier"].number, denied, listed)
        rows |= {row[0]: row for row in found}
    spans = _spans([each.marks.moment for each in group if each.marks.moment is not None], recogniser.around)
    if spans:
        where = "p.patient = $1 AND p.type = $2 AND p.param = $3 AND p.low BETWEEN w.low AND w.high AND r.n = p.n"
        sql = f"{_COLUMNS} {_SPANS[dialect]} CROSS JOIN period p CROSS JOIN resource r WHERE {where} AND {_PRESENT}"
        binds: list[Any] = [encode(spans).decode()]
        if dialect == "postgresql":
            binds = [list(column) for column in zip(*spans, strict=True)]
        found = await reader.fetch(sql, patient, number, params["date"].number, denied, *binds)
        rows |= {row[0]: row for row in found}
    held = _Held()
    for resource_id, version, updated, labels, body in rows.values():
        resource = decode(body)
        held.add(_Known(resource_id, resource, version, updated, labels, body), recogniser.marks(resource))
    return held


def _spans(moments: Sequence[int], around: int) -> list[tuple[int, int]]:
    """The times to look at, apart from each other, so that nothing is read twice."""
    spans: list[tuple[int, int]] = []
    for moment in sorted(moments):
        if spans and moment - around <= spans[-1][1]:
            spans[-1] = spans[-1][0], moment + around
        else:
            spans.append((moment - around, moment + around))
    return spans
