"""A client that nobody is logged in with, and a browser in which Anna is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.oauth.apps import outside
from tests.server.service import Service
from tests.web.login import logged_in


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with outside(service) as found:
        yield found


@pytest.fixture
async def browser(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with logged_in(service, "anna") as found:
        yield found
