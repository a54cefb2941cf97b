"""The service with the profiles of this folder installed, and the callers that enter and deliver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from app.server.packages.keeping import install, remove
from tests.builders import patient
from tests.intake.profiles import PACKAGE, package
from tests.server.grants import token_with
from tests.server.service import Caller, Service

PHONE = [{"system": "phone", "value": "0612345678"}]


@pytest.fixture
async def service(seeded_service: Service) -> AsyncIterator[Service]:
    """The service, which holds the package meanwhile; Anna can be reached by telephone, Bram cannot."""
    await seeded_service.reset()
    await install(seeded_service.database, [package()], now=seeded_service.server.clock())
    await seeded_service.caller("operator").keep(patient("anna", telecom=PHONE))
    yield seeded_service
    await remove(seeded_service.database, PACKAGE)


@pytest.fixture
async def professional(service: Service) -> Caller:
    """Somebody of an organisation, who works with a system that they signed in to."""
    return await token_with(
        service,
        "user/*.cruds",
        "anna",
        "bram",
        kind="app",
        role="professional",
        person="Practitioner/doctor",
        organization="practice",
        purpose="treatment",
    )


@pytest.fixture
async def backend(service: Service) -> Caller:
    """A system of an organisation, with a token as the authorization server gives it."""
    return await token_with(
        service,
        "system/*.cruds",
        "anna",
        "bram",
        kind="system",
        role="organization",
        organization="practice",
        fhir_user="Organization/practice",
    )
