"""patch: the current version, changed by what the client sends. https://hl7.org/fhir/R4/http.html#patch

What is written is an update of the version that was read; when somebody else was faster, it is read again. A patch
that changes nothing, such as one of tests only, makes no version.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from app.errors import Conflict, Invalid, NotFound, PreconditionFailed, Unprocessable, UnsupportedMediaType
from app.fhir.patching import apply_fhirpath_patch, apply_json_patch
from app.fhir.resource import Resource, decode, decode_value
from app.fhir.scopes import Action
from app.server.challenges import beyond_scopes
from app.server.formats import check_content_type
from app.server.interactions.preconditions import check_known, condition_of, if_match
from app.server.interactions.stored import stored_for
from app.server.interactions.taking.patients import refuse_change
from app.server.interactions.write import body_of
from app.server.interactions.written import written
from app.server.messages import Answer, Request, Target
from app.server.rules import Overtaken
from app.server.search.query import SearchQuery
from app.server.server import FhirServer
from app.server.store.changes import NO_REMARKS, Draft
from app.server.store.execute import execute, settle
from app.server.store.matching import matched
from app.server.store.prepare import catalogue_is_closed, check_resource, finish, owner_of, partition_of_targets
from app.server.store.read import Stored

JSON_PATCH: Final = "application/json-patch+json"
ACCEPTED: Final = (JSON_PATCH, "application/fhir+json", "application/fhir+xml")
MOST_TRIES: Final = 12
"""How often a patch is applied anew to what others have made of the resource meanwhile."""
_OF_SERVER: Final = frozenset({"versionId", "lastUpdated"})

Patch = Callable[[Resource], Resource]
"""Makes of a resource what it is to become; what is given stays as it was. Raises ``Unprocessable``."""
Find = Callable[[], Awaitable[tuple[str, Stored]]]
"""The id and the current version of what is to be patched. Raises ``NotFound`` and the like."""


def patch_in(server: FhirServer, request: Request) -> Patch:
    """The patch in the body. Raises ``UnsupportedMediaType`` naming what a patch may be, or ``Invalid``."""
    content_type = request.header(b"content-type")
    name = content_type.partition(";")[0].strip().lower()
    if name not in ACCEPTED:
        raise UnsupportedMediaType(
            f"A patch is sent as one of {', '.join(ACCEPTED)}: a JSON Patch, or a Parameters with a FHIRPath Patch.",
            headers=(("accept-patch", ", ".join(ACCEPTED)),),
        )
    if name == JSON_PATCH:
        if not request.body:
            raise Invalid("The request has no body.", "structure")
        operations = decode_value(request.body)
        return lambda resource: apply_json_patch(resource, operations)
    check_content_type(content_type)
    parameters, _ = body_of(request, server.definitions)
    return lambda resource: apply_fhirpath_patch(resource, parameters, server.definitions)


async def patch(server: FhirServer, request: Request, target: Target) -> Answer:
    """PATCH of the resource at the address."""

    async def find() -> tuple[str, Stored]:
        return target.id, await stored_for(server, request, target.type, target.id, patient_id=target.patient_id)

    return await _carry_out(server, request, target.type, find)


async def conditional_patch(server: FhirServer, request: Request, target: Target) -> Answer:
    """PATCH of the one resource that the query finds. https://hl7.org/fhir/R4/http.html#patch"""
    query = condition_of(server, request.access, target.type, request.query)
    answer = await _carry_out(server, request, target.type, partial(_find_one, server, request, query))
    answer.parameters = tuple(query.asked)
    return answer


async def draft_patch(
    server: FhirServer, request: Request, resource_type: str, resource_id: str, *, patient_id: str | None = None
) -> Draft:
    """The patch in the body of ``request``, applied to what is stored now, as an update of exactly that version; not
    carried out. Raises as ``patch`` does.
    """
    _check_may_patch(server, request, resource_type)
    stored = await stored_for(server, request, resource_type, resource_id, patient_id=patient_id)
    return await _draft(server, request, resource_type, resource_id, stored=stored, change=patch_in(server, request))


async def draft_conditional_patch(server: FhirServer, request: Request, query: SearchQuery) -> Draft:
    """The same for the one resource that ``query`` finds."""
    _check_may_patch(server, request, query.resource_type)
    resource_id, stored = await _find_one(server, request, query)
    return await _draft(
        server, request, query.resource_type, resource_id, stored=stored, change=patch_in(server, request)
    )


