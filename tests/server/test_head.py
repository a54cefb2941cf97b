"""HEAD is GET without the body. https://hl7.org/fhir/R4/http.html#head"""

from __future__ import annotations

import pytest

from tests.builders import goal
from tests.server.service import Caller, Service

ADDRESSES = (
    "/metadata",
    "/Goal/kept",
    "/Goal/kept/_history/1",
    "/Goal/kept/_history",
    "/Patient/anna/Goal/kept",
    "/Goal",
    "/Goal?status=active&_summary=count",
    "/Patient/anna/Goal",
    "/Patient/anna/$everything",
    "/Goal/absent",
    "/Goal/gone",
    "/Nothing",
    "/Goal?nonsense=1",
)
_OF_THE_REQUEST = frozenset({"x-request-id", "date"})


@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
@pytest.mark.parametrize("address", ADDRESSES)
async def test_head_answers_as_get_does_without_the_body(anna: Caller, address: str, accept: str) -> None:
    await anna.keep(goal(id="kept"))
    await anna.keep(goal(id="gone"))
    await anna.delete("/Goal/gone")
    got = await anna.get(address, {"accept": accept})
    headed = await anna.send("HEAD", address, headers={"accept": accept})
    assert got.content
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert {name: value for name, value in headed.headers.items() if name not in _OF_THE_REQUEST} == {
        name: value for name, value in got.headers.items() if name not in _OF_THE_REQUEST
    }


async def test_head_is_refused_as_get_is(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="kept"))
    for token, status in (("", 401), ("nonsense", 401), ("bram", 404), ("anna-observations", 403)):
        answer = await service.caller(token).send("HEAD", "/Goal/kept")
        assert (answer.status_code, answer.content) == (status, b""), token


async def test_head_of_what_is_only_posted_is_not_possible(anna: Caller) -> None:
    answer = await anna.send("HEAD", "/Goal/_search")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
