"""Plans with a rhythm that were written before anybody looked for these: migration 0009 finds them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest
from alembic import command

from app.careplan.times import RHYTHM
from app.config import CANONICAL_BASE
from app.database import Database
from app.database.migrations import _config, migrate
from app.fhir.resource import Resource
from tests import builders
from tests.careplan.test_due import FORM
from tests.careplan.test_rhythm import WEEKLY, agreed, asking
from tests.database.test_migrations import opened
from tests.server.service import running_service

_CLAIMED: Final = "SELECT patient, n FROM claim WHERE name = $1"


async def claimed(database: Database) -> list[tuple[int, int]]:
    return [(row[0], row[1]) for row in await database.fetch(_CLAIMED, RHYTHM)]


@pytest.mark.parametrize(
    ("scheduled", "plans"), [({"scheduledTiming": WEEKLY}, 1), ({"scheduledString": "elke maandag"}, 0)]
)
async def test_plans_from_before_are_looked_at_after_an_upgrade(
    database_url: str, tmp_path: Path, scheduled: Resource, plans: int
) -> None:
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    async with running_service(database_url, tmp_path) as service:
        await service.caller("operator").create(builders.questionnaire(url=FORM, version="1"))
        await agreed(service, service.caller("anna"), asking(**scheduled))
        before = await claimed(service.database)
    assert len(before) == plans
    await asyncio.to_thread(command.downgrade, _config(database_url, 0, CANONICAL_BASE), "0008")
    async with opened(database_url) as database:
        assert await claimed(database) == []
    await migrate(database_url, canonical_base=CANONICAL_BASE)
    async with opened(database_url) as database:
        assert await claimed(database) == before
