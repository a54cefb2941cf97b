"""Ids are unique per patient: the same Type/id may be under two. The full address tells them apart."""

from __future__ import annotations

import pytest

from app.fhir.resource import decode
from tests.builders import goal, observation, patient
from tests.server.service import BASE, Caller, Service, codes, issues


@pytest.fixture
async def doubled(practice: Caller) -> Caller:
    """A caller of two patients who both have an Observation/1."""
    for name in ("anna", "bram"):
        await practice.keep(observation(f"Patient/{name}", id="1", note=[{"text": name}]))
    return practice


@pytest.mark.parametrize(
    ("method", "ending"), [("GET", ""), ("HEAD", ""), ("GET", "/_history/1"), ("GET", "/_history"), ("DELETE", "")]
)
@pytest.mark.parametrize("token", ["practice", "operator"])
async def test_a_short_address_that_means_two_is_a_conflict_that_lists_both(
    service: Service, doubled: Caller, token: str, method: str, ending: str
) -> None:
    caller = service.caller(token)
    answer = await caller.send(method, f"/Observation/1{ending}")
    assert answer.status_code == 409
    if method != "HEAD":
        assert codes(answer) == ["multiple-matches"]
        for name in ("anna", "bram"):
            assert f"Patient/{name}/Observation/1" in issues(answer)[0]["diagnostics"]
    for name in ("anna", "bram"):
        assert (await caller.get(f"/Patient/{name}/Observation/1")).status_code == 200


async def test_each_can_be_read_at_its_full_address(doubled: Caller) -> None:
    for name in ("anna", "bram"):
        for ending in ("", "/_history/1"):
            answer = await doubled.get(f"/Patient/{name}/Observation/1{ending}")
            assert decode(answer.content)["note"] == [{"text": name}]
        history = await doubled.bundle(f"/Patient/{name}/Observation/1/_history")
        assert [entry["resource"]["note"][0]["text"] for entry in history["entry"]] == [name]
        assert history["entry"][0]["fullUrl"] == f"{BASE}/Patient/{name}/Observation/1"


async def test_who_may_see_one_of_them_uses_the_short_address(doubled: Caller, anna: Caller, bram: Caller) -> None:
    for caller, name in ((anna, "anna"), (bram, "bram")):
        answer = await caller.get("/Observation/1")
        assert decode(answer.content)["note"] == [{"text": name}]
        assert await caller.found("/Observation?_id=1") == ["1"]


async def test_full_urls_tell_them_apart(doubled: Caller) -> None:
    for address in ("/Observation", "/Observation?_id=1", "/Observation?_sort=date"):
        entries = (await doubled.bundle(address))["entry"]
        assert {(entry["fullUrl"], entry["resource"]["note"][0]["text"]) for entry in entries} == {
            (f"{BASE}/Patient/anna/Observation/1", "anna"),
            (f"{BASE}/Patient/bram/Observation/1", "bram"),
        }
    for name in ("anna", "bram"):
        urls = {entry["fullUrl"] for entry in (await doubled.bundle(f"/Patient/{name}/$everything"))["entry"]}
        assert f"{BASE}/Patient/{name}/Observation/1" in urls


async def test_a_write_goes_to_the_patient_that_the_body_names(doubled: Caller, anna: Caller, bram: Caller) -> None:
    answer = await doubled.put("/Observation/1", observation("Patient/bram", id="1", note=[{"text": "nieuw"}]))
    assert answer.status_code == 200
    assert answer.headers["location"] == f"{BASE}/Patient/bram/Observation/1/_history/2"
    assert decode((await bram.get("/Observation/1")).content)["note"] == [{"text": "nieuw"}]
    assert decode((await anna.get("/Observation/1")).content)["note"] == [{"text": "anna"}]


async def test_a_deletion_at_the_full_address_takes_that_one_only(doubled: Caller, anna: Caller, bram: Caller) -> None:
    assert (await doubled.delete("/Patient/bram/Observation/1")).status_code == 204
    assert (await bram.get("/Observation/1")).status_code == 410
    assert (await anna.get("/Observation/1")).status_code == 200


async def test_once_one_of_two_is_deleted_the_short_address_means_the_other(doubled: Caller) -> None:
    await doubled.delete("/Patient/bram/Observation/1")
    answer = await doubled.get("/Observation/1")
    assert answer.status_code == 200
    assert decode(answer.content)["note"] == [{"text": "anna"}]


async def test_ids_of_our_own_need_no_full_address(practice: Caller, anna: Caller) -> None:
    stored = await anna.create(goal())
    answer = await practice.put(f"/Goal/{stored['id']}", {**stored, "lifecycleStatus": "active"})
    assert answer.headers["location"] == f"{BASE}/Goal/{stored['id']}/_history/2"
    entry = (await practice.bundle("/Goal"))["entry"][0]
    assert entry["fullUrl"] == f"{BASE}/Goal/{stored['id']}"


async def test_a_patients_own_caller_always_gets_short_addresses(anna: Caller) -> None:
    answer = await anna.put("/Goal/mine", goal(id="mine"))
    assert answer.headers["location"] == f"{BASE}/Goal/mine/_history/1"
    assert (await anna.bundle("/Goal"))["entry"][0]["fullUrl"] == f"{BASE}/Goal/mine"


async def test_ids_of_patients_are_unique_on_the_server(operator: Caller) -> None:
    await operator.keep(patient("carla"))
    answer = await operator.put("/Patient/carla", patient("carla", gender="female"))
    assert answer.status_code == 200
    assert await operator.found("/Patient?_id=carla") == ["carla"]
    assert decode((await operator.get("/Patient/carla")).content)["meta"]["versionId"] == "2"


async def test_a_person_that_an_operator_registers_gets_the_key_as_id(operator: Caller) -> None:
    answer = await operator.post("/Patient", patient())
    assert answer.status_code == 201
    key = decode(answer.content)["id"]
    assert len(key) == 13
    made = await operator.create(observation(f"Patient/{key}"))
    assert made["id"].startswith(f"{key}-")


async def test_an_id_is_looked_for_among_the_callers_own_patients_only(bram: Caller, anna: Caller) -> None:
    await anna.keep(goal(id="mine"))
    stored = await anna.create(goal())
    for id in ("mine", stored["id"]):
        assert (await bram.get(f"/Goal/{id}")).status_code == 404
        assert await bram.found(f"/Goal?_id={id}") == []
    assert (await bram.put("/Goal/mine", goal("Patient/bram", id="mine"))).status_code == 201
    assert decode((await anna.get("/Goal/mine")).content)["meta"]["versionId"] == "1"
