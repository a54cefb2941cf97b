"""Opening everything, in the order in which it needs each other; closed in the opposite order."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from app.audit import Journal, Mover
from app.auth import Sandbox, TokenAuthenticator, publish
from app.auth.accesslog.keeping import Keeping
from app.auth.accesslog.provider import AuditEvents
from app.auth.accounts.service import Accounts, accounts_of
from app.auth.accounts.sessions import Sessions
from app.auth.consents.operations import consent_operations
from app.auth.consents.pairing import Pairing, known_as
from app.auth.consents.provider import PrivacyConsents
from app.auth.oauth.metadata import Metadata
from app.auth.oauth.server import AuthorizationServer, authorization_server
from app.auth.recording import Recording
from app.auth.rights.annotation import annotate_operation
from app.auth.rights.rectification import provider_data
from app.auth.rights.service import Rights, rights_of
from app.auth.rights.tombstones import Tombstones
from app.auth.sealing import Seal
from app.auth.tidying import Tidying
from app.careplan.due import due_by_clock
from app.careplan.names import Names
from app.careplan.operations import care_plan_operations
from app.careplan.wiring import after_load, care_plan_rules
from app.clock import system_clock
from app.config import Settings
from app.database import Database, open_database
from app.database.migrations import check_migrated, migrate
from app.fhir.definitions import load
from app.fhir.definitions.own import served
from app.main.metrics import collectors
from app.rounds import HOUR, Rounds
from app.server.asgi import FhirApp
from app.server.labels import load_labels
from app.server.metrics import RequestMetrics
from app.server.operations import Operations
from app.server.providers import Providers
from app.server.reindexing import load_index_state, refresh_index_state
from app.server.server import FhirServer
from app.server.standard_operations import STANDARD_OPERATIONS
from app.web.site import Site

ROOT: Final = "/fhir"
REINDEX_SEEN: Final = 10.0
"""Seconds until a process sees that a reindex in another one has finished."""
_log: Final = structlog.get_logger(__name__)


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


async def open_parts(settings: Settings, stack: AsyncExitStack, sandbox: Sandbox | None, *, keep: bool) -> Parts:
    """Open everything, to be closed by ``stack``. Raises ``ZelfregieError`` when something cannot be."""
    database = await _database(settings, stack, sandbox)
    server = _fhir_server(settings, database)
    if sandbox is not None and not (keep and await sandbox.is_seeded(server)):
        await _seed(sandbox, server)
    await load_index_state(server)
    await publish(server)
    journal, mover = await _access_log(settings, stack, database)
    authenticator = TokenAuthenticator(database, patient_type=server.registry.number("Patient"))
    requests = RequestMetrics()
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
    recording = Recording(journal)
    accounts = accounts_of(settings, server, sessions)
    oauth = authorization_server(server, settings, recording)
    rights = rights_of(server)
    tidying = Tidying(database, sessions, oauth.limits, clock=system_clock)
    index_state = Rounds(partial(refresh_index_state, server), name="index state", every=REINDEX_SEEN)
    due = Rounds(partial(due_by_clock, server, Names(settings.canonical_base)), name="due", every=HOUR)
    for each in (Rounds(tidying.tidy, name="tidying", every=HOUR), index_state, due, accounts.outbox, rights.worker):
        each.start()
        stack.push_async_callback(each.stop)
    site = Site(
        server,
        sessions,
        recording,
        settings,
        Seal(settings.page_key(), "pages"),
        sandbox=sandbox is not None,
    )
    metrics = collectors(requests, journal, mover)
    return Parts(database, server, fhir, journal, mover, authenticator, metrics, site, accounts, oauth, rights)


async def _database(settings: Settings, stack: AsyncExitStack, sandbox: Sandbox | None) -> Database:
    if sandbox is not None:
        await migrate(settings.database, partitions=settings.partitions, canonical_base=settings.canonical_base)
    database = await open_database(settings.database, connections=settings.connections)
    stack.push_async_callback(database.close)
    await check_migrated(database, canonical_base=settings.canonical_base)
    return database


def _fhir_server(settings: Settings, database: Database) -> FhirServer:
    """The server with what comes from above it: rules, providers, operations, data categories."""
    base = f"{settings.public_url}{ROOT}/"
    consents = PrivacyConsents(settings.canonical_base)
    pairing = Pairing(Seal(settings.page_key(), "pairing"))
    annotation = annotate_operation(settings.canonical_base)
    numbers = load("4.0.1").type_numbers
    names = Names(settings.canonical_base)
    own = served(settings.canonical_base)
    return FhirServer(
        database,
        base,
        settings.page_key(),
        rules=(
            *Tombstones(settings.page_key(), numbers).rules(),
            provider_data(numbers),
            *care_plan_rules(names, own),
        ),
        providers=Providers([consents, AuditEvents(base, settings.canonical_base)]),
        operations=Operations(
            (*STANDARD_OPERATIONS, *consent_operations(consents, pairing), annotation, *care_plan_operations(names))
        ),
        known_as=known_as,
        after_load=after_load(names, own),
        canonical_base=settings.canonical_base,
        labels=load_labels(settings.canonical_base),
        security=Metadata(settings.public_url, base.rstrip("/")).security(),
    )


async def _seed(sandbox: Sandbox, server: FhirServer) -> None:
    report = await sandbox.prepare(server)
    _log.info("sandbox.seeded", stored=report.stored, refused=len(report.refusals))
    for refusal in report.refusals:
        problems = [f"{', '.join(issue.expression)}: {issue.diagnostics}" for issue in refusal.issues]
        _log.warning("sandbox.refused", source=refusal.source, problems=problems)


async def _access_log(settings: Settings, stack: AsyncExitStack, database: Database) -> tuple[Journal, Mover]:
    """The journal of this process, what moves its lines to the table, and what keeps them there."""
    journal = Journal(settings.journal, secrets.token_bytes(16), now=system_clock())
    mover = Mover(database, settings.journal, journal=journal)
    keeping = Keeping(database, settings, clock=system_clock)
    for each in (journal, mover, keeping):
        each.start()

    async def stop() -> None:
        await keeping.stop()
        await mover.stop()
        await journal.stop()
        await mover.drain()

    stack.push_async_callback(stop)
    return journal, mover
