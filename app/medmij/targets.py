"""What references lead to, for their ``display``: what comes with the answer first, then what the caller may read in
the same record and the catalogues, all of one type at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from app.fhir.resource import Resource, decode, parse_reference
from app.fhir.stu3 import R4_TYPES
from app.medmij.displays import display_of
from app.server.interactions.stored import all_stored_for
from app.server.messages import Request
from app.server.server import FhirServer

MOST: Final = 500
"""Resources of one type that are looked up for one answer; what is beyond has no display."""


class Targets:
    """Displays of one answer. ``base``: of the addresses in it; ``types``: those that the service gives; ``withheld``:
    what it never gives, of which nothing is said.
    """

    def __init__(
        self,
        server: FhirServer,
        request: Request,
        base: str,
        types: Collection[str],
        *,
        withheld: Callable[[Resource], bool] = lambda _: False,
    ) -> None:
        self._server = server
        self._request = request
        self._base = base
        self._types = types
        self._is_withheld = withheld
        self._known: dict[str, str] = {}
        self._withheld: set[str] = set()

    def display(self, reference: str) -> str:
        """What a reference is to; "" where nobody knows."""
        return self._known.get(self._relative(reference), "")

    def is_withheld(self, reference: object) -> bool:
        """Whether what a reference leads to was looked up and is never given."""
        return isinstance(reference, str) and self._relative(reference) in self._withheld

    async def learn(self, brought: Iterable[Resource], references: Iterable[str]) -> None:
        """Look up what ``references`` lead to and is not among what the answer brings."""
        for resource in brought:
            if "id" in resource:
                self._known[f"{resource['resourceType']}/{resource['id']}"] = display_of(resource)
        wanted: dict[str, set[str]] = {}
        for each in references:
            kind, _, resource_id = self._relative(each).partition("/")
            if resource_id and f"{kind}/{resource_id}" not in self._known and kind in self._types:
                wanted.setdefault(kind, set()).add(resource_id)
        for kind, ids in wanted.items():
            self._known |= await self._stored(kind, sorted(ids)[:MOST])

    async def _stored(self, kind: str, ids: list[str]) -> Mapping[str, str]:
        """By ``Type/id``, as the answer names them. Raises ``GrantChanged``, which is a refusal of the token."""
        access, stored = self._request.access, R4_TYPES.get(kind, kind)
        if stored not in self._server.registry.stored:
            return {}
        found: dict[str, str] = {}
        for partition in (access.patient, *access.catalogues):
            left = [each for each in ids if f"{kind}/{each}" not in found]
            if partition is not None and left:
                rows = await all_stored_for(self._server, self._request, stored, left, partition=partition)
                found |= {f"{kind}/{name}": self._called(decode(each.body)) for name, each in rows.items()}
        return found

    def _called(self, resource: Resource) -> str:
        if not self._is_withheld(resource):
            return display_of(resource)
        self._withheld.add(f"{resource['resourceType']}/{resource['id']}")
        return ""

    def _relative(self, reference: str) -> str:
        """``Type/id`` of what is here; "" for what is elsewhere."""
        found = parse_reference(reference)
        return "" if found is None or found.base not in ("", self._base) else found.relative
