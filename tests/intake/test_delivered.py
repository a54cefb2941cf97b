"""What a system of an organisation sends, or the service itself brings in, is stored as it is: flagged, and with a
Provenance that says what deviates (MODEL 3).
"""

from __future__ import annotations

from html import escape
from typing import Any, Final

import pytest

from app.fhir.profiles.profiles import Profiles
from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml
from app.server.reindexing import ReindexReport, reindex
from tests.builders import LOINC, batch, concept, goal, observation, patched, posted, put, reference, transaction
from tests.intake.profiles import BASE_ONLY, NOTE, TAG, UNKNOWN, WEIGHING, WISH, rules, tags, weighing
from tests.integrity import problems
from tests.server.service import BASE, Caller, Service, issues
from tests.server.test_loading import loaded

FIRST: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"
SECOND: Final = "urn:uuid:22222222-2222-4222-8222-222222222222"
DEVIATION: Final = "https://zelfregie.example/fhir/StructureDefinition/profile-deviation"
WITHOUT_NOTE: Final = ("warning", "min", "Observation.note")
REPRESENTATION: Final = {"prefer": "return=representation"}


@pytest.fixture(params=["practice", "backend"])
def system(request: pytest.FixtureRequest, practice: Caller, backend: Caller) -> Caller:
    return practice if request.param == "practice" else backend


async def accounts(caller: Caller, address: str = "/Provenance") -> list[Resource]:
    """The Provenances that tell of deviations; a delivery has one besides."""
    found = [each["resource"] for each in (await caller.bundle(address)).get("entry", ())]
    return [each for each in found if "extension" in each]


def deviations(provenance: Resource) -> list[dict[str, Any]]:
    """Each deviation that a Provenance tells, by the names of its parts."""
    return [
        {
            part["url"]: next(value for name, value in part.items() if name.startswith("value"))
            for part in each["extension"]
        }
        for each in provenance["extension"]
        if each["url"] == DEVIATION
    ]


async def is_whole(service: Service) -> bool:
    return await problems(service.database, service.server) == []


async def test_what_deviates_is_stored_flagged_and_told(service: Service, system: Caller, anna: Caller) -> None:
    answer = await system.post("/Observation", weighing(note=None))
    assert answer.status_code == 201
    assert rules(issues(answer)) == [WITHOUT_NOTE]
    (address,) = (answer.headers["location"].removeprefix(BASE),)
    stored = decode((await anna.get(address)).content)
    assert tags(stored) == [TAG]
    assert stored["meta"]["profile"] == [WEIGHING]
    assert await anna.found("/Observation?_tag=https://zelfregie.example/fhir/CodeSystem/intake|profile-deviation") == [
        stored["id"]
    ]
    assert await is_whole(service)


async def test_a_provenance_of_the_same_write_says_what_deviates(
    service: Service, backend: Caller, anna: Caller
) -> None:
    stored = await backend.create(weighing(note=None, code=concept(LOINC, "8867-4")), REPRESENTATION)
    (account,) = await accounts(anna, f"/Provenance?target=Observation/{stored['id']}")
    assert account["target"] == [{"reference": f"Observation/{stored['id']}/_history/1"}]
    assert [(each["profile"], each["rule"], each["path"]) for each in deviations(account)] == [
        (WEIGHING, "pattern", "Observation.code"),
        (WEIGHING, "min", "Observation.note"),
    ]
    assert all(escape(each["text"]) in account["text"]["div"] for each in deviations(account))
    assert account["recorded"] == stored["meta"]["lastUpdated"]
    assert [each["who"] for each in account["agent"]] == [
        {"display": "Zelfregie"},
        {"reference": "Organization/practice"},
    ]
    assert await accounts(backend) == [account]
    history = (await anna.bundle("/Observation?_revinclude=Provenance:target"))["entry"]
    assert [each["search"]["mode"] for each in history] == ["match", "include"]


async def test_a_provenance_of_ours_is_valid_and_its_extension_as_we_define_it(
    service: Service, backend: Caller
) -> None:
    await backend.create(weighing(note=None), REPRESENTATION)
    (account,) = await accounts(backend)
    profiles: Profiles = await service.server.packages.profiles(service.database)
    assert profiles.knows(DEVIATION)
    found = await backend.post("/Provenance/$validate", account)
    assert [each["severity"] for each in issues(found)] == ["information"]
    assert profiles.definition(DEVIATION) is not None


async def test_it_may_be_read_by_who_may_read_what_it_is_about_and_by_nobody_else(
    service: Service, backend: Caller, anna: Caller
) -> None:
    await backend.create(weighing(note=None), REPRESENTATION)
    narrow = service.caller("anna-measurements")
    assert len(await accounts(narrow)) == 1
    assert await accounts(service.caller("bram")) == []
    report = await reindex(service.server, ReindexReport())
    assert report.labels == 0, "reindex finds the data categories as the write set them"
    assert len(await accounts(narrow)) == 1
    await backend.create(weighing(note=None, category=None), REPRESENTATION)
    assert len(await accounts(anna)) == 2
    assert len(await accounts(narrow)) == 1


