"""PATCH: JSON Patch and FHIRPath Patch of what is stored. https://hl7.org/fhir/R4/http.html#patch"""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from app.fhir.resource import Resource, decode
from app.fhir.xml import to_xml
from tests.builders import binary, concept, goal, observation, organization, provenance
from tests.server.service import Caller, Service, codes, issues

JSON_PATCH = {"content-type": "application/json-patch+json"}
NEW_TEXT = [{"op": "replace", "path": "/description/text", "value": "Twee keer per week wandelen"}]


async def patched(
    caller: Caller, address: str, patch: list[dict[str, Any]], headers: dict[str, str] | None = None
) -> httpx.Response:
    """The answer to a JSON Patch."""
    return await caller.send("PATCH", address, json.dumps(patch).encode(), {**JSON_PATCH, **(headers or {})})


def fhirpath_patch(*operations: dict[str, Any]) -> Resource:
    """Parameters of operations that are given as ``{part: (value[x], value)}``."""
    return {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "operation",
                "part": [{"name": name, member: value} for name, (member, value) in operation.items()],
            }
            for operation in operations
        ],
    }


REPLACED = fhirpath_patch(
    {
        "type": ("valueCode", "replace"),
        "path": ("valueString", "Goal.description.text"),
        "value": ("valueString", "Twee keer per week wandelen"),
    }
)


async def test_a_json_patch_makes_a_new_version(anna: Caller) -> None:
    made = await anna.create(goal())
    answer = await patched(anna, f"/Goal/{made['id']}", NEW_TEXT)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["location"].endswith(f"/Goal/{made['id']}/_history/2")
    stored = decode(answer.content)
    assert stored["description"]["text"] == "Twee keer per week wandelen"
    assert {name: value for name, value in stored.items() if name not in ("meta", "description")} == {
        name: value for name, value in made.items() if name not in ("meta", "description")
    }
    assert decode((await anna.get(f"/Goal/{made['id']}")).content) == stored
    assert decode((await anna.get(f"/Goal/{made['id']}/_history/1")).content) == made


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_a_fhirpath_patch_is_taken_in_both_formats(anna: Caller, service: Service, form: str) -> None:
    made = await anna.create(goal())
    body = to_xml(REPLACED, service.server.definitions) if form == "xml" else json.dumps(REPLACED).encode()
    answer = await anna.send("PATCH", f"/Goal/{made['id']}", body, {"content-type": f"application/fhir+{form}"})
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["description"]["text"] == "Twee keer per week wandelen"


async def test_the_answer_comes_in_the_format_asked_for(anna: Caller) -> None:
    made = await anna.create(goal())
    answer = await patched(anna, f"/Goal/{made['id']}", NEW_TEXT, {"accept": "application/fhir+xml"})
    assert answer.status_code == 200
    assert b"<Goal " in answer.content


