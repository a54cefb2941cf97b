"""Eight conditional updates, deletes and patches at the same time: none makes a second, and none is lost."""

from __future__ import annotations

import json

import pytest

from app.fhir.resource import decode
from tests import builders
from tests.concurrency.test_conditions import EIGHT, NAMED, all_is_well, at_once, statuses, versions
from tests.server.service import Caller
from tests.service import Instance

MEANT = "identifier=urn:scale|42"
JSON_PATCH = {"content-type": "application/json-patch+json"}


@pytest.mark.parametrize("token", ["anna", "practice", "operator"])
async def test_eight_conditional_updates_make_one_and_change_it_seven_times(
    services: list[Instance], token: str
) -> None:
    answers = await at_once(
        services,
        token,
        lambda number, caller: caller.put(
            f"/Goal?{MEANT}", builders.goal(identifier=NAMED, note=[{"text": f"writer {number}"}])
        ),
    )
    assert statuses(answers) == {201: 1, 200: 7}
    assert len({decode(answer.content)["id"] for answer in answers}) == 1
    assert {answer.headers["etag"] for answer in answers} == {f'W/"{version}"' for version in range(1, 9)}
    assert len(await Caller(services[0].http, token).found("/Goal")) == 1
    assert await all_is_well(services)


async def test_conditional_creates_and_updates_of_one_name_make_one(services: list[Instance]) -> None:
    goal = builders.goal(identifier=NAMED)
    answers = await at_once(
        services,
        "anna",
        lambda number, caller: (
            caller.put(f"/Goal?{MEANT}", goal) if number % 2 else caller.post("/Goal", goal, {"if-none-exist": MEANT})
        ),
    )
    assert statuses(answers) == {201: 1, 200: 7}
    assert len(await Caller(services[0].http, "anna").found("/Goal")) == 1
    assert await all_is_well(services)


async def test_eight_conditional_updates_of_one_person_make_one(services: list[Instance]) -> None:
    """Whose record is locked is known only once the person is there."""
    answers = await at_once(
        services,
        "operator",
        lambda _, caller: caller.put(f"/Patient?{MEANT}", builders.patient(identifier=NAMED)),
    )
    assert statuses(answers) == {201: 1, 200: 7}
    assert len(await Caller(services[0].http, "operator").found(f"/Patient?{MEANT}")) == 1
    assert await all_is_well(services)


async def test_eight_conditional_deletes_delete_it_once(services: list[Instance]) -> None:
    caller = Caller(services[0].http, "anna")
    goal = await caller.create(builders.goal(identifier=NAMED))
    answers = await at_once(services, "anna", lambda _, caller: caller.delete(f"/Goal?{MEANT}"))
    assert statuses(answers) == {204: 1, 200: 7}
    assert len(await versions(caller, f"/Goal/{goal['id']}")) == 2
    assert await all_is_well(services)


@pytest.mark.parametrize("address", ["/Goal/kept", f"/Goal?{MEANT}"])
async def test_eight_patches_of_different_elements_are_all_kept(services: list[Instance], address: str) -> None:
    caller = Caller(services[0].http, "anna")
    notes = [{"text": "before"} for _ in EIGHT]
    await caller.keep(builders.goal(id="kept", identifier=NAMED, note=notes))
    answers = await at_once(
        services,
        "anna",
        lambda number, caller: caller.send(
            "PATCH",
            address,
            json.dumps([{"op": "replace", "path": f"/note/{number}/text", "value": f"writer {number}"}]).encode(),
            JSON_PATCH,
        ),
    )
    assert statuses(answers) == {200: 8}
    stored = decode((await caller.get("/Goal/kept")).content)
    assert [note["text"] for note in stored["note"]] == [f"writer {number}" for number in EIGHT]
    assert stored["meta"]["versionId"] == "9"
    assert await all_is_well(services)


async def test_eight_patches_with_the_same_if_match_let_one_through(services: list[Instance]) -> None:
    caller = Caller(services[0].http, "anna")
    await caller.keep(builders.goal(id="kept"))
    answers = await at_once(
        services,
        "anna",
        lambda number, caller: caller.send(
            "PATCH",
            "/Goal/kept",
            json.dumps([{"op": "replace", "path": "/description/text", "value": f"writer {number}"}]).encode(),
            {**JSON_PATCH, "if-match": 'W/"1"'},
        ),
    )
    assert statuses(answers) == {200: 1, 412: 7}
    assert len(await versions(caller, "/Goal/kept")) == 2
    assert await all_is_well(services)


async def test_eight_that_may_only_make_it_make_it_once(services: list[Instance]) -> None:
    answers = await at_once(
        services,
        "anna",
        lambda _, caller: caller.put("/Goal/own-1", builders.goal(id="own-1"), {"if-none-match": "*"}),
    )
    assert statuses(answers) == {201: 1, 412: 7}
    assert await all_is_well(services)
