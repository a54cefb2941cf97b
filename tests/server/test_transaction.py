"""transaction: all or nothing. https://hl7.org/fhir/R4/http.html#transaction"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import (
    asking,
    binary,
    condition,
    deleted,
    goal,
    observation,
    patched,
    posted,
    put,
    reference,
    transaction,
)
from tests.server.service import BASE, Caller, Service, codes, issues


async def carried_out(caller: Caller, *entries: Resource) -> list[Resource]:
    """The responses of a transaction, in the order of its entries."""
    answer = await caller.post("/", transaction(*entries))
    assert answer.status_code == 200, answer.text
    bundle = decode(answer.content)
    assert bundle["resourceType"] == "Bundle"
    assert bundle["type"] == "transaction-response"
    return [entry["response"] for entry in bundle["entry"]]


async def test_one_transaction_creates_updates_and_deletes(anna: Caller) -> None:
    kept, gone = await anna.create(goal()), await anna.create(goal())
    created, updated, removed = await carried_out(
        anna, posted(condition()), put({**kept, "lifecycleStatus": "active"}), deleted(f"Goal/{gone['id']}")
    )
    assert created["status"].startswith("201")
    assert updated["status"].startswith("200")
    assert removed["status"].startswith("204")
    assert [response["etag"] for response in (created, updated, removed)] == ['W/"1"', 'W/"2"', 'W/"2"']
    assert updated["location"] == f"{BASE}/Goal/{kept['id']}/_history/2"
    made = decode((await anna.get(created["location"])).content)
    assert made["resourceType"] == "Condition"
    assert created["lastModified"] == made["meta"]["lastUpdated"]
    assert await anna.found("/Goal?lifecycle-status=active") == [kept["id"]]
    assert (await anna.get(f"/Goal/{gone['id']}")).status_code == 410


async def test_everything_in_one_transaction_has_one_time(anna: Caller) -> None:
    responses = await carried_out(anna, *(posted(observation()) for _ in range(5)))
    assert len({response["lastModified"] for response in responses}) == 1


async def test_an_empty_transaction_does_nothing(anna: Caller) -> None:
    answer = await anna.post("/", {"resourceType": "Bundle", "type": "transaction"})
    assert answer.status_code == 200
    assert decode(answer.content) == {"resourceType": "Bundle", "type": "transaction-response"}


async def test_an_update_under_a_new_id_creates(anna: Caller) -> None:
    (response,) = await carried_out(anna, put(goal(id="mine")))
    assert response["status"].startswith("201")
    assert response["location"] == f"{BASE}/Goal/mine/_history/1"


async def test_urls_of_entries_may_be_absolute(anna: Caller) -> None:
    entry = put(goal(id="mine"))
    entry["request"]["url"] = f"{BASE}/Goal/mine"
    await carried_out(anna, entry)
    assert (await anna.get("/Goal/mine")).status_code == 200


def replacing(status: str) -> list[Resource]:
    return [{"op": "replace", "path": "/lifecycleStatus", "value": status}]


REPLACING = replacing("active")
FAILING: dict[str, tuple[Resource, int]] = {
    "not valid": (posted(goal(lifecycleStatus="nonsense")), 422),
    "an older version": (put(goal(id="other"), ifMatch='W/"9"'), 412),
    "deletes what never was": (deleted("Goal/never"), 404),
    "deletes what cannot be": (deleted('Goal/a"b'), 400),
    "about another patient": (posted(observation("Patient/bram")), 422),
    "refers to no entry": (
        posted(observation(focus=[{"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}])),
        400,
    ),
    "an id of the server's form": (put(goal(id="0000000000001-0000000000000000")), 404),
    "a type that is not stored": (posted({"resourceType": "Parameters"}), 400),
    "a condition that several meet": (posted(condition(), ifNoneExist="clinical-status=active"), 412),
    "a condition that cannot be read": (posted(condition(), ifNoneExist="nonsense=1"), 400),
    "deletes a person": (deleted("Patient/anna"), 403),
    "ifNoneExist twice over": (posted(goal(), ifNoneExist="start-date=2030-01-01"), 412),
    "an update of what several meet": (asking("PUT", "Condition?clinical-status=active", condition()), 412),
    "an update on a condition that cannot be read": (asking("PUT", "Goal?nonsense=1", goal()), 400),
    "an update of another than its body says": (asking("PUT", "Goal?_id=known", goal(id="other")), 400),
    "an update of what may not be there": (put(goal(id="other"), ifNoneMatch="*"), 412),
    "an update that asks for other versions": (put(goal(id="other"), ifNoneMatch='W/"1"'), 400),
    "a delete of what several meet": (deleted("Condition?clinical-status=active"), 412),
    "a delete of a version that nothing has": (deleted("Goal?_id=never", ifMatch='W/"1"'), 412),
    "a delete of another version": (deleted("Goal/other", ifMatch='W/"9"'), 412),
    "a delete on no condition": (deleted("Goal?"), 400),
    "a patch of what never was": (patched("Goal/never", REPLACING), 404),
    "a patch of what none meets": (patched("Goal?_id=never", REPLACING), 404),
    "a patch of what several meet": (patched("Condition?clinical-status=active", REPLACING), 412),
    "a patch of an older version": (patched("Goal/other", REPLACING, ifMatch='W/"9"'), 412),
    "a patch that cannot be applied": (patched("Goal/other", [{"op": "remove", "path": "/nothing"}]), 422),
    "a patch to what is not valid": (patched("Goal/other", replacing("nonsense")), 422),
    "a patch that is no JSON": (asking("PATCH", "Goal/other", binary(contentType="application/json-patch+json")), 400),
    "a patch of another format": (asking("PATCH", "Goal/other", binary(contentType="text/plain")), 415),
    "a resource for a patch": (asking("PATCH", "Goal/other", goal()), 400),
    "refers to what no search finds": (posted(observation(focus=[reference("Goal?_id=never")])), 412),
    "refers to what several meet": (posted(observation(focus=[reference("Condition?clinical-status=active")])), 412),
    "refers by a search that cannot be made": (posted(observation(focus=[reference("Goal?nonsense=1")])), 400),
    "reads at no address": (asking("GET", "Nonsense/1"), 400),
    "reads another server": (asking("GET", "https://elders.example/fhir/Goal/1"), 400),
    "reads with a resource": (asking("GET", "Goal/known", goal()), 400),
    "a transaction in a transaction": (asking("POST", "/", {"resourceType": "Bundle", "type": "transaction"}), 400),
    "posts a search": (asking("POST", "Goal/_search", goal()), 400),
    "a version that is written": (asking("PUT", "Goal/known/_history/1", goal(id="known")), 400),
    "no request": ({"resource": goal()}, 422),
}


@pytest.mark.parametrize(("entry", "status"), FAILING.values(), ids=FAILING.keys())
@pytest.mark.parametrize("place", [0, 2])
async def test_one_entry_that_fails_stores_nothing(
    service: Service, anna: Caller, entry: Resource, status: int, place: int
) -> None:
    for id in ("known", "other"):
        await anna.keep(goal(id=id, startDate="2030-01-01"))
    for _ in range(2):
        await anna.create(condition())
    before = [
        await service.database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
        for table in ("resource", "history", "token")
    ]
    entries = [posted(observation()), put(goal(id="known", lifecycleStatus="active"))]
    entries.insert(place, entry)
    answer = await anna.post("/", transaction(*entries))
    assert answer.status_code == status, answer.text
    assert issues(answer)
    after = [
        await service.database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
        for table in ("resource", "history", "token")
    ]
    assert after == before


async def test_the_problems_of_all_entries_are_named_at_once(anna: Caller) -> None:
    answer = await anna.post(
        "/", transaction(posted(goal(lifecycleStatus="x")), posted(goal()), posted(observation(status="y", foo=1)))
    )
    assert answer.status_code == 422
    places = {expression for issue in issues(answer) for expression in issue["expression"]}
    assert {
        "Bundle.entry[0].resource.lifecycleStatus",
        "Bundle.entry[2].resource.status",
        "Bundle.entry[2].resource.foo",
    } <= places


async def test_the_wrong_requests_of_all_entries_are_named_at_once(anna: Caller) -> None:
    wrong: list[Resource] = [
        {"resource": goal(), "request": {"method": "POST", "url": "Goal/1"}},
        {"resource": goal(), "request": {"method": "PUT", "url": "Goal"}},
        {"resource": goal(id="a"), "request": {"method": "PUT", "url": "Goal/b"}},
        {"resource": goal(), "request": {"method": "POST", "url": "Observation"}},
        {"request": {"method": "POST", "url": "Observation"}},
    ]
    answer = await anna.post("/", transaction(*wrong))
    assert answer.status_code == 400
    places = [issue["expression"][0] for issue in issues(answer)]
    assert places == [f"Bundle.entry[{index}]" for index in range(len(wrong))]


async def test_the_misplaced_resources_of_all_entries_are_named_at_once(anna: Caller) -> None:
    answer = await anna.post(
        "/", transaction(posted(goal("Patient/bram")), posted(goal()), posted(observation("Patient/nobody")))
    )
    assert answer.status_code == 422
    assert [issue["expression"] for issue in issues(answer)] == [
        ["Bundle.entry[0].resource"],
        ["Bundle.entry[2].resource"],
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [put(goal(id="a")), put(goal(id="a", lifecycleStatus="active"))],
        [put(goal(id="a")), deleted("Goal/a")],
        [posted(goal(), ifNoneExist="start-date=2030-01-01"), posted(goal(), ifNoneExist="start-date=2030-01-01")],
    ],
    ids=["two updates", "update and delete", "one condition"],
)
async def test_doubles_are_refused(anna: Caller, entries: list[Resource]) -> None:
    answer = await anna.post("/", transaction(*entries))
    assert answer.status_code == 400
    assert codes(answer) == ["duplicate"]
    assert await anna.found("/Goal") == []


async def test_entries_are_stored_whatever_their_order(anna: Caller) -> None:
    """FHIR's order of processing: a delete, then creates, then updates, wherever they stand."""
    await anna.keep(goal(id="a"))
    await carried_out(anna, put(goal(id="b")), posted(goal()), deleted("Goal/a"))
    assert len(await anna.found("/Goal")) == 2


