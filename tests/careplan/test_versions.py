"""Who changes the plan says which version they know: by PUT, PATCH and transaction alike. MODEL 2, "Concurrency"."""

from __future__ import annotations

from base64 import b64encode
from typing import Final

import httpx
import pytest

from app.fhir.resource import Resource, decode, encode
from tests import builders
from tests.careplan.histories import Journey, started
from tests.careplan.turning import read, rules
from tests.server.service import Caller, issues

JSON_PATCH: Final = "application/json-patch+json"
STEPS: Final = [{"op": "add", "path": "/title", "value": "Naar het bos"}]
WAYS: Final = ("put", "patch", "transaction", "patch in a transaction")


async def titled(journey: Journey, way: str, version: int | None) -> httpx.Response:
    """The plan with a title, of a version that is named or not."""
    anna, address = journey.caller, f"CarePlan/{journey.plan}"
    match = None if version is None else f'W/"{version}"'
    headers = {} if match is None else {"if-match": match}
    plan = await journey.read("CarePlan", journey.plan)
    plan = {**plan, "title": "Naar het bos", "meta": {"profile": plan["meta"]["profile"]}}
    if way == "put":
        return await anna.put(f"/{address}", plan, headers)
    if way == "patch":
        return await anna.send("PATCH", f"/{address}", encode(STEPS), {"content-type": JSON_PATCH, **headers})
    named = {} if match is None else {"ifMatch": match}
    if way == "transaction":
        return await anna.post("", builders.transaction(builders.put(plan, **named)))
    patch: Resource = {
        "resource": {
            "resourceType": "Binary",
            "contentType": JSON_PATCH,
            "data": b64encode(encode(STEPS)).decode(),
        },
        "request": {"method": "PATCH", "url": address, **named},
    }
    return await anna.post("", builders.transaction(patch))


@pytest.mark.parametrize("way", WAYS)
async def test_no_version_is_refused_by_every_way_and_both_ways_to_say_it_are_named(anna: Caller, way: str) -> None:
    journey = await started(anna)
    answer = await titled(journey, way, None)
    assert (answer.status_code, rules(answer)) == (400, ["plan-version-needed"]), answer.text
    assert "title" not in await read(anna, "CarePlan", journey.plan)


@pytest.mark.parametrize("way", WAYS)
async def test_the_version_that_is_there_is_taken(anna: Caller, way: str) -> None:
    journey = await started(anna)
    answer = await titled(journey, way, 1)
    assert answer.status_code == 200, answer.text
    assert (await read(anna, "CarePlan", journey.plan))["title"] == "Naar het bos"


@pytest.mark.parametrize("way", ["put", "patch"])
async def test_an_old_version_is_refused_with_what_changed_meanwhile(anna: Caller, way: str) -> None:
    journey = await started(anna)
    await journey.change("CarePlan", journey.plan, description="Weer buiten komen")
    answer = await titled(journey, way, 1)
    assert answer.status_code == 412, answer.text
    assert [each.get("expression") for each in issues(answer)] == [None, ["CarePlan.description"]]


async def test_what_is_no_part_of_the_plan_is_patched_as_ever(anna: Caller) -> None:
    goal = await anna.create(builders.goal())
    steps = encode([{"op": "replace", "path": "/lifecycleStatus", "value": "accepted"}])
    answer = await anna.send("PATCH", f"/Goal/{goal['id']}", steps, {"content-type": JSON_PATCH})
    assert (answer.status_code, decode(answer.content)["lifecycleStatus"]) == (200, "accepted")
