"""Two processes on one PostgreSQL, over real HTTP: what holds within one holds between them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack

import httpx
import pytest

from app.database import open_database
from app.fhir.resource import decode
from app.server.server import FhirServer
from tests import builders
from tests.integrity import problems
from tests.postgresql import Databases
from tests.process import serving
from tests.server.service import Caller, link
from tests.service import SECRET


@pytest.fixture(scope="module")
def database_of_two(postgresql_databases: Databases, prepared_url: str) -> Iterator[str]:
    url = postgresql_databases.create(like=prepared_url)
    yield url
    postgresql_databases.drop(url)


@pytest.fixture(scope="module")
def addresses(database_of_two: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    command, secret = ("serve", "--database", database_of_two), {"ZELFREGIE_SECRET": SECRET}
    with ExitStack() as stack:
        states = [tmp_path_factory.mktemp(f"process-{number}") for number in range(2)]
        yield [stack.enter_context(serving(state, *command, more=secret)).address for state in states]


@pytest.fixture
async def callers(addresses: list[str]) -> AsyncIterator[list[Caller]]:
    """Eight connections, four to each process."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=addresses[number % 2], timeout=60))
            for number in range(8)
        ]
        yield [Caller(client, "anna") for client in clients]


@pytest.fixture
async def all_is_well(database_of_two: str) -> AsyncIterator[None]:
    """After the test the whole database holds together."""
    yield
    database = await open_database(database_of_two, connections=1)
    try:
        assert await problems(database, FhirServer(database, "http://zelfregie.test/fhir/", b"")) == []
    finally:
        await database.close()


async def test_eight_creates_under_one_conditional_name_make_one(callers: list[Caller], all_is_well: None) -> None:
    observation = builders.observation(identifier=[{"system": "urn:scale", "value": "42"}])
    condition = {"if-none-exist": "identifier=urn:scale|42"}
    answers = await asyncio.gather(*(caller.post("/Observation", observation, condition) for caller in callers))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
    assert len({decode(answer.content)["id"] for answer in answers}) == 1


async def test_eight_updates_with_the_same_if_match_let_one_through(callers: list[Caller], all_is_well: None) -> None:
    goal = await callers[0].create(builders.goal())
    address = f"/Goal/{goal['id']}"
    answers = await asyncio.gather(*(caller.put(address, goal, {"if-match": 'W/"1"'}) for caller in callers))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 7}


async def test_eight_updates_of_an_absent_id_make_one_chain_of_versions(
    callers: list[Caller], all_is_well: None
) -> None:
    goal = builders.goal(id="own-1")
    answers = await asyncio.gather(*(caller.put("/Goal/own-1", goal) for caller in callers))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
    assert {answer.headers["etag"] for answer in answers} == {f'W/"{version}"' for version in range(1, 9)}


async def test_a_page_link_of_one_process_is_followed_in_the_other(callers: list[Caller]) -> None:
    for _ in range(5):
        await callers[0].create(builders.condition())
    seen: list[str] = []
    address: str | None = "/Condition?_count=2"
    turn = 0
    while address is not None:
        page = await callers[turn % 2].bundle(address)
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        following = link(page, "next")
        address = None if following is None else "/Condition?" + following.partition("?")[2]
        turn += 1
    assert (turn, len(seen), len(set(seen))) == (3, 5, 5)


async def test_what_one_process_withdrew_the_other_does_not_give(callers: list[Caller], database_of_two: str) -> None:
    """The stamp of a grant is raised in the database, and holds from the next statement in every process."""
    assert [(await caller.get("/Patient/anna")).status_code for caller in callers[:2]] == [200, 200]
    database = await open_database(database_of_two, connections=1)
    try:
        async with database.write() as writer:
            await writer.execute("UPDATE access_grant SET stamp = stamp + 1, expires = 1 WHERE recipient = 'anna'")
        assert [(await caller.get("/Patient/anna")).status_code for caller in callers[:2]] == [401, 401]
        async with database.write() as writer:
            await writer.execute("UPDATE access_grant SET expires = $1 WHERE recipient = 'anna'", 2**62)
        assert [(await caller.get("/Patient/anna")).status_code for caller in callers[:2]] == [200, 200]
    finally:
        await database.close()
