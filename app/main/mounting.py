"""The addresses beside ``/fhir``: people's pages and the authorization server, by area. Their routes are made before
the service opens, and are given what they need when it does.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from app.auth.accounts.service import Accounts
from app.auth.oauth.routes import oauth_routes
from app.auth.oauth.server import AuthorizationServer
from app.auth.rights.service import Rights
from app.config import Settings
from app.main.opening import Parts
from app.measurements.importing.jobs import import_seal
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names
from app.server.cors import Origins
from app.server.server import FhirServer
from app.web.account.routes import add_account_pages
from app.web.admin.routes import add_admin_pages
from app.web.authorize.routes import add_authorize_pages, explaining
from app.web.data.routes import add_data_pages
from app.web.looked.routes import Looked, looked_pages
from app.web.measurements.import_routes import add_import_pages
from app.web.measurements.importing import Importing
from app.web.measurements.routes import add_measurement_pages
from app.web.opened import Opened
from app.web.people.elsewhere import ways as identity_providers
from app.web.people.elsewhere import ways_again
from app.web.people.routes import add_people_pages
from app.web.people.visit import People, people_of
from app.web.permissions.routes import permission_pages
from app.web.problems import add_problem_pages
from app.web.profile.showing import add_profile_page
from app.web.questionnaires.routes import add_questionnaire_pages
from app.web.questionnaires.visit import Asking
from app.web.record.routes import add_record_pages
from app.web.routes import add_pages
from app.web.site import Site


class Areas:
    """All areas of pages, mounted."""

    def __init__(self, pages: FastAPI, settings: Settings, *, sandbox: bool) -> None:
        self._settings = settings
        self._server: FhirServer | None = None
        self._site: Opened[Site] = Opened()
        self._accounts: Opened[Accounts] = Opened()
        self._people: Opened[People] = Opened()
        self._oauth: Opened[AuthorizationServer] = Opened()
        self._rights: Opened[Rights] = Opened()
        self._looked: Opened[Looked] = Opened()
        self._asking: Opened[Asking] = Opened()
        self._importing: Opened[Importing] = Opened()
        add_pages(pages, lambda: self._server, sandbox=sandbox)
        add_problem_pages(pages, self._site)
        add_account_pages(pages, self._site, self._accounts, other_ways=identity_providers, ways_again=ways_again)
        add_people_pages(pages, self._site, self._people)
        add_admin_pages(pages, self._site, self._people)
        pages.include_router(oauth_routes(self._oauth, Origins(settings.allowed_origins), explaining(self._site)))
        add_authorize_pages(pages, self._site, self._oauth)
        add_data_pages(pages, self._site, self._rights)
        pages.include_router(looked_pages(self._looked))
        pages.include_router(permission_pages(self._site))
        add_record_pages(pages, self._site)
        add_measurement_pages(pages, self._site)
        add_import_pages(pages, self._site, self._importing)
        add_questionnaire_pages(pages, self._asking)
        add_profile_page(pages, self._site, settings.canonical_base)

    def open(self, parts: Parts) -> None:
        """Give every area what it needs."""
        self._server = parts.server
        self._site.fill(parts.site)
        self._accounts.fill(parts.accounts)
        self._people.fill(people_of(parts.accounts, self._settings.page_key()))
        self._oauth.fill(parts.oauth)
        self._rights.fill(parts.rights)
        self._looked.fill(Looked(parts.site, parts.mover.run))
        self._importing.fill(Importing(import_seal(parts.server.page_key), parts.bell))
        base = self._settings.canonical_base
        self._asking.fill(Asking(parts.site, QuestionnaireLibrary(base), Names(base)))

    def close(self) -> None:
        """Nothing is there any more."""
        self._server = None
        every: tuple[Opened[Any], ...] = (
            self._site, self._accounts, self._people, self._oauth, self._rights, self._looked, self._asking,
            self._importing,
        )  # fmt: skip
        for each in every:
            each.fill(None)