async def test_a_create_on_condition_in_a_transaction_finds_what_is_there(anna: Caller) -> None:
    known = await anna.create(condition(identifier=[{"system": "urn:a", "value": "1"}]))
    found, made = await carried_out(
        anna,
        posted(condition(), ifNoneExist="identifier=urn:a|1"),
        posted(condition(), ifNoneExist="identifier=urn:a|2"),
    )
    assert found["status"].startswith("200")
    assert found["location"] == f"{BASE}/Condition/{known['id']}/_history/1"
    assert made["status"].startswith("201")
    assert len(await anna.found("/Condition")) == 2


@pytest.mark.parametrize("kind", ["collection", "message", "searchset", "transaction-response", "history", "document"])
async def test_other_bundles_are_refused_by_name(anna: Caller, kind: str) -> None:
    answer = await anna.post("/", {"resourceType": "Bundle", "type": kind})
    assert answer.status_code == (422 if kind in ("collection", "searchset", "document") else 400)
    assert codes(answer) == ["not-supported"]
    text = issues(answer)[0]["diagnostics"]
    assert f"{kind} " in text
    assert "batch" in text


@pytest.mark.parametrize("kind", [None, "nonsense", 7, ["batch"]])
async def test_a_bundle_of_no_type_is_refused(anna: Caller, kind: Any) -> None:
    answer = await anna.post("/", {"resourceType": "Bundle", "type": kind})
    assert answer.status_code == 400
    assert "nonsense" not in answer.text


