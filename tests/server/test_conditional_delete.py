"""DELETE with a search in the address: one at most. https://hl7.org/fhir/R4/http.html#3.1.0.7.1"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import goal, organization
from tests.server.service import Caller, Service, codes, issues

NAMED = [{"system": "urn:scale", "value": "42"}]
MEANT = "/Goal?identifier=urn:scale|42"


def named(subject: str = "Patient/anna", **members: object) -> Resource:
    """A goal that the condition finds."""
    return goal(subject, identifier=NAMED, **members)


async def test_the_one_that_is_found_is_deleted(anna: Caller) -> None:
    made = await anna.create(named())
    kept = await anna.create(goal())
    answer = await anna.delete(MEANT)
    assert answer.status_code == 204
    assert answer.headers["etag"] == 'W/"2"'
    assert (await anna.get(f"/Goal/{made['id']}")).status_code == 410
    assert await anna.found("/Goal") == [kept["id"]]


async def test_none_is_a_success_that_says_so(anna: Caller) -> None:
    kept = await anna.create(goal())
    answer = await anna.delete(MEANT)
    assert answer.status_code == 200
    (hint,) = issues(answer)
    assert (hint["severity"], hint["code"]) == ("information", "informational")
    silent = await anna.delete(MEANT, {"prefer": "return=minimal"})
    assert (silent.status_code, silent.content) == (204, b"")
    assert await anna.found("/Goal") == [kept["id"]]


async def test_what_was_deleted_is_found_no_more(anna: Caller) -> None:
    made = await anna.create(named())
    assert (await anna.delete(MEANT)).status_code == 204
    assert (await anna.delete(MEANT)).status_code == 200
    history = await anna.bundle(f"/Goal/{made['id']}/_history")
    assert len(history["entry"]) == 2


async def test_several_are_refused(anna: Caller) -> None:
    for _ in range(3):
        await anna.create(named())
    answer = await anna.delete(MEANT)
    assert answer.status_code == 412
    assert codes(answer) == ["multiple-matches"]
    assert len(await anna.found("/Goal")) == 3


async def test_several_of_several_patients_are_refused(practice: Caller, anna: Caller) -> None:
    for name in ("anna", "bram"):
        await practice.create(named(f"Patient/{name}"))
    assert (await practice.delete(MEANT)).status_code == 412
    assert (await practice.delete(f"{MEANT}&patient=Patient/bram")).status_code == 204
    assert len(await anna.found("/Goal")) == 1


async def test_if_match_holds_for_what_is_found(anna: Caller) -> None:
    assert (await anna.delete(MEANT, {"if-match": 'W/"1"'})).status_code == 412
    await anna.create(named())
    assert (await anna.delete(MEANT, {"if-match": 'W/"2"'})).status_code == 412
    assert (await anna.delete(MEANT, {"if-match": 'W/"1"'})).status_code == 204


@pytest.mark.parametrize("query", ["", "?", "?_format=json", "?_count=1", "?nonsense=1"])
async def test_a_condition_must_ask_something_that_is_understood(anna: Caller, query: str) -> None:
    await anna.create(goal())
    for headers in ({}, {"prefer": "handling=lenient"}):
        assert (await anna.delete(f"/Goal{query}", headers)).status_code == 400
    assert len(await anna.found("/Goal")) == 1


async def test_another_patients_is_no_match(anna: Caller, bram: Caller) -> None:
    made = await anna.create(named())
    absent = await bram.delete("/Goal?identifier=urn:scale|never")
    other = await bram.delete(MEANT)
    assert (other.status_code, other.content) == (200, absent.content)
    assert (await anna.get(f"/Goal/{made['id']}")).status_code == 200


async def test_who_may_not_delete_or_search_is_refused(service: Service, anna: Caller, anonymous: Caller) -> None:
    made = await anna.create(named())
    assert (await anonymous.delete(MEANT)).status_code == 401
    assert (await service.caller("anna-reader").delete(MEANT)).status_code == 403
    assert (await service.caller("anna-writer").delete(MEANT)).status_code == 403
    assert (await service.caller("anna-read-actions").delete(MEANT)).status_code == 403
    assert (await service.caller("anna-measurements").delete(MEANT)).status_code == 200  # sees none
    assert decode((await anna.get(f"/Goal/{made['id']}")).content) == made


async def test_persons_are_deleted_by_the_operator_only(anna: Caller, practice: Caller, operator: Caller) -> None:
    for caller in (anna, practice):
        assert (await caller.delete("/Patient?_id=anna")).status_code == 403
    assert (await operator.delete("/Patient?_id=bram")).status_code == 204
    assert (await operator.get("/Patient/bram")).status_code == 410


async def test_the_catalogue_is_changed_by_its_administrators(anna: Caller, operator: Caller) -> None:
    made = await operator.create(organization(identifier=NAMED))
    assert (await anna.delete("/Organization?identifier=urn:scale|42")).status_code == 403
    assert (await anna.get(f"/Organization/{made['id']}")).status_code == 200
    assert (await operator.delete("/Organization?identifier=urn:scale|42")).status_code == 204
    assert (await anna.get(f"/Organization/{made['id']}")).status_code == 410
