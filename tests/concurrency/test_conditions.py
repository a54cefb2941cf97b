"""Eight at the same time: a condition lets one through, or all of them one after the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from app.database import Reader
from app.fhir.resource import Resource, decode
from app.server.rules import ChangeSet, Rule, Verdict
from tests import builders
from tests.integrity import problems
from tests.server.service import Caller
from tests.service import Instance, serving

EIGHT: Final = range(8)
URN: Final = "urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a11"
NAMED: Final = [{"system": "urn:scale", "value": "42"}]


def callers(services: list[Instance], token: str) -> list[Caller]:
    """Eight callers, spread over the services."""
    return [Caller(services[number % len(services)].http, token) for number in EIGHT]


async def at_once(services: list[Instance], token: str, send: Callable[[int, Caller], object]) -> list[httpx.Response]:
    """What eight callers are answered who send at the same time."""
    return await asyncio.gather(*(send(number, caller) for number, caller in enumerate(callers(services, token))))  # type: ignore[call-overload, no-any-return]


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


async def all_is_well(services: list[Instance]) -> bool:
    return await problems(services[0].database, services[0].server) == []


@pytest.mark.parametrize("token", ["anna", "practice", "operator"])
async def test_eight_creates_under_one_conditional_name_make_one(services: list[Instance], token: str) -> None:
    answers = await at_once(
        services,
        token,
        lambda number, caller: caller.post(
            "/Observation",
            builders.observation(identifier=NAMED, note=[{"text": f"writer {number}"}]),
            {"if-none-exist": "identifier=urn:scale|42"},
        ),
    )
    assert statuses(answers) == {201: 1, 200: 7}
    assert len({decode(answer.content)["id"] for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(await Caller(services[0].http, token).found("/Observation")) == 1
    assert await all_is_well(services)


async def test_eight_transactions_with_one_conditional_entry_make_it_once(services: list[Instance]) -> None:
    answers = await at_once(
        services,
        "anna",
        lambda number, caller: caller.post(
            "",
            builders.transaction(
                builders.posted(builders.observation(identifier=NAMED), ifNoneExist="identifier=urn:scale|42"),
                builders.posted(builders.goal(description={"text": f"writer {number}"})),
            ),
        ),
    )
    assert statuses(answers) == {200: 8}
    outcomes = Counter(decode(answer.content)["entry"][0]["response"]["status"] for answer in answers)
    assert outcomes == {"201 Created": 1, "200 OK": 7}
    caller = Caller(services[0].http, "anna")
    assert len(await caller.found("/Observation")) == 1
    assert len(await caller.found("/Goal")) == 8
    assert await all_is_well(services)


async def test_a_conditional_name_is_one_per_patient(services: list[Instance]) -> None:
    """What one patient has is no answer for another one, by whomever it is sent."""
    practice = Caller(services[0].http, "practice")
    for name in ("anna", "bram"):
        observation = builders.observation(f"Patient/{name}", identifier=NAMED)
        answer = await practice.post("/Observation", observation, {"if-none-exist": "identifier=urn:scale|42"})
        assert answer.status_code == 201, answer.text
    assert len(await practice.found("/Observation")) == 2


async def test_eight_persons_under_one_conditional_identifier_are_one(services: list[Instance]) -> None:
    """They have no record yet that could be locked."""
    answers = await at_once(
        services,
        "operator",
        lambda _, caller: caller.post(
            "/Patient", builders.patient(identifier=NAMED), {"if-none-exist": "identifier=urn:scale|42"}
        ),
    )
    assert statuses(answers) == {201: 1, 200: 7}
    assert len(await Caller(services[0].http, "operator").found("/Patient?identifier=urn:scale|42")) == 1
    assert await all_is_well(services)


async def test_eight_updates_of_one_absent_person_make_one(services: list[Instance]) -> None:
    """An id that a client chose for a person is that person's on the whole server."""
    answers = await at_once(
        services, "operator", lambda _, caller: caller.put("/Patient/dirk", builders.patient("dirk"))
    )
    assert set(statuses(answers)) <= {200, 201, 409}
    assert statuses(answers)[201] == 1
    assert await Caller(services[0].http, "operator").found("/Patient?_id=dirk") == ["dirk"]
    assert await all_is_well(services)


