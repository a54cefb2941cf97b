"""The ``$operations`` of a server: what each is called on, what it needs and what it does.
https://hl7.org/fhir/R4/operations.html

The routes, the CapabilityStatement and the OpenAPI page read this registry, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from app.errors import MethodNotAllowed, NotFound
from app.fhir.scopes import NAMES
from app.server.challenges import beyond_scopes
from app.server.messages import Answer, Request, Target

if TYPE_CHECKING:
    from app.server.server import FhirServer

Level = Literal["system", "type", "instance"]
Handler = Callable[["FhirServer", Request, Target], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation, as its OperationDefinition lists it; ``max`` is a number or ``*``. One with
    ``parts`` has no ``type``; ``signed``: a number that may be below 0.
    https://hl7.org/fhir/R4/operationdefinition.html
    """

    name: str
    use: Literal["in", "out"]
    min: int
    max: str
    type: str
    documentation: str
    parts: tuple[Parameter, ...] = ()
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. ``types`` is empty for all types; ``action`` is what the token's scopes must allow on the type.

    ``definition`` is the canonical of its OperationDefinition; ``affects_state``: it may only be called by POST;
    ``of_versions``: it can be called on one version of a resource, too; ``media_types``: what it answers in besides
    FHIR's formats, for who asks for that; ``description`` is said to people in the CapabilityStatement and the OpenAPI
    page, and ``parameters`` are listed in our OperationDefinition.
    """

    name: str
    levels: frozenset[Level]
    types: frozenset[str]
    action: int
    definition: str
    description: str
    handler: Handler = field(compare=False)
    affects_state: bool = False
    parameters: tuple[Parameter, ...] = ()
    of_versions: bool = False
    media_types: frozenset[str] = frozenset()

    @property
    def methods(self) -> str:
        """The methods that it is called with, as ``Allow`` lists them."""
        return "POST" if self.affects_state else "GET, HEAD, POST"

    def offers(self, level: Level, resource_type: str) -> bool:
        """Whether it can be called at this level, on this type."""
        return level in self.levels and (level == "system" or not self.types or resource_type in self.types)


class Operations:
    """All operations of one server, by name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        found: dict[str, list[Operation]] = {}
        for each in operations:
            found.setdefault(each.name, []).append(each)
        self.by_name: Final[Mapping[str, list[Operation]]] = found

    def every(self) -> Iterator[Operation]:
        """All of them, in their order."""
        for listed in self.by_name.values():
            yield from listed

    def media_types(self, path: str) -> frozenset[str]:
        """What else than FHIR's formats can be asked for at a path."""
        name = path.rpartition("/$")[2]
        return frozenset().union(*(each.media_types for each in self.by_name.get(name, ())))

    def find(self, target: Target) -> Operation:
        """The operation that an address names. Raises ``NotFound``."""
        level: Level = "instance" if target.id else "type" if target.type else "system"
        for each in self.by_name.get(target.operation, ()):
            if each.offers(level, target.type) and (each.of_versions or not target.version):
                return each
        where = f"on {target.type}" if target.type else "on the whole server"
        text = f"There is no operation ${target.operation} {where} here."
        raise NotFound(text, "not-supported", kind="no-such-operation")

    async def carry_out(self, server: FhirServer, request: Request, target: Target) -> Answer:
        """Check method and scope, and do it. Raises what the operation raises."""
        operation = self.find(target)
        if request.method != "POST" and (operation.affects_state or request.method != "GET"):
            allow = operation.methods
            raise MethodNotAllowed(
                f"{request.method} is not possible for ${operation.name}; {allow} are.", headers=(("allow", allow),)
            )
        if target.type and operation.action and not request.access.scopes.allow(target.type, operation.action):
            raise beyond_scopes(
                request.access.scopes,
                f"The token's scopes do not allow to {NAMES[operation.action]} {target.type}, which ${operation.name}"
                " needs.",
                (target.type, operation.action),
            )
        return await operation.handler(server, request, target)
