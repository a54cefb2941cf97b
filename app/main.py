"""``create_app(settings)``: wires everything, and is the only place that does."""

from __future__ import annotations

import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

from app.audit import Journal, Mover
from app.auth import Sandbox, TokenAuthenticator, publish, read_sandbox
from app.auth.accesslog.keeping import Keeping
from app.auth.accesslog.provider import AuditEvents
from app.auth.accounts.service import Accounts, accounts_of
from app.auth.accounts.sessions import Sessions
from app.auth.consents.operations import consent_operations
from app.auth.consents.pairing import Pairing, known_as
from app.auth.consents.provider import PrivacyConsents
from app.auth.oauth.metadata import SMART_CONFIGURATION, Metadata
from app.auth.oauth.routes import oauth_routes
from app.auth.oauth.server import AuthorizationServer, authorization_server
from app.auth.recording import Recording
from app.auth.rights.annotation import annotate_operation
from app.auth.rights.service import Rights, rights_of
from app.auth.rights.tombstones import Tombstones
from app.auth.sealing import Seal
from app.auth.tidying import Tidying
from app.clock import system_clock
from app.config import Settings
from app.database import Database, open_database
from app.database.migrations import check_migrated, migrate
from app.errors import ZelfregieError
from app.fhir.definitions import load
from app.server.asgi import FhirApp, Receive, Scope, Send
from app.server.cors import Origins
from app.server.labels import load_labels
from app.server.metrics import RequestMetrics
from app.server.operations import Operations
from app.server.outcomes import outcome_bytes, status_of
from app.server.providers import Providers
from app.server.reindexing import load_index_state
from app.server.server import FhirServer
from app.server.standard_operations import STANDARD_OPERATIONS
from app.web.account.routes import add_account_pages
from app.web.admin.routes import add_admin_pages
from app.web.authorize.routes import add_authorize_pages, explaining
from app.web.data.routes import add_data_pages
from app.web.headers import protecting
from app.web.looked.routes import Looked, looked_pages
from app.web.opened import Opened
from app.web.people.elsewhere import ways as identity_providers
from app.web.people.routes import add_people_pages
from app.web.people.visit import People, people_of
from app.web.permissions.routes import permission_pages
from app.web.problems import add_problem_pages
from app.web.routes import add_pages
from app.web.site import Site

ROOT = "/fhir"
_log = structlog.get_logger(__name__)


@dataclass
class Parts:
    """What exists while the service runs."""

    database: Database
    server: FhirServer
    fhir: FhirApp
    journal: Journal
    mover: Mover
    authenticator: TokenAuthenticator
    metrics: CollectorRegistry
    site: Site
    accounts: Accounts
    oauth: AuthorizationServer
    rights: Rights

    def pending(self) -> int:
        """How many journal lines of this process are not in the database yet."""
        return max(0, self.journal.line - self.mover.moved)


