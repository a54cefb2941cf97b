"""create, update and delete of one resource. https://hl7.org/fhir/R4/http.html#create
https://hl7.org/fhir/R4/http.html#update
"""

from __future__ import annotations

from dataclasses import replace

from app.errors import Forbidden, Gone, Invalid, NotFound, Unprocessable
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode
from app.fhir.scopes import Action
from app.fhir.xml import from_xml
from app.server.bsn import may_hold
from app.server.formats import check_content_type
from app.server.ids import write_key
from app.server.interactions import binary
from app.server.interactions.addresses import version_headers
from app.server.interactions.preconditions import condition_of, if_match, if_none_match
from app.server.interactions.stored import stored_for
from app.server.interactions.taking.patients import means_a_person, take_patient
from app.server.interactions.written import deleted, written
from app.server.messages import Answer, Request, Target
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import Condition, execute
from app.server.store.find import find_partitions, find_patient
from app.server.store.prepare import (
    Context,
    catalogue_is_closed,
    check_resource,
    check_type,
    finish,
    fresh_id,
    person_key,
    place_resource,
)


def body_of(request: Request, definitions: Definitions) -> tuple[Resource, bool]:
    """The resource in the body, and whether it may hold a BSN. Raises ``Invalid`` or ``UnsupportedMediaType``."""
    if not request.body:
        raise Invalid("The request has no body.", "structure")
    check_content_type(request.header(b"content-type"))
    if b"xml" in request.headers.get(b"content-type", b""):
        return from_xml(request.body, definitions), True
    return decode(request.body), may_hold(request.body)


async def bundle_of(request: Request, definitions: Definitions) -> tuple[Resource, bool]:
    """The same of what is posted to the base, which a border may have made already. Raises."""
    if request.bundle is None:
        return body_of(request, definitions)
    plain = json_of(request)
    return await request.bundle(), plain is None or may_hold(plain)


def json_of(request: Request) -> bytes | None:
    """The JSON that a body came in, of whatever version of FHIR: no reference or identifier is in the resource that is
    not in there. None for XML.
    """
    body, media_type = request.body, request.headers.get(b"content-type", b"")
    if request.bundle is not None and request.received is not None:
        body, media_type = request.received.body, request.received.media_type.encode("latin-1")
    return None if b"xml" in media_type else body


async def context_of(server: FhirServer, request: Request) -> Context:
    """Where a resource goes that names no patient: X-Security-Context. https://hl7.org/fhir/R4/binary.html#security"""
    text = request.header(b"x-security-context")
    if not text:
        return Context()
    kind, _, patient_id = text.removeprefix(server.base).partition("/")
    patient = (
        await find_patient(server.database, request.access, patient_id, server.registry) if kind == "Patient" else None
    )
    if patient is None:
        raise Invalid("X-Security-Context must name a Patient that is known to you, as Patient/<id>.", "value")
    return Context(patient)


def resource_in(server: FhirServer, request: Request, target: Target) -> tuple[Resource, bool]:
    """The resource that is to be written, of the type that the address says, and whether it may hold a BSN. Raises."""
    if target.type == "Binary" and binary.is_sent_raw(request, server.definitions):
        resource, bsn = binary.wrapped(request, patient_id=target.patient_id), False
        if target.id:
            resource["id"] = target.id
    else:
        resource, bsn = body_of(request, server.definitions)
    check_type(server, resource, target.type)
    return resource, bsn


async def create(server: FhirServer, request: Request, target: Target) -> Answer:
    """A new resource with an id made here, or the one that ``If-None-Exist`` finds."""
    resource_type = target.type
    resource, bsn = resource_in(server, request, target)
    query = None
    if b"if-none-exist" in request.headers:
        query = condition_of(server, request.access, resource_type, request.header(b"if-none-exist"))
    if means_a_person(server, request, resource_type):
        return await take_patient(server, request, resource, named="", may_hold_bsn=bsn)
    if resource_type == "Patient" and not request.access.everyone:
        return await _own_patient(server, request)
    resource.pop("id", None)
    remarks = await check_resource(server, server.database, request.access, resource, may_hold_bsn=bsn)
    draft = await draft_create(server, request, resource, await context_of(server, request), target.patient_id)
    draft.remarks = remarks
    conditions = () if query is None else (Condition(draft, query),)
    await execute(
        server,
        request.access,
        [draft],
        now=request.now,
        request=request.id,
        conditions=conditions,
    )
    if draft.unchanged and not request.access.scopes.allow(resource_type, Action.READ):
        draft.body = b""  # what was found is not what the caller sent
    answer = await written(server, request, draft, interaction="create")
    if query is not None:
        answer.parameters = tuple(query.asked)
    return answer


async def draft_create(
    server: FhirServer, request: Request, resource: Resource, context: Context, patient_id: str | None
) -> Draft:
    """Place a checked resource under a fresh id."""
    resource_type: str = resource["resourceType"]
    if resource_type == "Patient":
        key = person_key(server, None)
        return finish(
            server, Draft("create", "Patient", write_key(key), key, resource, fresh=True, owned=True, birth=True)
        )
    patient, owned = await place(server, request, resource, context, patient_id)
    return finish(
        server, Draft("create", resource_type, fresh_id(server, patient), patient, resource, fresh=True, owned=owned)
    )


