"""What the interactions share: the language, the database, and what ``main`` hands in from above."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.clock import Clock, system_clock
from app.config import CANONICAL_BASE
from app.database import Database, Reader
from app.errors import Issue
from app.fhir.definitions import Definitions
from app.fhir.definitions.own import served
from app.fhir.resource import Resource
from app.server.access import Access
from app.server.ids import RandomBytes
from app.server.intake.findings import IntakeCheck
from app.server.labels import Labels, load_labels
from app.server.operations import Operations
from app.server.packages import InstalledPackages
from app.server.placement import Place, load_placement
from app.server.providers import Providers
from app.server.recognition import Recogniser
from app.server.rules import Rule
from app.server.search.compile import Compiler
from app.server.search.index import Indexer
from app.server.search.parse import Parser
from app.server.search.registry import Registry
from app.server.terminology.holdings import Holdings
from app.server.working_copies import WorkingCopy

Authenticate = Callable[[str, int], Awaitable[Access]]
"""From the Authorization header and the time to who is asking. Raises ``Unauthenticated``."""
Forget = Callable[[bytes], None]
"""Drop what is kept in memory of a token's hash."""
KnownAs = Callable[[Reader, Access, str, str], Awaitable[Sequence[int]]]
"""The patients that a caller knows by an identifier (system, value) of its own, which nobody else finds them by."""


AfterLoad = Callable[["FhirServer", Access, Sequence[int]], Awaitable[Mapping[str, tuple[Issue, ...]]]]
"""What a feature does with the patients of whom something was loaded, once all of it is there; what there is to report,
by what it is about.
"""


Follows = Callable[[Resource], bool]
"""Whether an Observation holds nothing but what follows from those that it is derived from, so that it goes with one
of them that is erased.
"""


async def known_as_nobody(_reader: Reader, _access: Access, _system: str, _value: str) -> Sequence[int]:
    """For a server whose callers have no identifiers of their own."""
    return ()


@dataclass(frozen=True)
class FhirServer:
    """One FHIR base. ``base`` is its public address and ends in a slash; ``page_key`` signs page links;
    ``canonical_base`` begins the canonicals of what is ours; ``security`` is what the CapabilityStatement says of how
    to get a token.
    """

    database: Database
    base: str
    page_key: bytes
    rules: Sequence[Rule] = ()
    operations: Operations = field(default_factory=lambda: Operations(()))
    providers: Providers = field(default_factory=Providers)
    known_as: KnownAs = known_as_nobody
    intake: Sequence[IntakeCheck] = ()
    recognisers: Sequence[Recogniser] = ()
    working_copies: Sequence[WorkingCopy] = ()
    after_load: Sequence[AfterLoad] = ()
    follows: Sequence[Follows] = ()
    canonical_base: str = CANONICAL_BASE
    security: Mapping[str, Any] = field(default_factory=dict)
    clock: Clock = system_clock
    random: RandomBytes = secrets.token_bytes
    placement: Mapping[str, Place] = field(default_factory=load_placement)
    labels: Labels = field(default_factory=load_labels)
    definitions: Definitions = field(init=False)
    registry: Registry = field(init=False)
    parser: Parser = field(init=False)
    compiler: Compiler = field(init=False)
    holdings: Holdings = field(init=False)
    packages: InstalledPackages = field(init=False)
    _indexers: dict[str, Indexer] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Make what follows from the rest."""
        object.__setattr__(self, "definitions", served(self.canonical_base))
        registry = Registry(self.definitions, self.placement, base=self.base)
        object.__setattr__(self, "registry", registry)
        object.__setattr__(self, "parser", Parser(registry, base=self.base))
        object.__setattr__(self, "compiler", Compiler(registry, self.database.dialect))
        object.__setattr__(self, "packages", InstalledPackages(self.canonical_base))
        object.__setattr__(self, "holdings", Holdings(registry, self.packages.library))

    def indexer(self, resource_type: str) -> Indexer:
        """Makes the index rows of one type; compiled when first needed."""
        found = self._indexers.get(resource_type)
        if found is None:
            found = self._indexers[resource_type] = Indexer(self.registry, resource_type, base=self.base)
        return found
