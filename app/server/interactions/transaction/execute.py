"""Place every entry, write them as one, and answer in the order of the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.errors import Forbidden, Invalid, Issue, Unprocessable, ZelfregieError
from app.fhir.dates import instant
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.fhir.validation import validate
from app.server import bsn
from app.server.bundles import bundle_of
from app.server.ids import write_key
from app.server.interactions.addresses import address
from app.server.interactions.transaction.order import Entry, read_entries
from app.server.interactions.transaction.references import point_elsewhere, resolve
from app.server.interactions.write import body_of, context_of, draft_delete
from app.server.messages import Answer, Request, Target
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import Condition, execute
from app.server.store.find import find_patient
from app.server.store.prepare import (
    Context,
    Persons,
    finish,
    fresh_id,
    owner_of,
    partition_of_targets,
    person_key,
    place_unnamed,
)
from app.server.store.read import read

_ACTIONS = {"create": Action.CREATE, "update": Action.UPDATE, "delete": Action.DELETE}


async def transaction(server: FhirServer, request: Request, _: Target) -> Answer:
    """``POST [base]`` with a Bundle of type transaction."""
    bundle, may_hold_bsn = body_of(request, server.definitions)
    if bundle.get("resourceType") != "Bundle":
        raise Invalid(
            "A Bundle of type transaction is posted here; other resources are posted to their type.", "invalid"
        )
    if bundle.get("type") != "transaction":
        raise Invalid("Only Bundles of type transaction are carried out here.", "not-supported")
    if may_hold_bsn:
        bsn.mask(bundle)
    issues = validate(bundle, server.definitions)
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Unprocessable("The transaction is not valid FHIR R4; nothing was stored.", issues=tuple(issues))
    is_json = b"xml" not in request.headers.get(b"content-type", b"")
    drafts, conditions = await place_entries(
        server,
        request,
        read_entries(server, bundle),
        await context_of(server, request),
        body=request.body if is_json else None,
    )

    def redirect(found: Mapping[str, str]) -> None:
        for draft in drafts:
            if draft.resource is not None and not draft.unchanged and point_elsewhere(draft.resource, found):
                finish(server, draft)

    await execute(
        server,
        request.access,
        drafts,
        now=request.now,
        request=request.id,
        conditions=conditions,
        redirect=redirect,
    )
    return await _answer(server, request, drafts)


async def place_entries(
    server: FhirServer, request: Request, entries: Sequence[Entry], context: Context, *, body: bytes | None
) -> tuple[list[Draft], list[Condition]]:
    """Drafts in the order of the entries. Raises with the problems of all entries."""
    for entry in entries:
        if not request.access.scopes.allow(entry.type, _ACTIONS[entry.method]):
            raise Forbidden(f"The token's scopes do not allow to {entry.method} {entry.type}.", "forbidden")
    persons = await _persons(server, request, entries)
    places = await _places(server, request, entries, context, persons)
    for entry in entries:
        if entry.method == "create" and not entry.id:
            entry.id = fresh_id(server, places[entry.index][0])
            if entry.resource is not None:
                entry.resource["id"] = entry.id
    resolve(entries, body)
    drafts, conditions = [], []
    for entry in entries:
        draft = await _draft(server, request, entry, places.get(entry.index))
        drafts.append(draft)
        if entry.none_exist is not None:
            conditions.append(Condition(draft, server.parser.parse_condition(entry.type, entry.none_exist)))
    return drafts, conditions


async def _persons(server: FhirServer, request: Request, entries: Sequence[Entry]) -> Persons:
    """The Patients that entries make or mean; gives those entries their ids."""
    access, persons = request.access, Persons()
    for entry in entries:
        if entry.type != "Patient" or entry.method == "delete":
            continue
        if access.everyone:
            known = await find_patient(server.database, access, entry.id, server.registry) if entry.id else None
            key = known if known is not None else person_key(server, entry.id or None)
            entry.birth = known is None
            entry.id = entry.id or write_key(key)
            persons.keys[entry.id] = key
        elif entry.method == "create":
            if access.patient is None:
                raise Forbidden(
                    "Persons are registered, not posted. Name the patient that you mean by its id.", "forbidden"
                )
            entry.id = access.patient_id
        if entry.full_url:
            persons.names[entry.full_url] = f"Patient/{entry.id}"
    return persons


async def _places(
    server: FhirServer, request: Request, entries: Sequence[Entry], context: Context, persons: Persons
) -> dict[int, tuple[int, bool]]:
    """Per entry with a resource: its partition, and whether it names that patient. What names nobody goes with the one
    patient of the rest.
    """
    places: dict[int, tuple[int, bool]] = {}
    unnamed: list[tuple[Entry, Resource]] = []
    issues: list[Issue] = []
    for entry in entries:
        if entry.resource is None:
            continue
        if entry.id:
            entry.resource["id"] = entry.id
        else:
            entry.resource.pop("id", None)
        try:
            owner = await owner_of(server, server.database, request.access, entry.resource, persons=persons)
        except ZelfregieError as error:
            issues += _in_entry(entry, error)
            continue
        if owner is None:
            unnamed.append((entry, entry.resource))
        else:
            places[entry.index] = (owner, True)
    patients = {patient for patient, _ in places.values()}
    asked = context
    if context.patient is None and len(patients) == 1:
        context = replace(context, patient=patients.pop())
    stored = {name: places[each.index][0] for each in entries if each.index in places for name in _names(each)}
    for entry, resource in unnamed:
        # An operator's catalogue goes to the catalogue, even when the Bundle holds a patient's data.
        shared = request.access.everyone and server.placement[entry.type].catalogue
        try:
            place = await partition_of_targets(server, server.database, request.access, resource, entries=stored)
            if place is None:
                place = place_unnamed(server, request.access, entry.type, asked if shared else context)
            places[entry.index] = (place, False)
        except ZelfregieError as error:
            issues += _in_entry(entry, error)
    if issues:
        raise Unprocessable(
            "The transaction has entries that cannot be placed; nothing was stored.", issues=tuple(issues)
        )
    return places


def _names(entry: Entry) -> list[str]:
    """What other entries refer to this one by."""
    return [name for name in (entry.full_url, f"{entry.type}/{entry.id}" if entry.id else "") if name]


def _in_entry(entry: Entry, error: ZelfregieError) -> list[Issue]:
    return [replace(each, expression=(f"Bundle.entry[{entry.index}].resource",)) for each in error.all_issues()]


async def _draft(server: FhirServer, request: Request, entry: Entry, placed: tuple[int, bool] | None) -> Draft:
    if placed is None or entry.resource is None:
        draft = await draft_delete(server, request, entry.type, entry.id, None)
        draft.if_match = entry.if_match
        return draft
    patient, owned = placed
    fresh = entry.method == "create"
    draft = Draft(
        entry.method, entry.type, entry.id, patient, entry.resource, fresh=fresh, if_match=entry.if_match, owned=owned
    )
    draft.birth = entry.birth
    if entry.type == "Patient" and fresh and not entry.birth:
        # A Patient entry never makes a person: it means the one that the token is for, as it stands.
        stored = await read(
            server.database, request.access, "Patient", entry.id, registry=server.registry, now=request.now
        )
        draft.unchanged, draft.version, draft.updated, draft.body = True, stored.version, stored.updated, stored.body
        return draft
    return finish(server, draft)


async def _answer(server: FhirServer, request: Request, drafts: Sequence[Draft]) -> Answer:
    entries = []
    for draft in drafts:
        status = (
            "204 No Content"
            if draft.method == "delete"
            else "201 Created"
            if draft.created and not draft.unchanged
            else "200 OK"
        )
        response: dict[str, str] = {"status": status}
        if draft.method != "delete":
            url = await address(server, server.database, request.access, draft.patient, draft.type, draft.id)
            response["location"] = f"{url}/_history/{draft.version}"
        response["etag"] = f'W/"{draft.version}"'
        if draft.method != "delete":
            response["lastModified"] = instant(draft.updated)
        entries.append(encode({"response": response}))
    return Answer(
        200,
        bundle_of("transaction-response", [], entries),
        interaction="transaction",
        type="Bundle",
        patients=tuple({draft.patient for draft in drafts if draft.patient > 0}),
        resources=tuple(f"{draft.type}/{draft.id}/_history/{draft.version}" for draft in drafts),
        wrote=any(not draft.unchanged for draft in drafts),
    )
