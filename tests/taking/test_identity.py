"""Whom a delivery is about: a Patient in it is never stored, and another birth date or sex holds the whole. MODEL 3."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.server.intake import quarantine
from tests import builders
from tests.builders import BSN
from tests.server.service import BASE, Caller, Service
from tests.taking.deliveries import HIS, collection, delivered, diabetes, document, given, place, read, said, statuses

NAME: Final = [{"family": "Proefstra", "given": ["Anna"]}]
PERSON: Final = f"{HIS}/Patient/77"


def person(**members: Any) -> Resource:
    return {"resourceType": "Patient", "id": "77", **members}


def whole(how: str, **members: Any) -> Resource:
    """A delivery about the person, whom the source calls 77."""
    about = diabetes("Patient/77")
    if how in ("collection", "document"):
        entries = given(person(**members), "77"), given(about, "1")
        return collection(*entries) if how == "collection" else document(*entries)
    make = builders.batch if how == "batch" else builders.transaction
    return make(builders.posted(person(**members), PERSON), builders.posted(about, f"{HIS}/Condition/1"))


async def held(service: Service, patient: str = "anna") -> list[quarantine.Kept]:
    """With the bytes."""
    heads = await quarantine.listed(service.database, await service.key_of(patient))
    return [await quarantine.found(service.database, each.patient, each.id) for each in heads]


HOWS: Final = ("batch", "transaction", "collection", "document")


@pytest.mark.parametrize("how", HOWS)
async def test_a_patient_means_the_one_of_the_token(gp: Caller, anna: Caller, how: str) -> None:
    before = await read(anna, "/Patient/anna")
    responses = await delivered(
        gp, whole(how, name=[{"family": "Anders"}], telecom=[{"system": "phone", "value": "0612345678"}])
    )
    which = next(each for each in responses if "/Patient/" in each["location"])
    assert statuses([which]) == [200]
    assert which["location"] == f"{BASE}/Patient/anna/_history/1"
    differing = {each["expression"][0].rpartition(".")[2] for each in which["outcome"]["issue"] if "expression" in each}
    assert differing >= {"name", "telecom"}
    assert "Proefstra" not in str(which)
    assert await read(anna, "/Patient/anna") == before
    stored = await read(anna, place(responses[-1]))
    assert stored["subject"] == builders.reference("Patient/anna")


@pytest.mark.parametrize("how", HOWS)
async def test_a_bsn_is_taken_out_and_that_is_told(service: Service, gp: Caller, how: str) -> None:
    responses = await delivered(gp, whole(how, identifier=[{"system": BSN, "value": "999999011"}]))
    which = next(each for each in responses if "/Patient/" in each["location"])
    assert any("BSN was taken out" in each for each in said(which))
    found = await service.database.fetch("SELECT count(*) FROM resource WHERE body LIKE $1", b"%999999011%")
    assert found[0][0] == 0


@pytest.mark.parametrize(
    "members", [{"birthDate": "1901-01-01"}, {"gender": "male"}, {"birthDate": "1901-01-01", "gender": "male"}]
)
@pytest.mark.parametrize("how", HOWS)
async def test_another_birth_date_or_sex_holds_the_whole(
    service: Service, gp: Caller, anna: Caller, how: str, members: Resource
) -> None:
    operator = service.caller("operator")
    known = await read(operator, "/Patient/anna")
    await operator.keep({**known, "gender": "female"})
    answer = await gp.post("/", whole(how, **members))
    if how == "batch":
        responses = [each["response"] for each in decode(answer.content)["entry"]]
        assert statuses(responses) == [422, 422]
        assert {each["outcome"]["issue"][0]["code"] for each in responses} == {"conflict"}
    else:
        assert answer.status_code == 422
        assert decode(answer.content)["issue"][0]["code"] == "conflict"
    assert await anna.found("/Condition") == []
    assert [each.kind for each in await held(service)] == ["held"]
    await gp.post("/", whole(how, **members))
    assert len(await held(service)) == 1


@pytest.mark.parametrize("members", [{"birthDate": "1901"}, {"gender": "unknown"}, {"gender": "other"}])
async def test_what_is_not_told_in_full_holds_nothing(gp: Caller, members: Resource) -> None:
    assert statuses(await delivered(gp, whole("collection", **members))) == [200, 201]


async def decide(caller: Caller, kept_id: str, decision: str, patient: str = "anna") -> Any:
    return await caller.post(
        f"/Patient/{patient}/$decide-delivery",
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "delivery", "valueId": kept_id},
                {"name": "decision", "valueCode": decision},
            ],
        },
    )


@pytest.mark.parametrize("how", HOWS)
async def test_the_person_lets_it_in_and_it_is_taken_as_given(
    service: Service, gp: Caller, anna: Caller, how: str
) -> None:
    before = await read(anna, "/Patient/anna")
    await gp.post("/", whole(how, birthDate="1901-01-01"))
    (one,) = await held(service)
    assert (await decide(gp, one.id, "release")).status_code == 403
    answer = await decide(anna, one.id, "release")
    assert answer.status_code == 200, answer.text
    (stored,) = [each["resource"] for each in (await anna.bundle("/Condition"))["entry"]]
    assert stored["meta"]["source"] == f"{BASE}/Organization/practice"
    assert await read(anna, "/Patient/anna") == before
    assert await held(service) == []
    assert (await decide(anna, one.id, "release")).status_code == 404
    history = await service.database.fetch("SELECT DISTINCT actor FROM history WHERE actor LIKE 'organization:%'")
    assert [row[0] for row in history] == ["organization:practice"]


async def test_the_person_throws_it_away(service: Service, gp: Caller, anna: Caller) -> None:
    await gp.post("/", whole("collection", birthDate="1901-01-01"))
    (one,) = await held(service)
    assert (await decide(anna, one.id, "drop")).status_code == 204
    assert await held(service) == []
    assert await anna.found("/Condition") == []


async def test_it_is_not_let_in_for_who_has_no_permission_any_more(service: Service, gp: Caller, anna: Caller) -> None:
    await gp.post("/", whole("collection", birthDate="1901-01-01"))
    (one,) = await held(service)
    async with service.database.write() as writer:
        await writer.execute("DELETE FROM permit WHERE recipient = 'organization:practice'")
    assert (await decide(anna, one.id, "release")).status_code == 403
    assert await anna.found("/Condition") == []
    assert len(await held(service)) == 1


async def test_two_people_at_once_are_shown_each_their_own(
    service: Service, group: Caller, anna: Caller, bram: Caller
) -> None:
    async def about(patient: str) -> Any:
        given_person = {"resourceType": "Patient", "id": patient, "birthDate": "1901-01-01"}
        return await group.post(
            "/", collection({"resource": given_person}, {"resource": diabetes(f"Patient/{patient}")})
        )

    answers = await asyncio.gather(about("anna"), about("bram"))
    assert [each.status_code for each in answers] == [422, 422]
    (mine,), (his,) = await held(service), await held(service, "bram")
    assert b"bram" not in mine.received
    assert b"anna" not in his.received
    assert (await decide(bram, mine.id, "release", "bram")).status_code == 404
    assert (await decide(anna, mine.id, "release")).status_code == 200
    assert len(await anna.found("/Condition")) == 1
    assert await bram.found("/Condition") == []


async def test_a_delivery_about_two_people_is_kept_for_neither(service: Service, group: Caller, anna: Caller) -> None:
    people = [
        {"resource": {"resourceType": "Patient", "id": "anna", "birthDate": "1901-01-01"}},
        {"resource": diabetes("Patient/anna")},
        {"resource": diabetes("Patient/bram")},
    ]
    answer = await group.post("/", collection(*people))
    assert answer.status_code == 422
    assert "several people" in answer.text
    assert await held(service) == await held(service, "bram") == []
    assert await anna.found("/Condition") == []


async def test_nobody_is_made(service: Service, group: Caller) -> None:
    answer = await group.post("/", collection({"resource": {"resourceType": "Patient", "name": NAME}}))
    assert answer.status_code == 403
    rows = await service.database.fetch(
        "SELECT count(*) FROM resource WHERE type = $1", service.server.registry.number("Patient")
    )
    assert rows[0][0] == 2
