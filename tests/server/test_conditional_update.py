"""PUT with a search in the address. https://hl7.org/fhir/R4/http.html#cond-update"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import binary, goal, observation, organization, patient
from tests.server.service import Caller, Service, codes

NAMED = [{"system": "urn:scale", "value": "42"}]
MEANT = "/Goal?identifier=urn:scale|42"


def named(text: str = "Elke dag wandelen", **members: Any) -> Resource:
    """A goal that the condition finds."""
    return goal(identifier=NAMED, description={"text": text}, **members)


async def test_none_and_no_id_makes_one_under_an_id_of_the_servers(anna: Caller) -> None:
    answer = await anna.put(MEANT, named())
    assert answer.status_code == 201, answer.text
    made = decode(answer.content)
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["location"].endswith(f"/Goal/{made['id']}/_history/1")
    assert await anna.found("/Goal") == [made["id"]]


async def test_none_and_an_id_makes_one_under_that_id(anna: Caller) -> None:
    answer = await anna.put(MEANT, named(id="own-1"))
    assert answer.status_code == 201, answer.text
    assert decode(answer.content)["id"] == "own-1"
    assert (await anna.get("/Goal/own-1")).status_code == 200


async def test_none_and_an_id_that_is_taken_is_a_conflict(anna: Caller) -> None:
    kept = await anna.keep(goal(id="own-1"))
    answer = await anna.put(MEANT, named(id="own-1"))
    assert answer.status_code == 409
    assert codes(answer) == ["duplicate"]
    assert decode((await anna.get("/Goal/own-1")).content) == kept


async def test_none_and_the_id_of_what_was_deleted_revives_it(anna: Caller) -> None:
    await anna.keep(named(id="own-1"))
    await anna.delete("/Goal/own-1")
    answer = await anna.put(MEANT, named(id="own-1"))
    assert answer.status_code == 201
    assert answer.headers["etag"] == 'W/"3"'


@pytest.mark.parametrize("with_id", [False, True], ids=["no id", "its id"])
async def test_one_is_updated(anna: Caller, *, with_id: bool) -> None:
    made = await anna.create(named())
    answer = await anna.put(MEANT, named("Anders", **({"id": made["id"]} if with_id else {})))
    assert answer.status_code == 200, answer.text
    stored = decode(answer.content)
    assert (stored["id"], stored["meta"]["versionId"], stored["description"]["text"]) == (made["id"], "2", "Anders")
    assert decode((await anna.get(f"/Goal/{made['id']}")).content) == stored
    assert await anna.found("/Goal") == [made["id"]]


async def test_one_and_another_id_is_refused(anna: Caller) -> None:
    made = await anna.create(named())
    answer = await anna.put(MEANT, named("Anders", id="own-1"))
    assert answer.status_code == 400
    assert decode((await anna.get(f"/Goal/{made['id']}")).content) == made
    assert await anna.found("/Goal") == [made["id"]]


@pytest.mark.parametrize("with_id", [False, True], ids=["no id", "its id"])
async def test_several_are_refused(anna: Caller, *, with_id: bool) -> None:
    made = [await anna.create(named()) for _ in range(3)]
    answer = await anna.put(MEANT, named("Anders", **({"id": made[0]["id"]} if with_id else {})))
    assert answer.status_code == 412
    assert codes(answer) == ["multiple-matches"]
    assert len(await anna.found("/Goal")) == 3


async def test_what_no_longer_matches_by_its_own_update_is_not_found_again(anna: Caller) -> None:
    made = await anna.create(named())
    assert (await anna.put(MEANT, goal())).status_code == 200
    again = await anna.put(MEANT, named())
    assert again.status_code == 201
    assert len(await anna.found("/Goal")) == 2
    assert decode(again.content)["id"] != made["id"]


async def test_if_match_holds_for_what_is_found(anna: Caller) -> None:
    absent = await anna.put(MEANT, named(), {"if-match": 'W/"1"'})
    assert absent.status_code == 412
    assert await anna.found("/Goal") == []
    await anna.create(named())
    assert (await anna.put(MEANT, named("Een"), {"if-match": 'W/"1"'})).status_code == 200
    assert (await anna.put(MEANT, named("Twee"), {"if-match": 'W/"1"'})).status_code == 412


async def test_if_none_match_lets_nothing_be_changed(anna: Caller) -> None:
    only_new = {"if-none-match": "*"}
    assert (await anna.put(MEANT, named(), only_new)).status_code == 201
    assert (await anna.put(MEANT, named("Anders"), only_new)).status_code == 412
    assert (await anna.get(MEANT)).json()["entry"][0]["resource"]["meta"]["versionId"] == "1"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?_format=json",
        "?_count=1",
        "?_sort=_lastUpdated",
        "?nonsense=1",
        "?identifier=",
        "?_include=Goal:patient",
    ],
)
async def test_a_condition_must_ask_something_that_is_understood(anna: Caller, query: str) -> None:
    for headers in ({}, {"prefer": "handling=lenient"}):
        answer = await anna.put(f"/Goal{query}", named(), headers)
        assert answer.status_code == 400, (query, answer.text)
    assert await anna.found("/Goal") == []


async def test_what_is_sent_is_checked_as_any_update(anna: Caller) -> None:
    await anna.create(named())
    assert (await anna.put(MEANT, named(lifecycleStatus="nonsense"))).status_code == 422
    assert (await anna.put(MEANT, observation())).status_code == 400
    assert (await anna.put(MEANT, b"", {})).status_code == 400
    assert (await anna.put(MEANT, named(), {"content-type": "text/plain"})).status_code == 415
    assert (await anna.get(MEANT)).json()["entry"][0]["resource"]["meta"]["versionId"] == "1"


async def test_a_condition_finds_the_callers_own_only(anna: Caller, bram: Caller, practice: Caller) -> None:
    """What another patient has is no match, also for who may see both: the body says whose it is."""
    of_bram = await bram.create(goal("Patient/bram", identifier=NAMED))
    assert (await anna.put(MEANT, named())).status_code == 201
    answer = await practice.put(MEANT, goal("Patient/bram", identifier=NAMED, note=[{"text": "x"}]))
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["id"] == of_bram["id"]
    assert answer.headers["etag"] == 'W/"2"'


async def test_who_may_not_write_or_search_is_refused(service: Service, anna: Caller, anonymous: Caller) -> None:
    assert (await anonymous.put(MEANT, named())).status_code == 401
    assert (await service.caller("anna-reader").put(MEANT, named())).status_code == 403
    assert (await service.caller("anna-writer").put(MEANT, named())).status_code == 403
    assert (await service.caller("anna-read-actions").put(MEANT, named())).status_code == 403
    assert (await service.caller("anna-measurements").put(MEANT, named())).status_code == 403
    assert await anna.found("/Goal") == []


async def test_what_the_caller_may_not_see_is_no_match(service: Service, anna: Caller) -> None:
    """A match that is hidden would tell that it is there."""
    made = await anna.create(named())
    answer = await service.caller("anna-create-actions").put(MEANT, named("Anders"))
    assert answer.status_code == 403, answer.text
    assert decode((await anna.get(f"/Goal/{made['id']}")).content) == made


async def test_the_catalogue_is_changed_by_its_administrators(anna: Caller, operator: Caller) -> None:
    body = organization(identifier=NAMED, name="Eerste")
    made = decode((await operator.put("/Organization?identifier=urn:scale|42", body)).content)
    refused = await anna.put("/Organization?identifier=urn:scale|42", {**body, "name": "Anna"})
    assert refused.status_code == 403
    answer = await operator.put("/Organization?identifier=urn:scale|42", {**body, "name": "Tweede"})
    assert answer.status_code == 200, answer.text
    assert decode((await anna.get(f"/Organization/{made['id']}")).content)["name"] == "Tweede"


async def test_a_patient_makes_no_person(anna: Caller, practice: Caller) -> None:
    for caller in (anna, practice):
        answer = await caller.put("/Patient?identifier=urn:scale|42", patient(identifier=NAMED))
        assert answer.status_code == 403, answer.text
    assert (await anna.put("/Patient?_id=bram", patient("bram"))).status_code == 403


async def test_a_person_that_is_found_is_updated(
    anna: Caller, practice: Caller, operator: Caller, bram: Caller
) -> None:
    assert (await anna.put("/Patient?_id=anna", patient(birthDate="1950-02-03"))).status_code == 200
    assert (await operator.put("/Patient?_id=bram", patient("bram", birthDate="1951-02-03"))).status_code == 200
    assert (await operator.put("/Patient?_id=bram", patient("anna"))).status_code == 400
    assert (await practice.put("/Patient?_id=bram", patient("bram", birthDate="1901-01-01"))).status_code == 403
    assert decode((await bram.get("/Patient/bram")).content)["birthDate"] == "1951-02-03"
    assert decode((await anna.get("/Patient/anna")).content)["birthDate"] == "1950-02-03"


async def test_an_operator_registers_a_person_once(operator: Caller) -> None:
    address = "/Patient?identifier=urn:scale|42"
    made = await operator.put(address, patient("dirk", identifier=NAMED))
    assert (made.status_code, decode(made.content)["id"]) == (201, "dirk")
    again = await operator.put(address, patient(identifier=NAMED, birthDate="1950-02-03"))
    assert (again.status_code, decode(again.content)["id"]) == (200, "dirk")
    assert (await operator.put("/Patient?identifier=urn:scale|43", patient("dirk"))).status_code == 409
    nameless = await operator.put("/Patient?identifier=urn:scale|44", patient())
    assert nameless.status_code == 201
    assert len(await operator.found("/Patient")) == 4


async def test_a_binary_is_found_by_its_id(practice: Caller, anna: Caller) -> None:
    made = await practice.create(binary(), {"X-Security-Context": "Patient/anna"})
    answer = await anna.put(f"/Binary?_id={made['id']}", binary(contentType="text/csv"))
    assert answer.status_code == 200, answer.text
    assert (
        decode((await anna.get(f"/Binary/{made['id']}", {"accept": "application/fhir+json"})).content)["contentType"]
        == "text/csv"
    )