async def test_the_body_is_what_prefer_asks_for(system: Caller) -> None:
    whole = await system.post("/Observation", weighing(note=None), REPRESENTATION)
    assert decode(whole.content)["resourceType"] == "Observation"
    minimal = await system.post("/Observation", weighing(note=None), {"prefer": "return=minimal"})
    assert (minimal.status_code, minimal.content) == (201, b"")
    assert rules(issues(await system.post("/Observation", weighing(note=None)))) == [WITHOUT_NOTE]


async def test_structure_is_refused_as_ever(system: Caller, anna: Caller) -> None:
    answer = await system.post("/Observation", weighing(note=None, status="wrong"))
    assert answer.status_code == 422
    assert ("warning", "min", "Observation.note") in rules(issues(answer))
    assert [each["severity"] for each in issues(answer)] == ["error", "warning"]
    sent = transaction(posted(weighing(note=None)), posted(goal(lifecycleStatus="wrong")))
    assert (await system.post("/", sent)).status_code == 422
    assert await anna.found("/Observation") == []
    assert await accounts(anna) == []


@pytest.mark.parametrize("profile", [BASE_ONLY, WISH])
async def test_a_claim_that_nothing_can_meet_is_a_deviation_like_others(
    backend: Caller, anna: Caller, profile: str
) -> None:
    assert tags(await backend.create(weighing(profile=profile), REPRESENTATION)) == [TAG]
    (account,) = await accounts(anna)
    assert [(each["profile"], each["rule"]) for each in deviations(account)] == [(profile, "profile-type")]


async def test_a_profile_that_is_not_held_flags_nothing(backend: Caller, anna: Caller) -> None:
    answer = await backend.post("/Observation", weighing(profile=UNKNOWN), {"prefer": "return=OperationOutcome"})
    assert rules(issues(answer)) == [("information", "profile-unknown", "Observation.meta.profile[0]")]
    assert await anna.found("/Observation?_tag=profile-deviation") == []
    assert await accounts(anna) == []


async def test_the_flag_goes_when_it_is_right_and_comes_when_it_is_not(
    service: Service, system: Caller, anna: Caller
) -> None:
    stored = await system.create(weighing(), REPRESENTATION)
    address = f"/Observation/{stored['id']}"
    patch = encode([{"op": "remove", "path": "/note"}])
    kind = {"content-type": "application/json-patch+json", **REPRESENTATION}
    worse = decode((await system.send("PATCH", address, patch, kind)).content)
    assert tags(worse) == [TAG]
    (account,) = await accounts(anna)
    assert account["target"] == [{"reference": f"Observation/{stored['id']}/_history/2"}]
    better = decode((await system.put(address, {**worse, "note": NOTE}, REPRESENTATION)).content)
    assert tags(better) == []
    assert len(await accounts(anna)) == 1, "what was so stays written down"
    assert await is_whole(service)


async def test_a_flag_stands_beside_other_tags_and_a_forged_one_is_replaced(backend: Caller) -> None:
    other = {"system": "urn:tags", "code": "own"}
    meta = {"profile": [WEIGHING], "tag": [{**TAG, "display": "forged"}, other, {**TAG, "code": "unlikely"}]}
    assert tags(await backend.create(weighing(note=None, meta=meta), REPRESENTATION)) == [other, TAG]


async def test_a_patch_that_changes_nothing_makes_no_version(backend: Caller, anna: Caller) -> None:
    stored = await backend.create(weighing(note=None), REPRESENTATION)
    patch = encode([{"op": "test", "path": "/status", "value": "final"}])
    kind = {"content-type": "application/json-patch+json", **REPRESENTATION}
    answer = await backend.send("PATCH", f"/Observation/{stored['id']}", patch, kind)
    assert decode(answer.content) == stored
    assert len(await accounts(anna)) == 1


async def test_a_transaction_tells_it_in_the_outcome_of_each_entry(
    service: Service, system: Caller, anna: Caller
) -> None:
    sent = transaction(
        posted(weighing(note=None), FIRST),
        posted(weighing(derivedFrom=[reference(FIRST)]), SECOND),
        put({**goal(meta={"profile": [WISH]}), "id": "own"}),
        posted(weighing()),
    )
    answer = await system.post("/", sent)
    assert answer.status_code == 200, answer.text
    outcomes = [each["response"].get("outcome", {"issue": []})["issue"] for each in decode(answer.content)["entry"]]
    assert [rules(each) for each in outcomes] == [
        [("warning", "min", "Bundle.entry[0].resource.note")],
        [("warning", "target-profile", "Bundle.entry[1].resource.derivedFrom[0]")],
        [("warning", "min", "Bundle.entry[2].resource.note")],
        [],
    ]
    found = await accounts(anna)
    assert {each["path"] for account in found for each in deviations(account)} == {
        "Observation.note",
        "Observation.derivedFrom[0]",
        "Goal.note",
    }
    assert len(await anna.found("/Observation?_tag=profile-deviation")) == 2
    assert await is_whole(service)


