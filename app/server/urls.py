"""From an address below the FHIR base to its form and what it names. https://hl7.org/fhir/R4/http.html#general

Besides FHIR's own forms there is ``Patient/<id>/<Type>/<id>``, the full address of what is unique per patient only, and
``Patient/<id>/<Type>`` also takes a create.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from app.errors import Invalid, NotFound
from app.server.ids import FHIR_ID
from app.server.messages import Target
from app.server.server import FhirServer


class Form(StrEnum):
    """The forms of an address; ``dispatch.ROUTES`` says which methods each one has."""

    SYSTEM = ""
    SYSTEM_SEARCH = "_search"
    SYSTEM_HISTORY = "_history"
    TYPE = "Type"
    TYPE_SEARCH = "Type/_search"
    TYPE_HISTORY = "Type/_history"
    INSTANCE = "Type/id"
    INSTANCE_HISTORY = "Type/id/_history"
    VERSION = "Type/id/_history/version"
    COMPARTMENT = "Compartment/id/Type"
    COMPARTMENT_SEARCH = "Compartment/id/Type/_search"
    OPERATION = "$operation"


EVERY_TYPE = "*"
"""In place of the type, in a search within a compartment: all of its types."""


def locate(server: FhirServer, path: list[str]) -> tuple[Form, Target]:
    """The form of ``path``, and what it names. Raises ``NotFound``, or ``Invalid`` for an impossible id."""
    if not path:
        return Form.SYSTEM, Target()
    first = path[0]
    if first[0] in "_$":
        return _on_system(path)
    if first not in server.registry.stored:
        raise NotFound(f"'{first}' is not a resource type that is served here.", "not-supported", kind="no-such-type")
    target = Target(first)
    rest = path[1:]
    if len(rest) >= 2 and first in server.definitions.compartments:
        kind = rest[1]
        if kind == EVERY_TYPE or kind in server.registry.stored:
            _check_id(rest[0])
            if first == "Patient":
                target.patient_id = rest[0]
            else:
                target.compartment = (first, rest[0])
            target.type, rest = kind, rest[2:]
            if not rest:
                return Form.COMPARTMENT, target
            if rest == ["_search"]:
                return Form.COMPARTMENT_SEARCH, target
            if target.compartment is not None or kind == EVERY_TYPE:
                raise nothing_here()
    return _on_type(target, rest)


def _on_system(path: list[str]) -> tuple[Form, Target]:
    if len(path) == 1:
        if path[0] == "_search":
            return Form.SYSTEM_SEARCH, Target()
        if path[0] == "_history":
            return Form.SYSTEM_HISTORY, Target()
        if path[0][0] == "$":
            return Form.OPERATION, Target(operation=path[0][1:])
    raise nothing_here()


_BELOW_A_TYPE: Final = {"_search": Form.TYPE_SEARCH, "_history": Form.TYPE_HISTORY}


def _on_type(target: Target, rest: list[str]) -> tuple[Form, Target]:
    if not rest:
        return Form.TYPE, target
    name = rest[0]
    if len(rest) == 1 and name in _BELOW_A_TYPE:
        return _BELOW_A_TYPE[name], target
    if len(rest) == 1 and name[0] == "$":
        target.operation = name[1:]
        return Form.OPERATION, target
    _check_id(name)
    target.id = name
    return _on_instance(target, rest[1:])


def _on_instance(target: Target, rest: list[str]) -> tuple[Form, Target]:
    match rest:
        case []:
            return Form.INSTANCE, target
        case ["_history"]:
            return Form.INSTANCE_HISTORY, target
        case ["_history", version]:
            target.version = version
            return Form.VERSION, target
        case ["_history", version, operation] if operation[0] == "$":
            target.version, target.operation = version, operation[1:]
            return Form.OPERATION, target
        case [operation] if operation[0] == "$":
            target.operation = operation[1:]
            return Form.OPERATION, target
    raise nothing_here()


def nothing_here() -> NotFound:
    """The refusal of an address that has no form of FHIR's."""
    return NotFound("There is nothing at this address.", "not-found")


def _check_id(resource_id: str) -> None:
    if FHIR_ID.fullmatch(resource_id) is None:
        if resource_id[0] in "_$":
            raise NotFound("This operation or interaction is not supported here.", "not-supported")
        raise Invalid("An id is 1 to 64 letters, digits, '-' and '.'.", "value")
