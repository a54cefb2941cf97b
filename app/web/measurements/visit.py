"""One request for a page about measurements: who asks, in which record, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import Response

from app.errors import NotFound
from app.measurements.kinds import Kind, kinds
from app.measurements.watching import watching
from app.measurements.words import Words
from app.web import visit
from app.web.calling import Calls
from app.web.site import Site


@dataclass
class Visit(visit.Visit):
    """What a view is given. ``calls`` carries out what an app would ask of the FHIR base."""

    calls: Calls

    area: ClassVar[str] = "measurements"

    @property
    def base(self) -> str:
        """The canonical base of what is ours."""
        return self.server.canonical_base

    @property
    def subject(self) -> dict[str, str]:
        """A Reference to the patient of the record."""
        return {"reference": f"Patient/{self.access.patient_id}"}

    def kind(self) -> Kind:
        """The kind in the address. Raises ``NotFound``."""
        found = kinds().get(self.part("kind"))
        if found is None:
            raise NotFound("There is no such kind of measurement.")
        return found

    def said(self, words: Words) -> str:
        """Words in the language of the page."""
        return words[self.language]

    def name(self, named: Any) -> str:
        """What a kind, a value or a choice is called."""
        return str(named.nl if self.language == "nl" else named.en)

    def page(
        self, template: str, *, status: int | None = None, problems: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page of this area, with the one text that nobody watches. ``problems`` are texts by field."""
        return visit.Visit.page(
            self,
            template,
            status=status,
            problems=problems,
            name=self.name,
            watching=self.said(watching()),
            **values,
        )


async def visit_of(site: Site, request: Request) -> Visit:
    """The visit. Raises ``Unauthenticated``, and ``Forbidden`` for who is neither the person nor represents them."""
    visitor, _ = await visit.in_own_record(site, request)
    return Visit(site, request, visitor, Calls(site, visitor))
