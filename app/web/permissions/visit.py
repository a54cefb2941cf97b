"""One request for a page about permissions: who decides, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from app.auth.consents.deciding import decider
from app.auth.consents.resource import ID_PREFIX
from app.errors import Forbidden
from app.web.forms import Form
from app.web.site import Site, Visitor


@dataclass(slots=True)
class Visit:
    """What a page's view is given. ``patient``: the record that the visitor decides about."""

    site: Site
    request: Request
    visitor: Visitor
    patient: int

    @classmethod
    async def begin(cls, site: Site, request: Request) -> Visit:
        """A visit of somebody who may decide. Raises ``Unauthenticated``, or ``Forbidden`` for others."""
        visitor = await site.in_record(request)
        return cls(site, request, visitor, decider(visitor.record))

    @property
    def now(self) -> int:
        """The time of the request."""
        return self.visitor.now

    def part(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    async def form(self) -> Form:
        """What was posted."""
        return await self.site.form(self.request, self.visitor)

    def check_fresh(self) -> None:
        """Raises ``Forbidden``, which sends people to give their second factor."""
        self.site.check_fresh(self.visitor)

    @property
    def is_fresh(self) -> bool:
        """Whether the second factor was just given."""
        with suppress(Forbidden):
            self.check_fresh()
            return True
        return False

    def page(self, template: str, *, problems: Mapping[str, str] | None = None, **values: Any) -> Response:
        """A page of this area. ``problems`` are texts by field."""
        return self.site.page(
            self.request,
            self.visitor,
            f"permissions/{template}.html",
            status=422 if problems else 200,
            problems=dict(problems or {}),
            done=self.request.query_params.get("done", ""),
            **values,
        )

    def go(self, address: str) -> Response:
        """On to another page."""
        return self.site.go(self.visitor, address)

    async def record(self, interaction: str, consents: Sequence[str]) -> None:
        """Keep in the access log what was decided: the ids of consents."""
        await self.site.recording.record(
            interaction,
            200,
            agent=self.visitor.agent,
            now=self.now,
            patients=[self.patient],
            resources=[f"Consent/{ID_PREFIX}{each}" for each in consents],
            address=self.visitor.address,
        )
