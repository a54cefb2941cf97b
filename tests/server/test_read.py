"""read and vread. https://hl7.org/fhir/R4/http.html#read https://hl7.org/fhir/R4/http.html#vread"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from app.fhir.dates import bounds
from app.fhir.resource import decode
from tests.builders import goal, observation
from tests.server.service import BASE, Caller, codes


async def test_a_resource_is_read_as_it_was_stored(anna: Caller) -> None:
    stored = await anna.create(observation())
    answer = await anna.get(f"/Observation/{stored['id']}")
    assert answer.status_code == 200
    assert decode(answer.content) == stored
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8"


async def test_a_read_carries_version_and_time_of_change(anna: Caller) -> None:
    stored = await anna.create(observation())
    answer = await anna.get(f"/Observation/{stored['id']}")
    assert answer.headers["etag"] == f'W/"{stored["meta"]["versionId"]}"' == 'W/"1"'
    changed = bounds(stored["meta"]["lastUpdated"])[0]
    assert parsedate_to_datetime(answer.headers["last-modified"]).timestamp() == changed // 1_000_000


@pytest.mark.parametrize("tag", ['W/"1"', 'W/"7", W/"1"', '"1"', "*"])
async def test_what_the_caller_has_already_is_not_sent_again(anna: Caller, tag: str) -> None:
    stored = await anna.create(observation())
    answer = await anna.get(f"/Observation/{stored['id']}", {"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == 'W/"1"'


async def test_another_version_than_the_caller_has_is_sent(anna: Caller) -> None:
    stored = await anna.create(observation())
    answer = await anna.get(f"/Observation/{stored['id']}", {"If-None-Match": 'W/"2"'})
    assert answer.status_code == 200
    assert decode(answer.content) == stored


async def test_head_gives_the_headers_of_a_read_and_no_body(anna: Caller) -> None:
    stored = await anna.create(observation())
    address = f"/Observation/{stored['id']}"
    read = await anna.get(address)
    head = await anna.send("HEAD", address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "last-modified", "content-type", "content-length"):
        assert head.headers[name] == read.headers[name]
    assert (await anna.send("HEAD", "/Observation/absent")).status_code == 404


async def test_what_never_was_is_not_found(anna: Caller) -> None:
    answer = await anna.get("/Observation/never")
    assert answer.status_code == 404
    assert codes(answer) == ["not-found"]


async def test_a_resource_is_not_found_under_another_type(anna: Caller) -> None:
    stored = await anna.create(observation())
    assert (await anna.get(f"/Condition/{stored['id']}")).status_code == 404


async def test_read_of_a_deleted_resource_is_gone(anna: Caller) -> None:
    stored = await anna.create(observation())
    await anna.delete(f"/Observation/{stored['id']}")
    answer = await anna.get(f"/Observation/{stored['id']}")
    assert answer.status_code == 410
    assert codes(answer) == ["deleted"]
    assert answer.headers["etag"] == 'W/"2"'


async def test_every_version_can_be_read_as_it_was(anna: Caller) -> None:
    first = await anna.create(goal(description={"text": "Lopen"}))
    second = await anna.keep({**first, "description": {"text": "Fietsen"}})
    address = f"/Goal/{first['id']}/_history"
    for number, stored in (("1", first), ("2", second)):
        answer = await anna.get(f"{address}/{number}")
        assert answer.status_code == 200
        assert decode(answer.content) == stored
        assert answer.headers["etag"] == f'W/"{number}"'
        assert "last-modified" in answer.headers


async def test_the_version_that_deleted_is_gone_and_those_before_are_not(anna: Caller) -> None:
    stored = await anna.create(goal())
    await anna.delete(f"/Goal/{stored['id']}")
    address = f"/Goal/{stored['id']}/_history"
    assert decode((await anna.get(f"{address}/1")).content) == stored
    assert (await anna.get(f"{address}/2")).status_code == 410


@pytest.mark.parametrize("version", ["0", "2", "999999999", "99999999999999999999", "x", "-1", "1.0"])
async def test_a_version_that_never_was_is_not_found(anna: Caller, version: str) -> None:
    stored = await anna.create(goal())
    answer = await anna.get(f"/Goal/{stored['id']}/_history/{version}")
    assert answer.status_code == 404
    assert codes(answer) == ["not-found"]


async def test_the_catalogue_can_be_read_by_a_patient(anna: Caller) -> None:
    answer = await anna.get("/Organization/practice")
    assert answer.status_code == 200
    assert decode(answer.content)["name"] == "Huisartsenpraktijk De Proef"
    assert (await anna.get("/Organization/practice/_history/1")).status_code == 200


async def test_ones_own_resource_hides_one_of_the_catalogue_with_the_same_id(anna: Caller, bram: Caller) -> None:
    await anna.keep({"resourceType": "Organization", "id": "practice", "name": "Zo noem ik haar"})
    assert decode((await anna.get("/Organization/practice")).content)["name"] == "Zo noem ik haar"
    assert decode((await bram.get("/Organization/practice")).content)["name"] == "Huisartsenpraktijk De Proef"


@pytest.mark.parametrize("id", ["a" * 65, "a b", "%00", "%ED%A0%80", "a%2Fb", "é", "'", '"', "$nothing", "%2525"])
async def test_an_id_that_cannot_be_one_is_refused_and_not_a_fault(practice: Caller, id: str) -> None:
    for address in ("Observation/{}", "Observation/{}/_history", "Patient/{}/Observation", "Patient/{}/$everything"):
        assert (await practice.get(f"{BASE}/{address.format(id)}")).status_code in (400, 404), address
