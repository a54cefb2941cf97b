"""The service on a plain database (no sandbox) that is prepared once and copied: three patients, and who may see them.

Callers are named by their tokens: each patient, ``practice`` for all three, ``operator`` for everything.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.auth import NewGrant, hash_token, service_access, write_grant
from app.clock import Clock
from app.config import CANONICAL_BASE, Settings
from app.database import Database, open_database
from app.database.migrations import migrate
from app.main import Parts, create_app
from app.server.asgi import FhirApp
from app.server.loading import Found, LoadReport, load
from app.server.metrics import RequestMetrics
from app.server.rules import Rule
from app.server.server import FhirServer
from app.server.store.find import find_patient
from tests import builders
from tests.postgresql import Databases

ORIGIN: Final = "http://zelfregie.test"
SECRET: Final = "the same in every process"
TENANT: Final = 1
PEOPLE: Final = ("anna", "bram", "chris")
SEED: Final = (
    *(builders.patient(name) for name in PEOPLE),
    builders.organization(id="practice"),
    builders.medication(id="metformin"),
)


async def prepare(url: str, *, partitions: int = 0) -> None:
    """Make the tables, the patients, and a grant for each caller."""
    await migrate(url, partitions=partitions, canonical_base=CANONICAL_BASE)
    database = await open_database(url, connections=2)
    try:
        server = FhirServer(database, f"{ORIGIN}/fhir/", SECRET.encode())
        report = LoadReport()
        number = server.registry.number("Patient")
        async with service_access(
            database, tenant=TENANT, reason="test", now=server.clock(), patient_type=number
        ) as access:
            await load(server, access, [Found("seed", each) for each in SEED], patient=None, report=report)
            keys = [await find_patient(database, access, name, server.registry) for name in PEOPLE]
        assert not report.refusals, report.refusals
        async with database.write() as writer:
            for grant in _grants([key for key in keys if key is not None]):
                await write_grant(writer, grant)
    finally:
        await database.close()


def _grants(keys: Sequence[int]) -> Iterator[NewGrant]:
    for name, key in zip(PEOPLE, keys, strict=True):
        yield NewGrant(
            hash=hash_token(name), recipient=name, scopes="patient/*.cruds", tenant=TENANT, purpose="own-use",
            person=f"Patient/{name}", patients=(key,), patient=key,
        )  # fmt: skip
    for name in ("practice", "operator"):
        yield NewGrant(
            hash=hash_token(name), recipient=name, scopes="system/*.cruds", tenant=TENANT, purpose="treatment",
            organization=name, patients=keys if name == "practice" else (), everyone=name == "operator",
        )  # fmt: skip


async def _prepare_and_publish(url: str, state: Path) -> None:
    """Also let a service publish its definitions, which takes longer than all the rest of its start: those that are
    started on a copy find them there, as a service does that is started again.
    """
    await prepare(url)
    async with serving(url, state):
        pass


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared SQLite database, which copies are made of."""
    folder = tmp_path_factory.mktemp("prepared")
    path = folder / "prepared.db"
    asyncio.run(_prepare_and_publish(f"sqlite:///{path}", folder))
    return path


@pytest.fixture(scope="session")
def prepared_url(postgresql_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A prepared PostgreSQL database, which copies are made of."""
    url = postgresql_databases.create()
    asyncio.run(_prepare_and_publish(url, tmp_path_factory.mktemp("prepared")))
    return url


@pytest.fixture
def service_url(setting: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A prepared database for this test alone; ``setting`` begins with the name of the engine."""
    if setting == "sqlite":
        path = tmp_path / "zelfregie.db"
        shutil.copy(request.getfixturevalue("prepared_file"), path)
        yield f"sqlite:///{path}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create(like=request.getfixturevalue("prepared_url"))
    yield url
    databases.drop(url)


@dataclass(frozen=True, slots=True)
class Instance:
    """One running service in this process. ``http`` speaks to it below ``/fhir``."""

    parts: Parts
    server: FhirServer
    http: httpx.AsyncClient

    @property
    def database(self) -> Database:
        return self.parts.database


@asynccontextmanager
async def serving(
    url: str, state: Path, *, rules: Sequence[Rule] = (), clock: Clock | None = None, connections: int = 10
) -> AsyncIterator[Instance]:
    """Serve ``url`` with the journal in ``state``; ``rules`` and ``clock`` are those of the FHIR server."""
    settings = Settings.model_validate(
        {"database": url, "base_url": ORIGIN, "state": state, "secret": SECRET, "connections": connections}
    )
    application = create_app(settings)
    async with application.running() as parts:
        server = replace(parts.server, rules=rules, clock=clock or parts.server.clock)
        fhir = FhirApp(
            server,
            root="/fhir",
            authenticate=parts.authenticator,
            forget=parts.authenticator.forget,
            journal=parts.journal,
            metrics=RequestMetrics(),
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(fhir), base_url=f"{ORIGIN}/fhir") as http:
            yield Instance(parts, server, http)
