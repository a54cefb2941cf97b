"""$validate against profiles: the one that is asked for, and those that the resource claims.
https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml
from tests.builders import goal, observation, reference
from tests.intake.profiles import BASE_ONLY, NOTE, UNKNOWN, WEIGHING, WISH, rules, weighing
from tests.server.service import Caller, Service, issues
from tests.server.test_validate import asked, errors, said

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
VALIDATE: Final = "/Observation/$validate"
REPRESENTATION: Final = {"prefer": "return=representation"}


async def test_the_profile_may_stand_in_the_address_or_in_parameters(anna: Caller) -> None:
    expected = [("error", "min", "Observation.note")]
    assert rules(await said(anna, f"{VALIDATE}?profile={WEIGHING}", observation())) == expected
    assert rules(await said(anna, VALIDATE, asked(observation(), profile=WEIGHING))) == expected
    assert errors(await said(anna, f"{VALIDATE}?profile={WEIGHING}", observation(note=NOTE))) == []
    twice = asked(observation(), profile=WEIGHING)
    twice["parameter"].append({"name": "profile", "valueUri": WISH})
    assert (await anna.post(VALIDATE, twice)).status_code == 400


async def test_claims_are_checked_with_it_and_each_problem_is_told_once(anna: Caller) -> None:
    found = await said(anna, f"{VALIDATE}?profile={WEIGHING}", weighing(note=None))
    assert rules(found) == [("error", "min", "Observation.note")]
    found = await said(anna, VALIDATE, weighing(note=None, meta={"profile": [WEIGHING, WISH, UNKNOWN]}))
    assert rules(found) == [
        ("error", "min", "Observation.note"),
        ("error", "profile-type", "Observation.meta.profile[1]"),
        ("information", "profile-unknown", "Observation.meta.profile[2]"),
    ]


async def test_a_profile_of_another_type_is_an_error(anna: Caller) -> None:
    for other in (WISH, f"{CORE}Goal", f"{CORE}Patient"):
        found = await said(anna, f"{VALIDATE}?profile={other}", observation())
        assert [each["details"]["text"] for each in found] == ["profile-type"]
        assert found[0]["severity"] == "error"


@pytest.mark.parametrize("kind", ["Observation", "DomainResource", "Resource"])
async def test_the_canonical_of_the_type_itself_is_what_every_validation_asks(anna: Caller, kind: str) -> None:
    assert errors(await said(anna, f"{VALIDATE}?profile={CORE}{kind}", observation())) == []
    assert errors(await said(anna, f"{VALIDATE}?profile={CORE}{kind}", observation(status="wrong"))) == ["code-invalid"]


async def test_an_abstract_profile_can_be_validated_against_but_not_claimed(anna: Caller) -> None:
    assert errors(await said(anna, f"{VALIDATE}?profile={BASE_ONLY}", observation())) == []
    assert errors(await said(anna, VALIDATE, weighing(profile=BASE_ONLY))) == ["invalid"]


async def test_a_version_that_is_not_held_is_not_held(anna: Caller) -> None:
    found = await said(anna, f"{VALIDATE}?profile={WEIGHING}|9.9", observation())
    assert [(each["code"], each["severity"]) for each in found] == [("not-found", "error")]
    assert f"{WEIGHING}|9.9" in found[0]["diagnostics"]


async def test_what_is_no_fhir_is_told_first(anna: Caller) -> None:
    found = await said(anna, f"{VALIDATE}?profile={WEIGHING}", {**weighing(), "status": ["final"], "note": 7})
    assert {each["code"] for each in found if each["severity"] == "error"} == {"structure"}
    assert "once it is FHIR" in found[-1]["diagnostics"]
    other = {"resourceType": "Goal", "meta": {"profile": 7}, "contained": 7, "note": {}}
    assert (await anna.post(f"{VALIDATE}?profile={WEIGHING}", asked(other))).status_code == 200


async def test_what_is_stored_is_validated_with_what_it_refers_to(anna: Caller, practice: Caller, bram: Caller) -> None:
    plain = await anna.create(observation(performer=[reference("Practitioner/doctor")]))
    stored = await practice.create(weighing(derivedFrom=[reference(f"Observation/{plain['id']}")]), REPRESENTATION)
    for caller in (anna, practice):
        answer = await caller.get(f"/Observation/{stored['id']}/$validate")
        assert rules(issues(answer)) == [("error", "target-profile", "Observation.derivedFrom[0]")]
    assert (await bram.get(f"/Observation/{stored['id']}/$validate")).status_code == 404
    answer = await anna.get(f"/Observation/{plain['id']}/$validate?profile={WEIGHING}")
    assert rules(issues(answer)) == [("error", "min", "Observation.note")]


@pytest.mark.parametrize("mode", ["create", "update"])
async def test_with_a_mode_it_says_what_the_write_would(anna: Caller, practice: Caller, mode: str) -> None:
    sent = asked({**weighing(note=None), "id": "w"}, mode=mode)
    assert rules(await said(anna, VALIDATE, sent)) == [("error", "min", "Observation.note")]
    assert rules(await said(practice, VALIDATE, sent)) == [("warning", "min", "Observation.note")]
    assert rules(await said(practice, VALIDATE, asked(weighing(note=None)))) == [("error", "min", "Observation.note")]
    assert await anna.found("/Observation") == []


async def test_it_answers_in_xml_too(service: Service, anna: Caller) -> None:
    answer = await anna.post(f"{VALIDATE}?profile={WEIGHING}&_format=xml", observation())
    found = from_xml(answer.content, service.server.definitions)["issue"]
    assert rules(found) == [("error", "min", "Observation.note")]


async def test_who_may_not_read_may_still_validate_and_learns_nothing_of_what_is_held(
    service: Service, anna: Caller, anonymous: Caller
) -> None:
    plain = await anna.create(observation())
    sent = weighing(derivedFrom=[reference(f"Observation/{plain['id']}")])
    assert errors(await said(anna, VALIDATE, sent)) == ["structure"]
    assert errors(await said(service.caller("anna-writer"), VALIDATE, sent)) == []
    assert (await anonymous.post(VALIDATE, sent)).status_code == 401


async def test_our_own_profiles_are_held_under_the_base_of_the_installation(service: Service, anna: Caller) -> None:
    own = f"{service.server.canonical_base}/StructureDefinition/PersonalGoal"
    sent: Resource = goal(description={"text": "x"})
    sent.pop("subject")
    found = await said(anna, f"/Goal/$validate?profile={own}", goal())
    assert own in str(found), "PersonalGoal asks for more than a Goal has"
    statement: Any = decode((await anna.get("/metadata")).content)
    goals = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Goal")
    assert own in goals["supportedProfile"]
