"""People with accounts in a running service."""

from __future__ import annotations

import pytest

from tests.people.people import People
from tests.server.service import Service


@pytest.fixture
async def people(service: Service) -> People:
    """Anna with her own record; Paula and Carl without one; others as they are asked for."""
    people = People(service)
    await people.account("anna", record="anna")
    await people.account("paula")
    await people.account("carl")
    return people
