"""$validate. https://hl7.org/fhir/R4/resource-operation-validate.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.builders import BSN, goal, observation, organization, patient
from tests.server.service import Caller, Service, issues

PROFILE = "http://example.org/StructureDefinition/own-goal"


def asked(resource: Resource | None = None, **values: str) -> Resource:
    kinds = {"mode": "valueCode", "profile": "valueUri"}
    listed: list[Resource] = [{"name": name, kinds[name]: value} for name, value in values.items()]
    if resource is not None:
        listed.append({"name": "resource", "resource": resource})
    return {"resourceType": "Parameters", "parameter": listed}


async def said(caller: Caller, address: str, body: Resource | bytes | None = None, **headers: str) -> list[Resource]:
    """The issues of an answer that must be 200."""
    answer = await caller.post(address, body, headers)
    assert answer.status_code == 200, answer.text
    return issues(answer)


def errors(found: list[Resource]) -> list[str]:
    return [each["code"] for each in found if each["severity"] in ("error", "fatal")]


async def state(service: Service) -> list[Any]:
    rows = await service.database.fetch("SELECT patient, seq, updated FROM partition ORDER BY patient")
    count = await service.database.fetch("SELECT count(*) FROM history")
    return [tuple(row) for row in (*rows, *count)]


@pytest.mark.parametrize("mode", [None, "create", "update", "profile"])
async def test_what_is_right_is_all_ok_and_is_not_stored(service: Service, anna: Caller, mode: str | None) -> None:
    before = await state(service)
    resource = goal(id="g")
    found = await said(anna, "/Goal/$validate", resource if mode is None else asked(resource, mode=mode))
    assert [(each["severity"], each["code"]) for each in found] == [("information", "informational")]
    assert "OK" in found[0]["diagnostics"]
    assert await state(service) == before
    assert (await anna.get("/Goal/g")).status_code == 404


async def test_the_mode_can_be_in_the_address(anna: Caller) -> None:
    assert errors(await said(anna, "/Goal/$validate?mode=update", goal())) == ["value"]
    assert errors(await said(anna, "/Goal/$validate?mode=create", goal())) == []


async def test_every_problem_is_named_with_its_place(anna: Caller) -> None:
    found = await said(anna, "/Goal/$validate", goal(lifecycleStatus="wrong", description=None, colour="red"))
    assert len(errors(found)) == 3
    assert {path for each in found for path in each.get("expression", ())} >= {"Goal.lifecycleStatus"}


@pytest.mark.parametrize("body", [{**goal(), "resourceType": "Never"}, observation(), {"resourceType": 7}])
async def test_another_type_than_the_address_is_said(anna: Caller, body: Resource) -> None:
    if isinstance(body["resourceType"], str):
        assert "invalid" in errors(await said(anna, "/Goal/$validate", asked(body)))
    else:
        assert (await anna.post("/Goal/$validate", asked(body))).status_code == 400


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/fhir+json", b"{"),
        ("application/fhir+json", b'{"resourceType":"Goal","resourceType":'),
        ("application/fhir+xml", b"<Goal"),
        ("application/fhir+xml", b'<Goal xmlns="http://hl7.org/fhir"><colour value="red"/></Goal>'),
    ],
)
async def test_what_cannot_be_read_is_said_in_an_outcome(anna: Caller, content_type: str, body: bytes) -> None:
    assert errors(await said(anna, "/Goal/$validate", body, **{"content-type": content_type}))


async def test_xml_is_validated_too(anna: Caller) -> None:
    body = b'<Goal xmlns="http://hl7.org/fhir"><lifecycleStatus value="active"/></Goal>'
    found = await said(anna, "/Goal/$validate", body, **{"content-type": "application/fhir+xml"})
    assert "Goal.description" in str(found)


async def test_a_create_says_what_the_server_would_refuse(service: Service, anna: Caller, practice: Caller) -> None:
    before = await state(service)
    assert errors(await said(anna, "/Goal/$validate", asked(goal("Patient/bram"), mode="create"))) == ["not-found"]
    unnamed = observation(None)
    assert errors(await said(practice, "/Observation/$validate", asked(unnamed, mode="create"))) == ["business-rule"]
    assert errors(await said(anna, "/Observation/$validate", asked(unnamed, mode="create"))) == []
    reader = service.caller("anna-reader")
    assert errors(await said(reader, "/Goal/$validate", asked(goal(), mode="create"))) == ["forbidden"]
    assert errors(await said(reader, "/Goal/$validate", asked(goal()))) == []
    narrow = service.caller("anna-measurements")
    assert errors(await said(narrow, "/Goal/$validate", asked(goal(), mode="create"))) == ["forbidden"]
    assert await state(service) == before


async def test_an_update_says_what_the_server_would_refuse(service: Service, anna: Caller, practice: Caller) -> None:
    await anna.keep(goal(id="g"))
    await practice.keep(goal("Patient/bram", id="b"))
    before = await state(service)
    assert errors(await said(anna, "/Goal/g/$validate", asked(goal(id="g"), mode="update"))) == []
    assert errors(await said(anna, "/Goal/g/$validate", asked(goal(id="h"), mode="update"))) == ["value"]
    stale = await said(anna, "/Goal/g/$validate", asked(goal(id="g"), mode="update"), **{"if-match": 'W/"7"'})
    assert errors(stale) == ["conflict"]
    unowned = observation(None, id="o")
    assert errors(await said(anna, "/Observation/$validate", asked(unowned, mode="update"))) == []
    assert await state(service) == before


async def test_a_delete_says_what_the_server_would_refuse(service: Service, anna: Caller, bram: Caller) -> None:
    await anna.keep(goal(id="g"))
    before = await state(service)
    assert errors(await said(anna, "/Goal/g/$validate", asked(mode="delete"))) == []
    assert errors(await said(anna, "/Goal/g/$validate?mode=delete")) == []
    assert errors(await said(bram, "/Goal/g/$validate", asked(mode="delete"))) == ["not-found"]
    assert errors(await said(anna, "/Patient/anna/$validate", asked(mode="delete"))) == ["forbidden"]
    assert errors(await said(anna, "/Organization/practice/$validate", asked(mode="delete"))) == ["forbidden"]
    assert (await anna.post("/Goal/$validate", asked(mode="delete"))).status_code == 400
    assert await state(service) == before
    assert (await anna.get("/Goal/g")).status_code == 200


async def test_what_is_stored_is_validated_at_its_address(anna: Caller, bram: Caller) -> None:
    await anna.keep(goal(id="g"))
    for answer in (await anna.get("/Goal/g/$validate"), await anna.get("/Goal/g/$validate?mode=update")):
        assert answer.status_code == 200
        assert errors(issues(answer)) == []
    assert (await bram.get("/Goal/g/$validate")).status_code == 404
    assert (await anna.get("/Goal/$validate")).status_code == 400
    await anna.delete("/Goal/g")
    assert (await anna.get("/Goal/g/$validate")).status_code == 410


async def test_a_profile_that_is_not_held_is_an_error_when_asked_for_and_said_when_claimed(anna: Caller) -> None:
    claimed = "http://nictiz.nl/fhir/StructureDefinition/nl-core-TreatmentObjective"
    found = await said(anna, "/Goal/$validate", asked(goal(meta={"profile": [claimed]}), profile=PROFILE))
    told = {each["details"]["text"]: each for each in found if PROFILE in each["diagnostics"]}
    assert (told["profile-unknown"]["severity"], told["profile-unknown"]["code"]) == ("error", "not-found")
    beside = next(each for each in found if claimed in each["diagnostics"])
    assert beside["severity"] == "information"
    assert beside["expression"] == ["Goal.meta.profile[0]"]


async def test_a_bsn_is_in_no_answer(anna: Caller) -> None:
    number = "123456782"
    answer = await anna.post("/Patient/$validate", patient(identifier=[{"system": BSN, "value": number}], gender="x"))
    assert answer.status_code == 200
    assert number not in answer.text
    assert "masked" in answer.text


async def test_a_patient_that_is_posted_makes_no_person(anna: Caller, operator: Caller) -> None:
    found = await said(anna, "/Patient/$validate", asked(patient(), mode="create"))
    assert "never makes a person" in str(found)
    assert errors(await said(operator, "/Patient/$validate", asked(patient(), mode="create"))) == []
    assert errors(await said(operator, "/Organization/$validate", asked(organization(), mode="create"))) == []


@pytest.mark.parametrize("body", [asked(goal(), mode="never"), asked(mode="create"), None])
async def test_what_cannot_be_asked_is_refused(anna: Caller, body: Resource | None) -> None:
    assert (await anna.post("/Goal/$validate", body)).status_code == 400


async def test_an_id_that_is_to_be_made_after_a_trial_is_free(anna: Caller) -> None:
    await said(anna, "/Goal/$validate", asked(goal(id="g"), mode="update"))
    stored = await anna.keep(goal(id="g"))
    assert stored["meta"]["versionId"] == "1"
    assert decode((await anna.get("/Goal/g")).content) == stored
