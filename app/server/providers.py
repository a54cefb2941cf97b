"""Types, or parts of types, that are served from elsewhere than the store: read-only, with a closed list of search
parameters, outside chains, includes and the history of a type. Handed to the server in ``main``.

A provider is asked for the records of patients only for whom its caller has the provider's data category, and only
while the caller's grant stands; it decides nothing about access itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from app.database import Reader
from app.errors import Forbidden
from app.fhir.resource import Resource
from app.server.search.dates import DateValue, widen
from app.server.search.parse import Part

Keys = tuple[int | str, ...]
"""Where a resource stands in the order of its provider; numbers first."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A token that is asked for; ``system`` None: any, "": none."""

    system: str | None
    code: str

    def meets(self, system: str, code: str) -> bool:
        """Whether a coding is what is asked for."""
        return self.system in (None, system) and self.code in ("", code)


@dataclass(frozen=True, slots=True)
class Referred:
    """A reference that is asked for; ``type`` "": of any. ``system`` is set for a reference by identifier, whose value
    ``id`` then is.
    """

    type: str
    id: str
    system: str | None = None


Asked = Coded | DateValue | Referred


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a search asks: of each name in ``criteria`` every list, and of a list any value. ``_id`` and
    ``_lastUpdated`` are among them. The first ``limit`` behind ``after``, in the provider's order.
    """

    patients: Sequence[int]
    criteria: Sequence[tuple[str, Sequence[Asked]]]
    limit: int
    now: int
    after: Keys | None = None


@dataclass(frozen=True, slots=True)
class Provided:
    """One version of a resource; ``updated`` in µs, ``body`` its JSON, ``keys`` where it stands."""

    patient: int
    id: str
    version: int
    updated: int
    body: bytes
    keys: Keys = ()


class Provider(Protocol):
    """Serves a type, or the part of it that its ids and searches tell apart.

    ``category``: the data category (``categories.yaml``) that a caller must have. ``parameters``: what can be searched
    by besides ``patient``, ``_id`` and ``_lastUpdated``, each as HL7 defines it for the type. ``whole``: nothing of the
    type is in the store. ``versioned``: it has vread and history. ``order``: what ``_sort`` may say, which is the order
    that it always has. ``refusal`` is said to who would write. ``documentation``: for the CapabilityStatement.
    """

    type: str
    category: str
    parameters: frozenset[str]
    whole: bool
    versioned: bool
    order: frozenset[str]
    refusal: str
    documentation: str

    def owns(self, resource_id: str) -> bool:
        """Whether an id is one of those that it serves."""

    def searched(self, parts: Sequence[Part]) -> bool:
        """Whether a search is for what it serves. Raises ``Invalid`` for one that is for something else, too."""

    def claims(self, resource: Resource) -> bool:
        """Whether a resource that somebody would write is of its kind."""

    async def read(self, reader: Reader, patients: Sequence[int], resource_id: str) -> Provided | None:
        """The current version."""

    async def versions(self, reader: Reader, patients: Sequence[int], resource_id: str) -> Sequence[Provided]:
        """Every version, the last first."""

    async def search(self, reader: Reader, wanted: Wanted) -> Sequence[Provided]:
        """What is asked for, in its order."""

    async def count(self, reader: Reader, wanted: Wanted) -> int:
        """How many there are in all, whatever the limit."""


class Providers:
    """All providers of one server, by type."""

    def __init__(self, providers: Iterable[Provider] = ()) -> None:
        found: dict[str, list[Provider]] = {}
        for each in providers:
            found.setdefault(each.type, []).append(each)
        self.by_type: Final[Mapping[str, Sequence[Provider]]] = found

    def of(self, resource_type: str, resource_id: str) -> Provider | None:
        """Who serves a resource with this id; None for the store."""
        return next((each for each in self.by_type.get(resource_type, ()) if each.owns(resource_id)), None)

    def searched(self, resource_type: str, parts: Sequence[Part]) -> Provider | None:
        """Who answers a search; None for the store."""
        return next((each for each in self.by_type.get(resource_type, ()) if each.searched(parts)), None)

    def check_write(self, resource: Resource) -> None:
        """Raises ``Forbidden`` for what only its provider's own way may change."""
        for each in self.by_type.get(resource["resourceType"], ()):
            resource_id = resource.get("id")
            if each.claims(resource) or (isinstance(resource_id, str) and each.owns(resource_id)):
                raise Forbidden(each.refusal, "forbidden")

    def check_address(self, resource_type: str, resource_id: str) -> None:
        """Raises ``Forbidden`` for who would change what a provider serves at this address."""
        found = self.of(resource_type, resource_id) if resource_id else None
        if found is not None:
            raise Forbidden(found.refusal, "forbidden")


def meets_date(value: DateValue, low: int, high: int, now: int) -> bool:
    """Whether an interval, of which ``high`` is the first microsecond after it, is what a date asks for.
    https://hl7.org/fhir/R4/search.html#prefix
    """
    first, end = widen(value.low, value.high, now) if value.prefix == "ap" else (value.low, value.high)
    return {
        "eq": low >= first and high <= end,
        "ne": not (low >= first and high <= end),
        "gt": high > end,
        "lt": low < first,
        "ge": low >= first or high > end,
        "le": low < first or high <= end,
        "sa": low >= end,
        "eb": high <= first,
        "ap": low < end and high > first,
    }[value.prefix]