class Application:
    """The whole service as one ASGI app: ``/fhir`` goes straight to its raw app, everything else to FastAPI.

    Nothing is opened before ``running`` is entered, by the ASGI lifespan or by whoever serves it.
    """

    def __init__(self, settings: Settings, *, sandbox: Sandbox | None = None, keep: bool = False) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._keep = keep
        self._fhir: FhirApp | None = None
        self.parts: Parts | None = None
        self._site: Opened[Site] = Opened()
        self._accounts: Opened[Accounts] = Opened()
        self._people: Opened[People] = Opened()
        self._oauth: Opened[AuthorizationServer] = Opened()
        self._pages = FastAPI(
            title="Zelfregie",
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,  # to the host that the request names, and only where its query is UTF-8
            lifespan=self._lifespan,
        )
        _routes(self._pages, self, sandbox)
        add_pages(self._pages, self._server, sandbox=sandbox is not None)
        add_problem_pages(self._pages, self._site)
        add_account_pages(self._pages, self._site, self._accounts, other_ways=identity_providers)
        add_people_pages(self._pages, self._site, self._people)
        add_admin_pages(self._pages, self._site, self._people)
        self._pages.include_router(oauth_routes(self._oauth, Origins(settings.allowed_origins), explaining(self._site)))
        add_authorize_pages(self._pages, self._site, self._oauth)
        self._rights: Opened[Rights] = Opened()
        add_data_pages(self._pages, self._site, self._rights)
        self._looked: Opened[Looked] = Opened()
        self._pages.include_router(looked_pages(self._looked))
        self._pages.include_router(permission_pages(self._site))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch by path."""
        if scope["type"] == "http" and self._fhir is not None:
            path: str = scope["path"]
            below = path.startswith(ROOT) and (len(path) == len(ROOT) or path[len(ROOT)] == "/")
            if below and path != SMART_CONFIGURATION:
                await self._fhir(scope, receive, send)
                return
        await self._pages(scope, receive, protecting(send))

    def _server(self) -> FhirServer | None:
        return None if self.parts is None else self.parts.server

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Parts]:
        """Everything open; closed in the opposite order. Raises ``ZelfregieError`` when something cannot be."""
        async with AsyncExitStack() as stack:
            self.parts = await _open(self._settings, stack, self._sandbox, keep=self._keep)
            self._fhir = self.parts.fhir
            self._site.fill(self.parts.site)
            self._accounts.fill(self.parts.accounts)
            self._people.fill(people_of(self.parts.accounts, self._settings.page_key()))
            self._oauth.fill(self.parts.oauth)
            self._rights.fill(self.parts.rights)
            self._looked.fill(Looked(self.parts.site, self.parts.mover.run))
            _settle()
            yield self.parts
            self.parts = self._fhir = None
            self._site.fill(None)
            self._accounts.fill(None)
            self._people.fill(None)
            self._oauth.fill(None)
            self._looked.fill(None)
            self._rights.fill(None)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self.running():
            yield


def _settle() -> None:
    """Take what was made at start-up, which stays, out of the garbage collector's rounds, and let it come round less
    often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def create_app(settings: Settings, *, sandbox_file: Path | None = None, keep: bool = False) -> Application:
    """The service. ``sandbox_file``: serve a sandbox, whose database is emptied and seeded first, unless ``keep`` and
    it was seeded from the same files before. Raises ``Invalid`` for a sandbox file with mistakes.
    """
    sandbox = None if sandbox_file is None else read_sandbox(sandbox_file, list(load_labels().categories))
    return Application(settings, sandbox=sandbox, keep=keep)


