"""From method and path to an interaction. The same table feeds the CapabilityStatement.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from typing import Final

from app.errors import Forbidden, Invalid, MethodNotAllowed, NotFound
from app.fhir.scopes import NAMES, Action
from app.server.ids import FHIR_ID
from app.server.interactions import everything, history, read, search, transaction, write
from app.server.messages import Answer, Request
from app.server.server import FhirServer

TYPE_INTERACTIONS: Final = ("read", "vread", "update", "delete", "history-instance", "create", "search-type")
_ALLOW: Final = {0: "POST", 1: "GET, HEAD, POST", 2: "GET, HEAD, PUT, DELETE", 3: "GET, HEAD", 4: "GET, HEAD"}


async def dispatch(server: FhirServer, request: Request) -> Answer:
    """Carry out the interaction that the request names. Raises what the interaction raises."""
    path = request.path
    if not path:
        if request.method == "POST":
            return await transaction.transaction(server, request)
        raise _not_allowed(request.method, 0)
    resource_type, patient_id = path[0], None
    if resource_type not in server.registry.stored:
        raise NotFound(f"'{resource_type}' is not a resource type that is served here.", "not-supported")
    if len(path) >= 3 and resource_type == "Patient" and path[2] in server.registry.stored:
        patient_id, path = path[1], path[2:]
        resource_type = path[0]
    _check_ids(path, patient_id)
    if len(path) == 2:
        return await _on_instance(server, request, resource_type, path[1], patient_id)
    match path[1:]:
        case []:
            return await _on_type(server, request, resource_type, patient_id)
        case [resource_id, "_history"]:
            _only_get(request, 3)
            _check_scope(request, resource_type, Action.READ)
            return await history.history(server, request, resource_type, resource_id, patient_id)
        case [resource_id, "_history", version]:
            _only_get(request, 4)
            _check_scope(request, resource_type, Action.READ)
            return await read.vread(server, request, resource_type, resource_id, version, patient_id)
        case [resource_id, "$everything"] if resource_type == "Patient" and patient_id is None:
            _only_get(request, 3)
            _check_scope(request, "Patient", Action.READ)
            return await everything.everything(server, request, resource_id)
    raise NotFound("There is nothing at this address.", "not-found")


async def _on_type(server: FhirServer, request: Request, resource_type: str, patient_id: str | None) -> Answer:
    if request.method == "GET":
        _check_scope(request, resource_type, Action.SEARCH)
        return await search.search(server, request, resource_type, patient_id)
    if request.method == "POST":
        _check_scope(request, resource_type, Action.CREATE)
        return await write.create(server, request, resource_type, patient_id)
    raise _not_allowed(request.method, 1)


async def _on_instance(
    server: FhirServer, request: Request, resource_type: str, resource_id: str, patient_id: str | None
) -> Answer:
    if request.method == "GET":
        _check_scope(request, resource_type, Action.READ)
        return await read.read(server, request, resource_type, resource_id, patient_id)
    if request.method == "PUT":
        _check_scope(request, resource_type, Action.UPDATE)
        return await write.update(server, request, resource_type, resource_id, patient_id)
    if request.method == "DELETE":
        _check_scope(request, resource_type, Action.DELETE)
        return await write.delete(server, request, resource_type, resource_id, patient_id)
    raise _not_allowed(request.method, 2)


def _check_ids(path: list[str], patient_id: str | None) -> None:
    for each in (*path[1:2], *((patient_id,) if patient_id is not None else ())):
        if FHIR_ID.fullmatch(each) is None:
            if each.startswith(("$", "_")):
                raise NotFound("This operation or interaction is not supported here.", "not-supported")
            raise Invalid("An id is 1 to 64 letters, digits, '-' and '.'.", "value")


def _check_scope(request: Request, resource_type: str, action: int) -> None:
    if not request.access.scopes.allow(resource_type, action):
        raise Forbidden(f"The token's scopes do not allow to {NAMES[action]} {resource_type}.", "forbidden")


def _only_get(request: Request, depth: int) -> None:
    if request.method != "GET":
        raise _not_allowed(request.method, depth)


def _not_allowed(method: str, depth: int) -> MethodNotAllowed:
    allow = _ALLOW[depth]
    return MethodNotAllowed(f"{method} is not possible at this address; {allow} are.", headers=(("allow", allow),))
