"""The bases of the data services, with two patients whose records have something for every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest

from app.auth.sandbox import _keep
from app.medmij.services import load_services
from tests.medmij.bases import At
from tests.medmij.record import fill
from tests.postgresql import Databases
from tests.server.service import Service, running_service

_EVERY: Final[dict[str, Any]] = {"profile": "medmij", "services": list(load_services())}
TOKENS: Final[dict[str, dict[str, Any]]] = {
    "anna-medmij": {"patient": "anna", "scopes": "patient/*.cruds", **_EVERY},
    "bram-medmij": {"patient": "bram", "scopes": "patient/*.cruds", **_EVERY},
    "both-medmij": {"patients": ["anna", "bram"], "scopes": "user/*.cruds", **_EVERY},
    "narrow-medmij": {"patient": "anna", "scopes": "patient/Observation.rs", **_EVERY},
    "measurements-medmij": {
        "patient": "anna",
        "scopes": "patient/*.cruds",
        "labels": ["identity", "measurements"],
        **_EVERY,
    },
    "reports-medmij": {"patient": "anna", "scopes": "patient/DiagnosticReport.rs", **_EVERY},
    "only-52": {"patient": "anna", "scopes": "patient/*.cruds", "profile": "medmij", "services": [52]},
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of its own on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('medmij') / 'zelfregie.db'}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
async def filled(filled_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """The service with both records, as its seeded state."""
    async with running_service(filled_url, tmp_path_factory.mktemp("sandbox"), tokens=TOKENS) as service:
        for patient in ("anna", "bram"):
            await fill(service.caller(patient), patient)
        async with service.database.write() as writer:
            await _keep(writer)
        yield service


@pytest.fixture
async def fresh(filled: Service) -> Service:
    """The same, as it was filled."""
    await filled.reset()
    return filled


@pytest.fixture
def at(filled: Service) -> At:
    """Asks at the base of a service, for Anna unless another token is named."""
    return At(filled)