async def place(
    server: FhirServer, request: Request, resource: Resource, context: Context, patient_id: str | None
) -> tuple[int, bool]:
    """The partition, and whether the resource names its patient. An address below a Patient says where it is to be."""
    if resource["resourceType"] == "Binary":
        context = await binary.context_within(server, request, resource, context)
    if patient_id is None:
        return await place_resource(server, server.database, request.access, resource, context)
    addressed = await find_patient(server.database, request.access, patient_id, server.registry)
    if addressed is None:
        raise NotFound(f"Patient/{patient_id} is not known.")
    if resource["resourceType"] == "Binary" and context.patient not in (None, addressed):
        raise _other_patient()
    context = replace(context, patient=addressed)
    patient, owned = await place_resource(server, server.database, request.access, resource, context)
    if patient != addressed:
        raise _other_patient()
    return patient, owned


def _other_patient() -> Unprocessable:
    return Unprocessable("The address names another patient than the resource does.", "business-rule")


async def _own_patient(server: FhirServer, request: Request) -> Answer:
    """A Patient entry never makes a person: it means the one that the token is for."""
    access = request.access
    if access.patient is None:
        raise Forbidden("Persons are registered, not posted. Name the patient that you mean by its id.", "forbidden")
    stored = await stored_for(server, request, "Patient", access.patient_id)
    location = f"{server.base}Patient/{access.patient_id}/_history/{stored.version}".encode()
    headers = [*version_headers(stored), (b"location", location)]
    body = stored.body if access.scopes.allow("Patient", Action.READ) else b""
    return Answer(200, body, headers, "create", "Patient", (stored.patient,), (f"Patient/{access.patient_id}",), rows=1)


async def update(server: FhirServer, request: Request, target: Target) -> Answer:
    """A new version, or a new resource under an id that the client chose."""
    resource_type, resource_id = target.type, target.id
    resource, bsn = resource_in(server, request, target)
    if resource.get("id") != resource_id:
        raise Invalid(
            f"The body must carry the id of the address: {resource_type}.id is to be the last part of the URL.",
            "value",
            kind="another-id",
        )
    if means_a_person(server, request, resource_type):
        return await take_patient(server, request, resource, named=resource_id, may_hold_bsn=bsn)
    remarks = await check_resource(server, server.database, request.access, resource, may_hold_bsn=bsn)
    draft = await draft_update(server, request, resource, await context_of(server, request), target.patient_id)
    draft.remarks = remarks
    draft.if_match, draft.if_none_match = if_match(request.headers), if_none_match(request.headers)
    await execute(server, request.access, [draft], now=request.now, request=request.id)
    return await written(server, request, draft, interaction="update")


async def draft_update(
    server: FhirServer, request: Request, resource: Resource, context: Context, patient_id: str | None
) -> Draft:
    """Place a checked resource under its own id."""
    resource_type, resource_id = resource["resourceType"], resource["id"]
    if resource_type == "Patient" and request.access.everyone:
        known = await find_patient(server.database, request.access, resource_id, server.registry)
        if known is None:
            key = person_key(server, resource_id)
            return finish(server, Draft("update", "Patient", resource_id, key, resource, owned=True, birth=True))
    patient, owned = await place(server, request, resource, context, patient_id)
    return finish(server, Draft("update", resource_type, resource_id, patient, resource, owned=owned))


async def delete(server: FhirServer, request: Request, target: Target) -> Answer:
    """Delete; what is gone already stays so, and answers alike. https://hl7.org/fhir/R4/http.html#delete"""
    resource_type, resource_id = target.type, target.id
    draft = await draft_delete(server, request, resource_type, resource_id, target.patient_id)
    draft.if_match = if_match(request.headers)
    await execute(server, request.access, [draft], now=request.now, request=request.id)
    return deleted(request, draft)


async def draft_delete(
    server: FhirServer, request: Request, resource_type: str, resource_id: str, patient_id: str | None
) -> Draft:
    """Find what is to be deleted. Raises ``NotFound``, or ``Forbidden`` for what this caller may read only."""
    access = request.access
    if resource_type == "Patient" and not access.everyone:
        raise Forbidden("A person's record is erased by that person, not deleted through the API.", "forbidden")
    partitions = await find_partitions(
        server.database, access, resource_type, resource_id, registry=server.registry, patient_id=patient_id
    )
    if len(partitions) != 1:
        try:
            stored = await stored_for(
                server, request, resource_type, resource_id, patient_id=patient_id, action=Action.DELETE
            )
            partitions = (stored.patient,)
        except Gone:
            partitions = partitions[:1]
    if not access.may_change(partitions[0]):
        raise catalogue_is_closed()
    return Draft("delete", resource_type, resource_id, partitions[0])
