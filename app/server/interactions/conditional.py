"""Conditional update and delete: a search in the address says which resource is meant.

https://hl7.org/fhir/R4/http.html#cond-update https://hl7.org/fhir/R4/http.html#3.1.0.7.1
"""

from __future__ import annotations

from typing import Final

from app.errors import Forbidden, Invalid, PreconditionFailed
from app.fhir.resource import Resource
from app.server.ids import write_key
from app.server.interactions.preconditions import condition_of, if_match, if_none_match
from app.server.interactions.taking.patients import refuse_change
from app.server.interactions.write import context_of, place, resource_in
from app.server.interactions.written import deleted, nothing_deleted, written
from app.server.messages import Answer, Request, Target
from app.server.search.query import SearchQuery
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import Condition, Overtaken, execute, settle
from app.server.store.find import find_patient
from app.server.store.matching import Match, matched
from app.server.store.prepare import Context, catalogue_is_closed, check_resource, finish, fresh_id, person_key

MOST_TRIES: Final = 8
"""How often a condition is looked up anew that others overtake before the record it leads to is locked."""


async def conditional_update(server: FhirServer, request: Request, target: Target) -> Answer:
    """PUT of what the query finds, or of a new resource where it finds nothing."""
    query = condition_of(server, request.access, target.type, request.query)
    resource, bsn = resource_in(server, request, target)
    remarks = await check_resource(server, server.database, request.access, resource, may_hold_bsn=bsn)
    context = await context_of(server, request)
    tries = 0
    while True:
        draft, condition = await draft_conditional_update(server, request, resource, query, context)
        draft.remarks = remarks
        draft.if_match, draft.if_none_match = if_match(request.headers), if_none_match(request.headers)
        try:
            await execute(server, request.access, [draft], now=request.now, request=request.id, conditions=(condition,))
        except Overtaken:
            tries += 1
            if tries == MOST_TRIES:
                raise
            await settle(server)
            continue
        return _asked(await written(server, request, draft, interaction="update"), query)


async def draft_conditional_update(
    server: FhirServer, request: Request, resource: Resource, query: SearchQuery, context: Context
) -> tuple[Draft, Condition]:
    """A checked resource as a draft, and the condition that says in its partition what it updates; not carried out.
    Raises as ``conditional_update`` does, but for what only the lock can tell.
    """
    if resource["resourceType"] == "Patient":
        return await _draft_person(server, request, resource, query)
    given = resource.get("id")
    patient, owned = await place(server, request, resource, context, None)
    draft = Draft("update", resource["resourceType"], given or fresh_id(server, patient), patient, resource)
    draft.fresh, draft.owned = given is None, owned
    return finish(server, draft), Condition(draft, query, "update", named=given is not None)


async def _draft_person(
    server: FhirServer, request: Request, resource: Resource, query: SearchQuery
) -> tuple[Draft, Condition]:
    """A person is a record, so which one is locked is what the query finds before that."""
    refuse_change(server, request, "Patient")
    access = request.access
    given: str | None = resource.get("id")
    match = _one(await matched(server, server.database, access, query, now=request.now))
    if match is not None:
        if given not in (None, match.id):
            raise Invalid("The body carries another id than the resource that the condition finds.", "value")
        draft = Draft("update", "Patient", match.id, match.patient, resource, owned=True)
        return finish(server, draft), Condition(draft, query, "update", named=given is not None)
    if not access.everyone:
        raise Forbidden("Persons are registered, not posted. Name the patient that you mean by its id.", "forbidden")
    known = None if given is None else await find_patient(server.database, access, given, server.registry)
    key = known if known is not None else person_key(server, given)
    draft = Draft("update", "Patient", given or write_key(key), key, resource, owned=True, birth=known is None)
    return finish(server, draft), Condition(draft, query, "update", named=given is not None)


async def conditional_delete(server: FhirServer, request: Request, target: Target) -> Answer:
    """DELETE of the one resource that the query finds; nothing found is a success that says so."""
    query = condition_of(server, request.access, target.type, request.query)
    wanted = if_match(request.headers)
    tries = 0
    while True:
        drafted = await draft_conditional_delete(server, request, target.type, query)
        if drafted is not None:
            draft, condition = drafted
            draft.if_match = wanted
            try:
                await execute(
                    server, request.access, [draft], now=request.now, request=request.id, conditions=(condition,)
                )
            except Overtaken:
                tries += 1
                if tries == MOST_TRIES:
                    raise
                await settle(server)
                continue
            if not draft.unchanged:
                return _asked(deleted(request, draft), query)
        if wanted is not None:
            raise PreconditionFailed(f"The condition finds no {target.type}, and If-Match names a version of one.")
        return _asked(nothing_deleted(request, target.type), query)


async def draft_conditional_delete(
    server: FhirServer, request: Request, resource_type: str, query: SearchQuery
) -> tuple[Draft, Condition] | None:
    """What the query finds as a draft, and the condition that looks again once its partition is locked; None where it
    finds nothing. When it finds nothing any more under the lock, the draft is ``unchanged``. Raises.
    """
    access = request.access
    if resource_type == "Patient" and not access.everyone:
        raise Forbidden("A person's record is erased by that person, not deleted through the API.", "forbidden")
    match = _one(await matched(server, server.database, access, query, now=request.now))
    if match is None:
        return None
    if not access.may_change(match.patient):
        raise catalogue_is_closed()
    draft = Draft("delete", resource_type, match.id, match.patient)
    return draft, Condition(draft, query, "delete")


def _asked(answer: Answer, query: SearchQuery) -> Answer:
    """The answer with the names of what was searched by, for the audit line."""
    answer.parameters = tuple(query.asked)
    return answer


def _one(found: list[Match]) -> Match | None:
    if len(found) > 1:
        raise PreconditionFailed("The condition matches several resources; make it narrower.", "multiple-matches")
    return found[0] if found else None
