"""A-84: what a provider entered is changed by the provider; the person says beside it what is not right."""

from __future__ import annotations

from typing import Final

import pytest

from app.auth.grants import NewGrant, write_grant
from app.auth.recipients import app, organization
from app.auth.rights.rectification import changed_together
from app.auth.tokens import hash_token
from app.fhir.resource import decode
from tests.builders import care_plan, condition, goal, posted, put, questionnaire_response, transaction
from tests.rights.people import bearer
from tests.rights.test_annotation import WORDS, asking
from tests.server.service import Caller, Service, codes, issues

PATCH: Final = {"content-type": "application/json-patch+json"}


async def caller(service: Service, recipient: str, *, purpose: str, kind: str, role: str) -> Caller:
    """Somebody who may do everything in Anna's record."""
    secret, patient = f"{recipient}-{role}", await service.key_of("anna")
    grant = NewGrant(
        hash_token(secret), recipient, "patient/*.cruds", 1, purpose, client="c", person=f"wie-{role}",
        patient=patient, patients=[patient], kind=kind, role=role,
    )  # fmt: skip
    async with service.database.write() as writer:
        await write_grant(writer, grant)
    return service.caller(secret)


@pytest.fixture(params=["system", "professional"])
async def provider(service: Service, request: pytest.FixtureRequest) -> Caller:
    kind, role = ("system", "organization") if request.param == "system" else ("session", "professional")
    return await caller(service, organization("praktijk"), purpose="treatment", kind=kind, role=role)


@pytest.mark.parametrize("who", ["patient", "app", "app of a carer"])
async def test_a84_the_person_does_not_change_what_a_provider_entered(
    service: Service, provider: Caller, who: str
) -> None:
    theirs = await provider.create(condition())
    if who == "patient":
        own = service.caller(await bearer(service, "anna"))
    else:
        role = "patient" if who == "app" else "carer"
        own = await caller(service, app("dagboek"), purpose="own-use", kind="app", role=role)
    address, changed = f"/Condition/{theirs['id']}", {**theirs, "recordedDate": "2020-01-01"}
    patched = b'[{"op": "add", "path": "/recordedDate", "value": "2020-01-01"}]'
    marked = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"tag": [{"system": "https://t.example", "code": "x"}]}}],
    }
    for answer in (
        await own.put(address, changed),
        await own.send("PATCH", address, patched, PATCH),
        await own.delete(address),
        await own.post(f"{address}/$meta-add", marked),
        await own.post("/", transaction(put(changed), posted(goal()))),
    ):
        assert answer.status_code == 422, answer.text
        assert codes(answer) == ["business-rule"]
        assert f"Condition/{theirs['id']}/$annotate" in issues(answer)[0]["diagnostics"]
        assert "erase" in issues(answer)[0]["diagnostics"]
    assert (await own.get(address)).headers["etag"] == 'W/"1"'
    assert await own.found("/Goal") == []


async def test_a84_each_changes_their_own(service: Service, provider: Caller, anna: Caller) -> None:
    own = service.caller(await bearer(service, "anna"))
    dates = {"recordedDate": "2020-01-01"}
    theirs, hers = await provider.create(condition()), await own.create(condition())
    assert (await provider.put(f"/Condition/{theirs['id']}", {**theirs, **dates})).status_code == 200
    assert (await own.put(f"/Condition/{hers['id']}", {**hers, **dates})).status_code == 200
    # A provider that adds to what the person entered does not make it theirs.
    assert (await provider.put(f"/Condition/{hers['id']}", {**hers, "recordedDate": "2021-01-01"})).status_code == 200
    assert (await own.delete(f"/Condition/{hers['id']}")).status_code == 204
    # A sandbox's tokens stand for no session and no app.
    assert (await anna.delete(f"/Condition/{theirs['id']}")).status_code == 204


async def test_a84_a_plan_goal_or_network_of_a_provider_is_theirs_and_the_persons_own_plan_is_not(
    service: Service, provider: Caller
) -> None:
    own = service.caller(await bearer(service, "anna"))
    network = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": "Patient/anna"}}
    theirs = [await provider.create(each) for each in (care_plan(), goal(), network)]
    starting = {"resourceType": "Parameters", "parameter": [{"name": "goalResource", "resource": goal()}]}
    started = await provider.post("/Patient/anna/$start", starting)
    assert started.status_code == 201, started.text
    plan = decode(started.content)
    for each in theirs:
        address = f"/{each['resourceType']}/{each['id']}"
        marked = {"meta": {**each["meta"], "tag": [{"system": "https://t.example", "code": "x"}]}}
        for answer in (await own.put(address, {**each, **marked}), await own.delete(address)):
            assert answer.status_code == 422, answer.text
            assert issues(answer)[0]["details"]["text"] == "provider-data"
            assert f"{address[1:]}/$annotate" in answer.text
        assert (await own.get(address)).headers["etag"] == 'W/"1"'
        assert (await own.post(f"{address}/$annotate", asking(WORDS))).status_code in (200, 201)
    # What a provider began is the person's own plan: they change it, its goals, and the network that they take into it.
    written = plan["goal"][0]["reference"]
    words = {**decode((await own.get(f"/{written}")).content), "description": {"text": "In mijn eigen woorden"}}
    assert (await own.put(f"/{written}", words)).status_code == 200
    team = theirs[2]
    named = {**plan, "careTeam": [{"reference": f"CareTeam/{team['id']}"}], "title": "Van mij"}
    assert (await own.put(f"/CarePlan/{plan['id']}", named)).status_code == 200
    assert (await own.put(f"/CareTeam/{team['id']}", {**team, "name": "Mijn netwerk"})).status_code == 200


async def test_a84_what_both_work_on_is_changed_by_both(service: Service, provider: Caller) -> None:
    theirs = await provider.create(questionnaire_response(status="in-progress"))
    own = service.caller(await bearer(service, "anna"))
    address = f"/QuestionnaireResponse/{theirs['id']}"
    assert (await own.put(address, {**theirs, "status": "completed"})).status_code == 200
    assert changed_together().keys() <= service.server.registry.stored
    assert all(changed_together().values())
