"""Writing: one transaction over any number of resources of any number of partitions, all or nothing.

The partition's row is the lock, the order and the clock in one: ``seq`` numbers every change, ``updated`` never goes
back. What costs time (validation, index rows, encoding) is done before it is taken.
https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.database import Reader, Writer
from app.errors import Conflict, Forbidden, Issue, NotFound, PreconditionFailed, Unprocessable, ZelfregieError
from app.fhir.dates import instant
from app.fhir.resource import Resource, parse_reference
from app.fhir.scopes import Action
from app.server import tables
from app.server.access import Access, standing
from app.server.ids import CATALOGUE, key_of
from app.server.labels import Labels
from app.server.rules import Change, ChangeSet, Overtaken, Rule, told
from app.server.search.follow import OWNER_FLAG
from app.server.search.registry import Registry
from app.server.store.batches import Batches
from app.server.store.changes import Before, Draft
from app.server.store.narrowed import check_new, check_present, is_readable
from app.server.store.prepare import catalogue_is_closed
from app.server.store.read import check_guard
from app.server.store.sameness import leave_the_same

LOCK: Final = (
    "UPDATE partition SET seq = seq + $2, updated = CASE WHEN updated >= $3 THEN updated + 1 ELSE $3 END"
    " WHERE patient = $1 AND state = 'live'"
    f" AND {standing('$4', '$5', '$3')} RETURNING seq, updated, erased"
)
_COLUMNS: Final = "r.id, r.n, r.version, r.seq, r.updated, r.date, r.deleted, r.labels, r.flags, r.keys, r.body"
BEFORE_SQLITE: Final = (
    f"SELECT {_COLUMNS} FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id IN (SELECT j.value FROM"
    f" json_each($3) j)"
)
BEFORE_POSTGRESQL: Final = (
    f"SELECT {_COLUMNS} FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = ANY($3::text[])"
)
SELECT_LABELS: Final = "SELECT r.labels FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
SELECT_CLAIM: Final = "SELECT n FROM claim WHERE patient = $1 AND name = $2"
DELETE_CLAIM: Final = "DELETE FROM claim WHERE patient = $1 AND name = $2"

_LABEL_ROUNDS: Final = 4
"""How long a chain of resources that take each other's labels may be within one write."""
Prepare = Callable[[Reader, Resource, int], Awaitable[Draft]]
"""Makes a derived resource of a rule, in a partition, into a draft."""
Account = Callable[[Draft], Draft]
"""Makes the Provenance of what deviates in a draft that is numbered."""
Accounts = Callable[[Sequence[Draft]], Sequence[Draft]]
"""Makes what is written besides of all that one partition got, once that is numbered."""
Keep = Callable[[Draft], bool]
"""Has a draft say what only the service says of what is there (``said.py``); whether there is any of that."""


