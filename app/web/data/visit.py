"""One request for a page about a person's own data: who asks, in which record, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from app.auth.rights.service import Rights
from app.auth.roles import Role
from app.errors import Forbidden
from app.server.access import Access
from app.server.server import FhirServer
from app.web.forms import Form
from app.web.site import Site, Visitor
from app.web.texts import texts

_OWN: Final = frozenset({Role.PATIENT, Role.REPRESENTATIVE})


@dataclass(slots=True)
class Visit:
    """What a view is given. ``access``: what the visitor may do in the record, whose partition is ``patient``."""

    site: Site
    rights: Rights
    request: Request
    visitor: Visitor
    access: Access
    patient: int

    @property
    def server(self) -> FhirServer:
        """Where the data are."""
        return self.site.server

    @property
    def now(self) -> int:
        """The time of the request."""
        return self.visitor.now

    def part(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def asked(self, name: str) -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, "")

    async def form(self) -> Form:
        """What was posted."""
        return await self.site.form(self.request, self.visitor)

    async def may_erase(self) -> bool:
        """Whether the visitor may erase in this record."""
        return await self.rights.erasures.may_erase(self.server.database, self.access, now=self.now)

    def called(self, resource_type: str) -> str:
        """What a type of data is called; its own name where there is no other."""
        key = f"looked.type.{resource_type}"
        return self.visitor.t(key) if key in texts() else resource_type

    def page(self, template: str, *, problems: Mapping[str, str] | None = None, **values: Any) -> Response:
        """A page. ``problems`` are texts by field."""
        return self.site.page(
            self.request,
            self.visitor,
            f"data/{template}.html",
            status=422 if problems else 200,
            problems=dict(problems or {}),
            done=self.asked("done"),
            called=self.called,
            **values,
        )

    def go(self, address: str) -> Response:
        """On to another page."""
        return self.site.go(self.visitor, address)

    async def record(self, interaction: str, *, resources: Sequence[str] = (), status: int = 200) -> None:
        """Keep in the access log what was done here."""
        await self.site.recording.record(
            interaction,
            status,
            agent=self.visitor.agent,
            now=self.now,
            patients=(self.patient,),
            resources=resources,
            address=self.visitor.address,
        )


async def visit_of(site: Site, rights: Rights, request: Request) -> Visit:
    """The visit. Raises ``Unauthenticated``, and ``Forbidden`` for who is neither the person nor represents them."""
    visitor = await site.in_record(request)
    access = visitor.record
    if access.role not in _OWN or access.patient is None:
        raise Forbidden("This page is for the person and who represents them.")
    return Visit(site, rights, request, visitor, access, access.patient)
