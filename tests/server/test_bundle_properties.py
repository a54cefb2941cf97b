"""Random Bundles: a batch does what its entries do alone, a transaction all or nothing, and neither ever breaks."""

from __future__ import annotations

import random
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest

from app.fhir.resource import Resource, decode, encode
from tests.builders import asking, batch, deleted, goal, observation, patched, posted, put, reference, transaction
from tests.server.service import Caller, Service

STATES = ("proposed", "active", "completed", "nonsense")


def a_goal(draw: random.Random, name: str, **members: Any) -> Resource:
    return goal(
        lifecycleStatus=draw.choices(STATES, (4, 4, 4, 1))[0],
        identifier=[{"system": "urn:n", "value": name}],
        **members,
    )


def an_entry(draw: random.Random, prefix: str) -> Resource:
    """A request about one of three goals, by its id or by its identifier."""
    name = f"{prefix}-{draw.choice('abc')}"
    search = f"Goal?identifier=urn:n|{name}"
    guard = draw.choice(({}, {}, {}, {"ifMatch": 'W/"1"'}, {"ifMatch": 'W/"2"'}))
    patch = [{"op": "replace", "path": "/lifecycleStatus", "value": draw.choice(STATES)}]
    makers: list[Callable[[], Resource]] = [
        lambda: put(a_goal(draw, name, id=name), **guard),
        lambda: put(a_goal(draw, name, id=name), **draw.choice(({}, {"ifNoneMatch": "*"}))),
        lambda: deleted(f"Goal/{name}", **guard),
        lambda: asking("GET", f"Goal/{name}"),
        lambda: asking("GET", search),
        lambda: patched(f"Goal/{name}", patch, **guard),
        lambda: patched(search, patch),
        lambda: asking("PUT", search, a_goal(draw, name)),
        lambda: deleted(search),
        lambda: posted(a_goal(draw, name), ifNoneExist=f"identifier=urn:n|{name}"),
        lambda: posted(a_goal(draw, name)),
    ]
    return draw.choice(makers)()


def alone(entry: Resource) -> tuple[str, str, bytes | None, dict[str, str]]:
    """The request that a client would send in place of the entry."""
    asked, resource = entry["request"], entry.get("resource")
    names = {"ifMatch": "if-match", "ifNoneMatch": "if-none-match", "ifNoneExist": "if-none-exist"}
    headers = {header: asked[member] for member, header in names.items() if member in asked}
    body = None if resource is None else encode(resource)
    if asked["method"] == "PATCH":
        headers["content-type"] = "application/json-patch+json"
        body = b64decode(entry["resource"]["data"])
    return asked["method"], f"/{asked['url']}", body, headers


async def state(caller: Caller, prefix: str) -> list[tuple[str, str, str, bool]]:
    """What there is, in the order of the identifiers; ids that the server made do not count."""
    values = ",".join(f"urn:n|{prefix}-{letter}" for letter in "abc")
    found = (await caller.bundle(f"/Goal?_count=100&identifier={values}")).get("entry", ())
    return sorted(
        (
            each["resource"]["identifier"][0]["value"].removeprefix(prefix),
            each["resource"]["lifecycleStatus"],
            each["resource"]["meta"]["versionId"],
            each["resource"]["id"].startswith(prefix),
        )
        for each in found
    )


@pytest.mark.parametrize("seed", range(12))
async def test_a_batch_does_what_its_entries_do_alone(anna: Caller, seed: int) -> None:
    one, other = random.Random(seed), random.Random(seed)
    singles = [an_entry(one, "s") for _ in range(25)]
    entries = [an_entry(other, "b") for _ in range(25)]
    expected = [(await anna.send(*alone(entry))).status_code for entry in singles]
    answer = await anna.post("/", batch(*entries))
    assert answer.status_code == 200
    listed = decode(answer.content)["entry"]
    assert [int(each["response"]["status"][:3]) for each in listed] == expected
    assert await state(anna, "b") == await state(anna, "s")