async def test_a_transaction_in_xml_tells_it_too(service: Service, backend: Caller) -> None:
    answer = await backend.post(
        "/", transaction(posted(weighing(note=None))), {"accept": "application/fhir+xml", **REPRESENTATION}
    )
    (entry,) = from_xml(answer.content, service.server.definitions)["entry"]
    assert tags(entry["resource"]) == [TAG]
    assert rules(entry["response"]["outcome"]["issue"]) == [("warning", "min", "Bundle.entry[0].resource.note")]


async def test_a_patch_in_a_transaction_flags_what_it_leaves(backend: Caller, anna: Caller) -> None:
    stored = await backend.create(weighing(), REPRESENTATION)
    sent = transaction(patched(f"Observation/{stored['id']}", [{"op": "remove", "path": "/note"}]))
    answer = await backend.post("/", sent)
    assert answer.status_code == 200, answer.text
    assert await anna.found("/Observation?_tag=profile-deviation") == [stored["id"]]
    assert len(await accounts(anna)) == 1


async def test_a_conditional_create_that_finds_writes_nothing_beside_it(backend: Caller, anna: Caller) -> None:
    named = [{"system": "urn:scale", "value": "42"}]
    headers = {"if-none-exist": "identifier=urn:scale|42", **REPRESENTATION}
    for status in (201, 200):
        answer = await backend.post("/Observation", weighing(note=None, identifier=named), headers)
        assert answer.status_code == status
    sent = transaction(posted(weighing(note=None, identifier=named), ifNoneExist="identifier=urn:scale|42"))
    assert (await backend.post("/", sent)).status_code == 200
    assert len(await accounts(anna)) == 1
    bad = weighing(note=None, identifier=named)
    assert (await backend.put("/Observation?identifier=urn:scale|42", bad)).status_code == 200
    assert {each["target"][0]["reference"].rpartition("/")[2] for each in await accounts(anna)} == {"1", "2"}


async def test_entries_of_a_batch_are_taken_in_one_by_one(backend: Caller, anna: Caller) -> None:
    answer = await backend.post("/", batch(posted(weighing(note=None)), posted(observation(status="wrong"))))
    first, second = (each["response"] for each in decode(answer.content)["entry"])
    assert (first["status"][:3], rules(first["outcome"]["issue"])) == ("201", [WITHOUT_NOTE])
    assert second["status"][:3] == "422"
    assert len(await accounts(anna)) == 1


async def test_two_patients_in_one_transaction_have_each_their_own_provenance(
    service: Service, backend: Caller, anna: Caller, bram: Caller
) -> None:
    sent = transaction(posted(weighing(note=None)), posted(weighing("Patient/bram", note=None)))
    assert (await backend.post("/", sent)).status_code == 200
    ((mine,), (his,)) = (await accounts(anna), await accounts(bram))
    assert [each["path"] for each in deviations(mine)] == ["Observation.note"]
    assert [each["path"] for each in deviations(his)] == ["Observation.subject", "Observation.note"]
    assert await is_whole(service)


async def test_what_is_loaded_is_flagged_and_counted(service: Service, anna: Caller, operator: Caller) -> None:
    report = await loaded(
        service,
        weighing(note=None, id="w-1"),
        weighing(id="w-2", meta={"profile": [WEIGHING], "tag": [TAG]}),
        weighing(id="w-3", profile=UNKNOWN),
        weighing(id="w-4", status="wrong"),
    )
    assert (report.stored, report.flagged, len(report.refusals)) == (3, 1, 1)
    assert await anna.found("/Observation?_tag=profile-deviation") == ["w-1"]
    (account,) = await accounts(anna)
    assert account["target"] == [{"reference": "Observation/w-1/_history/1"}]
    assert await is_whole(service)


async def test_a_document_is_stored_with_what_its_entries_deviate_in(backend: Caller, anna: Caller) -> None:
    composition = {
        "resourceType": "Composition",
        "status": "final",
        "type": {"text": "Overdracht"},
        "date": "2026-11-20",
        "author": [{"display": "De Proef"}],
        "title": "Overdracht",
        "section": [{"title": "Gewicht", "entry": [reference(SECOND)]}],
    }
    document = {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:documents", "value": "1"},
        "timestamp": "2026-11-20T08:00:00Z",
        "entry": [{"fullUrl": FIRST, "resource": composition}, {"fullUrl": SECOND, "resource": weighing(note=None)}],
    }
    headers = {"x-security-context": "Patient/anna", **REPRESENTATION}
    stored = await backend.create(document, headers)
    assert tags(stored) == [TAG]
    assert stored["entry"][1]["resource"] == weighing(note=None), "what is in it stays as it came"
    (account,) = await accounts(anna)
    assert [each["path"] for each in deviations(account)] == ["Bundle.entry[1].resource.note"]
    answer = await anna.post("/Bundle", document)
    assert (answer.status_code, rules(issues(answer))) == (422, [("error", "min", "Bundle.entry[1].resource.note")])
