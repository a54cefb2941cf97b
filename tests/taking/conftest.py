"""Two organisations whose systems deliver, with tokens as the authorization server gives them."""

from __future__ import annotations

import pytest

from tests.server.grants import token_with
from tests.server.service import Caller, Service


async def system_of(service: Service, organization: str, *patients: str, scopes: str = "system/*.cruds") -> Caller:
    """The system of an organisation that may do everything for these patients."""
    return await token_with(
        service,
        scopes,
        *patients,
        recipient=f"organization:{organization}",
        kind="system",
        role="organization",
        organization=organization,
        fhir_user=f"Organization/{organization}",
    )


@pytest.fixture
async def gp(service: Service) -> Caller:
    """The GP's system, which may for Anna."""
    return await system_of(service, "practice", "anna")


@pytest.fixture
async def hospital(service: Service) -> Caller:
    """The hospital's, which may too."""
    return await system_of(service, "hospital", "anna")


@pytest.fixture
async def group(service: Service) -> Caller:
    """A system with consent of Anna and Bram."""
    return await system_of(service, "group", "anna", "bram")
