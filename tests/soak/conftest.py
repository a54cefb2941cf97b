"""Prepared databases for the long figures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgresql import Databases, NoServer, temporary_server
from tests.service import prepare, prepared_file, prepared_url, service_url

__all__ = ["prepared_file", "prepared_url", "service_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def setting(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def durable_url(setting: str, tmp_path: Path) -> Iterator[str]:
    """A prepared database whose commits wait for the disk, whatever the other tests do."""
    with ExitStack() as stack:
        if setting == "sqlite":
            url = f"sqlite:///{tmp_path / 'zelfregie.db'}"
        elif given := os.environ.get("TEST_DATABASE_URL"):
            url = stack.enter_context(Databases(given.replace("postgresql+asyncpg://", "postgresql://"))).create()
        else:
            try:
                url = stack.enter_context(temporary_server({})).url
            except NoServer as reason:
                pytest.skip(f"no PostgreSQL: {reason}, or set TEST_DATABASE_URL")
        asyncio.run(prepare(url))
        yield url
