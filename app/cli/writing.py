"""The commands that write to the database: run here, or by the service that holds the SQLite file.

Both ways go through the same functions, so that a command means the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.audit.retention import prune
from app.auth import service_access
from app.auth.accesslog.keeping import retention_of
from app.auth.consents.provider import PrivacyConsents
from app.auth.rights.tombstones import Tombstones
from app.auth.sandbox import TENANT
from app.careplan.due import write_due
from app.careplan.names import Names
from app.cli.account_orders import ACCOUNT_ORDERS
from app.cli.client_orders import CLIENT_ORDERS
from app.cli.control import Asked, Done, Refused, Say, ask, listening, socket_path
from app.cli.import_orders import IMPORT_ORDERS
from app.cli.organization_orders import ORGANIZATION_ORDERS
from app.cli.package_orders import PACKAGE_ORDERS
from app.cli.quarantine_orders import QUARANTINE_ORDERS
from app.cli.questionnaire_orders import QUESTIONNAIRE_ORDERS
from app.config import Settings
from app.database import DatabaseInUse, open_database, sqlite_path
from app.database.migrations import check_migrated
from app.errors import Invalid
from app.fhir.dates import bounds
from app.fhir.definitions.own import served
from app.main.features import features_of
from app.measurements.protocols.rounds import finish_runs
from app.server.labels import load_labels
from app.server.loading import LoadReport, load, resources_in
from app.server.providers import Providers
from app.server.reindexing import ReindexReport, load_index_state, reindex
from app.server.server import FhirServer


async def carry_out(settings: Settings, asked: Asked, say: Say) -> None:
    """Run a command on the database of ``settings``, by the service that holds it if there is one.

    Raises ``ZelfregieError`` when the database cannot be used or the command cannot be carried out.
    """
    try:
        database = await open_database(settings.database, connections=2)
    except DatabaseInUse as in_use:
        try:
            await ask(socket_path(sqlite_path(settings.database)), asked, say)
        except (ConnectionError, FileNotFoundError):
            raise in_use from None
        return
    try:
        await check_migrated(database, canonical_base=settings.canonical_base)
        features = features_of(settings)
        rules = (
            *Tombstones(
                settings.page_key(), served(settings.canonical_base).type_numbers
            ).rules(),  # what was erased stays away
            *features.rules,
        )
        providers = Providers([PrivacyConsents(settings.canonical_base)])  # whose resources are not for loading
        server = FhirServer(
            database,
            f"{settings.public_url}/fhir/",
            settings.page_key(),
            rules=rules,
            providers=providers,
            intake=features.intake,
            recognisers=features.recognisers,
            working_copies=features.working_copies,
            after_load=features.after_load,
            canonical_base=settings.canonical_base,
            labels=load_labels(settings.canonical_base),
        )
        await load_index_state(server)
        await run(settings, server, asked, say)
    finally:
        await database.close()


@asynccontextmanager
async def taking_commands(settings: Settings, server: FhirServer) -> AsyncIterator[None]:
    """Where the database can be open in one process only: take other processes' commands meanwhile."""
    if server.database.dialect != "sqlite":
        yield
        return

    async def run_here(asked: Asked, say: Say) -> None:
        await run(settings, server, asked, say)

    async with listening(socket_path(sqlite_path(settings.database)), run_here):
        yield


async def run(settings: Settings, server: FhirServer, asked: Asked, say: Say) -> None:
    """Run one command. Raises ``ZelfregieError``."""
    if asked.command == "load":
        await _load(server, asked, say)
    elif asked.command == "reindex":
        await _reindex(server, say)
    elif asked.command == "due":
        await _due(server, asked, say)
    elif asked.command == "prune":
        await say(Done({"lines": await prune(server.database, retention_of(settings), now=server.clock())}))
    elif asked.command in ACCOUNT_ORDERS:
        await ACCOUNT_ORDERS[asked.command](settings, server, asked, say)
    elif asked.command in CLIENT_ORDERS:
        await CLIENT_ORDERS[asked.command](settings, server, asked, say)
    elif asked.command in ORGANIZATION_ORDERS:
        await ORGANIZATION_ORDERS[asked.command](settings, server, asked, say)
    elif asked.command in PACKAGE_ORDERS:
        await PACKAGE_ORDERS[asked.command](settings, server, asked, say)
    elif asked.command in IMPORT_ORDERS:
        await IMPORT_ORDERS[asked.command](settings, server, asked, say)
    elif asked.command in QUARANTINE_ORDERS:
        await QUARANTINE_ORDERS[asked.command](settings, server, asked, say)
    elif asked.command in QUESTIONNAIRE_ORDERS:
        await QUESTIONNAIRE_ORDERS[asked.command](settings, server, asked, say)
    else:
        raise Invalid(f"There is no command '{asked.command}'.", "not-supported")


async def _load(server: FhirServer, asked: Asked, say: Say) -> None:
    report = LoadReport()
    found = resources_in([Path(each) for each in asked.files], server, report)
    patient_type = server.registry.number("Patient")
    async with service_access(
        server.database, tenant=TENANT, reason="load", now=server.clock(), patient_type=patient_type
    ) as access:
        work = asyncio.create_task(load(server, access, found, patient=asked.patient, report=report))
        said = 0
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=0.2)
                for refusal in report.refusals[said:]:
                    await say(Refused(refusal.source, refusal.issues))
                    said += 1
        finally:
            work.cancel()
            await asyncio.wait({work})
        work.result()
    await say(Done({"stored": report.stored, "flagged": report.flagged, "refused": len(report.refusals)}))


async def _due(server: FhirServer, asked: Asked, say: Say) -> None:
    given = asked.options.get("now")
    now = server.clock() if given is None else bounds(given)[0]
    report = await write_due(server, Names(server.canonical_base), now=now)
    runs = await finish_runs(server, now=now)
    counts = {"opened": report.opened, "tasks": report.tasks, "failed": report.failed}
    await say(Done({**counts, "finished": runs.finished, "again": runs.again, "unfinished": runs.failed}))


async def _reindex(server: FhirServer, say: Say) -> None:
    report = await reindex(server, ReindexReport())
    await say(
        Done(
            {
                "partitions": report.partitions,
                "resources": report.resources,
                "rows": report.rows,
                "labels": report.labels,
            }
        )
    )