async def test_decimals_that_a_patch_leaves_alone_keep_their_digits(anna: Caller) -> None:
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":81.50}}'
    answer = await anna.post("/Observation", body)
    made = decode(answer.content)
    changed = await patched(
        anna, f"/Observation/{made['id']}", [{"op": "replace", "path": "/status", "value": "amended"}]
    )
    assert b'"value":81.50' in changed.content


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/merge-patch+json", ""])
async def test_another_content_type_is_refused_naming_the_three(anna: Caller, content_type: str) -> None:
    made = await anna.create(goal())
    answer = await anna.send("PATCH", f"/Goal/{made['id']}", b"[]", {"content-type": content_type})
    assert answer.status_code == 415
    for each in ("application/json-patch+json", "application/fhir+json", "application/fhir+xml"):
        assert each in answer.text
        assert each in answer.headers["accept-patch"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json-patch+json"),
        (b"[", "application/json-patch+json"),
        (b"{}", "application/json-patch+json"),
        (b'[{"op": "twist", "path": "/status"}]', "application/json-patch+json"),
        (b"", "application/fhir+json"),
        (b'{"resourceType": "Goal"}', "application/fhir+json"),
        (b"<Parameters/>", "application/fhir+xml"),
    ],
)
async def test_a_patch_that_is_none_is_refused(anna: Caller, body: bytes, content_type: str) -> None:
    made = await anna.create(goal())
    answer = await anna.send("PATCH", f"/Goal/{made['id']}", body, {"content-type": content_type})
    assert answer.status_code == 400, answer.text
    assert issues(answer)
    assert (await anna.get(f"/Goal/{made['id']}")).headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/lifecycleStatus", "value": "completed"},
        {"op": "remove", "path": "/lifecycleStatus"},
        {"op": "replace", "path": "/lifecycleStatus", "value": "nonsense"},
        {"op": "replace", "path": "/nothing/there", "value": 1},
        {"op": "replace", "path": "/id", "value": "another"},
        {"op": "replace", "path": "/resourceType", "value": "CarePlan"},
        {"op": "replace", "path": "", "value": {"resourceType": "Goal"}},
        {"op": "replace", "path": "/subject", "value": {"reference": "Patient/bram"}},
        {"op": "replace", "path": "/subject", "value": {"reference": "Patient/nobody"}},
        {"op": "replace", "path": "/subject", "value": {"display": "Anna"}},
    ],
)
async def test_what_a_patch_cannot_make_is_refused_whole(anna: Caller, operation: dict[str, Any]) -> None:
    made = await anna.create(goal())
    answer = await patched(anna, f"/Goal/{made['id']}", [*NEW_TEXT, operation])
    assert answer.status_code == 422, answer.text
    assert decode((await anna.get(f"/Goal/{made['id']}")).content) == made


async def test_the_subject_cannot_be_changed_to_another_of_the_callers_patients(practice: Caller) -> None:
    made = await practice.create(observation())
    for operation in (
        {"op": "replace", "path": "/subject/reference", "value": "Patient/bram"},
        {"op": "remove", "path": "/subject"},
    ):
        assert (await patched(practice, f"/Observation/{made['id']}", [operation])).status_code == 422
    about = await practice.create(provenance([f"Observation/{made['id']}"]))
    other = await practice.create(observation("Patient/bram"))
    elsewhere = [{"op": "replace", "path": "/target/0/reference", "value": f"Observation/{other['id']}"}]
    assert (await patched(practice, f"/Provenance/{about['id']}", elsewhere)).status_code == 422


async def test_a_bsn_that_a_patch_brings_is_masked(anna: Caller) -> None:
    bsn = {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "123456782"}
    answer = await patched(anna, "/Patient/anna", [{"op": "add", "path": "/identifier", "value": [bsn]}])
    assert answer.status_code == 200, answer.text
    assert b"123456782" not in answer.content
    assert b"123456782" not in (await anna.get("/Patient/anna")).content


async def test_if_match_of_another_version_is_refused(anna: Caller) -> None:
    made = await anna.create(goal())
    address = f"/Goal/{made['id']}"
    assert (await patched(anna, address, NEW_TEXT, {"if-match": 'W/"1"'})).status_code == 200
    stale = await patched(anna, address, NEW_TEXT, {"if-match": 'W/"1"'})
    assert stale.status_code == 412
    assert codes(stale)[0] == "conflict"
    assert (await anna.get(address)).headers["etag"] == 'W/"2"'


async def test_who_may_not_see_it_cannot_patch_it(
    service: Service, anna: Caller, bram: Caller, practice: Caller, anonymous: Caller
) -> None:
    made = await anna.create(goal())
    address = f"/Goal/{made['id']}"
    assert (await patched(anonymous, address, NEW_TEXT)).status_code == 401
    absent = await patched(bram, "/Goal/never", NEW_TEXT)
    other = await patched(bram, address, NEW_TEXT)
    assert (other.status_code, absent.status_code) == (404, 404)
    assert other.text.replace(made["id"], "never") == absent.text
    assert (await patched(service.caller("anna-reader"), address, NEW_TEXT)).status_code == 403
    assert (await patched(service.caller("anna-writer"), address, NEW_TEXT)).status_code == 403
    assert (await patched(service.caller("anna-read-actions"), address, NEW_TEXT)).status_code == 403
    assert (await patched(service.caller("anna-measurements"), address, NEW_TEXT)).status_code == 404
    assert (await patched(practice, address, NEW_TEXT)).status_code == 200


