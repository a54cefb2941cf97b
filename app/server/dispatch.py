"""From method and address to an interaction. The CapabilityStatement is made from the same table.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.errors import MethodNotAllowed
from app.fhir.scopes import NAMES, Action
from app.server.challenges import beyond_scopes
from app.server.interactions import bundle, conditional, history, patch, provided, read, search, write
from app.server.interactions.carrying_out import Handler
from app.server.messages import Answer, Request, Target
from app.server.presentation import check_parameters
from app.server.server import FhirServer
from app.server.urls import EVERY_TYPE, Form, locate

NO_ACTION: Final = 0
"""What is asked for is checked against the token's scopes by the interaction itself, per type."""


async def _bundle(server: FhirServer, request: Request, _: Target) -> Answer:
    """The entries of a batch or transaction come back to ``find`` as requests of their own."""
    return await bundle.carry_out(server, request, find)


ROUTES: Final[Mapping[tuple[Form, str], tuple[Handler, int]]] = {
    (Form.SYSTEM, "POST"): (_bundle, NO_ACTION),
    (Form.SYSTEM, "GET"): (search.search, NO_ACTION),
    (Form.SYSTEM_SEARCH, "POST"): (search.search_by_post, NO_ACTION),
    (Form.TYPE, "GET"): (search.search, Action.SEARCH),
    (Form.TYPE_SEARCH, "POST"): (search.search_by_post, Action.SEARCH),
    (Form.TYPE, "POST"): (write.create, Action.CREATE),
    (Form.TYPE, "PUT"): (conditional.conditional_update, Action.UPDATE),
    (Form.TYPE, "PATCH"): (patch.conditional_patch, Action.UPDATE),
    (Form.TYPE, "DELETE"): (conditional.conditional_delete, Action.DELETE),
    (Form.INSTANCE, "GET"): (read.read, Action.READ),
    (Form.INSTANCE, "PUT"): (write.update, Action.UPDATE),
    (Form.INSTANCE, "PATCH"): (patch.patch, Action.UPDATE),
    (Form.INSTANCE, "DELETE"): (write.delete, Action.DELETE),
    (Form.SYSTEM_HISTORY, "GET"): (history.system_history, NO_ACTION),
    (Form.TYPE_HISTORY, "GET"): (history.type_history, Action.SEARCH),
    (Form.INSTANCE_HISTORY, "GET"): (history.history, Action.READ),
    (Form.VERSION, "GET"): (read.vread, Action.READ),
    (Form.COMPARTMENT, "GET"): (search.search, Action.SEARCH),
    (Form.COMPARTMENT_SEARCH, "POST"): (search.search_by_post, Action.SEARCH),
    (Form.COMPARTMENT, "POST"): (write.create, Action.CREATE),
}
"""What each form of address does by method, and what the token's scopes must allow on the type for it."""

PROVIDED: Final[Mapping[tuple[Form, str], Handler]] = {
    (Form.INSTANCE, "GET"): provided.read,
    (Form.VERSION, "GET"): provided.vread,
    (Form.INSTANCE_HISTORY, "GET"): provided.history,
}
"""What is done instead with an id that a provider serves; all else is refused."""

_WITHOUT_PARAMETERS: Final = frozenset(
    {
        (Form.SYSTEM, "POST"),
        (Form.TYPE, "POST"),
        (Form.INSTANCE, "GET"),
        (Form.INSTANCE, "PUT"),
        (Form.INSTANCE, "PATCH"),
        (Form.INSTANCE, "DELETE"),
        (Form.VERSION, "GET"),
        (Form.COMPARTMENT, "POST"),
    }
)
"""Rows that take the general parameters only; the others read theirs themselves."""


def find(server: FhirServer, request: Request) -> tuple[Handler, Target]:
    """What carries a request out, and what it names. Raises where there is nothing, and for what the token's scopes do
    not allow.
    """
    form, target = locate(server, request.path)
    if form is Form.OPERATION:
        server.operations.find(target)
        return server.operations.carry_out, target
    route = ROUTES.get((form, request.method))
    if route is None or (route[0] is write.create and target.compartment is not None):
        raise _not_allowed(form, target, request.method)
    handler, action = route
    if action and target.type != EVERY_TYPE and not request.access.scopes.allow(target.type, action):
        text = f"The token's scopes do not allow to {NAMES[action]} {target.type}."
        raise beyond_scopes(request.access.scopes, text, (target.type, action))
    if request.query and (form, request.method) in _WITHOUT_PARAMETERS:
        check_parameters(request.query, lenient=request.prefers("handling=lenient"))
    if target.id and server.providers.of(target.type, target.id) is not None:
        return PROVIDED.get((form, request.method), provided.refuse), target
    return handler, target


def allowed(server: FhirServer, path: list[str]) -> str:
    """The methods that an address takes, as ``Allow`` lists them. Raises ``NotFound`` or ``Invalid``."""
    form, target = locate(server, path)
    if form is Form.OPERATION:
        return f"{server.operations.find(target).methods}, OPTIONS"
    listed = _methods_at(form, target)
    if target.type not in ("", EVERY_TYPE) and server.placement[target.type].refused:
        listed = [each for each in listed if each in ("GET", "HEAD") or form.endswith("_search")]
    return ", ".join([*filter(None, listed), "OPTIONS"])


def methods(form: Form) -> str:
    """The methods of a form of address, as ``Allow`` lists them."""
    listed = [method for known, method in ROUTES if known is form]
    if "GET" in listed:
        listed.insert(listed.index("GET") + 1, "HEAD")
    return ", ".join(listed)


def _methods_at(form: Form, target: Target) -> list[str]:
    """A create is placed with a patient; other compartments are only looked into."""
    listed = methods(form).split(", ")
    return listed if target.compartment is None or form is not Form.COMPARTMENT else ["GET", "HEAD"]


def _not_allowed(form: Form, target: Target, method: str) -> MethodNotAllowed:
    allow = ", ".join(_methods_at(form, target))
    return MethodNotAllowed(f"{method} is not possible at this address, only {allow}.", headers=(("allow", allow),))
