"""The service's own definitions in the shared catalogue, so that what the CapabilityStatement refers to can be read.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from __future__ import annotations

from typing import Final

from app.auth.grants import service_access
from app.errors import Unprocessable
from app.fhir.resource import Resource, decode
from app.server.ids import CATALOGUE
from app.server.loading import Found, LoadReport, load
from app.server.operation_definitions import operation_definition
from app.server.server import FhirServer

_SHARED_TENANT: Final = 0
"""The tenant whose own catalogue is the one that all share."""
_STORED: Final = "SELECT id, body FROM resource WHERE patient = $1 AND type = $2 AND deleted = 0"


async def publish(server: FhirServer) -> int:
    """Store the OperationDefinitions that are not in the shared catalogue as they are now; how many those were.

    Raises ``Unprocessable`` when one of them is refused.
    """
    defined = [operation_definition(server.canonical_base, each) for each in server.operations.every()]
    rows = await server.database.fetch(_STORED, CATALOGUE, server.registry.number("OperationDefinition"))
    stored = {resource_id: _without_meta(decode(body)) for resource_id, body in rows}
    differing = [each for each in defined if stored.get(each["id"]) != each]
    if not differing:
        return 0
    report = LoadReport()
    async with service_access(
        server.database,
        tenant=_SHARED_TENANT,
        reason="definitions",
        now=server.clock(),
        patient_type=server.registry.number("Patient"),
    ) as access:
        found = [Found(f"OperationDefinition/{each['id']}", each) for each in differing]
        await load(server, access, found, patient=None, report=report)
    if report.refusals:
        raise Unprocessable(
            "The definitions of the service's own operations cannot be stored.",
            issues=tuple(issue for refusal in report.refusals for issue in refusal.issues),
        )
    return len(differing)


def _without_meta(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "meta"}
