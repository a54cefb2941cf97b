"""From method and address to an interaction. The CapabilityStatement is made from the same table.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from app.errors import Forbidden, MethodNotAllowed
from app.fhir.scopes import NAMES, Action
from app.server.interactions import history, read, search, transaction, write
from app.server.messages import Answer, Request, Target
from app.server.routes import Form, locate
from app.server.server import FhirServer

Handler = Callable[[FhirServer, Request, Target], Awaitable[Answer]]
NO_ACTION: Final = 0
"""What is asked for is checked against the token's scopes by the interaction itself, per type."""

ROUTES: Final[Mapping[tuple[Form, str], tuple[Handler, int]]] = {
    (Form.SYSTEM, "POST"): (transaction.transaction, NO_ACTION),
    (Form.TYPE, "GET"): (search.search, Action.SEARCH),
    (Form.TYPE, "POST"): (write.create, Action.CREATE),
    (Form.INSTANCE, "GET"): (read.read, Action.READ),
    (Form.INSTANCE, "PUT"): (write.update, Action.UPDATE),
    (Form.INSTANCE, "DELETE"): (write.delete, Action.DELETE),
    (Form.INSTANCE_HISTORY, "GET"): (history.history, Action.READ),
    (Form.VERSION, "GET"): (read.vread, Action.READ),
    (Form.COMPARTMENT, "GET"): (search.search, Action.SEARCH),
    (Form.COMPARTMENT, "POST"): (write.create, Action.CREATE),
}
"""What each form of address does by method, and what the token's scopes must allow on the type for it."""

TYPE_INTERACTIONS: Final = ("read", "vread", "update", "delete", "history-instance", "create", "search-type")


async def dispatch(server: FhirServer, request: Request) -> Answer:
    """Carry out the interaction that the request names. Raises what the interaction raises."""
    form, target = locate(server, request.path)
    if form is Form.OPERATION:
        return await server.operations.carry_out(server, request, target)
    route = ROUTES.get((form, request.method))
    if route is None:
        raise _not_allowed(form, request.method)
    handler, action = route
    if action and not request.access.scopes.allow(target.type, action):
        raise Forbidden(f"The token's scopes do not allow to {NAMES[action]} {target.type}.", "forbidden")
    return await handler(server, request, target)


def methods(form: Form) -> str:
    """The methods of a form of address, as ``Allow`` lists them."""
    listed = [method for known, method in ROUTES if known is form]
    if "GET" in listed:
        listed.insert(listed.index("GET") + 1, "HEAD")
    return ", ".join(listed)


def _not_allowed(form: Form, method: str) -> MethodNotAllowed:
    allow = methods(form)
    return MethodNotAllowed(f"{method} is not possible at this address; {allow} are.", headers=(("allow", allow),))
