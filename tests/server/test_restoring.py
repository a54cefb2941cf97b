"""Before each test everything is as it was seeded, whatever the one before it did."""

from __future__ import annotations

import pytest

from app.auth import publishing
from app.auth.sandbox import _TABLES
from app.server.ids import CATALOGUE
from tests import builders
from tests.people.people import People
from tests.server import restoring
from tests.server.grants import token_with
from tests.server.service import Caller, Service

OF_CATALOGUE = {
    "changed": f"UPDATE resource SET version = version + 1 WHERE patient = {CATALOGUE}",
    "deleted": f"DELETE FROM token WHERE patient = {CATALOGUE}",
    "moved out": f"UPDATE text SET patient = 77 WHERE patient = {CATALOGUE}",
    "moved in": f"UPDATE alias SET patient = {CATALOGUE} WHERE id = 'anna'",
}


async def differing(service: Service) -> set[str]:
    """The tables that are not as they were seeded."""
    found = set()
    for name in _TABLES:
        for one, other in ((name, f"seed_{name}"), (f"seed_{name}", name)):
            only_there = f'SELECT * FROM "{one}" EXCEPT SELECT * FROM "{other}" LIMIT 1'
            if await service.database.fetch(only_there):
                found.add(name)
    return found


async def execute(service: Service, statement: str) -> None:
    async with service.database.write() as writer:
        await writer.execute(statement)


async def test_what_was_written_through_the_doors_is_gone(service: Service, anna: Caller) -> None:
    await anna.create(builders.goal())
    people = People(service)
    await people.account("carl")
    await people.cookie("carl")
    token = await token_with(service, "patient/*.rs", "anna")
    assert {"resource", "token", "account", "session", "access_grant"} <= await differing(service)
    assert await restoring.restored(service.database)
    await service.reset()
    assert await differing(service) == set()
    assert (await token.get("/Patient/anna")).status_code == 401


async def test_rows_that_were_moved_or_lost_are_put_back(service: Service) -> None:
    for name in restoring.OF_PATIENTS:
        await execute(service, f'UPDATE "{name}" SET patient = patient + 1000 WHERE patient <> {CATALOGUE}')
    for name in restoring.OTHERS:
        await execute(service, f'DELETE FROM "{name}"')
    assert await differing(service) > {"resource", "account", "access_grant"}
    assert await restoring.restored(service.database)
    assert await differing(service) == set()


@pytest.mark.parametrize("change", OF_CATALOGUE)
async def test_the_catalogue_is_put_back_when_it_was_written(service: Service, change: str) -> None:
    await execute(service, OF_CATALOGUE[change])
    assert not await restoring.restored(service.database)
    await service.reset()
    assert await differing(service) == set()
    assert await restoring.restored(service.database), "until it is written again"


async def test_what_was_made_in_the_catalogue_is_gone(service: Service) -> None:
    made = {"resourceType": "ValueSet", "id": "made", "url": "https://elsewhere.example/ValueSet/made"}
    await publishing._store(service.server, [{**made, "status": "active"}])
    assert not await restoring.restored(service.database)
    await service.reset()
    assert await differing(service) == set()


async def test_what_was_published_is_looked_at_again_when_it_is_noted(service: Service) -> None:
    await execute(service, "UPDATE setting SET value = value WHERE name = 'published'")
    assert not await restoring.restored(service.database)
    await service.reset()
    assert await restoring.restored(service.database)