async def test_what_was_deleted_is_not_patched(anna: Caller) -> None:
    made = await anna.create(goal())
    await anna.delete(f"/Goal/{made['id']}")
    assert (await patched(anna, f"/Goal/{made['id']}", NEW_TEXT)).status_code == 410


async def test_the_catalogue_is_patched_by_its_administrators(anna: Caller, operator: Caller) -> None:
    name = [{"op": "replace", "path": "/name", "value": "Nieuwe naam"}]
    assert (await patched(anna, "/Organization/practice", name)).status_code == 403
    answer = await patched(operator, "/Organization/practice", name)
    assert answer.status_code == 200, answer.text
    assert decode((await anna.get("/Organization/practice")).content)["name"] == "Nieuwe naam"
    own = await anna.create(organization())
    assert (await patched(anna, f"/Organization/{own['id']}", name)).status_code == 200


async def test_the_full_address_says_whose_is_meant(practice: Caller) -> None:
    for name in ("anna", "bram"):
        await practice.keep(observation(f"Patient/{name}", id="double"))
    status = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert (await patched(practice, "/Observation/double", status)).status_code == 409
    assert (await patched(practice, "/Patient/bram/Observation/double", status)).status_code == 200
    found = [
        decode((await practice.get(f"/Patient/{name}/Observation/double")).content)["status"]
        for name in ("anna", "bram")
    ]
    assert found == ["final", "amended"]


async def test_what_is_searched_for_changes_with_it(anna: Caller) -> None:
    made = await anna.create(observation(code=concept("urn:scale", "before")))
    change = [{"op": "replace", "path": "/code/coding/0/code", "value": "after"}]
    await patched(anna, f"/Observation/{made['id']}", change)
    assert await anna.found("/Observation?code=before") == []
    assert await anna.found("/Observation?code=after") == [made["id"]]


async def test_a_binary_without_a_context_is_patched_where_it_is(practice: Caller) -> None:
    made = await practice.create(binary(), {"X-Security-Context": "Patient/anna"})
    answer = await patched(
        practice, f"/Binary/{made['id']}", [{"op": "replace", "path": "/contentType", "value": "text/csv"}]
    )
    assert answer.status_code == 200, answer.text


NAMED = [{"system": "urn:scale", "value": "42"}]


async def test_a_conditional_patch_changes_what_it_finds(anna: Caller) -> None:
    made = await anna.create(goal(identifier=NAMED))
    answer = await patched(anna, "/Goal?identifier=urn:scale|42", NEW_TEXT)
    assert answer.status_code == 200, answer.text
    assert decode(answer.content)["id"] == made["id"]
    assert answer.headers["etag"] == 'W/"2"'


async def test_a_conditional_patch_of_nothing_is_not_found(anna: Caller, bram: Caller) -> None:
    await anna.create(goal(identifier=NAMED))
    answer = await patched(bram, "/Goal?identifier=urn:scale|42", NEW_TEXT)
    assert answer.status_code == 404
    assert await bram.found("/Goal") == []


async def test_a_conditional_patch_of_several_is_refused(practice: Caller) -> None:
    for name in ("anna", "bram"):
        await practice.create(goal(f"Patient/{name}", identifier=NAMED))
    answer = await patched(practice, "/Goal?identifier=urn:scale|42", NEW_TEXT)
    assert answer.status_code == 412
    assert codes(answer) == ["multiple-matches"]
    narrower = await patched(practice, "/Goal?identifier=urn:scale|42&patient=Patient/bram", NEW_TEXT)
    assert narrower.status_code == 200


async def test_a_conditional_patch_keeps_to_if_match(anna: Caller) -> None:
    await anna.create(goal(identifier=NAMED))
    address = "/Goal?identifier=urn:scale|42"
    assert (await patched(anna, address, NEW_TEXT, {"if-match": 'W/"2"'})).status_code == 412
    assert (await patched(anna, address, NEW_TEXT, {"if-match": 'W/"1"'})).status_code == 200


