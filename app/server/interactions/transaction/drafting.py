"""The entries of a transaction as drafts: found, placed, named, referring to each other by their ids.
https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.errors import Forbidden, Invalid, Issue, PreconditionFailed, ZelfregieError
from app.fhir.scopes import NAMES, Action
from app.server.interactions.conditional import draft_conditional_delete, draft_conditional_update
from app.server.interactions.patch import draft_conditional_patch, draft_patch
from app.server.interactions.preconditions import check_known, check_may_search, condition_of
from app.server.interactions.stored import stored_for
from app.server.interactions.taking.delivery import Delivery
from app.server.interactions.taking.persons import NOBODY, Delivered
from app.server.interactions.transaction.order import Entry
from app.server.interactions.transaction.placing import find_persons, find_places
from app.server.interactions.transaction.references import NO_NAMES, point_elsewhere, resolve, targets
from app.server.interactions.transaction.refusals import Refusals
from app.server.interactions.write import context_of, draft_delete
from app.server.messages import Request
from app.server.rules import Overtaken
from app.server.search.query import SearchQuery
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import Condition
from app.server.store.prepare import Context, finish, fresh_id

_ACTIONS: Final = {
    "create": Action.CREATE,
    "update": Action.UPDATE,
    "patch": Action.UPDATE,
    "delete": Action.DELETE,
}
_STEPS: Final = {"delete": 0, "create": 1, "update": 2}
"""The order in which conditions are judged. https://hl7.org/fhir/R4/http.html#trules"""
TURN: Final = 50
"""Entries after which others have their turn."""
_REFUSED: Final = "The transaction has entries that cannot be carried out; nothing was stored."


@dataclass(frozen=True, slots=True)
class Drafted:
    """``drafts`` by the index of their entry; an entry without one is a conditional delete that finds nothing.

    ``conditions`` are in the order in which they are judged.
    """

    drafts: dict[int, Draft] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)


async def draft_entries(
    server: FhirServer,
    request: Request,
    entries: Sequence[Entry],
    *,
    body: bytes | None,
    delivery: Delivery | None = None,
    delivered: Delivered = NOBODY,
) -> Drafted:
    """Every entry as a draft. Raises with the problems of all entries.

    ``body`` is the JSON that the entries came in, where nothing in it was rewritten yet. ``delivery``: a source gives
    them, so that what it gave before is updated; ``delivered``: whom the Patients among them mean.
    """
    _check_scopes(request, entries)
    context = await context_of(server, request)
    await _find(server, request, entries)
    if delivery is not None:
        delivery.note(entries)
    persons = await find_persons(server, request, entries, delivered)
    places = await find_places(server, request, entries, context, persons)
    if delivery is not None:
        await delivery.meet(entries, places)
    for entry in entries:
        if not entry.id and entry.index in places:
            entry.id = fresh_id(server, places[entry.index][0])
            if entry.resource is not None and entry.method == "create":
                entry.resource["id"] = entry.id
    beyond = NO_NAMES if delivery is None else await delivery.names(entries, persons.names)
    resolve(entries, body, {**beyond, **persons.meant})
    found = targets(entries) if any(entry.drafted for entry in entries) else {}
    drafted, refusals = Drafted(), Refusals()
    for place, entry in enumerate(entries, 1):
        if place % TURN == 0:
            await sleep(0)
        try:
            draft, condition = entry.drafted or await _draft(server, request, entry, places.get(entry.index), delivery)
        except ZelfregieError as error:
            refusals.add(entry.index, error)
            continue
        if entry.drafted is not None and draft is not None:
            _point(server, draft, found)
        if draft is not None:
            drafted.drafts[entry.index] = draft
        if condition is not None:
            drafted.conditions.append(condition)
    refusals.check(_REFUSED)
    _refuse_doubles(drafted)
    drafted.conditions.sort(key=lambda each: _STEPS[each.kind])
    return drafted


def _check_scopes(request: Request, entries: Sequence[Entry]) -> None:
    refusals = Refusals()
    for entry in entries:
        action = _ACTIONS[entry.method]
        try:
            if not request.access.scopes.allow(entry.type, action):
                raise Forbidden(f"The token's scopes do not allow to {NAMES[action]} {entry.type}.", "forbidden")
            if entry.query is not None or entry.none_exist is not None:
                check_may_search(request.access, entry.type)
        except Forbidden as error:
            refusals.add(entry.index, error)
    refusals.check("The transaction has entries that you may not send; nothing was stored.")


