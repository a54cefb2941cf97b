"""Addresses below a Patient. https://hl7.org/fhir/R4/http.html#vsearch"""

from __future__ import annotations

import pytest

from app.fhir.resource import decode
from tests.builders import binary, goal, medication, observation, task
from tests.server.service import BASE, Caller, ids, link


async def test_a_type_below_a_patient_is_searched_in_that_record(practice: Caller) -> None:
    of_anna = await practice.create(observation("Patient/anna"))
    await practice.create(observation("Patient/bram"))
    bundle = await practice.bundle("/Patient/anna/Observation?code=29463-7")
    assert ids(bundle) == [of_anna["id"]]
    assert link(bundle, "self") == f"{BASE}/Patient/anna/Observation?code=29463-7"


async def test_only_what_names_the_patient_is_in_the_compartment(anna: Caller) -> None:
    named = await anna.create(observation())
    await anna.create(observation(None))
    assert await anna.found("/Patient/anna/Observation") == [named["id"]]


async def test_types_that_fhirs_compartment_leaves_out_work_too(anna: Caller) -> None:
    job = await anna.create(task())
    assert await anna.found("/Patient/anna/Task") == [job["id"]]


async def test_another_or_an_unknown_patients_compartment_is_empty_alike(anna: Caller, bram: Caller) -> None:
    await bram.create(observation("Patient/bram"))
    answers = [await anna.get(f"/Patient/{id}/Observation") for id in ("bram", "nobo")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content.replace(b"bram", b"nobo") == answers[1].content


async def test_an_owner_parameter_that_contradicts_the_address_finds_nothing(practice: Caller) -> None:
    await practice.create(observation("Patient/anna"))
    assert await practice.found("/Patient/anna/Observation?patient=bram") == []
    assert len(await practice.found("/Patient/anna/Observation?subject=Patient/anna")) == 1


async def test_the_pages_of_a_compartment_stay_in_it(practice: Caller) -> None:
    made = [(await practice.create(goal(f"Patient/{name}")))["id"] for name in ("anna", "bram", "anna", "bram", "anna")]
    pages = await practice.pages("/Patient/anna/Goal?_count=1")
    assert sorted(id for page in pages for id in ids(page)) == sorted(made[::2])
    assert all((link(page, "next") or BASE).startswith(BASE) for page in pages)


async def test_a_resource_is_read_at_its_full_address(practice: Caller, anna: Caller, bram: Caller) -> None:
    stored = await anna.keep(goal(id="first"))
    for caller in (practice, anna):
        for address in ("/Patient/anna/Goal/first", "/Patient/anna/Goal/first/_history/1"):
            answer = await caller.get(address)
            assert answer.status_code == 200
            assert decode(answer.content) == stored
        history = await caller.bundle("/Patient/anna/Goal/first/_history")
        assert ids(history) == ["first"]
    for caller, patient in ((practice, "bram"), (bram, "anna"), (bram, "bram"), (anna, "bram")):
        for ending in ("", "/_history", "/_history/1"):
            assert (await caller.get(f"/Patient/{patient}/Goal/first{ending}")).status_code == 404


async def test_a_resource_is_created_below_its_patient(practice: Caller, anna: Caller) -> None:
    for resource in (goal(), binary(), medication()):
        kind = resource["resourceType"]
        answer = await practice.post(f"/Patient/anna/{kind}", resource)
        assert answer.status_code == 201, answer.text
        stored = decode(answer.content)
        assert (await anna.get(f"/{kind}/{stored['id']}")).status_code == 200


async def test_a_resource_is_updated_and_deleted_at_its_full_address(practice: Caller, anna: Caller) -> None:
    answer = await practice.put("/Patient/anna/Goal/mine", goal(id="mine"))
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{BASE}/Patient/anna/Goal/mine/_history/1"
    answer = await practice.put("/Patient/anna/Binary/mine", binary(id="mine"))
    assert answer.status_code == 201
    assert (await anna.get("/Binary/mine")).status_code == 200
    answer = await practice.put("/Patient/anna/Goal/mine", goal(id="mine", lifecycleStatus="active"))
    assert answer.status_code == 200
    assert (await practice.delete("/Patient/anna/Goal/mine")).status_code == 204
    assert (await anna.get("/Goal/mine")).status_code == 410


async def test_address_and_subject_must_be_one_patient(practice: Caller, anna: Caller) -> None:
    for method, address, resource in (
        ("POST", "/Patient/bram/Goal", goal("Patient/anna")),
        ("PUT", "/Patient/bram/Goal/x", goal("Patient/anna", id="x")),
    ):
        assert (await practice.send(method, address, resource)).status_code == 422
    assert await practice.found("/Goal") == []
    assert (await anna.post("/Patient/bram/Goal", goal())).status_code == 404
    assert (await anna.post("/Patient/nobody/Goal", goal())).status_code == 404


@pytest.mark.parametrize(
    "address",
    ["/Patient/anna/Nothing", "/Observation/x/Goal", "/Patient/anna/Goal/x/y", "/Patient/anna/*/x", "/Goal/x/y/z/w"],
)
async def test_addresses_that_mean_nothing_are_not_found(anna: Caller, address: str) -> None:
    assert (await anna.get(address)).status_code == 404