async def _open(settings: Settings, stack: AsyncExitStack, sandbox: Sandbox | None, *, keep: bool) -> Parts:
    """Open everything; closed by ``stack`` in the opposite order."""
    if sandbox is not None:
        await migrate(settings.database, partitions=settings.partitions, canonical_base=settings.canonical_base)
    database = await open_database(settings.database, connections=settings.connections)
    stack.push_async_callback(database.close)
    await check_migrated(database, canonical_base=settings.canonical_base)
    base = f"{settings.public_url}{ROOT}/"
    consents = PrivacyConsents(settings.canonical_base)
    pairing = Pairing(Seal(settings.page_key(), "pairing"))
    annotation = annotate_operation(settings.canonical_base)
    server = FhirServer(
        database,
        base,
        settings.page_key(),
        rules=[Tombstones(settings.page_key(), load("4.0.1").type_numbers).rule()],
        providers=Providers([consents, AuditEvents(base, settings.canonical_base)]),
        operations=Operations((*STANDARD_OPERATIONS, *consent_operations(consents, pairing), annotation)),
        known_as=known_as,
        canonical_base=settings.canonical_base,
        labels=load_labels(settings.canonical_base),
        security=Metadata(settings.public_url, base.rstrip("/")).security(),
    )
    if sandbox is not None and not (keep and await sandbox.is_seeded(server)):
        report = await sandbox.prepare(server)
        _log.info("sandbox.seeded", stored=report.stored, refused=len(report.refusals))
        for refusal in report.refusals:
            problems = [f"{', '.join(issue.expression)}: {issue.diagnostics}" for issue in refusal.issues]
            _log.warning("sandbox.refused", source=refusal.source, problems=problems)
    await load_index_state(server)
    await publish(server)
    journal = Journal(settings.journal, secrets.token_bytes(16), now=system_clock())
    journal.start()
    mover = Mover(database, settings.journal, journal=journal)
    mover.start()
    keeping = Keeping(database, settings, clock=system_clock)
    keeping.start()
    stack.push_async_callback(_stop, journal, mover, keeping)
    authenticator = TokenAuthenticator(database, patient_type=server.registry.number("Patient"))
    requests = RequestMetrics()
    metrics = CollectorRegistry()
    for collector in (requests, _Pending(journal, mover)):
        metrics.register(collector)
    ProcessCollector(registry=metrics)
    PlatformCollector(registry=metrics)
    GCCollector(registry=metrics)
    fhir = FhirApp(
        server,
        root=ROOT,
        authenticate=authenticator,
        forget=authenticator.forget,
        journal=journal,
        metrics=requests,
        origins=settings.allowed_origins,
    )
    sessions = Sessions(database, patient_type=server.registry.number("Patient"))
    accounts = accounts_of(settings, server, sessions)
    recording = Recording(journal)
    oauth = authorization_server(server, settings, recording)
    tidying = Tidying(database, sessions, oauth.limits, clock=system_clock)
    tidying.start()
    stack.push_async_callback(tidying.stop)
    accounts.outbox.start()
    stack.push_async_callback(accounts.outbox.stop)
    rights = rights_of(server)
    rights.worker.start()
    stack.push_async_callback(rights.worker.stop)
    site = Site(
        server,
        sessions,
        recording,
        settings,
        Seal(settings.page_key(), "pages"),
        sandbox=sandbox is not None,
    )
    return Parts(database, server, fhir, journal, mover, authenticator, metrics, site, accounts, oauth, rights)


async def _stop(journal: Journal, mover: Mover, keeping: Keeping) -> None:
    await keeping.stop()
    await mover.stop()
    await journal.stop()
    await mover.drain()


class _Pending:
    """How many journal lines are not in the database yet."""

    def __init__(self, journal: Journal, mover: Mover) -> None:
        self._journal = journal
        self._mover = mover

    def collect(self) -> list[Any]:
        """One gauge."""
        gauge = GaugeMetricFamily(
            "zelfregie_audit_pending_lines", "Journal lines of this process that are not in the database yet."
        )
        gauge.add_metric([], max(0, self._journal.line - self._mover.moved))
        return [gauge]


def _routes(pages: FastAPI, application: Application, sandbox: Sandbox | None) -> None:
    """Health, metrics, and the sandbox's reset."""

    @pages.get("/health")
    async def health() -> JSONResponse:
        if application.parts is None:
            return JSONResponse({"status": "starting"}, 503)
        try:
            await application.parts.database.fetch("SELECT 1")
        except ZelfregieError as error:
            return JSONResponse({"status": "failing", "reason": str(error)}, 503)
        return JSONResponse({"status": "ok", "auditPending": application.parts.pending()})

    @pages.get("/metrics")
    async def metrics() -> PlainTextResponse:
        if application.parts is None:
            return PlainTextResponse("", 503)
        return PlainTextResponse(generate_latest(application.parts.metrics), media_type="text/plain; version=0.0.4")

    if sandbox is not None:

        @pages.post("/sandbox/reset")
        async def reset() -> Response:
            if application.parts is None:
                return Response(status_code=503)
            try:
                await sandbox.reset(application.parts.server)
                await publish(application.parts.server)  # as seeded, unless the service was renewed since
            except ZelfregieError as error:
                return Response(outcome_bytes(error), status_of(error), media_type="application/fhir+json")
            application.parts.authenticator.forget_all()
            return Response(status_code=204)


def from_environment() -> Application:
    """For ``uvicorn --factory``: several processes on PostgreSQL."""
    return create_app(Settings())
