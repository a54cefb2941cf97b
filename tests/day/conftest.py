"""The day of a GP's system."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.day.arrival import Day, arrived
from tests.server.service import Caller, Service


@pytest.fixture
async def day(service: Service, anna: Caller) -> AsyncIterator[Day]:
    async with arrived(service, anna) as begun:
        yield begun
