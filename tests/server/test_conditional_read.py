"""304 for who has it already. https://hl7.org/fhir/R4/http.html#cread"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.builders import binary, goal
from tests.server.service import Caller

LATER = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
BEFORE = "Thu, 01 Jan 2015 00:00:00 GMT"


@pytest.fixture(params=["read", "vread"])
async def address(request: pytest.FixtureRequest, anna: Caller) -> str:
    """A goal at its second version."""
    await anna.keep(goal(id="kept"))
    await anna.keep(goal(id="kept", note=[{"text": "x"}]))
    return "/Goal/kept" if request.param == "read" else "/Goal/kept/_history/2"


UNMODIFIED = {
    "its version": {"if-none-match": 'W/"2"'},
    "a strong tag": {"if-none-match": '"2"'},
    "among others": {"if-none-match": 'W/"1", W/"2"'},
    "any": {"if-none-match": "*"},
    "a later date": {"if-modified-since": LATER},
    "the version counts before the date": {"if-none-match": 'W/"2"', "if-modified-since": BEFORE},
}
MODIFIED = {
    "another version": {"if-none-match": 'W/"1"'},
    "no tag of ours": {"if-none-match": "nonsense"},
    "an earlier date": {"if-modified-since": BEFORE},
    "the version counts before the date": {"if-none-match": 'W/"1"', "if-modified-since": LATER},
    "no date": {"if-modified-since": "yesterday"},
    "an impossible date": {"if-modified-since": "Thu, 99 Jan 2015 00:00:00 GMT"},
    "a date of no zone": {"if-modified-since": "2030-01-01"},
}


@pytest.mark.parametrize("headers", UNMODIFIED.values(), ids=UNMODIFIED.keys())
async def test_who_has_it_gets_no_body(anna: Caller, address: str, headers: dict[str, str]) -> None:
    answer = await anna.get(address, headers)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == 'W/"2"'
    assert "last-modified" in answer.headers


@pytest.mark.parametrize("headers", MODIFIED.values(), ids=MODIFIED.keys())
async def test_who_does_not_gets_it(anna: Caller, address: str, headers: dict[str, str]) -> None:
    answer = await anna.get(address, headers)
    assert answer.status_code == 200
    assert answer.json()["id"] == "kept"


async def test_its_own_last_modified_is_enough(anna: Caller, address: str) -> None:
    modified = (await anna.get(address)).headers["last-modified"]
    assert (await anna.get(address, {"if-modified-since": modified})).status_code == 304


async def test_a_condition_opens_nothing(bram: Caller, anonymous: Caller, address: str) -> None:
    for headers in ({"if-none-match": "*"}, {"if-modified-since": LATER}):
        assert (await bram.get(address, headers)).status_code == 404
        assert (await anonymous.get(address, headers)).status_code == 401


async def test_the_content_of_a_binary_is_read_conditionally_too(anna: Caller) -> None:
    made = await anna.create(binary())
    for accept in ("*/*", "application/fhir+json"):
        answer = await anna.get(f"/Binary/{made['id']}", {"accept": accept, "if-none-match": 'W/"1"'})
        assert (answer.status_code, answer.content) == (304, b"")


async def test_if_none_match_of_a_write_takes_the_star_only(anna: Caller) -> None:
    only_new = {"if-none-match": "*"}
    assert (await anna.put("/Goal/own-1", goal(id="own-1"), only_new)).status_code == 201
    there = await anna.put("/Goal/own-1", goal(id="own-1"), only_new)
    assert there.status_code == 412
    assert (await anna.put("/Goal/own-1", goal(id="own-1"), {"if-none-match": 'W/"1"'})).status_code == 400
    assert (await anna.get("/Goal/own-1")).headers["etag"] == 'W/"1"'
    await anna.delete("/Goal/own-1")
    revived = await anna.put("/Goal/own-1", goal(id="own-1"), only_new)
    assert (revived.status_code, revived.headers["etag"]) == (201, 'W/"3"')


async def test_a_stale_version_in_the_body_is_no_condition(anna: Caller) -> None:
    made = await anna.create(goal())
    for version in ("2", "3"):
        answer = await anna.put(f"/Goal/{made['id']}", made)
        assert (answer.status_code, answer.json()["meta"]["versionId"]) == (200, version)
