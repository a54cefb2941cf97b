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
from app.auth.bases import holding_under
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
from app.bgz.zib2017 import Zib2017Views, viewing
from app.careplan.due import due_by_clock
from app.careplan.names import Names
from app.careplan.wiring import own_plan_parts
from app.clock import system_clock
from app.config import Settings
from app.database import Database, open_database
from app.database.migrations import check_migrated, migrate
from app.fhir.definitions import load
from app.main.features import Features, features_of
from app.main.metrics import collectors
from app.main.services import ServiceBases, service_bases
from app.main.trying import retry_by_clock
from app.measurements.importing.worker import ImportWorker
from app.measurements.protocols.rounds import finish_runs_by_clock
from app.rounds import DAY, HOUR, Bell, Rounds
from app.server.asgi import FhirApp
from app.server.interactions.taking.again import Again
from app.server.interactions.taking.deciding import taking_operations
from app.server.labels import load_labels
from app.server.metrics import RequestMetrics
from app.server.operations import Operations
from app.server.providers import Providers
from app.server.reindexing import load_index_state, refresh_index_state
from app.server.server import FhirServer
from app.server.standard_operations import STANDARD_OPERATIONS
from app.server.stu3 import Stu3Border
from app.web.site import Site

ROOT: Final = "/fhir"
STU3_ROOT: Final = "/fhir/stu3"
REINDEX_SEEN: Final = 10.0
"""Seconds until a process sees that a reindex in another one has finished."""
_log: Final = structlog.get_logger(__name__)


@dataclass
class Parts:
    """What exists while the service runs."""

    database: Database
    server: FhirServer
    fhir: FhirApp
    stu3: FhirApp
    medmij: ServiceBases
    journal: Journal
    mover: Mover
    authenticator: TokenAuthenticator
    metrics: CollectorRegistry
    site: Site
    accounts: Accounts
    oauth: AuthorizationServer
    rights: Rights
    bell: Bell

    def pending(self) -> int:
        """How many journal lines of this process are not in the database yet."""
        return max(0, self.journal.line - self.mover.moved)


async def open_parts(settings: Settings, stack: AsyncExitStack, sandbox: Sandbox | None, *, keep: bool) -> Parts:
    """Open everything, to be closed by ``stack``. Raises ``ZelfregieError`` when something cannot be."""
    database = await _database(settings, stack, sandbox)
    features = features_of(settings)
    again = Again()
    server = _fhir_server(settings, database, features, again)
    if sandbox is not None and not (keep and await sandbox.is_seeded(server)):
        await _seed(sandbox, server)
    await load_index_state(server)
    await publish(server)
    journal, mover = await _access_log(settings, stack, database)
    authenticator = TokenAuthenticator(database, patient_type=server.registry.number("Patient"))
    requests = RequestMetrics()
    base = partial(
        FhirApp,
        server,
        forget=authenticator.forget,
        journal=journal,
        metrics=requests,
        origins=settings.allowed_origins,
    )
    here = holding_under(authenticator)
    fhir = base(root=ROOT, authenticate=here)
    views = Zib2017Views(server, features.questionnaires)
    border = Stu3Border(server, f"{settings.public_url}{STU3_ROOT}/", views=views)
    again.borders[border.version] = border
    stu3 = base(root=STU3_ROOT, authenticate=viewing(here), border=border)
    medmij = service_bases(server, base, settings, authenticate=authenticator, views=views)
    sessions = Sessions(database, patient_type=server.registry.number("Patient"))
    recording = Recording(journal)
    accounts = accounts_of(settings, server, sessions)
    oauth = authorization_server(server, settings, recording)
    rights = rights_of(server, again, moved=mover.run)
    tidying = Tidying(database, sessions, oauth.limits, clock=system_clock)
    index_state = Rounds(partial(refresh_index_state, server), name="index state", every=REINDEX_SEEN)
    due = Rounds(partial(due_by_clock, server, Names(settings.canonical_base), recording), name="due", every=HOUR)
    runs = Rounds(partial(finish_runs_by_clock, server, recording), name="runs", every=HOUR)
    tries = partial(retry_by_clock, server, again, recording)
    upgraded = Rounds(tries, name="what could not be read", every=DAY, first=1.0)
    tidy, importing = Rounds(tidying.tidy, name="tidying", every=HOUR), ImportWorker(server, features.bell)
    for each in (tidy, index_state, due, runs, upgraded, accounts.outbox, rights.worker, importing):
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
    return Parts(
        *(database, server, fhir, stu3, medmij, journal, mover, authenticator, metrics, site, accounts, oauth, rights),
        bell=features.bell,
    )


async def _database(settings: Settings, stack: AsyncExitStack, sandbox: Sandbox | None) -> Database:
    if sandbox is not None:
        await migrate(settings.database, partitions=settings.partitions, canonical_base=settings.canonical_base)
    database = await open_database(settings.database, connections=settings.connections)
    stack.push_async_callback(database.close)
    await check_migrated(database, canonical_base=settings.canonical_base)
    return database


def _fhir_server(settings: Settings, database: Database, features: Features, again: Again) -> FhirServer:
    """The server with what comes from above it: rules, providers, operations, data categories."""
    base = f"{settings.public_url}{ROOT}/"
    consents = PrivacyConsents(settings.canonical_base)
    pairing = Pairing(Seal(settings.page_key(), "pairing"))
    annotation = annotate_operation(settings.canonical_base)
    numbers = load("4.0.1").type_numbers
    return FhirServer(
        database,
        base,
        settings.page_key(),
        rules=(
            *Tombstones(settings.page_key(), numbers).rules(),
            provider_data(numbers, own_plan_parts),
            *features.rules,
        ),
        providers=Providers([consents, AuditEvents(base, settings.canonical_base)]),
        operations=Operations(
            (
                *STANDARD_OPERATIONS,
                *consent_operations(consents, pairing),
                annotation,
                *taking_operations(again, settings.canonical_base),
                *features.operations,
            )
        ),
        known_as=known_as,
        intake=features.intake,
        recognisers=features.recognisers,
        working_copies=features.working_copies,
        follows=features.follows,
        after_load=features.after_load,
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
