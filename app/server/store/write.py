"""Writing: one transaction over any number of resources of any number of partitions, all or nothing.

The partition's row is the lock, the order and the clock in one: ``seq`` numbers every change, ``updated`` never goes
back. What costs time (validation, index rows, encoding) is done before it is taken.
https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.database import Batch, Delete, Insert, Writer
from app.errors import Conflict, Forbidden, Issue, NotFound, PreconditionFailed, Unprocessable
from app.fhir.dates import NO_DATE, instant
from app.fhir.resource import Resource, decode, parse_reference
from app.fhir.scopes import Action
from app.server import tables
from app.server.access import Access
from app.server.ids import CATALOGUE, key_of
from app.server.labels import Labels
from app.server.rules import Change, ChangeSet, Rule
from app.server.search.compile import OWNER_FLAG
from app.server.search.index import NO_KEYS, Rows, unpack
from app.server.search.registry import Registry
from app.server.store.changes import Before, Draft
from app.server.store.read import GrantChanged, check_guard

LOCK: Final = (
    "UPDATE partition SET seq = seq + $2, updated = CASE WHEN updated >= $3 THEN updated + 1 ELSE $3 END"
    " WHERE patient = $1 AND state = 'live'"
    " AND EXISTS (SELECT 1 FROM access_grant g WHERE g.hash = $4 AND g.stamp = $5 AND g.expires > $3) RETURNING seq, updated"
)
_COLUMNS: Final = "r.id, r.n, r.version, r.seq, r.updated, r.date, r.deleted, r.labels, r.flags, r.keys, r.body"
BEFORE_SQLITE: Final = f"SELECT {_COLUMNS} FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id IN (SELECT j.value FROM json_each($3) j)"
BEFORE_POSTGRESQL: Final = (
    f"SELECT {_COLUMNS} FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = ANY($3::text[])"
)
SELECT_CLAIM: Final = "SELECT n FROM claim WHERE patient = $1 AND name = $2"
DELETE_CLAIM: Final = "DELETE FROM claim WHERE patient = $1 AND name = $2"

_ACTIONS: Final = {"create": Action.CREATE, "update": Action.UPDATE, "delete": Action.DELETE}
Prepare = Callable[[Resource, int], Draft]
"""Makes a derived resource of a rule, in a partition, into a draft."""


@dataclass(slots=True)
class _Partition:
    """A locked partition: the changes to make in it, numbered from ``next``."""

    patient: int
    drafts: list[Draft]
    next: int = 0
    updated: int = 0
    stamp: bytes = b""


class Write:
    """One write by one caller at one time."""

    def __init__(
        self,
        writer: Writer,
        access: Access,
        *,
        registry: Registry,
        labels: Labels,
        rules: Sequence[Rule],
        prepare: Prepare,
        now: int,
        request: str,
        dialect: str,
        service: bool,
    ) -> None:
        self._writer = writer
        self._access = access
        self._registry = registry
        self._labels = labels
        self._rules = rules
        self._prepare = prepare
        self._now = now
        self._request = request
        self._dialect = dialect
        self._service = service
        self._locked: dict[int, _Partition] = {}

    async def lock(self, drafts: Sequence[Draft]) -> None:
        """Take the partitions of ``drafts`` in ascending order, room for one number per draft. Raises ``GrantChanged``
        or ``NotFound``.
        """
        wanted: dict[int, _Partition] = {}
        for draft in drafts:
            wanted.setdefault(draft.patient, _Partition(draft.patient, [])).drafts.append(draft)
        for patient in sorted(wanted):
            partition = wanted[patient]
            await self._lock(partition, len(partition.drafts))
            self._locked[patient] = partition

    async def _lock(self, partition: _Partition, room: int) -> None:
        if any(draft.birth for draft in partition.drafts):
            await check_guard(self._writer, self._access, self._now)
            partition.next, partition.updated = 1, self._now
            await self._writer.insert(
                tables.INSERT_PARTITION, [(partition.patient, self._access.tenant, room, self._now, "live")]
            )
        else:
            rows = await self._writer.fetch(
                LOCK, partition.patient, room, self._now, self._access.hash, self._access.stamp
            )
            if not rows:
                await check_guard(self._writer, self._access, self._now)
                raise NotFound("The patient is not known.")
            partition.next, partition.updated = rows[0][0] - room + 1, rows[0][1]
        partition.stamp = instant(partition.updated).encode()

    async def store(self) -> None:
        """Check and write everything that ``lock`` was given; the drafts then carry version, time and body."""
        batches = _Batches(self._registry)
        for partition in self._locked.values():
            await self._read_before(partition)
            await self._complete_labels(partition)
            # What the caller may not write is refused before a look at what is there, which may be hidden from them.
            self._check_labels(partition)
            for draft in partition.drafts:
                self._check(draft)
            await self._obey_rules(partition, batches)
            for draft in partition.drafts:
                if not draft.unchanged:
                    self._number(draft, partition, batches)
        await self._writer.alter(batches.all())

    async def _read_before(self, partition: _Partition) -> None:
        by_type: dict[str, dict[str, Draft]] = {}
        for draft in partition.drafts:
            if not draft.fresh and not draft.unchanged and not draft.birth:
                by_type.setdefault(draft.type, {})[draft.id] = draft
        for resource_type, drafts in by_type.items():
            number = self._registry.number(resource_type)
            if self._dialect == "postgresql":
                rows = await self._writer.fetch(BEFORE_POSTGRESQL, partition.patient, number, list(drafts))
            else:
                listed = "[" + ",".join(f'"{each}"' for each in drafts) + "]"
                rows = await self._writer.fetch(BEFORE_SQLITE, partition.patient, number, listed)
            for resource_id, n, version, seq, updated, date, deleted, labels, flags, keys, body in rows:
                drafts[resource_id].before = Before(
                    n, version, seq, updated, date, bool(deleted), labels, flags, keys, body
                )

    def _check(self, draft: Draft) -> None:
        """What the resource's present state allows. Raises."""
        if draft.unchanged:
            return
        before, name = draft.before, f"{draft.type}/{draft.id}"
        current = before if before is not None and not before.deleted else None
        denied = self._access.denied_labels(draft.patient, _ACTIONS[draft.method])
        if current is not None and current.labels & denied:
            if current.labels & self._access.denied_labels(draft.patient, Action.READ):
                raise NotFound(f"{name} is not known.")
            raise Forbidden(f"You may not {draft.method} {name}: its data category is not among those you were given.")
        if draft.if_match is not None and (current is None or current.version != draft.if_match):
            present = "absent" if current is None else f"at version {current.version}"
            raise PreconditionFailed(f"{name} is {present}, and not at version {draft.if_match} as If-Match says.")
        if draft.method == "delete":
            if before is None:
                raise NotFound(f"{name} is not known.")
            draft.unchanged = current is None
            draft.version = before.version
            return
        if before is None and not (draft.fresh or draft.birth or self._service):
            key = key_of(draft.id)
            if key not in (None, draft.patient, CATALOGUE) and self._access.may_see(key):
                raise Unprocessable(f"{name}: the patient that a resource is about cannot be changed.", "business-rule")
            if key is not None:
                raise NotFound(f"{name} is not known; ids of this form are given by the server.")
        if current is not None and bool(current.flags & OWNER_FLAG) != draft.owned:
            raise Unprocessable(f"{name}: the patient that a resource is about cannot be changed.", "business-rule")

    async def _complete_labels(self, partition: _Partition) -> None:
        """The labels of what takes those of everything that it refers to."""
        waiting = {
            id(draft): references for draft in partition.drafts if (references := self._references(draft)) is not None
        }
        if not waiting:
            return
        known: dict[str, int] = {
            f"{each.type}/{each.id}": each.labels for each in partition.drafts if id(each) not in waiting
        }
        wanted: dict[str, list[str]] = {}
        for name in {reference for references in waiting.values() for reference in references} - known.keys():
            literal = parse_reference(name)
            if literal is not None and literal.type in self._registry.stored:
                wanted.setdefault(literal.type, []).append(literal.id)
        for resource_type, ids in wanted.items():
            for resource_id in ids:
                for (labels,) in await self._writer.fetch(
                    SELECT_LABELS, partition.patient, self._registry.number(resource_type), resource_id
                ):
                    known[f"{resource_type}/{resource_id}"] = labels
        for draft in partition.drafts:
            if id(draft) in waiting and draft.resource is not None:
                draft.labels = self._labels.complete(draft.resource, known.get)

    def _references(self, draft: Draft) -> list[str] | None:
        if draft.resource is None or draft.unchanged or draft.patient <= 0:
            return None
        return self._labels.referred(draft.resource)

    def _check_labels(self, partition: _Partition) -> None:
        for draft in partition.drafts:
            denied = self._access.denied_labels(draft.patient, _ACTIONS[draft.method])
            if draft.resource is not None and not draft.unchanged and draft.labels & denied:
                raise Forbidden(
                    f"You may not {draft.method} this {draft.type}: its data category is not among those you were given."
                )

    async def _obey_rules(self, partition: _Partition, batches: _Batches) -> None:
        touched = {draft.type for draft in partition.drafts if not draft.unchanged}
        rules = [rule for rule in self._rules if not rule.types.isdisjoint(touched)]
        if not rules:
            return
        changes = [
            Change(
                draft.type,
                draft.id,
                decode(draft.before.body) if draft.before is not None and draft.before.body is not None else None,
                draft.resource,
            )
            for draft in partition.drafts
            if not draft.unchanged
        ]
        change_set = ChangeSet(partition.patient, self._access, self._now, changes)
        issues: list[Issue] = []
        derived: list[Draft] = []
        for rule in rules:
            verdict = await rule.check(change_set, self._writer)
            issues += verdict.issues
            derived += [self._prepare(each, partition.patient) for each in verdict.derived]
            for name in verdict.releases:
                await self._writer.execute(DELETE_CLAIM, partition.patient, name)
            for name, resource_type, resource_id in verdict.claims:
                if await self._writer.fetch(SELECT_CLAIM, partition.patient, name):
                    raise Conflict(
                        f"'{name}' can be there once per patient, and it is: see rule {rule.name}.", "duplicate"
                    )
                batches.claim(partition.patient, name, resource_type, resource_id)
        if any(issue.severity in ("error", "fatal") for issue in issues):
            raise Unprocessable("The change breaks a rule of this service.", issues=tuple(issues))
        if derived:
            extra = _Partition(partition.patient, derived)
            await self._lock(extra, len(derived))
            await self._read_before(extra)
            for draft in derived:
                draft.updated = partition.updated
                self._number(draft, extra, batches)

    def _number(self, draft: Draft, partition: _Partition, batches: _Batches) -> None:
        """Give the draft its version, seq and time, and queue its rows."""
        seq = partition.next
        partition.next += 1
        draft.version = 1 if draft.before is None else draft.before.version + 1
        draft.updated = partition.updated
        if draft.frame is not None:
            draft.body = draft.frame.stamp(draft.version, partition.stamp)
        interaction = draft.method if draft.method == "delete" or not draft.created else "create"
        batches.add(draft, seq, interaction, actor=self._access.actor, request=self._request)


