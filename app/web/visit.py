"""One request for a page: who asks, in which record, and how it is answered. Each area of pages adds its own parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import Response

from app.auth.roles import OWN
from app.errors import Forbidden
from app.server.access import Access
from app.server.server import FhirServer
from app.web.following import own_path
from app.web.forms import Form
from app.web.site import Site
from app.web.visitor import Visitor


@dataclass
class Visit:
    """What a page's view is given. ``area``: the folder of its templates."""

    site: Site
    request: Request
    visitor: Visitor

    area: ClassVar[str]

    @property
    def server(self) -> FhirServer:
        """Where the data are."""
        return self.site.server

    @property
    def access(self) -> Access:
        """What the visitor may do in the chosen record. Raises ``Unauthenticated`` or ``Forbidden``."""
        return self.visitor.record

    @property
    def language(self) -> str:
        """That of the page."""
        return self.visitor.language

    @property
    def now(self) -> int:
        """The time of the request in µs."""
        return self.visitor.now

    @property
    def following(self) -> str:
        """Where the address says that it goes on; "" where it does not, or to a place that is not ours."""
        return own_path(self.query("next"))

    @property
    def done(self) -> str:
        """What was just done, as the address says it for a line on the page."""
        return self.query("done")

    def part(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A parameter of the address; "" where it is not there."""
        return self.request.query_params.get(name, "")

    async def form(self) -> Form:
        """What was posted, by this visitor from our own page."""
        return await self.site.form(self.request, self.visitor)

    def page(
        self, template: str, *, status: int | None = None, problems: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page of this area. ``problems`` are texts by field; they make it a 422 where no status is given."""
        return self.site.page(
            self.request,
            self.visitor,
            f"{self.area}/{template}.html",
            status=status or (422 if problems else 200),
            problems=dict(problems or {}),
            done=self.done,
            **values,
        )

    def go(self, address: str) -> Response:
        """On to another page."""
        return self.site.go(self.visitor, address)

    async def record(
        self, interaction: str, status: int = 200, *, patients: Sequence[int] = (), resources: Sequence[str] = ()
    ) -> None:
        """Keep in the access log what was done here."""
        await self.site.recording.record(
            interaction,
            status,
            agent=self.visitor.agent,
            now=self.now,
            patients=patients,
            resources=resources,
            address=self.visitor.address,
        )


async def in_own_record(site: Site, request: Request) -> tuple[Visitor, int]:
    """The person in their own record, or who represents them, and the partition of that record. Raises
    ``Unauthenticated``, and ``Forbidden`` for everybody else.
    """
    visitor = await site.in_record(request)
    access = visitor.record
    if access.role not in OWN or access.patient is None:
        raise Forbidden("This page is for the person and who represents them.")
    return visitor, access.patient
