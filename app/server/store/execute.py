"""Run drafts as one transaction, with the conditions that can only be judged once the partition is locked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, Protocol

from app.database import Reader, Writer
from app.errors import Conflict, Invalid, PreconditionFailed
from app.fhir.resource import Resource
from app.fhir.scopes import Action
from app.server.access import Access
from app.server.intake.provenance import intake_provenance
from app.server.placement import named_patient
from app.server.search.query import SearchQuery
from app.server.server import FhirServer
from app.server.store.amending import Copied, amend, copied_among
from app.server.store.append import append
from app.server.store.changes import NO_REMARKS, Draft
from app.server.store.frame import renamed
from app.server.store.matching import Match, matched
from app.server.store.narrowed import is_within
from app.server.store.prepare import catalogue_is_closed, check_resource, finish, fresh_id
from app.server.store.read import read
from app.server.store.recognising import Sought, recognise, sought_among
from app.server.store.said import Said
from app.server.store.write import Write

Redirect = Callable[[Mapping[str, str]], None]
"""Told where conditions lead: from the ``Type/id`` that others refer to now to the one that was found."""
Kind = Literal["create", "update", "delete"]


class Around(Protocol):
    """What one transaction does besides writing drafts. Drafts of it are new, under ids that follow from what they say:
    ``locked`` sets those ``unchanged`` that are there already, once their partition is locked. ``compared``: creates
    may be the same as each other. ``accounts``: what is written besides of what one partition got, which has its
    versions by then. ``stored``: once everything is written.
    """

    @property
    def compared(self) -> bool: ...

    def accounts(self, written: Sequence[Draft]) -> Sequence[Draft]: ...

    async def locked(self, writer: Writer) -> None: ...

    async def stored(self, writer: Writer) -> None: ...


class Overtaken(Conflict):
    """Somebody else changed what a draft was made for before its partition was locked: make the draft again."""


class _Rehearsed(Exception):
    """Undoes what was only tried."""


@dataclass(slots=True)
class Condition:
    """A search that decides, once the partition is locked, what becomes of ``draft``.

    create: what is found is the answer instead. update: what is found is what is updated; ``named``: the body has an
    id, which must be that of what is found. delete: what is found is deleted.
    https://hl7.org/fhir/R4/http.html#ccreate https://hl7.org/fhir/R4/http.html#cond-update
    """

    draft: Draft
    query: SearchQuery
    kind: Kind = "create"
    named: bool = False
    id: str = field(init=False)
    patient: int = field(init=False)
    fresh: bool = field(init=False)

    def __post_init__(self) -> None:
        """Remember what is made where nothing is found."""
        self.id, self.patient, self.fresh = self.draft.id, self.draft.patient, self.draft.fresh


async def _prepare_derived(
    server: FhirServer, access: Access, reader: Reader, resource: Resource, patient: int
) -> Draft:
    """What a rule derives, as a draft in the partition of what it was derived from."""
    await check_resource(server, reader, access, resource, may_hold_bsn=True, patient=patient, derived=True)
    given = resource.get("id")
    resource_id = given if isinstance(given, str) else fresh_id(server, patient)
    kind: str = resource["resourceType"]
    owned = named_patient(resource, server.placement[kind], base=server.base, entries={}) is not None
    fresh = resource_id is not given
    return finish(server, Draft("update", kind, resource_id, patient, resource, fresh=fresh, owned=owned))


def _prepare_provenance(server: FhirServer, access: Access, draft: Draft) -> Draft:
    """What a draft that has its version and time is flagged for, as a draft beside it."""
    target = f"{draft.type}/{draft.id}/_history/{draft.version}"
    resource = intake_provenance(server.canonical_base, access, target, draft.remarks.flagged, draft.updated)
    fresh = fresh_id(server, draft.patient)
    made = Draft("create", "Provenance", fresh, draft.patient, resource, fresh=True, owned=draft.type == "Patient")
    finish(server, made)
    made.labels = draft.labels  # those of what it refers to
    return made


async def execute(
    server: FhirServer,
    access: Access,
    drafts: Sequence[Draft],
    *,
    now: int,
    request: str,
    conditions: Sequence[Condition] = (),
    redirect: Redirect | None = None,
    service: bool = False,
    rehearse: bool = False,
    intent: object = None,
    around: Around | None = None,
) -> None:
    """Write all of ``drafts`` or nothing; afterwards they carry version, time and body. Raises as the checks do, and
    ``Overtaken``. ``rehearse``: do all of it and undo it again, to hear what it would raise. ``intent``
    goes to the rules. ``around``: what the same transaction does besides.
    """
    changing = [draft for draft in drafts if not draft.unchanged]
    keep = Said.over(changing, server, access, partial(finish, server))
    alone = service or intent is not None
    sought = [] if alone or not server.recognisers else sought_among(server, changing)
    copied = [] if alone or not server.working_copies else copied_among(server, access, changing)
    all_ = [*changing, *(each.aside for each in copied)]

    async def work(writer: Writer) -> None:
        _begin(server, changing, conditions, sought, copied)
        write = Write(
            writer, access, registry=server.registry, labels=server.labels, rules=server.rules,
            prepare=partial(_prepare_derived, server, access),
            account=partial(_prepare_provenance, server, access),
            accounts=None if around is None else around.accounts,
            now=now, request=request, dialect=server.database.dialect, service=service, intent=intent, keep=keep,
        )  # fmt: skip
        if any(condition.draft.birth for condition in conditions):
            await write.lock_persons()
        await write.lock(all_)
        await _judge_all(server, writer, access, changing, conditions, now=now, redirect=redirect)
        if around is not None:
            await around.locked(writer)
        if copied:
            _point(redirect, await amend(server, writer, access, copied))
            _refuse_overlap(all_)
        if sought:
            among = around is None or around.compared
            _point(redirect, await recognise(server, writer, access, sought, among=among))
        await write.store()
        for each in sought:
            each.end()
        if around is not None:
            await around.stored(writer)
        if rehearse:
            raise _Rehearsed

    plain = not conditions and not sought and not copied and not rehearse and intent is None and around is None
    if not changing or (plain and await append(server, access, changing, now=now, request=request)):
        return
    with suppress(_Rehearsed):
        await server.database.transact(work)


def _begin(
    server: FhirServer,
    changing: Sequence[Draft],
    conditions: Sequence[Condition],
    sought: Sequence[Sought],
    copied: Sequence[Copied],
) -> None:
    """A second try starts from nothing."""
    for each in copied:
        each.begin(server)
    for draft in changing:
        draft.before, draft.unchanged = None, False
    for condition in conditions:
        condition.draft.patient = condition.patient
    for one in sought:
        one.begin()


def _point(redirect: Redirect | None, led: Mapping[str, str]) -> None:
    if led and redirect is not None:
        redirect(led)


async def settle(server: FhirServer) -> None:
    """Wait until what others have just written can be read: a write may be overtaken by one that has yet to COMMIT."""
    async with server.database.write():
        pass


_SEVERAL: Final[Mapping[Kind, str]] = {
    "create": "If-None-Exist matches several resources; make it narrower.",
    "update": "The condition matches several resources; make it narrower.",
    "delete": "The condition matches several resources, and one is deleted at a time; make it narrower.",
}


def _deleted(drafts: Sequence[Draft], condition: Condition) -> list[Match]:
    """What the same write deletes does not count for its creates and updates."""
    if condition.kind == "delete":
        return []
    return [
        Match(draft.id, draft.patient)
        for draft in drafts
        if draft.method == "delete" and draft.type == condition.draft.type and not draft.unchanged
    ]


async def _judge_all(
    server: FhirServer,
    writer: Writer,
    access: Access,
    changing: Sequence[Draft],
    conditions: Sequence[Condition],
    *,
    now: int,
    redirect: Redirect | None,
) -> None:
    led: dict[str, str] = {}
    for condition in conditions:
        before = condition.draft.id
        await _judge(server, writer, access, condition, without=_deleted(changing, condition), now=now)
        if condition.draft.id != before:
            led[f"{condition.draft.type}/{before}"] = f"{condition.draft.type}/{condition.draft.id}"
    if conditions:
        _refuse_overlap(changing)
    _point(redirect, led)


async def _judge(
    server: FhirServer, writer: Writer, access: Access, condition: Condition, *, without: Sequence[Match], now: int
) -> None:
    draft = condition.draft
    # What makes the answer certain is the lock on the partition that the draft goes to; for a new person, who has
    # none yet, that on all new persons.
    within = None if draft.birth else condition.patient
    found = await matched(server, writer, access, condition.query, now=now, within=within, without=without)
    if len(found) > 1:
        raise PreconditionFailed(_SEVERAL[condition.kind], "multiple-matches")
    match = found[0] if found else None
    if condition.kind == "create":
        await _take_instead(server, writer, access, condition, match, now=now)
    elif condition.kind == "update":
        _update(condition, match)
    elif match is None:
        draft.unchanged = True
    else:
        if match.patient != draft.patient:
            raise Overtaken("What the condition finds has just changed; send the request again.")
        draft.id = match.id


async def _take_instead(
    server: FhirServer, writer: Writer, access: Access, condition: Condition, match: Match | None, *, now: int
) -> None:
    draft = condition.draft
    draft.id = condition.id if match is None else match.id
    if match is not None:
        draft.unchanged, draft.remarks = True, NO_REMARKS
        stored = await read(
            writer,
            access,
            draft.type,
            draft.id,
            registry=server.registry,
            now=now,
            partition=match.patient,
            action=Action.SEARCH,
        )
        place = stored.patient, draft.type, draft.id
        shown = await is_within(writer, access, server.registry, place, stored.version, stored.body, action=Action.READ)
        draft.patient, draft.version, draft.updated, draft.body = (
            stored.patient,
            stored.version,
            stored.updated,
            stored.body if shown else b"",
        )


def _update(condition: Condition, match: Match | None) -> None:
    """The rows of https://hl7.org/fhir/R4/http.html#cond-update: none or one, with or without an id in the body."""
    draft = condition.draft
    if match is not None and condition.named and match.id != condition.id:
        raise Invalid("The body carries another id than the resource that the condition finds.", "value")
    elsewhere = match is not None and match.patient != draft.patient
    if elsewhere and match is not None and match.patient <= 0:
        raise catalogue_is_closed()
    if elsewhere or (match is None and draft.type == "Patient" and not draft.birth):
        raise Overtaken("What the condition finds has just changed; send the request again.")
    if match is not None and draft.birth:
        raise Overtaken("Somebody else has just made this person; send the request again.")
    draft.fresh = condition.fresh and match is None
    draft.unmatched = condition.named and match is None
    wanted = condition.id if match is None else match.id
    if draft.id != wanted and draft.frame is not None:
        draft.id, draft.frame = wanted, renamed(draft.frame, draft.type, wanted)


def _refuse_overlap(drafts: Sequence[Draft]) -> None:
    """Once conditions are resolved no resource may be changed twice. https://hl7.org/fhir/R4/http.html#trules"""
    seen: set[tuple[int, str, str]] = set()
    for draft in drafts:
        if draft.unchanged:
            continue
        if (draft.patient, draft.type, draft.id) in seen:
            raise Invalid(
                f"{draft.type}/{draft.id} is meant by several entries; a transaction changes a resource once.",
                "duplicate",
            )
        seen.add((draft.patient, draft.type, draft.id))
