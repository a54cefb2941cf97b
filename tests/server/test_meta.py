"""$meta, $meta-add and $meta-delete. https://hl7.org/fhir/R4/resource-operation-meta.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import goal, organization
from tests.server.service import Caller, Service, codes

TAG = {"system": "urn:tags", "code": "own", "display": "Van mezelf"}
LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
PROFILE = "http://example.org/StructureDefinition/goal"


def given(**meta: Any) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}


async def told(caller: Caller, address: str, body: Resource | None = None) -> Resource:
    """The meta that an operation gives."""
    answer = await (caller.get(address) if body is None else caller.post(address, body))
    assert answer.status_code == 200, answer.text
    (parameter,) = decode(answer.content)["parameter"]
    assert parameter["name"] == "return"
    found: Resource = parameter["valueMeta"]
    assert answer.headers["etag"] == f'W/"{found["versionId"]}"'
    return found


async def test_meta_is_that_of_the_resource_and_of_each_version(anna: Caller) -> None:
    first = await anna.keep(goal(id="g", meta={"tag": [TAG]}))
    second = await anna.keep(goal(id="g"))
    assert await told(anna, "/Goal/g/$meta") == second["meta"]
    assert await told(anna, "/Goal/g/_history/1/$meta") == first["meta"]
    assert (await anna.get("/Goal/g/_history/7/$meta")).status_code == 404
    assert (await anna.get("/Goal/g/_history/x/$meta")).status_code == 400
    await anna.delete("/Goal/g")
    assert (await anna.get("/Goal/g/$meta")).status_code == 410


async def test_what_is_added_is_a_new_version_and_the_old_one_stays(anna: Caller) -> None:
    before = await anna.keep(goal(id="g", meta={"tag": [TAG]}))
    other = {"system": "urn:tags", "code": "other"}
    found = await told(anna, "/Goal/g/$meta-add", given(tag=[{**TAG, "display": "x"}, other], security=[LABEL]))
    assert found["versionId"] == "2"
    assert found["tag"] == [TAG, other]
    assert found["security"] == [LABEL]
    after = decode((await anna.get("/Goal/g")).content)
    assert after == {**before, "meta": found}
    assert decode((await anna.get("/Goal/g/_history/1")).content) == before
    assert await anna.found("/Goal?_tag=urn:tags|other") == ["g"]


async def test_what_is_deleted_is_gone_from_the_new_version_only(anna: Caller) -> None:
    given_out = {"prefer": "return=representation"}  # that the profile is not held would be the answer
    before = await anna.keep(goal(id="g", meta={"tag": [TAG], "security": [LABEL], "profile": [PROFILE]}), given_out)
    found = await told(anna, "/Goal/g/$meta-delete", given(tag=[TAG], profile=[PROFILE, "http://never"]))
    assert found["versionId"] == "2"
    assert found["security"] == [LABEL]
    assert "tag" not in found
    assert "profile" not in found
    assert decode((await anna.get("/Goal/g/_history/1")).content) == before


@pytest.mark.parametrize(
    ("operation", "meta"), [("add", {"tag": [TAG]}), ("add", {}), ("delete", {"tag": [LABEL]}), ("delete", {})]
)
async def test_what_changes_nothing_makes_no_version(anna: Caller, operation: str, meta: Resource) -> None:
    before = await anna.keep(goal(id="g", meta={"tag": [TAG]}))
    assert await told(anna, f"/Goal/g/$meta-{operation}", given(**meta)) == before["meta"]


async def test_if_match_names_the_version_that_is_changed(anna: Caller) -> None:
    await anna.keep(goal(id="g"))
    stale = await anna.post("/Goal/g/$meta-add", given(tag=[TAG]), {"if-match": 'W/"7"'})
    assert stale.status_code == 412
    assert (await anna.post("/Goal/g/$meta-add", given(tag=[TAG]), {"if-match": 'W/"1"'})).status_code == 200


@pytest.mark.parametrize("meta", [{"versionId": "7"}, {"tag": TAG}, {"lastUpdated": "2020-01-01T00:00:00Z"}])
async def test_only_the_three_lists_are_changed(anna: Caller, meta: Resource) -> None:
    await anna.keep(goal(id="g"))
    for operation in ("add", "delete"):
        assert (await anna.post(f"/Goal/g/$meta-{operation}", given(**meta))).status_code == 400
    assert (await told(anna, "/Goal/g/$meta"))["versionId"] == "1"


async def test_what_is_added_is_validated(anna: Caller) -> None:
    await anna.keep(goal(id="g"))
    answer = await anna.post("/Goal/g/$meta-add", given(tag=[{"system": 7, "code": "a"}]))
    assert answer.status_code == 422
    assert "Goal.meta.tag[0].system" in answer.text


@pytest.mark.parametrize("body", [{"resourceType": "Parameters"}, given(), goal()])
async def test_meta_must_be_given(anna: Caller, body: Resource) -> None:
    await anna.keep(goal(id="g"))
    answer = await anna.post("/Goal/g/$meta-add", body)
    assert answer.status_code == (200 if body == given() else 400)


async def test_the_catalogue_is_changed_by_its_administrators(anna: Caller, operator: Caller) -> None:
    await operator.keep(organization(id="practice"))
    answer = await anna.post("/Organization/practice/$meta-add", given(tag=[TAG]))
    assert (answer.status_code, codes(answer)) == (403, ["forbidden"])
    assert (await told(operator, "/Organization/practice/$meta-add", given(tag=[TAG])))["tag"] == [TAG]
    assert (await told(anna, "/Organization/practice/$meta"))["tag"] == [TAG]


async def test_a_full_address_works(practice: Caller, anna: Caller) -> None:
    await anna.keep(goal(id="g"))
    found = await told(practice, "/Patient/anna/Goal/g/$meta-add", given(tag=[TAG]))
    assert found == await told(practice, "/Patient/anna/Goal/g/$meta")
    assert (await practice.get("/Patient/bram/Goal/g/$meta")).status_code == 404


async def test_labels_hold_for_meta(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="g"))
    narrow = service.caller("anna-measurements")
    assert (await narrow.get("/Goal/g/$meta")).status_code == 404
    assert (await narrow.post("/Goal/g/$meta-add", given(tag=[TAG]))).status_code == 404
    reader = service.caller("anna-read-actions")
    assert (await reader.post("/Goal/g/$meta-add", given(tag=[TAG]))).status_code == 403


async def test_a_change_of_meta_is_in_the_access_log(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="g"))
    await told(anna, "/Goal/g/$meta-add", given(tag=[TAG]))
    events = [line["event"] for line in service.journal_lines()]
    assert events[-1]["interaction"] == "$meta-add"
    assert events[-1]["resources"] == ["Goal/g/_history/2"]