@pytest.mark.parametrize("token", ["anna", "practice", "operator"])
async def test_a_condition_that_matches_many_is_refused_and_the_service_goes_on(
    services: list[Instance], token: str
) -> None:
    caller = Caller(services[0].http, token)
    for _ in range(4):
        await caller.create(builders.counted(identifier=NAMED))
    answers = await at_once(
        services,
        token,
        lambda _, caller: caller.post(
            "/Observation", builders.observation(), {"if-none-exist": "identifier=urn:scale|42"}
        ),
    )
    assert statuses(answers) == {412: 8}
    await caller.create(builders.observation())
    assert len(await caller.found("/Observation")) == 5


async def test_a_condition_on_the_catalogue_that_matches_many_is_refused(services: list[Instance]) -> None:
    operator = Caller(services[0].http, "operator")
    for _ in range(3):
        await operator.create(builders.organization(identifier=NAMED))
    for token in ("operator", "anna"):
        condition = {"if-none-exist": "identifier=urn:scale|42"}
        answer = await Caller(services[0].http, token).post("/Organization", builders.organization(), condition)
        assert answer.status_code == 412, answer.text


async def test_eight_updates_with_the_same_if_match_let_one_through(services: list[Instance]) -> None:
    caller = Caller(services[0].http, "anna")
    goal = await caller.create(builders.goal())
    answers = await at_once(
        services,
        "anna",
        lambda number, caller: caller.put(
            f"/Goal/{goal['id']}", {**goal, "description": {"text": f"writer {number}"}}, {"if-match": 'W/"1"'}
        ),
    )
    assert statuses(answers) == {200: 1, 412: 7}
    (winner,) = (answer for answer in answers if answer.status_code == 200)
    assert (await caller.get(f"/Goal/{goal['id']}")).content == winner.content
    assert [entry["resource"]["meta"]["versionId"] for entry in await versions(caller, f"/Goal/{goal['id']}")] == [
        "2",
        "1",
    ]
    assert await all_is_well(services)


async def test_eight_deletes_with_the_same_if_match_let_one_through(services: list[Instance]) -> None:
    caller = Caller(services[0].http, "anna")
    goal = await caller.create(builders.goal())
    address = f"/Goal/{goal['id']}"
    answers = await at_once(services, "anna", lambda _, caller: caller.delete(address, {"if-match": 'W/"1"'}))
    assert statuses(answers) == {204: 1, 412: 7}
    assert len(await versions(caller, address)) == 2
    assert await all_is_well(services)


async def versions(caller: Caller, address: str) -> list[Resource]:
    """The entries of a history, newest first."""
    return [entry for page in await caller.pages(f"{address}/_history?_count=3") for entry in page["entry"]]


async def test_eight_updates_of_an_absent_id_make_one_chain_of_versions(services: list[Instance]) -> None:
    answers = await at_once(
        services,
        "anna",
        lambda number, caller: caller.put(
            "/Goal/own-1", builders.goal(id="own-1", description={"text": f"writer {number}"})
        ),
    )
    assert statuses(answers) == {201: 1, 200: 7}
    stored = {answer.headers["etag"]: answer.content for answer in answers}
    assert set(stored) == {f'W/"{version}"' for version in range(1, 9)}
    caller = Caller(services[0].http, "anna")
    assert [each["response"]["etag"] for each in await versions(caller, "/Goal/own-1")] == sorted(stored, reverse=True)
    for version in range(1, 9):
        answer = await caller.get(f"/Goal/own-1/_history/{version}")
        assert answer.content == stored[f'W/"{version}"']
    assert await all_is_well(services)


async def test_eight_transactions_on_the_same_resources_in_any_order_are_all_kept(services: list[Instance]) -> None:
    """Two patients, named in opposite orders: partitions are locked in one order, whatever the order of the entries."""
    entries = [
        builders.put(builders.goal(f"Patient/{name}", id=f"of-{name}-{number}"))
        for name in ("anna", "bram")
        for number in (1, 2)
    ]
    answers = await at_once(
        services,
        "operator",
        lambda number, caller: caller.post("", builders.transaction(*(entries if number % 2 else entries[::-1]))),
    )
    assert statuses(answers) == {200: 8}
    caller = Caller(services[0].http, "operator")
    for entry in entries:
        assert (
            await caller.get(f"/Patient/{entry['resource']['id'][3:7].rstrip('-')}/{entry['request']['url']}")
        ).headers["etag"] == 'W/"8"'
    assert await all_is_well(services)


