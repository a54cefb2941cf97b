"""A sandbox in this process, and a client at its root."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.server.service import Service, running_service

ROOT = "http://zelfregie.test"


@pytest.fixture(scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """Pages do not depend on the engine: one will do."""
    folder = tmp_path_factory.mktemp("pages")
    async with running_service(f"sqlite:///{folder / 'zelfregie.db'}", folder) as service:
        yield service


@pytest.fixture
async def site(served: Service) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(served.application)
    async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
        yield client