@dataclass(slots=True)
class _Partition:
    """A locked partition: the changes to make in it, numbered from ``next``; whether something of it was erased."""

    patient: int
    drafts: list[Draft]
    next: int = 0
    updated: int = 0
    stamp: bytes = b""
    erased: bool = False


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
        account: Account,
        now: int,
        request: str,
        dialect: str,
        service: bool,
        intent: object = None,
        accounts: Accounts | None = None,
        keep: Keep = lambda _: False,
    ) -> None:
        self._intent = intent
        self._accounts = accounts
        self._keep = keep
        self._writer = writer
        self._access = access
        self._registry = registry
        self._labels = labels
        self._rules = rules
        self._prepare = prepare
        self._account = account
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

    async def lock_persons(self) -> None:
        """Wait for everybody else who wants to be sure that a person is not there yet. Before ``lock``."""
        await self._lock(_Partition(self._access.catalogues[0], []), 0)

    async def _lock(self, partition: _Partition, room: int) -> None:
        if any(draft.birth for draft in partition.drafts):
            await check_guard(self._writer, self._access, self._now)
            partition.next, partition.updated = 1, self._now
            await self._writer.insert(
                tables.INSERT_PARTITION, [(partition.patient, self._access.tenant, room, self._now, "live", 0)]
            )
        else:
            rows = await self._writer.fetch(
                LOCK, partition.patient, room, self._now, self._access.hash, self._access.stamp
            )
            if not rows:
                await check_guard(self._writer, self._access, self._now)
                raise NotFound("The patient is not known.")
            partition.next, partition.updated = rows[0][0] - room + 1, rows[0][1]
            partition.erased = bool(rows[0][2])
        partition.stamp = instant(partition.updated).encode()

    async def store(self) -> None:
        """Check and write everything that ``lock`` was given; the drafts then carry version, time and body."""
        batches = Batches(self._registry)
        for partition in self._locked.values():
            await self._read_before(partition)
            await self._complete_labels(partition)
            # What the caller may not write is refused before a look at what is there, which may be hidden from them.
            await self._check_labels(partition)
            await check_present(self._access, self._registry, self._writer, partition.drafts)
            try:
                check_each(partition.drafts, self._check)
            except PreconditionFailed:
                await self._tell_overtaken(partition)
                raise
            for draft in partition.drafts:
                if self._keep(draft):
                    leave_the_same(draft)  # with what its sender could not say it may be what is there
            await self._obey_rules(partition, batches)
            for draft in partition.drafts:
                if not draft.unchanged:
                    self._number(draft, partition, batches)
            await self._account_for(partition, batches)
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
        denied = self._access.denied_labels(draft.patient, draft.action)
        if current is not None and current.labels & denied:
            if current.labels & self._access.denied_labels(draft.patient, Action.READ):
                raise NotFound(f"{name} is not known.")
            raise Forbidden(f"You may not {draft.method} {name}: its data category is not among those you were given.")
        _check_preconditions(draft, current, name)
        if draft.method == "delete":
            hidden = self._access.denied_labels(draft.patient, Action.READ)
            if before is None or (current is None and before.labels & hidden):
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

    async def _complete_labels(self, partition: _Partition, beside: Sequence[Draft] = ()) -> None:
        """The labels of what takes those of everything that it refers to. ``beside``: what the same write stores that
        has its labels already.
        """
        waiting = {
            id(draft): references for draft in partition.drafts if (references := self._references(draft)) is not None
        }
        if not waiting:
            return
        known: dict[str, int] = {
            f"{each.type}/{each.id}": each.labels for each in (*beside, *partition.drafts) if id(each) not in waiting
        }
        without_version = await self._read_labels(
            {reference for references in waiting.values() for reference in references} - known.keys(), partition, known
        )

        def labels_of(name: str) -> int | None:
            return known.get(without_version.get(name, name))

        referring = [each for each in partition.drafts if id(each) in waiting]
        for _ in range(_LABEL_ROUNDS):
            before = [each.labels for each in referring]
            for each in referring:
                if each.resource is not None:
                    each.labels = self._labels.complete(each.resource, labels_of)
            if [each.labels for each in referring] == before:
                break
            known.update({f"{each.type}/{each.id}": each.labels for each in referring})

    async def _read_labels(
        self, references: Iterable[str], partition: _Partition, known: dict[str, int]
    ) -> Mapping[str, str]:
        """Take up in ``known`` the labels of what is stored; for references to a version, the same without it."""
        without_version: dict[str, str] = {}
        for name in references:
            literal = parse_reference(name)
            if literal is None or literal.base or literal.type not in self._registry.stored:
                continue
            if literal.version is not None:
                without_version[name] = literal.relative
            if literal.relative in known:
                continue
            number = self._registry.number(literal.type)
            for (labels,) in await self._writer.fetch(SELECT_LABELS, partition.patient, number, literal.id):
                known[literal.relative] = labels
        return without_version

    def _references(self, draft: Draft) -> list[str] | None:
        if draft.resource is None or draft.unchanged or draft.patient <= 0:
            return None
        return self._labels.referred(draft.resource)

    async def _check_labels(self, partition: _Partition) -> None:
        changing = [draft for draft in partition.drafts if not draft.unchanged]
        try:
            check_each(changing, partial(check_write_labels, self._access))
            check_each(changing, partial(check_new, self._access, self._registry))
        except Forbidden:
            if self._intent is None:  # an operation is its own way
                await self._point_out(partition)
            raise

    async def _tell_overtaken(self, partition: _Partition) -> None:
        """Add to what refuses a draft of an older version what has changed meanwhile."""
        for draft in partition.drafts:
            refusal, known, before = draft.refusal, draft.if_match, draft.before
            if not isinstance(refusal, PreconditionFailed) or known is None or before is None:
                continue
            late = Overtaken(partition.patient, self._access, draft.type, draft.id, known, before.version, self._now)
            issues = await told(self._rules, late, self._writer)
            if issues:
                refusal.issues = (*refusal.all_issues(), *issues)

    async def _point_out(self, partition: _Partition) -> None:
        """Tells who may see what they may not update of the way that a rule knows. Raises ``Unprocessable``."""
        refused = [draft for draft in partition.drafts if draft.refusal is not None and draft.method == "update"]
        seen = [each for each in refused if await is_readable(self._access, self._registry, self._writer, each)]
        changes = ChangeSet(partition.patient, self._access, self._now, self._registry, list(map(_change, seen)))
        issues: list[Issue] = []
        for rule in self._rules:
            if rule.instead is not None and any(map(rule.applies, changes.changes)):
                issues += await rule.instead(changes, self._writer)
        if not issues:
            return
        refusal = Unprocessable("The change breaks a rule of this service.", issues=tuple(issues))
        for draft in seen:
            draft.refusal = refusal
        raise refusal

    async def _obey_rules(self, partition: _Partition, batches: Batches) -> None:
        if not self._rules:
            return
        changes = [_change(draft) for draft in partition.drafts if not draft.unchanged]
        kinds = {each.type for each in changes}
        rules = [
            rule
            for rule in self._rules
            if (partition.erased or not rule.after_erasure)
            and (rule.follows(self._intent) or (rule.is_about(kinds) and any(map(rule.applies, changes))))
        ]
        if not rules:
            return
        change_set = ChangeSet(partition.patient, self._access, self._now, self._registry, changes, self._intent)
        issues: list[Issue] = []
        derived: list[Draft] = []
        for rule in rules:
            verdict = await rule.check(change_set, self._writer)
            issues += verdict.issues
            _leave(partition.drafts, verdict.unchanged)
            derived += [await self._prepare(self._writer, each, partition.patient) for each in verdict.derived]
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
            await self._complete_labels(extra, partition.drafts)
            for draft in derived:
                draft.updated = partition.updated
                self._number(draft, extra, batches)

    async def _account_for(self, partition: _Partition, batches: Batches) -> None:
        """A Provenance for each resource that is taken in although it deviates from its profiles, and what else there
        is to say of all of them.
        """
        written = [each for each in partition.drafts if not each.unchanged]
        made = _Partition(partition.patient, [self._account(each) for each in written if each.remarks.flagged])
        if self._accounts is not None and written:
            made.drafts += self._accounts(written)
        if not made.drafts:
            return
        await self._lock(made, len(made.drafts))
        for each in made.drafts:
            self._number(each, made, batches)

    def _number(self, draft: Draft, partition: _Partition, batches: Batches) -> None:
        """Give the draft its version, seq and time, and queue its rows."""
        seq = partition.next
        partition.next += 1
        draft.version = draft.first if draft.before is None else draft.before.version + 1
        draft.updated = partition.updated
        if draft.frame is not None:
            draft.body = draft.frame.stamp(draft.version, partition.stamp)
        interaction = "update-create" if draft.method == "update" and draft.created else draft.method
        batches.add(draft, seq, interaction, actor=self._access.actor, request=self._request)


