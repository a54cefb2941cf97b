"""delete. https://hl7.org/fhir/R4/http.html#delete"""

from __future__ import annotations

from app.fhir.resource import decode
from tests.builders import goal, observation
from tests.server.service import Caller, codes


async def test_what_is_deleted_is_gone_and_not_found_in_search(anna: Caller) -> None:
    stored = await anna.create(observation())
    answer = await anna.delete(f"/Observation/{stored['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["etag"] == 'W/"2"'
    assert (await anna.get(f"/Observation/{stored['id']}")).status_code == 410
    assert await anna.found("/Observation") == []
    assert await anna.found("/Observation?code=29463-7") == []
    assert await anna.found(f"/Observation?_id={stored['id']}") == []


async def test_deleting_again_is_no_error_and_no_version(anna: Caller) -> None:
    stored = await anna.create(goal())
    for _ in range(2):
        answer = await anna.delete(f"/Goal/{stored['id']}")
        assert answer.status_code == 204
        assert answer.headers["etag"] == 'W/"2"'
    assert len((await anna.bundle(f"/Goal/{stored['id']}/_history"))["entry"]) == 2


async def test_what_never_was_cannot_be_deleted(anna: Caller) -> None:
    answer = await anna.delete("/Goal/never")
    assert answer.status_code == 404
    assert codes(answer) == ["not-found"]


async def test_a_deletion_of_an_older_version_is_refused(anna: Caller) -> None:
    stored = await anna.create(goal())
    await anna.keep({**stored, "lifecycleStatus": "active"})
    assert (await anna.delete(f"/Goal/{stored['id']}", {"If-Match": 'W/"1"'})).status_code == 412
    assert (await anna.get(f"/Goal/{stored['id']}")).status_code == 200
    assert (await anna.delete(f"/Goal/{stored['id']}", {"If-Match": 'W/"2"'})).status_code == 204


async def test_what_was_deleted_can_be_put_back_as_a_further_version(anna: Caller) -> None:
    await anna.keep(goal(id="back"))
    await anna.delete("/Goal/back")
    answer = await anna.put("/Goal/back", goal(id="back", lifecycleStatus="active"))
    assert answer.status_code == 201
    assert decode(answer.content)["meta"]["versionId"] == "3"
    assert await anna.found("/Goal?lifecycle-status=active") == ["back"]
    assert await anna.found("/Goal") == ["back"]


async def test_a_person_is_not_deleted_through_the_api(anna: Caller, practice: Caller) -> None:
    for caller in (anna, practice):
        answer = await caller.delete("/Patient/anna")
        assert answer.status_code == 403
    assert (await anna.get("/Patient/anna")).status_code == 200


async def test_the_catalogue_is_deleted_by_its_administrator_only(
    anna: Caller, practice: Caller, operator: Caller
) -> None:
    for caller in (anna, practice):
        assert (await caller.delete("/Medication/metformin")).status_code == 403
    assert (await operator.delete("/Medication/metformin")).status_code == 204
    assert (await anna.get("/Medication/metformin")).status_code == 410
