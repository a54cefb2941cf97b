"""update, update as create and If-Match. https://hl7.org/fhir/R4/http.html#update https://hl7.org/fhir/R4/http.html#concurrency"""

from __future__ import annotations

import pytest

from app.fhir.resource import decode
from tests.builders import goal, observation, patient, reference
from tests.server.service import BASE, Caller, codes


async def test_an_update_is_a_new_version(anna: Caller) -> None:
    first = await anna.create(goal())
    answer = await anna.put(f"/Goal/{first['id']}", {**first, "lifecycleStatus": "active"})
    assert answer.status_code == 200
    second = decode(answer.content)
    assert second["lifecycleStatus"] == "active"
    assert second["meta"]["versionId"] == "2"
    assert second["meta"]["lastUpdated"] > first["meta"]["lastUpdated"]
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["location"] == f"{BASE}/Goal/{first['id']}/_history/2"
    assert decode((await anna.get(f"/Goal/{first['id']}")).content) == second


async def test_search_finds_what_a_resource_says_now_and_not_what_it_said(anna: Caller) -> None:
    first = await anna.create(goal(identifier=[{"system": "urn:a", "value": "1"}, {"system": "urn:a", "value": "2"}]))
    changed = {
        **first,
        "lifecycleStatus": "active",
        "identifier": [{"system": "urn:a", "value": "2"}],
        "startDate": "2026-01-01",
    }
    await anna.keep(changed)
    assert await anna.found("/Goal?lifecycle-status=proposed") == []
    assert await anna.found("/Goal?lifecycle-status=active") == [first["id"]]
    assert await anna.found("/Goal?identifier=urn:a|1") == []
    assert await anna.found("/Goal?identifier=urn:a|2") == [first["id"]]
    assert await anna.found("/Goal?start-date=2026-01-01") == [first["id"]]
    assert await anna.found("/Goal?start-date:missing=true") == []


async def test_an_update_under_a_new_id_creates(anna: Caller) -> None:
    answer = await anna.put("/Goal/my-goal", goal(id="my-goal"))
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{BASE}/Goal/my-goal/_history/1"
    assert decode((await anna.get("/Goal/my-goal")).content)["meta"]["versionId"] == "1"
    assert await anna.found("/Goal?_id=my-goal") == ["my-goal"]


async def test_an_id_in_the_servers_own_form_cannot_be_chosen(anna: Caller) -> None:
    known = (await anna.create(goal()))["id"]
    prefix = known[:13]
    for chosen in (f"{prefix}-0000000000000000", "0000000000001-0000000000000000", "0000000000001"):
        answer = await anna.put(f"/Goal/{chosen}", goal(id=chosen))
        assert answer.status_code == 404, chosen
        assert (await anna.get(f"/Goal/{chosen}")).status_code == 404


async def test_an_id_in_the_servers_own_form_that_existed_can_be_written_again(anna: Caller) -> None:
    stored = await anna.create(goal())
    await anna.delete(f"/Goal/{stored['id']}")
    answer = await anna.put(f"/Goal/{stored['id']}", stored)
    assert answer.status_code == 201
    assert answer.headers["etag"] == 'W/"3"'


async def test_the_id_of_the_body_must_be_that_of_the_address(anna: Caller) -> None:
    stored = await anna.create(goal())
    for body in (goal(), goal(id="another")):
        answer = await anna.put(f"/Goal/{stored['id']}", body)
        assert answer.status_code == 400
        assert codes(answer) == ["value"]


@pytest.mark.parametrize("id", ["a b", "a_b", "é", "a" * 65])
async def test_an_id_that_fhir_does_not_allow_is_refused(anna: Caller, id: str) -> None:
    answer = await anna.put(f"/Goal/{id}", goal(id=id))
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "1"])
async def test_an_update_of_the_version_that_was_read_is_stored(anna: Caller, tag: str) -> None:
    stored = await anna.create(goal())
    answer = await anna.put(f"/Goal/{stored['id']}", {**stored, "lifecycleStatus": "active"}, {"If-Match": tag})
    assert answer.status_code == 200


async def test_an_update_of_an_older_version_is_refused_and_changes_nothing(anna: Caller) -> None:
    first = await anna.create(goal())
    second = await anna.keep({**first, "lifecycleStatus": "active"})
    answer = await anna.put(f"/Goal/{first['id']}", {**first, "lifecycleStatus": "rejected"}, {"If-Match": 'W/"1"'})
    assert answer.status_code == 412
    assert codes(answer)[0] == "conflict"
    assert decode((await anna.get(f"/Goal/{first['id']}")).content) == second


@pytest.mark.parametrize("tag", ['W/"x"', 'W/""', "", 'W/"1", W/"2"', 'W/"99999999999999999999"'])
async def test_an_if_match_that_names_no_version_is_refused(anna: Caller, tag: str) -> None:
    stored = await anna.create(goal())
    answer = await anna.put(f"/Goal/{stored['id']}", stored, {"If-Match": tag})
    assert answer.status_code == 412


async def test_if_match_on_what_is_not_there_is_refused(anna: Caller) -> None:
    answer = await anna.put("/Goal/absent", goal(id="absent"), {"If-Match": 'W/"1"'})
    assert answer.status_code == 412
    assert (await anna.get("/Goal/absent")).status_code == 404


async def test_what_is_refused_leaves_no_version(anna: Caller) -> None:
    stored = await anna.create(goal())
    answer = await anna.put(f"/Goal/{stored['id']}", {**stored, "lifecycleStatus": "nonsense"})
    assert answer.status_code == 422
    assert len((await anna.bundle(f"/Goal/{stored['id']}/_history"))["entry"]) == 1


async def test_a_person_changes_their_own_patient_resource(anna: Caller) -> None:
    answer = await anna.put(
        "/Patient/anna", patient("anna", telecom=[{"system": "email", "value": "anna@example.org"}])
    )
    assert answer.status_code == 200
    assert answer.headers["location"] == f"{BASE}/Patient/anna/_history/2"
    assert await anna.found("/Patient?email=anna@example.org") == ["anna"]


async def test_another_persons_patient_resource_is_not_to_be_written(anna: Caller, bram: Caller) -> None:
    answers = [await anna.put(f"/Patient/{id}", patient(id)) for id in ("bram", "nobody")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].content == answers[1].content
    assert decode((await bram.get("/Patient/bram")).content)["meta"]["versionId"] == "1"


async def test_the_subject_never_changes(anna: Caller, practice: Caller) -> None:
    stored = await anna.create(observation())
    without = {name: value for name, value in stored.items() if name != "subject"}
    assert (await anna.put(f"/Observation/{stored['id']}", without)).status_code == 422
    moved = {**stored, "subject": reference("Patient/bram")}
    for address in (f"/Observation/{stored['id']}", f"/Patient/anna/Observation/{stored['id']}"):
        assert (await practice.put(address, moved)).status_code == 422, address
    assert decode((await anna.get(f"/Observation/{stored['id']}")).content) == stored


async def test_what_named_nobody_does_not_become_about_somebody(anna: Caller) -> None:
    stored = await anna.create(observation(None))
    answer = await anna.put(f"/Observation/{stored['id']}", {**stored, "subject": reference("Patient/anna")})
    assert answer.status_code == 422
