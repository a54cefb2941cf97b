"""What a person, an app or a professional enters follows the profiles that it claims, or is refused (MODEL 3)."""

from __future__ import annotations

from typing import Final

import pytest

from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.builders import LOINC, batch, concept, goal, observation, patched, posted, put, reference, transaction
from tests.intake.profiles import BASE_ONLY, NOTE, TAG, UNKNOWN, WEIGHING, WISH, rules, tags, weighing
from tests.server.service import Caller, Service, issues

FIRST: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
WITHOUT_NOTE: Final = ("error", "min", "Observation.note")
Whole = dict[str, str]
REPRESENTATION: Final[Whole] = {"prefer": "return=representation"}


@pytest.fixture(params=["anna", "professional"])
def somebody(request: pytest.FixtureRequest, anna: Caller, professional: Caller) -> Caller:
    return anna if request.param == "anna" else professional


async def test_what_follows_its_profile_is_stored_without_a_word(somebody: Caller, anna: Caller) -> None:
    stored = await somebody.create(weighing())
    assert stored["resourceType"] == "Observation"
    assert tags(stored) == []
    assert await anna.found("/Provenance") == []


async def test_what_deviates_is_refused_with_path_rule_and_profile(somebody: Caller, anna: Caller) -> None:
    answer = await somebody.post("/Observation", weighing(note=None, code=concept(LOINC, "8352-7")))
    assert answer.status_code == 422
    found = issues(answer)
    assert rules(found) == [("error", "pattern", "Observation.code"), WITHOUT_NOTE]
    assert {each["extension"][0]["valueString"] for each in found} == {WEIGHING}
    assert await anna.found("/Observation") == []


async def test_problems_of_fhir_and_of_the_profile_are_told_at_once(somebody: Caller) -> None:
    found = issues(await somebody.post("/Observation", weighing(note=None, status="wrong", interpretation=[{}])))
    assert {each["code"] for each in found} == {"code-invalid", "structure"}, "its shape is wrong: nothing else is seen"
    found = issues(await somebody.post("/Observation", weighing(note=None, status="wrong")))
    assert [each["expression"] for each in found] == [["Observation.status"], ["Observation.note"]]


async def test_an_answer_in_xml_says_the_same(service: Service, anna: Caller) -> None:
    body = to_xml(weighing(note=None), service.server.definitions)
    headers = {"content-type": "application/fhir+xml", "accept": "application/fhir+xml"}
    answer = await anna.post("/Observation", body, headers)
    assert answer.status_code == 422
    assert rules(from_xml(answer.content, service.server.definitions)["issue"]) == [WITHOUT_NOTE]


async def test_a_profile_that_is_not_held_is_information_beside_the_success(somebody: Caller, anna: Caller) -> None:
    sent = weighing(profile=UNKNOWN, note=None)
    told = [("information", "profile-unknown", "Observation.meta.profile[0]")]
    answer = await somebody.post("/Observation", sent, {"prefer": "return=OperationOutcome"})
    assert answer.status_code == 201
    assert rules(issues(answer)) == told
    (stored,) = (await anna.bundle("/Observation"))["entry"]
    assert tags(stored["resource"]) == []
    assert await anna.found("/Provenance") == []
    for bundle in (transaction, batch):
        (entry,) = decode((await somebody.post("/", bundle(posted(sent)))).content)["entry"]
        assert [each[:2] for each in rules(entry["response"]["outcome"]["issue"])] == [
            ("information", "profile-unknown")
        ]


@pytest.mark.parametrize("headers", [{}, REPRESENTATION])
async def test_information_alone_does_not_come_in_place_of_the_resource(
    somebody: Caller, headers: dict[str, str]
) -> None:
    made = await somebody.post("/Observation", weighing(profile=UNKNOWN, note=None), headers)
    assert made.status_code == 201
    stored = decode(made.content)
    assert (stored["resourceType"], stored["meta"]["versionId"]) == ("Observation", "1")
    again = await somebody.send("PUT", f"/Observation/{stored['id']}", stored | {"status": "amended"}, headers)
    assert decode(again.content)["meta"]["versionId"] == "2"


@pytest.mark.parametrize("profile", [BASE_ONLY, WISH, "http://hl7.org/fhir/StructureDefinition/Goal"])
async def test_an_abstract_profile_and_one_of_another_type_are_refused(anna: Caller, profile: str) -> None:
    answer = await anna.post("/Observation", weighing(profile=profile))
    assert answer.status_code == 422
    assert rules(issues(answer)) == [("error", "profile-type", "Observation.meta.profile[0]")]


@pytest.mark.parametrize("kind", ["Observation", "DomainResource", "Resource"])
async def test_the_canonical_of_its_own_type_is_followed_by_every_resource(anna: Caller, kind: str) -> None:
    stored = await anna.create(observation(meta={"profile": [f"http://hl7.org/fhir/StructureDefinition/{kind}"]}))
    assert stored["resourceType"] == "Observation"


