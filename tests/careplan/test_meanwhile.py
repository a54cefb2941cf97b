"""Who sends a change of an older version of the plan, its goals or its network hears what changed meanwhile, by
whatever way it comes in. MODEL 2, "Concurrency". https://hl7.org/fhir/R4/http.html#concurrency
"""

from __future__ import annotations

from typing import Any, Final

import httpx
import pytest

from app.fhir.resource import Resource, decode, encode
from tests import builders
from tests.careplan.actors import actor
from tests.careplan.histories import Journey, started
from tests.careplan.turning import LATER, event, parameters, part
from tests.server.service import Caller, Service

JSON_PATCH: Final = "application/json-patch+json"
STALE: Final = 'W/"1"'
KINDS: Final = ("CarePlan", "Goal", "CareTeam")
CHANGED: Final[dict[str, dict[str, Any]]] = {
    "CarePlan": {"description": "Weer buiten komen"},
    "Goal": {"note": [{"text": "Met de hond"}]},
    "CareTeam": {"name": "Netwerk van Anna"},
}
"""What somebody else changes of each, which the sender does not know of."""
STEP: Final[dict[str, Resource]] = {
    "CarePlan": {"op": "add", "path": "/title", "value": "Naar het bos"},
    "Goal": {"op": "add", "path": "/statusDate", "value": "2024-11-20"},
    "CareTeam": {"op": "add", "path": "/note", "value": [{"text": "Bel eerst"}]},
}
"""What the sender wants to change."""
WAYS: Final = ("put", "put by a search", "patch", "patch by a search", "delete", "delete by a search")


async def overtaken(anna: Caller, kind: str) -> tuple[Journey, Resource]:
    """A plan with a goal and a network, and the part of that type as it was before somebody else changed it."""
    journey = await started(anna)
    team = await anna.create({"resourceType": "CareTeam", "status": "active", "subject": {"reference": "Patient/anna"}})
    if kind == "CareTeam":
        await journey.change("CarePlan", journey.plan, careTeam=[{"reference": f"CareTeam/{team['id']}"}])
    resource_id = {"CarePlan": journey.plan, "Goal": journey.goal, "CareTeam": team["id"]}[kind]
    before = await journey.read(kind, resource_id)
    await journey.change(kind, resource_id, **CHANGED[kind])
    return journey, before


def wanted(before: Resource) -> Resource:
    """What a sender puts who knows only what was there before."""
    step = STEP[before["resourceType"]]
    plain = {name: value for name, value in before.items() if name != "meta"}
    meta = {"meta": {"profile": profiles}} if (profiles := before["meta"].get("profile")) else {}
    return {**plain, **meta, step["path"].strip("/"): step["value"]}


async def directly(anna: Caller, before: Resource, way: str) -> httpx.Response:
    kind, headers = before["resourceType"], {"if-match": STALE}
    address = f"/{kind}?_id={before['id']}" if way.endswith("search") else f"/{kind}/{before['id']}"
    if way.startswith("put"):
        return await anna.put(address, wanted(before), headers)
    if way.startswith("delete"):
        return await anna.delete(address, headers)
    return await anna.send("PATCH", address, encode([STEP[kind]]), {"content-type": JSON_PATCH, **headers})


def entry(before: Resource, way: str) -> Resource:
    kind = before["resourceType"]
    address = f"{kind}?_id={before['id']}" if way.endswith("search") else f"{kind}/{before['id']}"
    if way.startswith("put"):
        made = builders.put(wanted(before), ifMatch=STALE)
        return {**made, "request": {**made["request"], "url": address}}
    if way.startswith("delete"):
        return builders.deleted(address, ifMatch=STALE)
    return builders.patched(address, [STEP[kind]], ifMatch=STALE)


