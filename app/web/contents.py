"""What is served, as the documentation page and the OpenAPI document both tell it: read from the server's registries.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.server.capability import ALWAYS, SYSTEM_ROWS, interactions, residence
from app.server.dispatch import ROUTES
from app.server.operations import Operation
from app.server.search.description import describe
from app.server.server import FhirServer
from app.server.urls import Form


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter; ``kind`` is token, date, …; ``text`` says what it matches."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Type:
    """What there is to say of one resource type. ``includes`` and ``referring`` are written ``Type:parameter``."""

    name: str
    text: str
    interactions: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    includes: tuple[str, ...]
    operations: tuple[Operation, ...]


def types(server: FhirServer) -> Iterator[Type]:
    """Every type that is served, by name."""
    always = tuple(Parameter(code, kind, text) for code, kind, _, text in ALWAYS)
    for name in sorted(server.registry.stored):
        params = server.registry.offered(name).values()
        yield Type(
            name,
            residence(name, server.placement[name]),
            tuple(interactions(server.placement[name])),
            (*always, *(Parameter(each.code, each.kind, describe(each)) for each in params)),
            tuple(f"{name}:{each.code}" for each in params if each.kind == "reference"),
            tuple(
                each for each in server.operations.every() if each.offers("type", name) or each.offers("instance", name)
            ),
        )


def system_interactions() -> list[str]:
    """FHIR's names of the interactions with the whole server."""
    return [code for code, row in SYSTEM_ROWS.items() if row in ROUTES]


def conditional_methods() -> list[str]:
    """The methods that change what a search on a type finds."""
    return [method for form, method in ROUTES if form is Form.TYPE and method not in ("GET", "POST")]


def addresses(operation: Operation, name: str) -> list[str]:
    """Where an operation is called: on the server when ``name`` is empty, else on a type and its resources."""
    if not name:
        return [f"/${operation.name}"] if operation.offers("system", "") else []
    listed = []
    if operation.offers("type", name):
        listed.append(f"/{name}/${operation.name}")
    if operation.offers("instance", name):
        listed.append(f"/{name}/{{id}}/${operation.name}")
    return listed