async def test_a_person_patches_their_own_record_only(anna: Caller, practice: Caller, operator: Caller) -> None:
    birth = [{"op": "replace", "path": "/birthDate", "value": "1950-02-03"}]
    assert (await patched(anna, "/Patient/anna", birth)).status_code == 200
    assert (await patched(anna, "/Patient/bram", birth)).status_code == 404
    assert (await patched(anna, "/Patient?_id=bram", birth)).status_code == 404
    assert (await patched(practice, "/Patient?_id=bram", birth)).status_code == 403
    assert (await patched(operator, "/Patient?_id=bram", birth)).status_code == 200
    assert decode((await practice.get("/Patient/bram")).content)["birthDate"] == "1950-02-03"


@pytest.mark.parametrize(
    "patch",
    [
        [],
        [{"op": "test", "path": "/description/text", "value": "Twee keer per week wandelen"}],
        [{"op": "replace", "path": "/meta/versionId", "value": "7"}],
        [{"op": "add", "path": "/meta/lastUpdated", "value": "2020-01-01T00:00:00Z"}],
        NEW_TEXT,
        [
            {"op": "move", "from": "/description", "path": "/x"},
            {"op": "move", "from": "/x", "path": "/description"},
        ],
    ],
)
async def test_a_patch_that_changes_nothing_makes_no_version(anna: Caller, patch: list[dict[str, Any]]) -> None:
    made = await anna.create(goal())
    address = f"/Goal/{made['id']}"
    first = await patched(anna, address, NEW_TEXT)
    for headers in ({}, {"if-match": 'W/"2"'}):
        again = await patched(anna, address, patch, headers)
        assert again.status_code == 200, again.text
        assert again.content == first.content
        assert [again.headers[each] for each in ("etag", "last-modified", "location")] == [
            first.headers[each] for each in ("etag", "last-modified", "location")
        ]
    assert len((await anna.bundle(f"{address}/_history"))["entry"]) == 2
    assert (await patched(anna, address, patch, {"if-match": 'W/"1"'})).status_code == 412
    said = await patched(anna, address, patch, {"prefer": "return=OperationOutcome"})
    assert "nothing was written" in issues(said)[0]["diagnostics"]


async def test_a_test_that_fails_and_a_digit_more_are_no_patches_that_change_nothing(anna: Caller) -> None:
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":81.5}}'
    address = f"/Observation/{decode((await anna.post('/Observation', body)).content)['id']}"
    failed = await patched(anna, address, [{"op": "test", "path": "/status", "value": "amended"}])
    assert failed.status_code == 422, failed.text
    precise = b'[{"op":"replace","path":"/valueQuantity/value","value":81.50}]'
    answer = await anna.send("PATCH", address, precise, JSON_PATCH)
    assert answer.headers["etag"] == 'W/"2"'
    assert b'"value":81.50' in answer.content


async def test_a_patch_that_changes_nothing_takes_what_a_patch_takes(service: Service, anna: Caller) -> None:
    made = await anna.create(goal())
    address = f"/Goal/{made['id']}"
    refused = {
        token: (await patched(service.caller(token), address, [])).status_code
        for token in ("", "bram", "anna-reader", "anna-writer", "anna-read-actions")
    }
    assert refused == {"": 401, "bram": 404, "anna-reader": 403, "anna-writer": 403, "anna-read-actions": 403}
    assert (await anna.get(address)).headers["etag"] == 'W/"1"'


async def test_in_a_transaction_a_patch_of_tests_holds_the_version_that_it_tested(anna: Caller) -> None:
    made = await anna.create(goal())
    test = json.dumps([{"op": "test", "path": "/lifecycleStatus", "value": made["lifecycleStatus"]}])
    entry = {
        "resource": {
            "resourceType": "Binary",
            "contentType": "application/json-patch+json",
            "data": base64.b64encode(test.encode()).decode(),
        },
        "request": {"method": "PATCH", "url": f"Goal/{made['id']}"},
    }
    answer = await anna.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["entry"][0]["response"]["status"].startswith("200")
