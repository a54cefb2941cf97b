"""create, update and delete of one resource. https://hl7.org/fhir/R4/http.html#create
https://hl7.org/fhir/R4/http.html#update
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.errors import Forbidden, Gone, Invalid, NotFound, Unprocessable
from app.fhir.definitions import Definitions
from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml
from app.server.bsn import may_hold
from app.server.formats import check_content_type
from app.server.ids import write_key
from app.server.interactions.addresses import address, etag, http_date, version_headers
from app.server.interactions.preconditions import version_of
from app.server.messages import Answer, Headers, Request, Target
from app.server.server import FhirServer
from app.server.store.changes import Draft
from app.server.store.execute import Condition, execute
from app.server.store.find import find_partitions, find_patient
from app.server.store.prepare import Context, check_resource, check_type, finish, fresh_id, person_key, place_resource
from app.server.store.read import read


def body_of(request: Request, definitions: Definitions) -> tuple[Resource, bool]:
    """The resource in the body, and whether it may hold a BSN. Raises ``Invalid`` or ``UnsupportedMediaType``."""
    if not request.body:
        raise Invalid("The request has no body.", "structure")
    check_content_type(request.header(b"content-type"))
    if b"xml" in request.headers.get(b"content-type", b""):
        return from_xml(request.body, definitions), True
    return decode(request.body), may_hold(request.body)


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


def if_match(headers: Mapping[bytes, bytes]) -> int | None:
    """The version that If-Match asks for; None without the header."""
    tag = headers.get(b"if-match")
    return None if tag is None else version_of(tag)


async def create(server: FhirServer, request: Request, target: Target) -> Answer:
    """A new resource with an id made here, or the one that ``If-None-Exist`` finds."""
    resource_type = target.type
    resource, bsn = body_of(request, server.definitions)
    check_type(server, resource, resource_type)
    if resource_type == "Patient" and not request.access.everyone:
        return await _own_patient(server, request)
    resource.pop("id", None)
    check_resource(server, resource, may_hold_bsn=bsn)
    draft = await draft_create(server, request, resource, await context_of(server, request), target.patient_id)
    condition = None
    if b"if-none-exist" in request.headers:
        asked = server.parser.parse_condition(resource_type, request.header(b"if-none-exist"))
        condition = Condition(draft, asked)
    await execute(
        server,
        request.access,
        [draft],
        now=request.now,
        request=request.id,
        conditions=(condition,) if condition else (),
    )
    return await written(server, request, draft)


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
    patient, owned = await _place(server, request, resource, context, patient_id)
    return finish(
        server, Draft("create", resource_type, fresh_id(server, patient), patient, resource, fresh=True, owned=owned)
    )


async def _place(
    server: FhirServer, request: Request, resource: Resource, context: Context, patient_id: str | None
) -> tuple[int, bool]:
    """The partition, and whether the resource names its patient. An address below a Patient says where it is to be."""
    if patient_id is None:
        return await place_resource(server, server.database, request.access, resource, context)
    addressed = await find_patient(server.database, request.access, patient_id, server.registry)
    if addressed is None:
        raise NotFound(f"Patient/{patient_id} is not known.")
    context = replace(context, patient=addressed)
    patient, owned = await place_resource(server, server.database, request.access, resource, context)
    if patient != addressed:
        raise Unprocessable("The address names another patient than the resource does.", "business-rule")
    return patient, owned


async def _own_patient(server: FhirServer, request: Request) -> Answer:
    """A Patient entry never makes a person: it means the one that the token is for."""
    access = request.access
    if access.patient is None:
        raise Forbidden("Persons are registered, not posted. Name the patient that you mean by its id.", "forbidden")
    stored = await read(
        server.database, access, "Patient", access.patient_id, registry=server.registry, now=request.now
    )
    location = f"{server.base}Patient/{access.patient_id}/_history/{stored.version}".encode()
    headers = [*version_headers(stored), (b"location", location)]
    return Answer(
        200, stored.body, headers, "create", "Patient", (stored.patient,), (f"Patient/{access.patient_id}",), rows=1
    )


async def update(server: FhirServer, request: Request, target: Target) -> Answer:
    """A new version, or a new resource under an id that the client chose."""
    resource_type, resource_id = target.type, target.id
    resource, bsn = body_of(request, server.definitions)
    check_type(server, resource, resource_type)
    if resource.get("id") != resource_id:
        raise Invalid(
            f"The body must carry the id of the address: {resource_type}.id is to be the last part of the URL.", "value"
        )
    check_resource(server, resource, may_hold_bsn=bsn)
    draft = await draft_update(server, request, resource, await context_of(server, request), target.patient_id)
    draft.if_match = if_match(request.headers)
    await execute(server, request.access, [draft], now=request.now, request=request.id)
    return await written(server, request, draft)


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
    patient, owned = await _place(server, request, resource, context, patient_id)
    return finish(server, Draft("update", resource_type, resource_id, patient, resource, owned=owned))


async def delete(server: FhirServer, request: Request, target: Target) -> Answer:
    """Delete; what is gone already stays so, and answers alike. https://hl7.org/fhir/R4/http.html#delete"""
    resource_type, resource_id = target.type, target.id
    draft = await draft_delete(server, request, resource_type, resource_id, target.patient_id)
    draft.if_match = if_match(request.headers)
    await execute(server, request.access, [draft], now=request.now, request=request.id)
    return Answer(
        204,
        headers=[(b"etag", etag(draft.version))],
        interaction="delete",
        type=resource_type,
        patients=(draft.patient,),
        resources=(f"{resource_type}/{resource_id}",),
        wrote=not draft.unchanged,
    )


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
            stored = await read(
                server.database,
                access,
                resource_type,
                resource_id,
                registry=server.registry,
                now=request.now,
                patient_id=patient_id,
            )
            partitions = (stored.patient,)
        except Gone:
            partitions = partitions[:1]
    if partitions[0] <= 0 and not access.everyone:
        raise Forbidden("What is in the catalogue is changed by its administrators.", "forbidden")
    return Draft("delete", resource_type, resource_id, partitions[0])


async def written(server: FhirServer, request: Request, draft: Draft) -> Answer:
    """201 or 200 with the resource as it was stored."""
    url = await address(server, server.database, request.access, draft.patient, draft.type, draft.id)
    headers: Headers = [
        (b"etag", etag(draft.version)),
        (b"last-modified", http_date(draft.updated // 1_000_000)),
        (b"location", f"{url}/_history/{draft.version}".encode()),
    ]
    minimal = request.prefers("return=minimal")
    return Answer(
        201 if draft.created and not draft.unchanged else 200,
        b"" if minimal else draft.body or b"",
        headers,
        interaction="create" if draft.method == "create" else "update",
        type=draft.type,
        patients=(draft.patient,),
        resources=(f"{draft.type}/{draft.id}/_history/{draft.version}",),
        wrote=not draft.unchanged,
    )