async def _find(server: FhirServer, request: Request, entries: Sequence[Entry]) -> None:
    """What is stored of the entries that mean it by a search, or change it by a patch."""
    refusals = Refusals()
    for entry in entries:
        if entry.query is None and entry.method != "patch":
            continue
        try:
            if entry.method == "patch":
                entry.drafted = await _patched(server, request, entry), None
            elif entry.method == "delete":
                entry.drafted = await _deleted(server, request, entry)
            elif entry.type == "Patient" and entry.resource is not None:
                query = _condition(server, request, entry, entry.query or "")
                draft, condition = await draft_conditional_update(server, request, entry.resource, query, Context())
                draft.if_match, draft.if_none_match = entry.if_match, entry.if_none_match
                entry.drafted = draft, condition
        except ZelfregieError as error:
            refusals.add(entry.index, error)
            continue
        if entry.drafted is not None and entry.drafted[0] is not None:
            entry.id, entry.birth = entry.drafted[0].id, entry.drafted[0].birth
    refusals.check(_REFUSED)


async def _patched(server: FhirServer, request: Request, entry: Entry) -> Draft:
    assert entry.own is not None, "a patch has a request of its own"
    entry.own.access = request.access
    if entry.query is not None:
        draft = await draft_conditional_patch(server, entry.own, _condition(server, request, entry, entry.query))
    else:
        draft = await draft_patch(server, entry.own, entry.type, entry.id, patient_id=entry.patient_id)
    if entry.if_match is not None and draft.if_match is not None:
        known = entry.if_match, draft.if_match
        late = Overtaken(draft.patient, request.access, entry.type, draft.id, *known, request.now)
        await check_known(server, late)
    draft.patched = entry.if_match is None
    return draft


async def _deleted(server: FhirServer, request: Request, entry: Entry) -> tuple[Draft | None, Condition | None]:
    query = _condition(server, request, entry, entry.query or "")
    drafted = await draft_conditional_delete(server, request, entry.type, query)
    if drafted is not None:
        drafted[0].if_match = entry.if_match
        return drafted
    if entry.if_match is not None:
        raise PreconditionFailed(f"The condition finds no {entry.type}, and ifMatch names a version of one.")
    return None, None


async def _draft(
    server: FhirServer,
    request: Request,
    entry: Entry,
    place: tuple[int, bool] | None,
    delivery: Delivery | None,
) -> tuple[Draft, Condition | None]:
    if place is None or entry.resource is None:
        draft = await draft_delete(server, request, entry.type, entry.id, entry.patient_id)
        draft.if_match = entry.if_match
        return draft, None
    if delivery is not None and (made := delivery.draft(entry, place)) is not None:
        return made, None
    patient, owned = place
    resource = entry.resource
    if entry.method == "create":
        draft = Draft("create", entry.type, entry.id, patient, resource, fresh=True, owned=owned)
    else:
        draft = Draft("update", entry.type, entry.id, patient, resource, owned=owned)
        draft.if_match, draft.if_none_match = entry.if_match, entry.if_none_match
    draft.birth = entry.birth
    if entry.type == "Patient" and draft.fresh and not draft.birth:
        # A Patient entry never makes a person: it means the one that the token is for, as it stands.
        stored = await stored_for(server, request, "Patient", entry.id)
        draft.unchanged, draft.version, draft.updated, draft.body = True, stored.version, stored.updated, stored.body
        return draft, None
    finish(server, draft)
    if entry.none_exist is not None:
        return draft, Condition(draft, _condition(server, request, entry, entry.none_exist))
    if entry.query is not None:
        named = "id" in resource
        draft.fresh = not named
        return draft, Condition(draft, _condition(server, request, entry, entry.query), "update", named=named)
    return draft, None


def _condition(server: FhirServer, request: Request, entry: Entry, text: str) -> SearchQuery:
    query = condition_of(server, request.access, entry.type, text)
    entry.asked = (*entry.asked, *query.asked)
    return query


def _point(server: FhirServer, draft: Draft, found: Mapping[str, str]) -> None:
    """What was made before the other entries had ids comes to refer to them."""
    if draft.resource is not None:
        if found:
            point_elsewhere(draft.resource, found)
        finish(server, draft)


def _refuse_doubles(drafted: Drafted) -> None:
    """However the entries name them: a transaction changes a resource once. Raises ``Invalid``."""
    seen: dict[tuple[int, str, str], int] = {}
    issues = []
    for index, draft in sorted(drafted.drafts.items()):
        if draft.fresh:
            continue
        first = seen.setdefault((draft.patient, draft.type, draft.id), index)
        if first != index:
            text = f"{draft.type}/{draft.id} is also changed by entry {first}; a transaction changes a resource once."
            issues.append(Issue("duplicate", text, (f"Bundle.entry[{index}]",)))
    if issues:
        raise Invalid(_REFUSED, issues=tuple(issues))
