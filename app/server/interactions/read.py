"""read and vread. https://hl7.org/fhir/R4/http.html#read https://hl7.org/fhir/R4/http.html#vread"""

from __future__ import annotations

from app.errors import NotFound
from app.server.interactions.addresses import version_headers
from app.server.interactions.preconditions import names_version
from app.server.messages import Answer, Request, Target
from app.server.server import FhirServer
from app.server.store.read import read as read_stored


async def read(server: FhirServer, request: Request, target: Target) -> Answer:
    """The current version; 304 when ``If-None-Match`` names it."""
    resource_type, resource_id = target.type, target.id
    stored = await read_stored(
        server.database,
        request.access,
        resource_type,
        resource_id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
    )
    matched = names_version(request.headers.get(b"if-none-match"), stored.version)
    return Answer(
        304 if matched else 200,
        b"" if matched else stored.body,
        version_headers(stored),
        interaction="read",
        type=resource_type,
        patients=(stored.patient,),
        resources=(f"{resource_type}/{resource_id}",),
        rows=1,
    )


async def vread(server: FhirServer, request: Request, target: Target) -> Answer:
    """One version, the current one included."""
    resource_type, resource_id, version = target.type, target.id, target.version
    if not version.isdecimal() or len(version) > 9:
        raise NotFound(f"{resource_type}/{resource_id} has no version of that name.")
    stored = await read_stored(
        server.database,
        request.access,
        resource_type,
        resource_id,
        registry=server.registry,
        now=request.now,
        patient_id=target.patient_id,
        version=int(version),
    )
    return Answer(
        200,
        stored.body,
        version_headers(stored),
        interaction="vread",
        type=resource_type,
        patients=(stored.patient,),
        resources=(f"{resource_type}/{resource_id}/_history/{version}",),
        rows=1,
    )
