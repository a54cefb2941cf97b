"""create and conditional create. https://hl7.org/fhir/R4/http.html#create https://hl7.org/fhir/R4/http.html#ccreate"""

from __future__ import annotations

import re

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import binary, goal, observation, posted, questionnaire_response, reference, transaction
from tests.server.service import BASE, Caller, codes, issues

OWN_FORM = re.compile(r"[0-9a-z]{13}-[0-9a-z]{16}")


async def test_a_new_resource_gets_an_id_a_version_and_a_time(anna: Caller) -> None:
    answer = await anna.post("/Observation", observation())
    assert answer.status_code == 201
    stored = decode(answer.content)
    assert OWN_FORM.fullmatch(stored["id"])
    assert stored["meta"]["versionId"] == "1"
    assert stored["meta"]["lastUpdated"].endswith("Z")
    assert answer.headers["location"] == f"{BASE}/Observation/{stored['id']}/_history/1"
    assert answer.headers["etag"] == 'W/"1"'
    assert "last-modified" in answer.headers


async def test_everything_else_is_stored_as_it_was_sent(anna: Caller) -> None:
    sent = observation(note=[{"text": "Na het ontbijt"}], performer=[reference("Patient/anna")])
    stored = await anna.create(sent)
    assert {name: value for name, value in stored.items() if name not in ("id", "meta")} == sent


async def test_the_location_can_be_read(anna: Caller) -> None:
    answer = await anna.post("/Goal", goal())
    assert (await anna.get(answer.headers["location"])).content == answer.content


async def test_id_version_and_time_of_the_caller_are_not_kept(anna: Caller) -> None:
    meta = {"versionId": "7", "lastUpdated": "2020-01-01T00:00:00Z", "tag": [{"code": "a"}], "source": "urn:x:scale"}
    stored = await anna.create(observation(id="mine", meta=meta))
    assert stored["id"] != "mine"
    assert stored["meta"]["versionId"] == "1"
    assert stored["meta"]["lastUpdated"] > "2020-01-02"
    assert stored["meta"]["tag"] == [{"code": "a"}]
    assert stored["meta"]["source"] == "urn:x:scale"


async def test_two_creates_make_two_resources(anna: Caller) -> None:
    first, second = await anna.create(goal()), await anna.create(goal())
    assert first["id"] != second["id"]
    assert sorted(await anna.found("/Goal")) == sorted([first["id"], second["id"]])


async def test_what_names_nobody_belongs_to_the_patient_of_the_token(anna: Caller, bram: Caller) -> None:
    stored = await anna.create(binary())
    assert (await anna.get(f"/Binary/{stored['id']}")).status_code == 200
    assert (await bram.get(f"/Binary/{stored['id']}")).status_code == 404


async def test_a_caller_may_ask_for_no_body(anna: Caller) -> None:
    answer = await anna.post("/Goal", goal(), {"Prefer": "return=minimal"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert (await anna.get(answer.headers["location"])).status_code == 200


async def test_all_problems_are_named_at_once_and_nothing_is_stored(anna: Caller) -> None:
    wrong = observation(status="nonsense", foo=1, valueQuantity={"value": "heavy"}, effectiveDateTime="yesterday")
    answer = await anna.post("/Observation", wrong)
    assert answer.status_code == 422
    places = {expression for issue in issues(answer) for expression in issue["expression"]}
    assert {"Observation.status", "Observation.foo", "Observation.value.value"} <= places
    assert any(place.startswith("Observation.effective") for place in places)
    assert await anna.found("/Observation") == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"resourceType": 1}', b'{"resourceType": "Nothing"}', b"\xff"]
)
async def test_a_body_that_is_no_resource_is_refused(anna: Caller, body: bytes) -> None:
    answer = await anna.post("/Observation", body)
    assert answer.status_code == 400
    assert codes(answer)[0] in ("structure", "invalid")


async def test_the_body_must_be_of_the_type_of_the_address(anna: Caller) -> None:
    answer = await anna.post("/Observation", goal())
    assert answer.status_code == 400
    assert codes(answer) == ["invalid"]


@pytest.mark.parametrize("kind", ["AuditEvent", "OperationOutcome", "Parameters"])
async def test_types_that_are_not_stored_cannot_be_created(anna: Caller, kind: str) -> None:
    answer = await anna.post(f"/{kind}", {"resourceType": kind})
    assert answer.status_code in (404, 405)
    assert codes(answer) == ["not-supported"]