class _Batches:
    """The rows of one write, per table."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._rows: dict[Any, list[tuple[Any, ...]]] = {}
        self._claims: dict[tuple[int, str, str], str] = {}

    def all(self) -> list[Batch]:
        """In an order in which each statement finds what it needs."""
        return list(self._rows.items())

    def _into(self, alteration: Any) -> list[tuple[Any, ...]]:
        return self._rows.setdefault(alteration, [])

    def claim(self, patient: int, name: str, resource_type: str, resource_id: str) -> None:
        self._claims[patient, resource_type, resource_id] = name

    def add(self, draft: Draft, seq: int, interaction: str, *, actor: str, request: str) -> None:
        """Queue the rows of one numbered draft."""
        number = self._registry.number(draft.type)
        patient, before, rows = draft.patient, draft.before, draft.rows
        n = before.n if before is not None and not before.deleted else seq
        labels = draft.labels if rows is not None or before is None else before.labels
        flags = OWNER_FLAG if draft.owned else 0
        keys = NO_KEYS if rows is None else rows.packed()
        date, present = (NO_DATE, 0) if rows is None else (rows.date, rows.present)
        deleted = 1 if draft.body is None else 0
        if before is None:
            self._into(tables.INSERT_RESOURCE).append(
                (
                    patient,
                    number,
                    draft.id,
                    n,
                    draft.version,
                    seq,
                    draft.updated,
                    date,
                    present,
                    deleted,
                    labels,
                    flags,
                    keys,
                    draft.body,
                )
            )
            if key_of(draft.id) is None:
                self._into(tables.INSERT_ALIAS).append((number, draft.id, patient))
        else:
            self._into(tables.UPDATE_RESOURCE).append(
                (
                    patient,
                    number,
                    draft.id,
                    n,
                    draft.version,
                    seq,
                    draft.updated,
                    date,
                    present,
                    deleted,
                    labels,
                    flags,
                    keys,
                    draft.body,
                )
            )
            if before.body is not None:
                self._into(tables.UPDATE_HISTORY_BODY).append((patient, before.seq, before.body))
        self._into(tables.INSERT_HISTORY).append(
            (patient, seq, number, draft.id, draft.version, draft.updated, interaction, labels, actor, request, None)
        )
        old = None if before is None or before.deleted else unpack(before.keys, before.date)
        write_index(self._into, (patient, number), n, old=old, new=rows)
        if self._claims and (name := self._claims.get((patient, draft.type, draft.id))) is not None:
            self._into(tables.INSERT_CLAIM).append((patient, name, n))


SELECT_LABELS: Final = "SELECT r.labels FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"


def write_index(
    into: Callable[[Any], list[tuple[Any, ...]]], owner: tuple[int, int], n: int, *, old: Rows | None, new: Rows | None
) -> None:
    """Queue the index rows that differ between ``old`` and ``new``. ``owner``: patient and type number."""
    patient, number = owner
    old_rows = {} if old is None else index_rows(old, patient, number, n)
    new_rows = {} if new is None else index_rows(new, patient, number, n)
    for name, (insert, delete) in INDEXES.items():
        before, after = old_rows.get(name, ()), new_rows.get(name, ())
        if before:
            gone = set(before).difference(after)
            if gone:
                keys = len(delete.keys)
                into(delete).extend(row[:keys] for row in gone)
            after = [row for row in after if row not in set(before)] if after else ()
        if after:
            into(insert).extend(after)
    if new is not None and new.terms:
        into(tables.INSERT_TERM).extend((patient, value, system, code) for value, system, code in new.terms)


INDEXES: Final[Mapping[str, tuple[Insert, Delete]]] = {
    "token": (tables.INSERT_TOKEN, tables.DELETE_TOKEN),
    "period": (tables.INSERT_PERIOD, tables.DELETE_PERIOD),
    "text": (tables.INSERT_TEXT, tables.DELETE_TEXT),
    "link": (tables.INSERT_LINK, tables.DELETE_LINK),
    "lookup": (tables.INSERT_LOOKUP, tables.DELETE_LOOKUP),
}


def index_rows(rows: Rows, patient: int, number: int, n: int) -> dict[str, list[tuple[Any, ...]]]:
    """The whole rows of each index table for one resource. ``number``: of its type."""
    date = rows.date
    return {
        "token": [(patient, number, param, value, date, n) for param, value in rows.tokens],
        "period": [(patient, number, param, low, high, n) for param, low, high in rows.periods],
        "text": [
            (patient, number, param, head, n, order, folded, exact) for param, head, order, folded, exact in rows.texts
        ],
        "link": [(patient, number, param, target_type, target_id, n) for param, target_type, target_id in rows.links],
        "lookup": [(number, param, value, patient, n) for param, value in rows.lookups],
    }


__all__ = ["INDEXES", "SELECT_LABELS", "GrantChanged", "Write", "index_rows", "write_index"]