def _leave(drafts: Sequence[Draft], unchanged: AbstractSet[tuple[str, str]]) -> None:
    """Nothing is written of these: what is answered is what is stored."""
    for draft in drafts:
        if (draft.type, draft.id) in unchanged and draft.before is not None:
            draft.unchanged = True
            draft.version, draft.updated, draft.body = draft.before.version, draft.before.updated, draft.before.body


def _change(draft: Draft) -> Change:
    was = None if draft.before is None else draft.before.body
    version = draft.first if draft.before is None else draft.before.version + 1
    expected = None if draft.patched else draft.if_match
    return Change(draft.type, draft.id, was, draft.resource, draft.fresh, version, expected, draft.patched)


def _check_preconditions(draft: Draft, current: Before | None, name: str) -> None:
    """What If-Match, If-None-Match and a condition ask of what is there now. Raises."""
    if draft.if_match is not None and (current is None or current.version != draft.if_match):
        present = "absent" if current is None else f"at version {current.version}"
        raise PreconditionFailed(f"{name} is {present}, and not at version {draft.if_match} as If-Match says.")
    if current is not None and draft.if_none_match:
        raise PreconditionFailed(f"{name} is there already, and If-None-Match says that it must not be.")
    if current is not None and draft.unmatched:
        raise Conflict(f"{name} is there already, and the condition does not find it.", "duplicate")


def check_each(drafts: Sequence[Draft], check: Callable[[Draft], None]) -> None:
    """Every draft that may not be written keeps its ``refusal``; the first one is raised."""
    first: ZelfregieError | None = None
    for draft in drafts:
        try:
            check(draft)
        except ZelfregieError as error:
            draft.refusal = error
            first = first or error
    if first is not None:
        raise first


def check_write_labels(access: Access, draft: Draft) -> None:
    """Raises ``Forbidden`` when the data categories of what is to be written are not all among those of the caller."""
    if not access.may_change(draft.patient):
        raise catalogue_is_closed()
    if draft.resource is not None and draft.labels & access.denied_labels(draft.patient, draft.action):
        raise Forbidden(
            f"You may not {draft.method} this {draft.type}: its data category is not among those you were given."
        )
