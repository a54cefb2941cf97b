"""A condition is a search, and its answer tells what it finds: so it takes the scopes of one, wherever it stands.
https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from tests.builders import (
    asking,
    batch,
    care_plan,
    condition,
    deleted,
    goal,
    observation,
    patched,
    patient,
    posted,
    reference,
    transaction,
)
from tests.server.service import JSON, Caller, Service, codes

TOLD = "_has:Condition:patient:code=44054006"
"""Whether the person has a diagnosis: a question about a type that ``anna-planner`` may not search."""
ABOUT_GOALS = f"subject:Patient.{TOLD}"
NO_CHANGE: Resource = {"resourceType": "Parameters"}
BY_PERSON = care_plan(subject=f"Patient?name=proefstra&{TOLD}")
BY_GOAL = care_plan(goal=[reference(f"Goal?{ABOUT_GOALS}")])

Sent = tuple[str, str, Resource | None, str]
"""Method, address, body and If-None-Exist."""
REQUESTS: dict[str, Sent] = {
    "conditional create": ("POST", "/Goal", goal(), ABOUT_GOALS),
    "conditional update": ("PUT", f"/Goal?{ABOUT_GOALS}", goal(), ""),
    "conditional patch": ("PATCH", f"/Goal?{ABOUT_GOALS}", NO_CHANGE, ""),
    "conditional delete": ("DELETE", f"/Goal?{ABOUT_GOALS}", None, ""),
    "transaction: reference to a person": ("POST", "/", transaction(posted(BY_PERSON)), ""),
    "transaction: reference": ("POST", "/", transaction(posted(BY_GOAL)), ""),
    "transaction: create": ("POST", "/", transaction(posted(goal(), ifNoneExist=ABOUT_GOALS)), ""),
    "transaction: update": ("POST", "/", transaction(asking("PUT", f"Goal?{ABOUT_GOALS}", goal())), ""),
    "transaction: patch": ("POST", "/", transaction(patched(f"Goal?{ABOUT_GOALS}", NO_CHANGE)), ""),
    "transaction: delete": ("POST", "/", transaction(deleted(f"Goal?{ABOUT_GOALS}")), ""),
}


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", REQUESTS)
async def test_a_condition_asks_nothing_about_types_that_the_scopes_leave_out(
    service: Service, anna: Caller, name: str, *, there: bool
) -> None:
    await anna.keep(goal(id="kept"))
    if there:
        await anna.create(condition())
    method, address, body, none_exist = REQUESTS[name]
    headers = {"if-none-exist": none_exist} if none_exist else None
    answer = await service.caller("anna-planner").send(method, address, body, headers)
    assert answer.status_code == 403, answer.text
    assert set(codes(answer)) == {"forbidden"}
    if there:
        assert (await anna.send(method, address, body, headers)).status_code in (200, 204), name


@pytest.mark.parametrize("code", ["29463-7", "never"])
async def test_a_create_on_condition_takes_the_scope_to_search(service: Service, anna: Caller, code: str) -> None:
    await anna.create(observation())
    writer = service.caller("anna-writer")
    alone = await writer.post("/Observation", observation(), {"if-none-exist": f"code={code}"})
    within = await writer.post("/", transaction(posted(observation(), ifNoneExist=f"code={code}")))
    for answer in (alone, within):
        assert answer.status_code == 403
        assert codes(answer) == ["forbidden"]
    listed = await writer.post("/", batch(posted(observation(), ifNoneExist=f"code={code}")))
    assert listed.json()["entry"][0]["response"]["status"].startswith("403")
    assert len(await anna.found("/Observation")) == 1
    assert (await service.caller("anna-finder").post("/Observation", observation())).status_code == 201


async def test_who_may_not_read_is_told_where_a_match_is_and_not_what(service: Service, anna: Caller) -> None:
    await anna.keep(goal(id="kept"))
    asked = {"if-none-exist": "_id=kept", "prefer": "return=representation"}
    for accepted in (JSON, "application/fhir+xml"):
        answer = await service.caller("anna-finder").post("/Goal", goal(), {**asked, "accept": accepted})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["etag"] == 'W/"1"'
    assert (await anna.post("/Goal", goal(), asked)).json()["id"] == "kept"


async def test_a_posted_patient_is_shown_to_who_may_read_it(service: Service, anna: Caller) -> None:
    answer = await service.caller("anna-writer").post("/Patient", patient())
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["location"].endswith("/Patient/anna/_history/1")
    assert (await anna.post("/Patient", patient())).json()["id"] == "anna"


async def test_a_value_with_a_question_mark_is_a_value(anna: Caller) -> None:
    named = goal(identifier=[{"system": "urn:a?b", "value": "1"}])
    for expected in (201, 200):
        answer = await anna.put("/Goal?identifier=urn:a?b|1", named)
        assert answer.status_code == expected, answer.text
        assert (await anna.post("/Goal", named, {"if-none-exist": "Goal?identifier=urn:a?b|1"})).status_code == 200


async def test_what_a_condition_must_name_is_said_of_every_kind(anna: Caller) -> None:
    for method, address, body in (("PUT", "/Goal?_format=json", goal()), ("DELETE", "/Goal?_format=json", None)):
        answer = await anna.send(method, address, body)
        assert codes(answer) == ["required"]
        assert "If-None-Exist" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_condition_on_a_type_that_there_is_not_finds_no_such_address(anna: Caller, method: str) -> None:
    none_exist = {"if-none-exist": "_lastUpdated=2020&code=x"} if method == "POST" else None
    address = "/Nonsense" if none_exist else "/Nonsense?code=x"
    answer = await anna.send(method, address, None if method == "DELETE" else NO_CHANGE, none_exist)
    assert answer.status_code in (400, 404), answer.text
