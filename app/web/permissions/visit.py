"""One request for a page about permissions: who decides, and how it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request

from app.auth.consents.deciding import decider
from app.auth.consents.resource import ID_PREFIX
from app.errors import Forbidden
from app.web import visit
from app.web.site import Site


@dataclass
class Visit(visit.Visit):
    """What a page's view is given. ``patient``: the record that the visitor decides about."""

    patient: int

    area: ClassVar[str] = "permissions"

    @classmethod
    async def begin(cls, site: Site, request: Request) -> Visit:
        """A visit of somebody who may decide. Raises ``Unauthenticated``, or ``Forbidden`` for others."""
        visitor = await site.in_record(request)
        return cls(site, request, visitor, decider(visitor.record))

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

    async def decided(self, interaction: str, consents: Sequence[str] = ()) -> None:
        """Keep in the access log what was decided: the ids of consents."""
        resources = [f"Consent/{ID_PREFIX}{each}" for each in consents]
        await self.record(interaction, patients=[self.patient], resources=resources)