async def test_updates_and_patches_are_checked_as_they_leave_the_resource(somebody: Caller, anna: Caller) -> None:
    stored = await anna.create(weighing())
    address = f"/Observation/{stored['id']}"
    answer = await somebody.put(address, {**weighing(note=None), "id": stored["id"]})
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])
    patch = encode([{"op": "remove", "path": "/note"}])
    answer = await somebody.send("PATCH", address, patch, {"content-type": "application/json-patch+json"})
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])
    plain = await anna.create(observation(performer=[reference("Practitioner/doctor")]))
    meta = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"profile": [WEIGHING]}}]}
    answer = await somebody.post(f"/Observation/{plain['id']}/$meta-add", meta)
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])
    assert decode((await anna.get(address)).content)["meta"]["versionId"] == "1"


async def test_conditional_writes_are_checked(somebody: Caller) -> None:
    named = [{"system": "urn:scale", "value": "42"}]
    condition = "identifier=urn:scale|42"
    bad, good = weighing(note=None, identifier=named), weighing(identifier=named)
    answer = await somebody.post("/Observation", bad, {"if-none-exist": condition})
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])
    answer = await somebody.put(f"/Observation?{condition}", bad)
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])
    assert (await somebody.put(f"/Observation?{condition}", good)).status_code == 201
    patch = encode([{"op": "remove", "path": "/note"}])
    answer = await somebody.send(
        "PATCH", f"/Observation?{condition}", patch, {"content-type": "application/json-patch+json"}
    )
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])


async def test_entries_of_a_transaction_are_told_of_together_each_in_its_place(somebody: Caller, anna: Caller) -> None:
    sent = transaction(
        posted(weighing(note=None)),
        posted(goal(lifecycleStatus="wrong")),
        posted(weighing()),
        put({**goal(meta={"profile": [WISH]}), "id": "own"}),
    )
    answer = await somebody.post("/", sent)
    assert answer.status_code == 422
    assert [each["expression"][0] for each in issues(answer)] == [
        "Bundle.entry[1].resource.lifecycleStatus",
        "Bundle.entry[0].resource.note",
        "Bundle.entry[3].resource.note",
    ]
    assert await anna.found("/Observation") == []


async def test_a_patch_in_a_transaction_is_checked(anna: Caller) -> None:
    stored = await anna.create(weighing())
    sent = transaction(patched(f"Observation/{stored['id']}", [{"op": "remove", "path": "/note"}]))
    answer = await anna.post("/", sent)
    assert answer.status_code == 422
    assert [(each["details"]["text"], each["expression"]) for each in issues(answer)] == [("min", ["Bundle.entry[0]"])]


async def test_an_entry_of_a_batch_is_refused_by_itself(somebody: Caller) -> None:
    answer = await somebody.post("/", batch(posted(weighing(note=None)), posted(weighing())))
    first, second = (each["response"] for each in decode(answer.content)["entry"])
    assert (first["status"][:3], rules(first["outcome"]["issue"])) == ("422", [WITHOUT_NOTE])
    assert second["status"][:3] == "201"


async def test_what_a_resource_contains_follows_its_profiles_too(anna: Caller) -> None:
    inner = {**weighing(note=None), "id": "w"}
    sent = observation(contained=[inner], derivedFrom=[reference("#w")])
    answer = await anna.post("/Observation", sent)
    assert answer.status_code == 422
    assert rules(issues(answer)) == [("error", "min", "Observation.contained[0].note")]


async def test_the_services_tag_is_not_a_clients_to_set(somebody: Caller, anna: Caller) -> None:
    other = {"system": "urn:tags", "code": "own"}
    forged = observation(meta={"tag": [TAG, other, {**TAG, "code": "to-confirm"}]})
    assert tags(await somebody.create(forged)) == [other]
    alone = await somebody.create(observation(meta={"tag": [TAG]}))
    assert tags(alone) == []
    assert [tags(each["resource"]) for each in (await anna.bundle("/Observation?_sort=_id"))["entry"]].count([]) == 1
    answer = await somebody.post("/", transaction(posted(forged, FIRST), posted(weighing(meta={"tag": [TAG]}))), None)
    assert answer.status_code == 200
    meta = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [TAG]}}]}
    assert (await somebody.post(f"/Observation/{alone['id']}/$meta-add", meta)).status_code == 200
    patch = encode([{"op": "add", "path": "/meta/tag", "value": [TAG]}])
    answer = await somebody.send(
        "PATCH", f"/Observation/{alone['id']}", patch, {"content-type": "application/json-patch+json"}
    )
    assert answer.status_code == 200
    assert await anna.found("/Observation?_tag=profile-deviation,to-confirm") == []


async def test_who_changes_what_was_flagged_makes_it_right(practice: Caller, anna: Caller) -> None:
    stored = await practice.create(weighing(note=None), REPRESENTATION)
    assert tags(stored) == [TAG]
    address = f"/Observation/{stored['id']}"
    answer = await anna.put(address, {**stored, "method": concept(LOINC, "8302-2")})
    assert (answer.status_code, rules(issues(answer))) == (422, [WITHOUT_NOTE])
    better: Resource = {**stored, "note": NOTE}
    answer = await practice.put(address, better)
    assert answer.status_code == 200
    assert tags(decode(answer.content)) == []