async def test_another_resource_at_the_base_is_refused(anna: Caller) -> None:
    answer = await anna.post("/", goal())
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_the_base_takes_bundles_by_post(anna: Caller, method: str) -> None:
    answer = await anna.send(method, "/", transaction() if method != "DELETE" else None)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


async def test_scopes_hold_for_every_entry(service: Service, anna: Caller) -> None:
    reader = service.caller("anna-observations")
    refused = [
        posted(observation()),
        put(goal(id="a")),
        deleted("Goal/b"),
        patched("Goal/c", REPLACING),
        asking("PUT", "Goal?_id=a", goal()),
        deleted("Goal?_id=a"),
    ]
    for entry in refused:
        assert (await reader.post("/", transaction(entry))).status_code == 403
    answer = await reader.post("/", transaction(*refused))
    assert answer.status_code == 403
    assert [issue["expression"] for issue in issues(answer)] == [
        [f"Bundle.entry[{index}]"] for index in range(len(refused))
    ]
    assert (await reader.post("/", transaction(asking("GET", "Goal/a")))).status_code == 403
    assert await anna.found("/Goal") == []


async def test_many_entries_are_stored_at_once(anna: Caller) -> None:
    entries: list[Any] = [posted(observation(effectiveDateTime=f"2026-01-{1 + day % 28:02}")) for day in range(300)]
    responses = await carried_out(anna, *entries)
    assert len({response["location"] for response in responses}) == 300
    assert len(await anna.found("/Observation?_count=1000")) == 300


async def test_too_many_entries_are_refused_with_the_limit(anna: Caller) -> None:
    answer = await anna.post("/", transaction(*(deleted(f"Goal/{number}") for number in range(5001))))
    assert answer.status_code == 400
    assert codes(answer) == ["too-long"]
    assert "5000" in issues(answer)[0]["diagnostics"]
