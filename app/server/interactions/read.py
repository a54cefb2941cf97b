"""read and vread, both of them conditional. https://hl7.org/fhir/R4/http.html#read
https://hl7.org/fhir/R4/http.html#vread https://hl7.org/fhir/R4/http.html#cread
"""

from __future__ import annotations

from app.errors import NotFound
from app.server.interactions import binary
from app.server.interactions.addresses import version_headers
from app.server.interactions.preconditions import is_unmodified
from app.server.interactions.stored import stored_for
from app.server.messages import Answer, Request, Target
from app.server.server import FhirServer
from app.server.store.read import Stored


async def read(server: FhirServer, request: Request, target: Target) -> Answer:
    """The current version; 304 when the caller has it."""
    resource_type, resource_id = target.type, target.id
    stored = await stored_for(server, request, resource_type, resource_id, patient_id=target.patient_id)
    return _found(request, stored, "read", resource_type, f"{resource_type}/{resource_id}")


async def vread(server: FhirServer, request: Request, target: Target) -> Answer:
    """One version, the current one included."""
    resource_type, resource_id, version = target.type, target.id, target.version
    if not version.isdecimal() or len(version) > 9:
        raise NotFound(f"{resource_type}/{resource_id} has no version of that name.")
    stored = await stored_for(
        server, request, resource_type, resource_id, patient_id=target.patient_id, version=int(version)
    )
    return _found(request, stored, "vread", resource_type, f"{resource_type}/{resource_id}/_history/{version}")


def _found(request: Request, stored: Stored, interaction: str, resource_type: str, name: str) -> Answer:
    unmodified = is_unmodified(request.headers, stored.version, stored.updated)
    answer = Answer(
        304 if unmodified else 200,
        b"" if unmodified else stored.body,
        version_headers(stored),
        interaction=interaction,
        type=resource_type,
        patients=(stored.patient,),
        resources=(name,),
        rows=1,
    )
    if resource_type == "Binary" and not unmodified:
        binary.answer_raw(request, answer)
    return answer
