"""One request for a page about a person's own data: who asks, in which record, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import Response

from app.auth.rights.service import Rights
from app.fhir.resource import Resource
from app.web import visit
from app.web.data.describing import described
from app.web.site import Site
from app.web.texts import texts


@dataclass
class Visit(visit.Visit):
    """What a view is given. ``patient``: the partition of the record."""

    rights: Rights
    patient: int

    area: ClassVar[str] = "data"

    async def may_erase(self) -> bool:
        """Whether the visitor may erase in this record."""
        return await self.rights.erasures.may_erase(self.server.database, self.access, now=self.now)

    def described(self, resource: Resource) -> str:
        """One line about a resource."""
        return described(resource, self.language, self.server.canonical_base)

    def called(self, resource_type: str) -> str:
        """What a type of data is called; its own name where there is no other."""
        key = f"looked.type.{resource_type}"
        return self.visitor.t(key) if key in texts() else resource_type

    def page(
        self, template: str, *, status: int | None = None, problems: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page of this area. ``problems`` are texts by field."""
        return visit.Visit.page(self, template, status=status, problems=problems, called=self.called, **values)

    async def record(
        self, interaction: str, status: int = 200, *, patients: Sequence[int] = (), resources: Sequence[str] = ()
    ) -> None:
        """Keep in the access log what was done here, in this record where no other is said."""
        await visit.Visit.record(self, interaction, status, patients=patients or (self.patient,), resources=resources)


async def visit_of(site: Site, rights: Rights, request: Request) -> Visit:
    """The visit. Raises ``Unauthenticated``, and ``Forbidden`` for who is neither the person nor represents them."""
    visitor, patient = await visit.in_own_record(site, request)
    return Visit(site, request, visitor, rights, patient)
