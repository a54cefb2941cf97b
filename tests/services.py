"""A running service on each engine, put back to its seeds before every test, and its callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from app.rounds import HOUR
from tests.postgresql import Databases
from tests.server.service import Caller, Service, running_service

BY_THE_CLOCK: Final = frozenset(
    {"what could not be read", "index state", "due", "runs", "tidying", "audit anchors", "audit retention"}
)
"""The rounds that a service goes unasked: the first a second after it has started, in the middle of whichever test."""


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def service_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database that all tests of one engine share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('service') / 'zelfregie.db'}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
async def seeded_service(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """The service as the test before left it. What it does by the clock, a test does itself; imports it carries out
    when it is asked for one, and takes none of a test that does so by hand.
    """
    others = asyncio.all_tasks()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.measurements.importing.worker._LOOK", HOUR)
        async with running_service(service_url, tmp_path_factory.mktemp("sandbox")) as service:
            rounds = [each for each in asyncio.all_tasks() - others if each.get_name() in BY_THE_CLOCK]
            assert {each.get_name() for each in rounds} == BY_THE_CLOCK
            for each in rounds:
                each.cancel()
            yield service


@pytest.fixture
async def service(seeded_service: Service) -> Service:
    """The service in its seeded state."""
    await seeded_service.reset()
    return seeded_service


@pytest.fixture
def anonymous(service: Service) -> Caller:
    return service.caller("")


@pytest.fixture
def anna(service: Service) -> Caller:
    """The patient herself, everything allowed."""
    return service.caller("anna")


@pytest.fixture
def bram(service: Service) -> Caller:
    """Another patient."""
    return service.caller("bram")


@pytest.fixture
def practice(service: Service) -> Caller:
    """A system with consent of Anna and Bram."""
    return service.caller("practice")


@pytest.fixture
def operator(service: Service) -> Caller:
    return service.caller("operator")
