"""Services to write to at the same time: one on SQLite, and two on one PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.service import Instance, prepared_file, prepared_url, service_url, serving

__all__ = ["prepared_file", "prepared_url", "service_url"]


@pytest.fixture(params=["sqlite", "postgresql, two services"])
def setting(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def services(setting: str, service_url: str, tmp_path: Path) -> AsyncIterator[list[Instance]]:
    """One service, or two on one database."""
    async with AsyncExitStack() as stack:
        count = 2 if "two" in setting else 1
        yield [await stack.enter_async_context(serving(service_url, tmp_path / f"state-{n}")) for n in range(count)]


@pytest.fixture
def service(services: list[Instance]) -> Instance:
    """The first of them."""
    return services[0]
