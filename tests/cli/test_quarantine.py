"""``zelfregie quarantine``: what could not be read is listed without its content, and tried again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.audit import Known, events_of
from app.database import open_database
from app.fhir.resource import encode
from tests.cli.runner import zelfregie
from tests.server.service import running_service
from tests.taking.conftest import system_of
from tests.taking.deliveries import delivered, diabetes
from tests.taking.test_identity import whole
from tests.taking.test_quarantine import wrong

pytestmark = pytest.mark.usefixtures("own_settings")


def command(url: str, name: str) -> tuple[int, list[str]]:
    found = zelfregie("quarantine", name, "--database", url)
    return found.exit_code, found.output.splitlines()


def test_what_could_not_be_read_is_listed_and_tried_again(database_url: str, tmp_path: Path) -> None:
    async def deliver() -> None:
        async with running_service(database_url, tmp_path) as service:
            gp = await system_of(service, "practice", "anna")
            await delivered(gp, wrong())
            await gp.post("/", whole("collection", birthDate="1901-01-01"))

    async def changed(sql: str, *binds: Any) -> int:
        database = await open_database(database_url, connections=1)
        try:
            async with database.write() as writer:
                return len(await writer.fetch(sql, *binds))
        finally:
            await database.close()

    def stored() -> int:
        return asyncio.run(changed("SELECT 1 FROM history WHERE actor = 'organization:practice' AND id <> ''"))

    asyncio.run(deliver())
    code, lines = command(database_url, "list")
    assert code == 0
    (one,) = [each for each in lines if " entry Condition of organization:practice (FHIR 4.0, " in each]
    assert "Condition.clinicalStatus" in one
    assert any(" held Bundle of organization:practice " in each for each in lines)
    assert lines[-1] == "1 could not be read, 1 deliveries are held."
    assert "kanariepiet" not in "".join(lines)
    assert command(database_url, "retry") == (0, ["0 stored, 1 still cannot be read."])
    before = stored()
    right = "UPDATE quarantine SET received = $1, problems = $2 WHERE kind = 'entry' RETURNING id"
    assert asyncio.run(changed(right, encode(diabetes()), b"[]")) == 1
    code, lines = command(database_url, "retry")
    assert (code, lines[-1]) == (0, "1 stored, 0 still cannot be read."), lines
    (told,) = lines[:-1]
    assert "of organization:practice: Condition/" in told
    assert stored() > before
    assert command(database_url, "list")[1][-1] == "0 could not be read, 1 deliveries are held."
    logged = asyncio.run(events(database_url))
    assert [(each.interaction, each.status) for each in logged] == [
        *(("delivery-listed", 200), ("delivery-retried", 422), ("delivery-retried", 200), ("delivery-listed", 200))
    ], "in the log of the person, by whom and whether anything was stored"
    assert {(each.agent.client, each.agent.role, each.agent.person) for each in logged} == {
        ("zelfregie", "administrator", "")
    }
    assert len({each.patients for each in logged}) == 1
    assert [each.resources != () for each in logged] == [False, False, True, False]
    assert logged[2].resources[0].startswith("Condition/")


async def events(url: str) -> list[Known]:
    """The log of the person of whom something is kept, but for what was done at the FHIR base; the first first."""
    database = await open_database(url, connections=1)
    try:
        ((patient,),) = await database.fetch("SELECT DISTINCT patient FROM quarantine")
        found = [each.event async for each in events_of(database, patient, since=0, until=2**62)]
    finally:
        await database.close()
    return [each for each in reversed(found) if each.interaction.startswith("delivery-")]


def test_where_nothing_is_kept_that_is_said(database_url: str) -> None:
    assert zelfregie("migrate", "--database", database_url).exit_code == 0
    assert command(database_url, "list") == (0, ["0 could not be read, 0 deliveries are held."])
    assert command(database_url, "retry") == (0, ["0 stored, 0 still cannot be read."])