def told(issues: list[Resource], kind: str, resource_id: str) -> bool:
    """Whether the first issue is the refusal, and the one after it tells of the change by the elements in it, and of
    no value.
    """
    (element,) = CHANGED[kind]
    refusal, change = issues
    return (
        refusal["severity"] == "error"
        and change["severity"] == "information"
        and change["details"]["text"] == "plan-changed-meanwhile"
        and f"{kind}/{resource_id}" in change["diagnostics"]
        and "Patient/anna" in change["diagnostics"]
        and f"{kind}.{element}" in change["expression"]
        and "hond" not in change["diagnostics"]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
async def test_a_stale_change_is_told_what_changed_meanwhile(anna: Caller, kind: str, way: str) -> None:
    _, before = await overtaken(anna, kind)
    answer = await directly(anna, before, way)
    assert answer.status_code == 412, answer.text
    assert told(decode(answer.content)["issue"], kind, before["id"]), answer.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
async def test_a_stale_change_in_a_transaction_is_told_the_same(anna: Caller, kind: str, way: str) -> None:
    journey, before = await overtaken(anna, kind)
    beside = builders.posted(builders.observation(), "urn:uuid:2b1c54e8-0000-4000-8000-000000000001")
    answer = await anna.post("", builders.transaction(beside, entry(before, way)))
    assert answer.status_code == 412, answer.text
    issues = decode(answer.content)["issue"]
    assert told(issues, kind, before["id"]), answer.text
    assert all(each["expression"][0] == "Bundle.entry[1]" for each in issues)
    now = await journey.read(kind, before["id"])
    assert now["meta"]["versionId"] == str(int(before["meta"]["versionId"]) + 1), "nothing was stored"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
async def test_a_stale_change_in_a_batch_is_told_the_same(anna: Caller, kind: str, way: str) -> None:
    _, before = await overtaken(anna, kind)
    answer = await anna.post("", builders.batch(entry(before, way)))
    (found,) = decode(answer.content)["entry"]
    assert found["response"]["status"].startswith("412"), answer.text
    assert told(found["response"]["outcome"]["issue"], kind, before["id"]), answer.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["put", "transaction"])
async def test_a_stale_version_in_the_body_is_told_the_same(anna: Caller, kind: str, way: str) -> None:
    _, before = await overtaken(anna, kind)
    body = {**wanted(before), "meta": before["meta"]}
    if way == "transaction":
        answer = await anna.post("", builders.transaction(builders.put(body)))
    else:
        answer = await anna.put(f"/{kind}/{before['id']}", body)
    assert answer.status_code == 412, answer.text
    assert told(decode(answer.content)["issue"], kind, before["id"]), answer.text


EVENTS: Final[dict[str, dict[str, Any]]] = {
    "agree": {},
    "revise": {"reason": "wish"},
    "hold": {},
    "evaluate": {"evaluation": part(goal="", notDiscussed=True)},
    "close": {"status": "revoked"},
}


@pytest.mark.parametrize("name", EVENTS)
async def test_a_stale_event_is_told_the_same(anna: Caller, name: str) -> None:
    journey, before = await overtaken(anna, "CarePlan")
    if name == "evaluate":
        assert (await event(anna, journey.plan, "agree")).status_code == 200
    body = parameters(**EVENTS[name])
    answer = await anna.post(f"/CarePlan/{journey.plan}/${name}", body, {"if-match": STALE})
    assert answer.status_code == 412, answer.text
    issues = decode(answer.content)["issue"]
    assert told(issues[:2], "CarePlan", before["id"]), answer.text


async def test_a_stale_proposal_is_told_what_changed_in_the_plan(service: Service, anna: Caller) -> None:
    journey, _ = await overtaken(anna, "CarePlan")
    doctor = await actor(service, "professional")
    body = parameters(nextReview=LATER)
    answer = await doctor.post(f"/CarePlan/{journey.plan}/$propose", body, {"if-match": STALE})
    assert answer.status_code == 412, answer.text
    assert told(decode(answer.content)["issue"], "CarePlan", journey.plan), answer.text


async def test_a_stale_answer_to_a_proposed_goal_is_told_what_changed_in_the_goal(
    service: Service, anna: Caller
) -> None:
    journey = await started(anna)
    doctor = await actor(service, "professional", "cruds")
    plan = {"reference": f"CarePlan/{journey.plan}"}
    url = "https://zelfregie.example/fhir/StructureDefinition/proposed-for-plan"
    goal = await doctor.create(builders.goal(extension=[{"url": url, "valueReference": plan}]))
    changed = {**goal, "note": [{"text": "Met de hond"}]}
    assert (await doctor.put(f"/Goal/{goal['id']}", changed)).status_code == 200
    answer = await anna.post(f"/Goal/{goal['id']}/$reject", parameters(reason="Nu niet"), {"if-match": STALE})
    assert answer.status_code == 412, answer.text
    change = decode(answer.content)["issue"][1]
    assert change["expression"] == ["Goal.note"], answer.text


async def test_who_may_not_see_the_part_is_told_only_that_it_changed(service: Service, anna: Caller) -> None:
    journey, before = await overtaken(anna, "CarePlan")
    writer = service.caller("anna-writer")
    answer = await writer.post("", builders.transaction(entry(before, "put")))
    issues = decode(answer.content)["issue"]
    assert [each.get("details", {}).get("text") for each in issues] == [None, "plan-changed-untold"], answer.text
    assert (await journey.read("CarePlan", journey.plan))["meta"]["versionId"] == "2"
