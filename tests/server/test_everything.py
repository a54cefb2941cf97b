"""Patient/$everything. https://hl7.org/fhir/R4/patient-operation-everything.html"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from tests.builders import (
    binary,
    concept,
    goal,
    medication,
    observation,
    organization,
    practitioner,
    reference,
    task,
)
from tests.server.service import BASE, JSON, Caller, Service, codes, link


def addresses(*pages: Resource) -> list[str]:
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for page in pages
        for entry in page.get("entry", ())
    ]


async def filled(anna: Caller) -> list[str]:
    """What is in Anna's record, her Patient included."""
    resources = [
        observation(id="o-1"),
        observation(id="o-2", performer=[reference("Practitioner/doctor")]),
        observation(None, id="o-3"),
        goal(id="g-1"),
        task(id="t-1", owner=reference("Organization/practice")),
        binary(id="b-1"),
    ]
    for resource in resources:
        await anna.keep(resource)
    return ["Patient/anna", *(f"{each['resourceType']}/{each['id']}" for each in resources)]


CATALOGUE = ["Organization/practice", "Practitioner/doctor"]


async def test_everything_is_the_record_and_what_it_refers_to_in_the_catalogue(
    anna: Caller, bram: Caller, practice: Caller, operator: Caller
) -> None:
    record = await filled(anna)
    await bram.create(observation("Patient/bram"))
    for caller in (anna, practice, operator):
        bundle = await caller.bundle("/Patient/anna/$everything")
        assert bundle["type"] == "searchset"
        assert sorted(addresses(bundle)) == sorted(record + CATALOGUE)
        assert link(bundle, "self") == f"{BASE}/Patient/anna/$everything"
        assert link(bundle, "next") is None
        assert all(entry["search"] == {"mode": "match"} for entry in bundle["entry"][: len(record)])


async def test_each_entry_is_what_a_read_of_its_full_url_gives(anna: Caller, practice: Caller) -> None:
    await filled(anna)
    for caller in (anna, practice):
        for entry in (await caller.bundle("/Patient/anna/$everything"))["entry"]:
            answer = await caller.get(entry["fullUrl"], {"accept": JSON})
            assert answer.status_code == 200, entry["fullUrl"]
            assert answer.json() == entry["resource"]


@pytest.mark.parametrize("count", [1, 3, 7, 8])
async def test_the_pages_of_everything_hold_each_once(anna: Caller, count: int) -> None:
    record = await filled(anna)
    pages = await anna.pages(f"/Patient/anna/$everything?_count={count}")
    walked = addresses(*pages)
    assert walked[: len(record)] == record
    assert sorted(walked[len(record) :]) == CATALOGUE
    assert len(pages) == -(-len(record) // count)


async def test_a_walk_keeps_its_promise_while_the_record_changes(anna: Caller) -> None:
    record = await filled(anna)
    first = await anna.bundle("/Patient/anna/$everything?_count=2")
    await anna.create(goal())
    await anna.keep(goal(id="g-1", lifecycleStatus="active"))
    await anna.delete("/Task/t-1")
    walked = addresses(*await anna.pages(link(first, "next") or ""))
    own = [each for each in walked if each not in CATALOGUE]
    assert own == ["Observation/o-2", "Observation/o-3", "Binary/b-1", "Goal/g-1"]
    assert set(own) < set(record)


async def test_what_is_deleted_is_not_in_everything(anna: Caller) -> None:
    record = await filled(anna)
    await anna.delete("/Goal/g-1")
    assert set(addresses(await anna.bundle("/Patient/anna/$everything"))) == {*record, *CATALOGUE} - {"Goal/g-1"}


async def test_only_what_the_record_refers_to_comes_from_the_catalogue(anna: Caller, operator: Caller) -> None:
    await operator.keep(practitioner(id="stranger"))
    await operator.keep(organization(id="own-and-shared"))
    await anna.keep(organization(id="own-and-shared", name="Eigen"))
    await anna.keep(
        observation(id="o", performer=[reference("Organization/own-and-shared"), reference("Practitioner/never")])
    )
    bundle = await anna.bundle("/Patient/anna/$everything")
    assert sorted(addresses(bundle)) == ["Observation/o", "Organization/own-and-shared", "Patient/anna"]


async def test_a_reference_that_is_gone_takes_nothing_along(anna: Caller) -> None:
    await anna.keep(observation(id="o", performer=[reference("Practitioner/doctor")]))
    assert "Practitioner/doctor" in addresses(await anna.bundle("/Patient/anna/$everything"))
    await anna.keep(observation(id="o"))
    assert addresses(await anna.bundle("/Patient/anna/$everything")) == ["Patient/anna", "Observation/o"]


async def test_scopes_decide_which_types_are_in_everything(service: Service, anna: Caller) -> None:
    await filled(anna)
    answer = await service.caller("anna-observations").get("/Patient/anna/$everything")
    assert answer.status_code == 403
    assert codes(answer) == ["forbidden"]
    bundle = await service.caller("anna-patient-and-goals").bundle("/Patient/anna/$everything")
    assert addresses(bundle) == ["Patient/anna", "Goal/g-1"]


async def test_labels_decide_what_is_in_everything(service: Service, anna: Caller) -> None:
    await filled(anna)
    laboratory = concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")
    await anna.keep(observation(id="lab", category=[laboratory]))
    bundle = await service.caller("anna-measurements").bundle("/Patient/anna/$everything")
    own = {"Patient/anna", "Observation/o-1", "Observation/o-2", "Observation/o-3"}
    assert own <= set(addresses(bundle)) <= {*own, *CATALOGUE}


async def test_everything_of_another_is_as_that_of_nobody(anna: Caller, practice: Caller) -> None:
    answers = [await anna.get(f"/Patient/{id}/$everything") for id in ("bram", "nobo")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content.replace(b"bram", b"nobo") == answers[1].content
    assert (await practice.get("/Patient/nobody/$everything")).status_code == 404


@pytest.mark.parametrize("query", ["nonsense=1", "_count=x", "_type=Goal&nonsense=2"])
async def test_parameters_that_are_not_taken_are_refused(anna: Caller, query: str) -> None:
    assert (await anna.get(f"/Patient/anna/$everything?{query}")).status_code == 400


async def test_a_page_link_of_everything_is_good_for_that_patient_only(anna: Caller, practice: Caller) -> None:
    await filled(anna)
    following = link(await practice.bundle("/Patient/anna/$everything?_count=2"), "next")
    assert following is not None
    assert (await practice.get(following.replace("/anna/", "/bram/"))).status_code == 400
    assert (await practice.get(following[:-3] + "AAA")).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_everything_can_only_be_read(anna: Caller, method: str) -> None:
    answer = await anna.send(method, "/Patient/anna/$everything")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


async def test_everything_is_of_patients_only(anna: Caller) -> None:
    await filled(anna)
    for address in ("/Goal/g-1/$everything", "/$everything", "/Patient/anna/Goal/g-1/$everything"):
        assert (await anna.get(address)).status_code in (400, 404)


async def test_a_catalogue_of_the_same_id_as_ones_own_is_left_out(anna: Caller) -> None:
    own = await anna.create(medication(id=None))
    await anna.keep(
        observation(id="o", focus=[reference(f"Medication/{own['id']}"), reference("Medication/metformin")])
    )
    bundle = await anna.bundle("/Patient/anna/$everything")
    assert f"Medication/{own['id']}" in addresses(bundle)
    assert "Medication/metformin" in addresses(bundle)
