"""``zelfregie load``: open the database, and load as the service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.auth import service_access
from app.auth.sandbox import TENANT
from app.config import Settings
from app.database import open_database
from app.database.migrations import check_migrated
from app.server.loading import LoadReport, load, resources_in
from app.server.server import FhirServer


async def load_files(settings: Settings, files: Sequence[Path], patient: str | None) -> LoadReport:
    """Load files and folders. Raises ``ZelfregieError`` when the database cannot be used."""
    database = await open_database(settings.database, connections=2)
    try:
        await check_migrated(database, canonical_base=settings.canonical_base)
        server = FhirServer(database, f"{settings.public_url}/fhir/", settings.page_key())
        report = LoadReport()
        patient_type = server.registry.number("Patient")
        async with service_access(database, tenant=TENANT, reason="load", now=server.clock(), patient_type=patient_type) as access:
            return await load(server, access, resources_in(files, server, report), patient=patient, report=report)
    finally:
        await database.close()
