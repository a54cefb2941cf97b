"""A Patient that a system writes on its own is compared with whom it means, and changes nothing. MODEL 3."""

from __future__ import annotations

from typing import Any, Final

import httpx
import pytest

from app.fhir.resource import Resource, decode
from tests import builders
from tests.builders import BSN
from tests.server.service import BASE, Caller, Service, issues
from tests.taking.conftest import system_of
from tests.taking.deliveries import read
from tests.taking.test_identity import whole

WAYS: Final = ("post", "put")
OTHERWISE: Final[Resource] = {"name": [{"family": "Anders"}], "telecom": [{"system": "phone", "value": "0612345678"}]}


async def send(caller: Caller, how: str, headers: dict[str, str] | None = None, **members: Any) -> httpx.Response:
    person = builders.patient("anna", **members)
    if how == "put":
        return await caller.put("/Patient/anna", person, headers)
    return await caller.post("/Patient", {name: each for name, each in person.items() if name != "id"}, headers)


@pytest.mark.parametrize("how", WAYS)
async def test_what_differs_is_told_and_not_stored(gp: Caller, anna: Caller, how: str) -> None:
    before = await read(anna, "/Patient/anna")
    answer = await send(gp, how, **OTHERWISE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["location"] == f"{BASE}/Patient/anna/_history/1"
    told = {place for each in issues(answer) for place in each.get("expression", ())}
    assert told >= {"Patient.name", "Patient.telecom"}
    assert "Proefstra" not in answer.text
    assert await read(anna, "/Patient/anna") == before


@pytest.mark.parametrize("how", WAYS)
async def test_the_same_is_answered_with_who_is_here(gp: Caller, how: str) -> None:
    answer = await send(gp, how)
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["meta"]["versionId"] == "1"


@pytest.mark.parametrize("how", WAYS)
async def test_another_birth_date_is_a_conflict(gp: Caller, anna: Caller, how: str) -> None:
    answer = await send(gp, how, birthDate="1901-01-01")
    assert answer.status_code == 422
    assert [(each["code"], each["expression"]) for each in issues(answer)] == [("conflict", ["Patient.birthDate"])]
    assert (await read(anna, "/Patient/anna"))["birthDate"] == "1950-02-28"


async def test_another_person_is_to_be_looked_at_in_the_language_of_who_sends(gp: Caller, group: Caller) -> None:
    answers = [
        await send(gp, "put", {"accept-language": "nl"}, birthDate="1901-01-01"),
        await gp.post("/", whole("collection", birthDate="1901-01-01"), {"accept-language": "nl"}),
        await group.post("/", two_in_one(), {"accept-language": "nl"}),
    ]
    for answer in answers:
        assert answer.status_code == 422, answer.text
        (issue,) = issues(answer)
        # Never "fetch what is there and go on from that": they would have another's data as their own.
        assert "Haal op" not in issue["details"]["text"]
        assert issue["details"]["text"].endswith("Neem onze gegevens niet over.")
    texts = [issues(each)[0]["details"]["text"] for each in answers]
    assert [text.partition(".")[0] for text in texts[:2]] == [
        "De geboortedatum of het geslacht is anders dan wij van deze persoon weten bij Patient",
        "De geboortedatum of het geslacht is anders dan wij van deze persoon weten bij Bundle",
    ]
    assert texts[2].startswith("De nummers van deze Patient horen hier bij twee mensen.")
    (english,) = issues(await send(gp, "post", {"accept-language": "en"}, birthDate="1901-01-01"))
    assert english["details"]["text"].endswith("the right person. Do not take over our data.")


def two_in_one() -> Resource:
    """A delivery with one Patient that is Anna by its id and Bram by its address."""
    return builders.transaction(
        {"resource": builders.patient("anna"), "request": {"method": "PUT", "url": "Patient/bram"}}
    )


@pytest.mark.parametrize("how", WAYS)
async def test_a_bsn_goes_nowhere(service: Service, gp: Caller, how: str) -> None:
    answer = await send(gp, how, identifier=[{"system": BSN, "value": "999999011"}])
    assert answer.status_code == 200, answer.text
    assert "999999011" not in answer.text
    found = await service.database.fetch("SELECT count(*) FROM resource WHERE body LIKE $1", b"%999999011%")
    assert found[0][0] == 0


async def test_a_version_that_is_named_must_be_that_of_now(gp: Caller) -> None:
    assert (await send(gp, "put", {"if-match": 'W/"7"'})).status_code == 412
    assert (await send(gp, "put", {"if-match": 'W/"1"'})).status_code == 200
    assert (await send(gp, "put", {"if-none-match": "*"})).status_code == 412


async def test_a_person_is_not_changed_in_part_or_by_a_search(gp: Caller, anna: Caller) -> None:
    before = await read(anna, "/Patient/anna")
    patch = [{"op": "replace", "path": "/birthDate", "value": "1901-01-01"}]
    json_patch = {"content-type": "application/json-patch+json"}
    answers = [
        await gp.send("PATCH", "/Patient/anna", b'[{"op":"remove","path":"/birthDate"}]', json_patch),
        await gp.send("PATCH", "/Patient?birthdate=1950-02-28", b'[{"op":"remove","path":"/birthDate"}]', json_patch),
        await gp.put("/Patient?birthdate=1950-02-28", builders.patient(**OTHERWISE)),
        await gp.post("/", builders.transaction(builders.patched("Patient/anna", patch))),
    ]
    assert [each.status_code for each in answers] == [403] * 4, [each.text for each in answers]
    batch = decode((await gp.post("/", builders.batch(builders.patched("Patient/anna", patch)))).content)
    assert batch["entry"][0]["response"]["status"].startswith("403")
    assert await read(anna, "/Patient/anna") == before


async def test_a_system_with_several_patients_changes_none_by_a_search_in_a_transaction(
    service: Service, anna: Caller
) -> None:
    group = await system_of(service, "group", "anna", "bram")
    before = await read(anna, "/Patient/anna")
    entry = builders.asking("PUT", "Patient?birthdate=1950-02-28", builders.patient(**OTHERWISE))
    assert (await group.post("/", builders.transaction(entry))).status_code == 403
    assert (await group.post("/Patient", builders.patient(**OTHERWISE))).status_code == 403
    assert await read(anna, "/Patient/anna") == before


async def test_the_person_changes_it(anna: Caller) -> None:
    answer = await anna.put("/Patient/anna", builders.patient("anna", birthDate="1951-01-01"))
    assert answer.status_code == 200
    assert (await read(anna, "/Patient/anna"))["birthDate"] == "1951-01-01"
