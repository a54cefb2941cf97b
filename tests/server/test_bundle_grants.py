"""A grant that ends, narrows or widens while the entries of a Bundle are carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.auth.grants import withdraw
from app.auth.tokens import hash_token
from app.fhir.resource import decode
from app.server.store.read import read
from tests.builders import asking, batch, goal, posted, transaction
from tests.server.service import Caller, Service

Before = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture
def before_first_read(monkeypatch: pytest.MonkeyPatch) -> Before:
    """Does something just before the first read of a resource looks in the database."""

    def arrange(happening: Callable[[], Awaitable[None]]) -> None:
        passed: list[int] = []

        async def watched(*arguments: Any, **named: Any) -> Any:
            if not passed:
                passed.append(1)
                await happening()
            return await read(*arguments, **named)

        monkeypatch.setattr("app.server.interactions.stored.read", watched)

    return arrange


async def taken_back(service: Service) -> None:
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM access_grant WHERE hash = $1", hash_token("anna"))


async def withdrawn(service: Service) -> None:
    """The grant stands, and nothing is permitted any more."""
    async with service.database.write() as writer:
        await withdraw(writer, f"sandbox:{hash_token('anna').hex()}")


async def raised(service: Service) -> None:
    """The stamp of everything that was known of the grant."""
    async with service.database.write() as writer:
        await writer.execute("UPDATE access_grant SET stamp = stamp + 1 WHERE hash = $1", hash_token("anna"))


ENTRIES = (posted(goal()), asking("GET", "Patient/anna"), posted(goal()), asking("GET", "Patient/anna"))


@pytest.mark.parametrize(
    "expected", [["201", "401", "401", "401"], ["201", "404", "422", "404"]], ids=["taken back", "withdrawn"]
)
async def test_what_comes_after_a_withdrawal_is_refused_and_what_was_done_is_told(
    service: Service,
    anna: Caller,
    operator: Caller,
    before_first_read: Before,
    expected: list[str],
) -> None:
    before_first_read(lambda: (taken_back if "401" in expected else withdrawn)(service))
    answer = await anna.post("/", batch(*ENTRIES))
    assert answer.status_code == 200
    entries = decode(answer.content)["entry"]
    assert [entry["response"]["status"][:3] for entry in entries] == expected
    assert len(await operator.found("/Goal")) == 1
    assert (await anna.get("/Patient/anna")).status_code == int(expected[1])


async def test_a_grant_that_changed_is_looked_up_again(
    service: Service, anna: Caller, before_first_read: Before
) -> None:
    before_first_read(lambda: raised(service))
    entries = decode((await anna.post("/", batch(*ENTRIES))).content)["entry"]
    assert [entry["response"]["status"][:3] for entry in entries] == ["201", "200", "201", "200"]
    assert (await anna.get("/Patient/anna")).status_code == 200


async def test_a_transaction_is_stored_once_when_its_reads_come_too_late(
    service: Service, anna: Caller, operator: Caller, before_first_read: Before
) -> None:
    before_first_read(lambda: taken_back(service))
    answer = await anna.post("/", transaction(*ENTRIES))
    assert answer.status_code == 200
    entries = decode(answer.content)["entry"]
    assert [entry["response"]["status"][:3] for entry in entries] == ["201", "401", "201", "401"]
    assert len(await operator.found("/Goal")) == 2


@pytest.mark.parametrize("entries", [(), ENTRIES, (asking("GET", "Patient/anna"),)], ids=["none", "all", "reads"])
@pytest.mark.parametrize("kind", [batch, transaction])
async def test_a_grant_that_is_taken_back_holds_from_the_next_bundle(
    service: Service, anna: Caller, operator: Caller, kind: Any, entries: Any
) -> None:
    assert (await anna.get("/Patient/anna")).status_code == 200
    await taken_back(service)
    sent = {**kind(*entries)} if entries else {"resourceType": "Bundle", "type": kind().get("type")}
    assert (await anna.post("/", sent)).status_code == 401
    assert await operator.found("/Goal") == []
