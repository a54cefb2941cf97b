"""What is stored, for who sends a request. https://hl7.org/fhir/R4/http.html#read"""

from __future__ import annotations

from collections.abc import Sequence

from app.database import Reader
from app.fhir.scopes import Action
from app.server.messages import Request
from app.server.server import FhirServer
from app.server.store.read import Stored, read, read_all


async def stored_for(
    server: FhirServer,
    request: Request,
    resource_type: str,
    resource_id: str,
    *,
    patient_id: str | None = None,
    version: int | None = None,
    partition: int | None = None,
    action: int = Action.READ,
    reader: Reader | None = None,
) -> Stored:
    """The current version, or the one asked for, within what the caller of ``request`` may see; ``reader``: the
    snapshot that it is read from, where there is one. Raises as ``read`` does.
    """
    return await read(
        server.database if reader is None else reader,
        request.access,
        resource_type,
        resource_id,
        registry=server.registry,
        now=request.now,
        patient_id=patient_id,
        version=version,
        partition=partition,
        action=action,
    )


async def all_stored_for(
    server: FhirServer, request: Request, resource_type: str, ids: Sequence[str], *, partition: int
) -> dict[str, Stored]:
    """Those in one partition that are there for the caller of ``request``, by id. Raises as ``read_all`` does."""
    return await read_all(
        server.database,
        request.access,
        resource_type,
        ids,
        registry=server.registry,
        now=request.now,
        partition=partition,
    )