async def test_a_subject_who_is_not_known_to_the_caller_is_refused(anna: Caller) -> None:
    for name in ("Patient/bram", "Patient/nobody"):
        answer = await anna.post("/Observation", observation(name))
        assert answer.status_code == 422
        assert issues(answer)[0]["expression"] == ["Observation.subject"]


async def test_a_create_on_condition_makes_one_where_there_is_none(anna: Caller) -> None:
    named = questionnaire_response(identifier={"system": "urn:app", "value": "q-1"})
    first = await anna.post("/QuestionnaireResponse", named, {"If-None-Exist": "identifier=urn:app|q-1"})
    assert first.status_code == 201
    second = await anna.post("/QuestionnaireResponse", named, {"If-None-Exist": "identifier=urn:app|q-1"})
    assert second.status_code == 200
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["etag"] == 'W/"1"'
    assert decode(second.content) == decode(first.content)
    assert len(await anna.found("/QuestionnaireResponse")) == 1


async def test_a_create_on_condition_may_be_put_as_an_address(anna: Caller) -> None:
    named = observation(identifier=[{"system": "urn:app", "value": "o-1"}])
    for expected in (201, 200):
        answer = await anna.post("/Observation", named, {"If-None-Exist": "Observation?identifier=urn:app|o-1"})
        assert answer.status_code == expected


async def test_a_condition_that_several_meet_is_refused(anna: Caller) -> None:
    await anna.create(goal())
    await anna.create(goal())
    answer = await anna.post("/Goal", goal(), {"If-None-Exist": "lifecycle-status=proposed"})
    assert answer.status_code == 412
    assert codes(answer) == ["multiple-matches"]
    assert len(await anna.found("/Goal")) == 2


async def test_a_condition_that_cannot_be_read_is_refused(anna: Caller) -> None:
    answer = await anna.post("/Goal", goal(), {"If-None-Exist": "nonsense=1"})
    assert answer.status_code == 400
    assert await anna.found("/Goal") == []


@pytest.mark.parametrize("condition", ["", "?", "_count=1", "_sort=start-date", "_format=json", "_page=x"])
async def test_a_condition_that_asks_nothing_is_refused(anna: Caller, condition: str) -> None:
    await anna.create(goal())
    for answer in (
        await anna.post("/Goal", goal(), {"If-None-Exist": condition}),
        await anna.post("/", transaction(posted(goal(), ifNoneExist=condition or "_count=1"))),
    ):
        assert answer.status_code == 400
        assert codes(answer) in (["required"], ["not-supported"])
    assert len(await anna.found("/Goal")) == 1


async def test_a_condition_sees_nothing_of_others(anna: Caller, bram: Caller) -> None:
    named: Resource = {"identifier": [{"system": "urn:app", "value": "o-1"}]}
    await bram.create(observation("Patient/bram", **named))
    answer = await anna.post("/Observation", observation(**named), {"If-None-Exist": "identifier=urn:app|o-1"})
    assert answer.status_code == 201


async def test_a_create_on_condition_by_a_caller_of_several_patients_keeps_to_the_patient_meant(
    practice: Caller, bram: Caller
) -> None:
    named: Resource = {"identifier": [{"system": "urn:app", "value": "o-1"}]}
    await bram.create(observation("Patient/bram", **named))
    condition = {"If-None-Exist": "identifier=urn:app|o-1&patient=Patient/anna"}
    answer = await practice.post("/Observation", observation("Patient/anna", **named), condition)
    assert answer.status_code == 201


SUBSCRIPTION = {
    "resourceType": "Subscription",
    "reason": "Bericht bij een nieuwe meting",
    "criteria": "Observation?patient=anna",
    "channel": {"type": "rest-hook", "endpoint": "https://app.example/hook"},
}


@pytest.mark.parametrize("status", ["requested", "active"])
async def test_a_subscription_that_wants_delivery_is_refused_with_the_other_way(anna: Caller, status: str) -> None:
    answer = await anna.post("/Subscription", {**SUBSCRIPTION, "status": status})
    assert answer.status_code == 422
    assert codes(answer) == ["not-supported"]
    assert "_since" in issues(answer)[0]["diagnostics"]


async def test_a_subscription_that_is_off_is_kept_for_later(anna: Caller, bram: Caller) -> None:
    made = await anna.create({**SUBSCRIPTION, "status": "off"})
    assert await anna.found("/Subscription?status=off") == [made["id"]]
    assert await bram.found("/Subscription") == []
    assert (await anna.put(f"/Subscription/{made['id']}", {**made, "status": "active"})).status_code == 422
