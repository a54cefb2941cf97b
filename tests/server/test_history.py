"""history of one resource. https://hl7.org/fhir/R4/http.html#history"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import goal
from tests.server.service import BASE, Caller, codes, link


async def with_versions(caller: Caller, number: int) -> Resource:
    stored = await caller.create(goal(note=[{"text": "1"}]))
    for version in range(2, number + 1):
        stored = await caller.keep({**stored, "note": [{"text": str(version)}]})
    return stored


def methods(bundle: Resource) -> list[Any]:
    return [entry["request"]["method"] for entry in bundle["entry"]]


async def test_history_gives_every_version_newest_first(anna: Caller) -> None:
    stored = await with_versions(anna, 3)
    bundle = await anna.bundle(f"/Goal/{stored['id']}/_history")
    assert bundle["type"] == "history"
    assert [entry["resource"]["note"][0]["text"] for entry in bundle["entry"]] == ["3", "2", "1"]
    assert [entry["resource"]["meta"]["versionId"] for entry in bundle["entry"]] == ["3", "2", "1"]
    assert methods(bundle) == ["PUT", "PUT", "POST"]
    assert [entry["response"]["etag"] for entry in bundle["entry"]] == ['W/"3"', 'W/"2"', 'W/"1"']
    assert {entry["fullUrl"] for entry in bundle["entry"]} == {f"{BASE}/Goal/{stored['id']}"}
    for entry in bundle["entry"]:
        assert entry["response"]["lastModified"] == entry["resource"]["meta"]["lastUpdated"]


async def test_each_entry_is_what_vread_gives(anna: Caller) -> None:
    stored = await with_versions(anna, 3)
    bundle = await anna.bundle(f"/Goal/{stored['id']}/_history")
    for entry in bundle["entry"]:
        version = entry["resource"]["meta"]["versionId"]
        assert decode((await anna.get(f"/Goal/{stored['id']}/_history/{version}")).content) == entry["resource"]


async def test_a_deletion_is_an_entry_without_a_resource(anna: Caller) -> None:
    stored = await with_versions(anna, 1)
    await anna.delete(f"/Goal/{stored['id']}")
    bundle = await anna.bundle(f"/Goal/{stored['id']}/_history")
    assert methods(bundle) == ["DELETE", "POST"]
    assert "resource" not in bundle["entry"][0]
    assert bundle["entry"][0]["request"]["url"] == f"Goal/{stored['id']}"
    assert bundle["entry"][0]["response"]["status"].startswith("204")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8])
async def test_the_pages_of_a_history_hold_each_version_once(anna: Caller, count: int) -> None:
    stored = await with_versions(anna, 7)
    pages = await anna.pages(f"/Goal/{stored['id']}/_history?_count={count}")
    assert all(len(page["entry"]) <= count for page in pages)
    assert [entry["resource"]["note"][0]["text"] for page in pages for entry in page["entry"]] == list("7654321")


async def test_a_version_that_is_born_during_the_walk_does_not_appear(anna: Caller) -> None:
    stored = await with_versions(anna, 4)
    first = await anna.bundle(f"/Goal/{stored['id']}/_history?_count=2")
    await anna.keep({**stored, "note": [{"text": "5"}]})
    following = link(first, "next")
    assert following is not None
    second = await anna.bundle(following)
    assert [entry["resource"]["note"][0]["text"] for entry in second["entry"]] == ["2", "1"]


async def test_a_page_link_is_good_for_its_own_resource_only(anna: Caller) -> None:
    stored, another = await with_versions(anna, 3), await with_versions(anna, 3)
    following = link(await anna.bundle(f"/Goal/{stored['id']}/_history?_count=1"), "next")
    assert following is not None
    answer = await anna.get(following.replace(stored["id"], another["id"]))
    assert answer.status_code == 400


async def test_the_history_of_what_never_was_is_not_found(anna: Caller) -> None:
    answer = await anna.get("/Goal/never/_history")
    assert answer.status_code == 404
    assert codes(answer) == ["not-found"]


@pytest.mark.parametrize("query", ["lifecycle-status=active", "nonsense=1", "_sort=start-date", "_lastUpdated=ge2020"])
async def test_a_history_takes_no_filters(anna: Caller, query: str) -> None:
    stored = await with_versions(anna, 1)
    assert (await anna.get(f"/Goal/{stored['id']}/_history?{query}")).status_code == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_history_can_only_be_read(anna: Caller, method: str) -> None:
    stored = await with_versions(anna, 1)
    for address in (f"/Goal/{stored['id']}/_history", f"/Goal/{stored['id']}/_history/1"):
        answer = await anna.send(method, address, stored)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD"


async def test_the_history_of_a_catalogue_resource_can_be_read(anna: Caller, operator: Caller) -> None:
    stored = decode((await operator.get("/Organization/practice")).content)
    await operator.keep({**stored, "name": "De Nieuwe Proef"})
    bundle = await anna.bundle("/Organization/practice/_history")
    assert [entry["resource"]["name"] for entry in bundle["entry"]] == [
        "De Nieuwe Proef",
        "Huisartsenpraktijk De Proef",
    ]
