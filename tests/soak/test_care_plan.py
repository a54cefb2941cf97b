"""A long life of a care plan, with many people at it: what tests/careplan/test_properties.py does, for longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.careplan.actors import actor
from tests.careplan.holding import check
from tests.careplan.living import born
from tests.postgresql import Databases
from tests.server.service import running_service

pytestmark = pytest.mark.soak

STEPS = 400


@pytest.fixture
def empty_url(setting: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if setting == "sqlite":
        yield f"sqlite:///{tmp_path / 'zelfregie.db'}"
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.mark.parametrize("seed", range(10, 16))
async def test_a_long_life_leaves_a_whole_history(empty_url: str, tmp_path: Path, seed: int) -> None:
    async with running_service(empty_url, tmp_path) as service:
        living = await born(service, service.caller("anna"), seed)
        living.callers["bystander"] = await actor(service, "bystander")
        await living.live(STEPS)
        assert len(living.seen) > STEPS // 8
        await check(living, pairs=60)