async def one_goal(changes: ChangeSet, _: Reader) -> Verdict:
    """The rule: one goal per patient carries the name."""
    return Verdict(
        claims=tuple(("the-goal", change.type, change.id) for change in changes.changes if change.before is None)
    )


@pytest.fixture
async def ruled(setting: str, service_url: str, tmp_path: Path) -> AsyncIterator[list[Instance]]:
    """Services with the rule."""
    rules = [Rule("one-goal", frozenset({"Goal"}), one_goal)]
    async with AsyncExitStack() as stack:
        count = 2 if "two" in setting else 1
        states = [tmp_path / f"state-{number}" for number in range(count)]
        yield [await stack.enter_async_context(serving(service_url, state, rules=rules)) for state in states]


async def test_a_rule_that_claims_a_name_lets_one_of_eight_through(ruled: list[Instance]) -> None:
    answers = await at_once(ruled, "anna", lambda _, caller: caller.post("/Goal", builders.goal()))
    assert statuses(answers) == {201: 1, 409: 7}
    assert len(await Caller(ruled[0].http, "anna").found("/Goal")) == 1
    bram = await Caller(ruled[0].http, "bram").post("/Goal", builders.goal("Patient/bram"))
    assert bram.status_code == 201, "a name is taken once per patient"
    assert [
        tuple(row) for row in await ruled[0].database.fetch("SELECT count(*) FROM claim WHERE name = 'the-goal'")
    ] == [(2,)]
    assert await all_is_well(ruled)


async def test_a_claim_that_is_refused_takes_the_whole_transaction_back(ruled: list[Instance]) -> None:
    caller = Caller(ruled[0].http, "anna")
    await caller.create(builders.goal())
    answer = await caller.post(
        "", builders.transaction(builders.posted(builders.observation()), builders.posted(builders.goal()))
    )
    assert answer.status_code == 409
    assert await caller.found("/Observation") == []
    assert await all_is_well(ruled)


@pytest.mark.parametrize("setting", ["postgresql"])
async def test_a_transaction_that_is_tried_again_judges_its_conditions_again(service_url: str, tmp_path: Path) -> None:
    """The first try finds the resource that the condition names; before the second it is deleted."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deletes: list[asyncio.Task[httpx.Response]] = []

    async def fail_once(_: ChangeSet, reader: Reader) -> Verdict:
        if not deletes:
            deletes.append(asyncio.create_task(stranger.delete(f"/Observation/{found['id']}")))
            while not await other.database.fetch(waiting):  # noqa: ASYNC110 - what is waited for happens in PostgreSQL
                await asyncio.sleep(0.01)
            await reader.fetch("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
        return Verdict()

    rules = [Rule("fails-once", frozenset({"Goal"}), fail_once)]
    async with (
        serving(service_url, tmp_path / "ruled", rules=rules) as service,
        serving(service_url, tmp_path / "other") as other,
    ):
        caller, stranger = Caller(service.http, "anna"), Caller(other.http, "anna")
        found = await caller.create(builders.observation(identifier=NAMED))
        bundle = builders.transaction(
            builders.posted(builders.observation(identifier=NAMED), URN, ifNoneExist="identifier=urn:scale|42"),
            builders.posted(builders.goal(addresses=[builders.reference(URN)])),
        )
        answer = await caller.post("", bundle)
        assert answer.status_code == 200, answer.text
        assert (await deletes[0]).status_code == 204
        (made,) = await caller.found("/Observation")
        assert made != found["id"]
        observation, goal = (entry["response"] for entry in decode(answer.content)["entry"])
        assert (observation["status"], made in observation["location"]) == ("201 Created", True)
        assert decode((await caller.get(goal["location"])).content)["addresses"] == [
            {"reference": f"Observation/{made}"}
        ]
        assert await problems(service.database, service.server) == []