@pytest.mark.parametrize("seed", range(12))
async def test_a_transaction_is_stored_whole_or_not_at_all(service: Service, anna: Caller, seed: int) -> None:
    draw = random.Random(seed)
    await anna.post("/", batch(*(an_entry(draw, "t") for _ in range(6))))
    outcomes = set()
    for _ in range(15):
        before = await service.database.fetch("SELECT count(*) FROM history")
        entries = [an_entry(draw, "t") for _ in range(draw.randint(1, 3))]
        answer = await anna.post("/", transaction(*entries))
        after = await service.database.fetch("SELECT count(*) FROM history")
        outcomes.add(answer.status_code)
        if answer.status_code != 200:
            assert answer.status_code in (400, 404, 409, 410, 412, 422), answer.text
            assert after == before
            continue
        for entry, told in zip(entries, decode(answer.content)["entry"], strict=True):
            reads = entry["request"]["method"] == "GET"
            assert told["response"]["status"][0] == "2" or reads
            if "location" in told["response"]:
                assert (await anna.get(told["response"]["location"])).status_code == 200
    assert 200 in outcomes
    assert len(outcomes) > 1


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ODD: list[Any] = [
    "", "/", "//", "?", "Goal?", "Goal/", "Goal//", "Goal/%00", "Goal/%2F", "Goal/é", "Goal/..", "_search", "$x", "*",
    "Goal/a/_history/1/x", "Goal/a/$everything", "Patient/anna/*", "Patient/anna/Goal/a/b", "Goal?_id=é&%", "metadata",
    "_history", "Goal/_history", "Goal/_search?_id=a", "urn:uuid:1", "http://", "http://x?y", "Goal#a", "Goal/a?b=c",
    "Patient?identifier=%", "Goal?_count=0", "Goal?_page=x", "Goal?_sort=x", "Goal/$lastn", "$validate", "x" * 300,
]  # fmt: skip
BODIES: list[Any] = [
    None,
    {},
    goal(),
    goal(id="a"),
    observation(focus=[reference("Goal?"), reference("Goal?_id=a"), reference("urn:uuid:2"), reference("#x")]),
    {"resourceType": "Parameters"},
    {"resourceType": "Parameters", "parameter": [{"name": "operation"}]},
    {"resourceType": "Binary", "contentType": "application/json-patch+json"},
    {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "!"},
    {"resourceType": "Binary", "contentType": "application/fhir+xml", "data": b64encode(b"<x").decode()},
    {"resourceType": "Binary", "contentType": "é", "data": "aGk="},
    {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Goal"}}]},
    {"resourceType": "Nonsense"},
]
TAGS: list[Any] = [None, "*", 'W/"1"', 'W/"', "é", "ł", "9" * 40, "", "x\ny"]


@pytest.mark.parametrize("seed", range(6))
async def test_no_entry_breaks_the_server(anna: Caller, operator: Caller, seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(40):
        entries = []
        for _ in range(6):
            asked: Resource = {
                "method": draw.choice(METHODS),
                "url": draw.choice(ODD),
            }
            for member in ("ifMatch", "ifNoneMatch", "ifNoneExist"):
                if draw.random() < 0.2 and (tag := draw.choice(TAGS)) is not None:
                    asked[member] = tag
            if draw.random() < 0.1:
                asked["ifModifiedSince"] = draw.choice(["2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "x"])
            entry: Resource = {"request": asked}
            if (body := draw.choice(BODIES)) is not None:
                entry["resource"] = decode(encode(body))
            if draw.random() < 0.3:
                entry["fullUrl"] = draw.choice(["urn:uuid:2", "Goal/a", "https://x.example/Goal/a", "é"])
            entries.append(entry)
        for caller in (anna, operator):
            answer = await caller.post("/", batch(*entries))
            assert answer.status_code == 200, answer.text
            for each, entry in zip(decode(answer.content)["entry"], entries, strict=True):
                assert each["response"]["status"] < "5", (entry, each)
            answer = await caller.post("/", transaction(*entries[: draw.randint(1, 3)]))
            assert answer.status_code < 500, (entries, answer.text)
