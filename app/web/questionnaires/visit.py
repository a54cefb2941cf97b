"""One request for a page about questionnaires: who asks, in which record, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import Response

from app.fhir.dates import LOCAL
from app.fhir.resource import Resource
from app.questionnaires.answers.amending import original_of
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.questionnaires.licensing import usable
from app.questionnaires.names import Names
from app.questionnaires.refusals import PREFIX
from app.questionnaires.safety import help_text
from app.server.working_copies import Original
from app.web import visit
from app.web.calling import Calls
from app.web.dates import day_of
from app.web.forms import check_origin, check_token
from app.web.problems import PageProblem
from app.web.questionnaires.wording import said
from app.web.site import Site
from app.web.uploads import Upload, read_upload


class NotUsable(PageProblem):
    """A list that may not be filled in here. Nothing went wrong: the person reads why."""

    title = "questionnaires.refusal.title"
    back = ("/questionnaires", "questionnaires.back_to_list")


@dataclass(frozen=True, slots=True)
class Asking:
    """The parts that these pages need."""

    site: Site
    library: QuestionnaireLibrary
    names: Names


@dataclass
class Visit(visit.Visit):
    """What a view is given. ``calls`` carries out what an app would ask of the FHIR base."""

    asking: Asking
    calls: Calls

    area: ClassVar[str] = "questionnaires"

    @property
    def moment(self) -> datetime:
        """The same, for expressions."""
        return datetime.fromtimestamp(self.visitor.now / 1_000_000, LOCAL)

    def original_of(self, response: Resource) -> Original | None:
        """The answers that a draft is a working copy of; None for one that is not."""
        return original_of(response, self.asking.names, self.asking.site.server.base)

    @property
    def yes_no(self) -> Mapping[str, str]:
        """The words for true and false."""
        t = self.visitor.t
        return {"True": t("questionnaires.yes"), "False": t("questionnaires.no")}

    @property
    def help_words(self) -> str:
        """What is said at once to who thinks of harming themselves."""
        words = help_text()
        return words.nl if self.language == "nl" else words.en

    async def form(self) -> Upload:
        """What was posted, by this visitor from our own page; it may hold files."""
        check_origin(self.request, self.site.origin)
        form = await read_upload(self.request)
        check_token(form, self.visitor.csrf)
        return form

    async def find(self, canonical: str) -> Held | None:
        """A Questionnaire of the catalogue."""
        async with self.server.database.snapshot() as reader:
            return await self.asking.library.find(self.server, reader, self.access.catalogues, canonical)

    async def held(self, canonical: str) -> Held:
        """A Questionnaire that can be used. Raises ``PageProblem`` for one that is not here, or may not be used."""
        found = await self.find(canonical) if canonical else None
        if found is None:
            raise PageProblem(404, "questionnaires.problem.not_held")
        why = self.refusal(found)
        if why is not None:
            raise NotUsable(422, why[0], **why[1])
        return found

    def refusal(self, held: Held) -> tuple[str, dict[str, object]] | None:
        """The key of the text that says why a Questionnaire cannot be used, and what goes in; None when it can."""
        issue = usable(held, now=self.now)
        if issue is None or held.instrument is None:
            return None
        licence = held.instrument.licence
        facts: dict[str, object] = {
            "title": held.instrument.row.get("name", self.title(held)),
            "holder": licence.holder,
            "until": licence.until,
        }
        return f"questionnaires.refusal.{(issue.rule or '').removeprefix(PREFIX).replace('-', '_')}", facts

    def title(self, held: Held) -> str:
        """What a Questionnaire is called, in the language of the page."""
        resource = held.form.resource
        return said(resource, "title", self.language) or str(resource.get("name", resource.get("url", "")))

    def licence(self, held: Held) -> str:
        """What must be shown beside the questions, if anything."""
        return "" if held.instrument is None else held.instrument.licence.line

    def page(
        self, template: str, *, status: int | None = 200, problems: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page of this area. ``problems`` are texts by field: what is still to do is no 422."""
        return visit.Visit.page(
            self,
            template,
            status=status,
            problems=problems,
            on=lambda written: day_of(str(written or ""), self.language),
            **values,
        )


async def visit_of(asking: Asking, request: Request) -> Visit:
    """The visit. Raises ``Unauthenticated``, and ``Forbidden`` for who is neither the person nor represents them."""
    visitor, _ = await visit.in_own_record(asking.site, request)
    return Visit(asking.site, request, visitor, asking, Calls(asking.site, visitor))
