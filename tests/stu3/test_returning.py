"""What is read at ``/fhir/stu3`` and written back there stands as it is stored. https://hl7.org/fhir/STU3/http.html#update"""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode, walk_dicts
from tests.server.service import Caller, Service
from tests.stu3.record import ROOT

SUBJECT: Final = {"reference": "Patient/anna"}
NL_CORE: Final = "http://nictiz.nl/fhir/StructureDefinition/nl-core-observation"
ZIB: Final = "http://nictiz.nl/fhir/StructureDefinition/zib-"
WEIGHT: Final[Resource] = {
    "resourceType": "Observation",
    "status": "final",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": SUBJECT,
    "performer": [SUBJECT],
    "effectiveDateTime": "2026-11-01",
    "valueQuantity": {"value": 80, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
}
BORN: Final[dict[str, Resource]] = {
    "claiming": {
        "resourceType": "Observation",
        "meta": {"profile": [NL_CORE]},
        "status": "final",
        "code": {"text": "een bevinding"},
        "subject": SUBJECT,
        "performer": [{"reference": "PractitionerRole/role", "display": "Huisarts"}],
    },
    "weight": WEIGHT,
    "condition": {
        "resourceType": "Condition",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
        "code": {"text": "een klacht"},
        "subject": SUBJECT,
    },
    "medication": {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": {"text": "een middel"},
        "subject": SUBJECT,
    },
}


def without_version(resource: Resource) -> Resource:
    meta = {name: each for name, each in resource["meta"].items() if name not in ("versionId", "lastUpdated")}
    return {**resource, "meta": meta}


async def in_r4(caller: Caller, resource: Resource) -> Resource:
    return decode((await caller.get(f"/{resource['resourceType']}/{resource['id']}")).content)


async def written_back(caller: Caller, given: Resource, how: str) -> None:
    """``given`` in STU3, sent as it is in one of three ways."""
    address = f"{given['resourceType']}/{given['id']}"
    if how == "update":
        answer = await caller.put(f"{ROOT}/{address}", given)
        assert answer.status_code == 200, answer.text
        return
    entry = {"resource": given, "request": {"method": "PUT", "url": address}}
    answer = await caller.post(ROOT, {"resourceType": "Bundle", "type": how, "entry": [entry]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["entry"][0]["response"]["status"].startswith("200"), answer.text


@pytest.mark.parametrize("how", ["update", "batch", "transaction"])
@pytest.mark.parametrize("name", BORN)
async def test_what_was_born_here_is_still_so_after_it_was_written_back(anna: Caller, name: str, how: str) -> None:
    stored = await anna.create(BORN[name], {"prefer": "return=representation"})
    given = decode((await anna.get(f"{ROOT}/{stored['resourceType']}/{stored['id']}")).content)
    await written_back(anna, given, how)
    assert without_version(await in_r4(anna, stored)) == without_version(stored)
    again = decode((await anna.get(f"{ROOT}/{stored['resourceType']}/{stored['id']}")).content)
    assert again["meta"].get("profile") == given["meta"].get("profile")


async def test_only_what_was_changed_is_changed(anna: Caller) -> None:
    stored = await anna.create(BORN["claiming"], {"prefer": "return=representation"})
    given = decode((await anna.get(f"{ROOT}/Observation/{stored['id']}")).content)
    del given["meta"]
    await written_back(anna, {**given, "status": "amended", "comment": "Nog eens bekeken."}, "update")
    expected = {**stored, "status": "amended", "note": [{"text": "Nog eens bekeken."}]}
    assert without_version(await in_r4(anna, stored)) == without_version(expected)
    await written_back(anna, {**given, "status": "amended"}, "update")
    assert "note" not in await in_r4(anna, stored)


async def test_a_claim_that_was_changed_is_kept_and_the_others_stand(anna: Caller) -> None:
    stored = await anna.create(BORN["claiming"], {"prefer": "return=representation"})
    given = decode((await anna.get(f"{ROOT}/Observation/{stored['id']}")).content)
    given["meta"]["profile"] = [f"{ZIB}FunctionalOrMentalStatus"]
    await written_back(anna, given, "update")
    found = await in_r4(anna, stored)
    assert found["meta"]["profile"] == [NL_CORE]
    (claim,) = found["meta"]["extension"]
    assert claim["url"] == f"{CANONICAL_BASE}/StructureDefinition/source-profile"
    assert claim["extension"][0]["valueCanonical"] == f"{ZIB}FunctionalOrMentalStatus"


async def test_what_was_received_takes_what_it_is_sent(anna: Caller) -> None:
    received: dict[str, Any] = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{ZIB}FunctionalOrMentalStatus"]},
        "status": "final",
        "code": {"text": "een bevinding"},
        "subject": SUBJECT,
    }
    answer = await anna.post(f"{ROOT}/Observation", received, {"prefer": "return=representation"})
    given = decode(answer.content)
    del given["meta"]["profile"]
    await written_back(anna, given, "update")
    assert "extension" not in (await in_r4(anna, given))["meta"]


@pytest.mark.parametrize("how", ["update", "batch", "transaction"])
async def test_it_is_also_when_the_grant_has_changed_meanwhile(service: Service, anna: Caller, how: str) -> None:
    stored = await anna.create(BORN["claiming"], {"prefer": "return=representation"})
    given = decode((await anna.get(f"{ROOT}/Observation/{stored['id']}")).content)
    async with service.database.write() as writer:
        await writer.execute("UPDATE access_grant SET stamp = stamp + 1")
    await written_back(anna, given, how)
    assert without_version(await in_r4(anna, stored)) == without_version(stored)


@pytest.mark.parametrize(
    "entry", [None, 1, "x", [], {}, {"request": None}, {"request": {"method": "PUT", "url": "Observation/x"}}]
)
async def test_what_is_no_entry_is_refused_by_itself(anna: Caller, entry: Any) -> None:
    stored = await anna.create(BORN["claiming"], {"prefer": "return=representation"})
    given = decode((await anna.get(f"{ROOT}/Observation/{stored['id']}")).content)
    address = f"Observation/{stored['id']}"
    entries = [entry, {"resource": given, "request": {"method": "PUT", "url": address}}]
    answer = await anna.post(ROOT, {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert answer.status_code == 200, answer.text
    refused, taken = (each["response"]["status"][:3] for each in answer.json()["entry"])
    assert refused.startswith("4")
    assert taken == "200"
    assert without_version(await in_r4(anna, stored)) == without_version(stored)


async def test_what_is_sent_without_meta_is_taken_as_well(anna: Caller) -> None:
    given = decode((await anna.get(f"{ROOT}/Observation/{(await anna.create(WEIGHT))['id']}")).content)
    sent = {**{name: value for name, value in given.items() if name != "meta"}, "comment": "Na het ontbijt"}
    answer = await anna.put(f"{ROOT}/Observation/{given['id']}", sent)
    assert answer.status_code == 200, answer.text
    stored = await in_r4(anna, given)
    assert (stored["note"], stored["code"]) == ([{"text": "Na het ontbijt"}], WEIGHT["code"])


CLAIM: Final[Resource] = {
    "url": f"{CANONICAL_BASE}/StructureDefinition/source-profile",
    "extension": [
        {"url": "profile", "valueCanonical": f"{ZIB}BodyHeight"},
        {"url": "fhirVersion", "valueCode": "3.0.1"},
    ],
}


def claims(resource: Resource) -> list[Resource]:
    """What a resource says that only the border may say, anywhere in it."""
    return [each for each in walk_dicts(resource) if each.get("url") == CLAIM["url"]]


@pytest.mark.parametrize("way", ["create", "put", "transaction", "batch", "update", "patch", "contained"])
async def test_who_writes_r4_does_not_say_what_a_source_claimed(anna: Caller, way: str) -> None:
    """Else what was born here would be given as if it had been received, and not as its view."""
    forged = {**WEIGHT, "meta": {"extension": [CLAIM]}}
    entry = {"resource": forged, "request": {"method": "POST", "url": "Observation"}}
    if way == "create":
        name = (await anna.create(forged))["id"]
    elif way == "put":
        name = (await anna.keep({**forged, "id": "forged"}))["id"]
    elif way in ("transaction", "batch"):
        sent = {"resourceType": "Bundle", "type": way, "entry": [entry]}
        answer = decode((await anna.post("/", sent)).content)
        name = answer["entry"][0]["response"]["location"].split("/Observation/")[1].partition("/")[0]
    else:
        name = (await anna.create(WEIGHT))["id"]
        if way == "update":
            await anna.keep({**forged, "id": name})
        elif way == "contained":
            inner = {"resourceType": "Device", "id": "scale", "meta": {"extension": [CLAIM]}}
            await anna.keep({**WEIGHT, "id": name, "contained": [inner], "device": {"reference": "#scale"}})
        else:
            patch = encode([{"op": "add", "path": "/meta/extension", "value": [CLAIM]}])
            patched = await anna.send(
                "PATCH", f"/Observation/{name}", patch, {"content-type": "application/json-patch+json"}
            )
            assert patched.status_code == 200, patched.text
    stored = decode((await anna.get(f"/Observation/{name}")).content)
    assert claims(stored) == []
    seen = decode((await anna.get(f"{ROOT}/Observation/{name}")).content)
    assert seen["meta"]["profile"] == [f"{ZIB}BodyWeight"], "as what it is, by its view"


async def test_what_the_border_said_stays_when_it_is_changed_in_r4(anna: Caller) -> None:
    given = {"resourceType": "Condition", "meta": {"profile": [f"{ZIB}Problem"]}, "clinicalStatus": "active"}
    given |= {"verificationStatus": "confirmed", "code": {"text": "x"}, "subject": SUBJECT}
    answer = await anna.post(f"{ROOT}/Condition", given)
    assert answer.status_code == 201, answer.text
    name = answer.headers["location"].split("/Condition/")[1].partition("/")[0]
    stored = decode((await anna.get(f"/Condition/{name}")).content)
    (said,) = claims(stored)
    bare = {each: value for each, value in stored.items() if each != "meta"}
    for meta in ({}, {"extension": [CLAIM]}, {"extension": [said, CLAIM]}):
        await anna.keep({**bare, "code": {"text": str(len(meta))}, **({"meta": meta} if meta else {})})
        kept = decode((await anna.get(f"/Condition/{name}")).content)
        assert claims(kept) == [said]
    seen = decode((await anna.get(f"{ROOT}/Condition/{name}")).content)
    assert seen["meta"]["profile"] == [f"{ZIB}Problem"]