async def _carry_out(server: FhirServer, request: Request, resource_type: str, find: Find) -> Answer:
    _check_may_patch(server, request, resource_type)
    draft = await change_stored(server, request, resource_type, find, patch_in(server, request))
    return await written(server, request, draft, interaction="patch")


async def change_stored(server: FhirServer, request: Request, resource_type: str, find: Find, change: Patch) -> Draft:
    """Write what ``change`` makes of what ``find`` finds, as an update of exactly that version; made anew when somebody
    else was faster, unless If-Match names the version. The draft is ``unchanged`` when nothing came of it. Raises as a
    write does.
    """
    wanted = if_match(request.headers)
    for _ in range(MOST_TRIES):
        resource_id, stored = await find()
        if wanted is not None:
            known = wanted, stored.version
            late = Overtaken(stored.patient, request.access, resource_type, resource_id, *known, request.now)
            await check_known(server, late)
        draft = await _draft(server, request, resource_type, resource_id, stored=stored, change=change)
        if _changes_nothing(request, draft, stored):
            draft.unchanged, draft.remarks = True, NO_REMARKS
            draft.version, draft.updated, draft.body = stored.version, stored.updated, stored.body
            return draft
        try:
            await execute(server, request.access, [draft], now=request.now, request=request.id)
        except PreconditionFailed:
            if wanted is not None:
                raise
            await settle(server)
            continue
        return draft
    raise Conflict(f"Others keep changing this {resource_type}; send it again.", "conflict")


def _changes_nothing(request: Request, draft: Draft, stored: Stored) -> bool:
    """Whether the draft says what is stored, and nobody would have refused to write it."""
    denied = partial(request.access.denied_labels, stored.patient)
    may_write = not denied(Action.UPDATE) & ~denied(Action.READ)  # what was read may be written
    return may_write and _same(_own(draft.resource or {}), _own(decode(stored.body)))


def _own(resource: Resource) -> Resource:
    """A resource without what the server sets in its meta."""
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _OF_SERVER}
    return {name: value for name, value in resource.items() if name != "meta"} | ({"meta": meta} if meta else {})


def _same(one: Any, other: Any) -> bool:
    """Whether two JSON values are alike to the digit, whatever the order of their members."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and str(one) == str(other)


async def _draft(
    server: FhirServer, request: Request, resource_type: str, resource_id: str, *, stored: Stored, change: Patch
) -> Draft:
    if not request.access.may_change(stored.patient):
        raise catalogue_is_closed()
    resource = change(decode(stored.body))
    if resource.get("resourceType") != resource_type or resource.get("id") != resource_id:
        raise Unprocessable("A patch cannot change what type a resource is of, nor its id.", "business-rule")
    remarks = await check_resource(
        server, server.database, request.access, resource, may_hold_bsn=True, patient=stored.patient
    )
    owner = await owner_of(server, server.database, request.access, resource)
    placed = owner
    if owner is None:
        placed = await partition_of_targets(server, server.database, request.access, resource)
    if placed not in (None, stored.patient):
        raise Unprocessable(
            f"{resource_type}/{resource_id}: the patient that a resource is about cannot be changed.", "business-rule"
        )
    draft = Draft("update", resource_type, resource_id, stored.patient, resource, owned=owner is not None)
    draft.if_match, draft.remarks = stored.version, remarks
    draft.patched = if_match(request.headers) is None
    return finish(server, draft)


async def _find_one(server: FhirServer, request: Request, query: SearchQuery) -> tuple[str, Stored]:
    resource_type = query.resource_type
    found = await matched(server, server.database, request.access, query, now=request.now)
    if not found:
        raise NotFound(f"The condition finds no {resource_type} to patch.")
    if len(found) > 1:
        raise PreconditionFailed("The condition matches several resources; make it narrower.", "multiple-matches")
    match = found[0]
    return match.id, await stored_for(server, request, resource_type, match.id, partition=match.patient)


def _check_may_patch(server: FhirServer, request: Request, resource_type: str) -> None:
    """A patch builds on what is there, and its answer tells it; a source patches no person. Raises ``Forbidden``."""
    if not request.access.scopes.allow(resource_type, Action.READ):
        text = f"A patch changes what is there: it takes scopes to read and to update {resource_type}."
        raise beyond_scopes(request.access.scopes, text, (resource_type, Action.READ | Action.UPDATE))
    refuse_change(server, request, resource_type)
