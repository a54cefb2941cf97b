"""``/fhir/stu3``: formats, versions, addresses, reads and writes. https://hl7.org/fhir/STU3/http.html"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml, to_xml
from tests import builders
from tests.server.service import Caller, Service, codes, ids, issues, link
from tests.stu3.record import CATEGORY, ROOT

PRESSURE: Final[Resource] = {
    "resourceType": "Observation",
    "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-BloodPressure"]},
    "status": "final",
    "category": [{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "subject": {"reference": "Patient/anna"},
    "context": {"reference": "Encounter/visit"},
    "effectiveDateTime": "2026-11-01T08:00:00+01:00",
    "performer": [{"reference": "Patient/anna"}],
    "comment": "Na het opstaan.",
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {"value": 130, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        },
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
            "valueQuantity": {"value": 80, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
        },
    ],
}


async def test_what_is_written_in_stu3_comes_back_as_it_was(anna: Caller) -> None:
    answer = await anna.post(f"{ROOT}/Observation", PRESSURE, {"prefer": "return=representation"})
    assert answer.status_code == 201, answer.text
    location = answer.headers["location"]
    assert location.startswith(f"{ROOT}/Observation/")
    stored = decode(answer.content)
    got = decode((await anna.get(location)).content)
    assert got == stored
    meta = got.pop("meta")
    assert (got.pop("id"), meta["versionId"], meta["profile"]) == (
        location.split("/")[-3],
        "1",
        PRESSURE["meta"]["profile"],
    )
    assert got == {name: value for name, value in PRESSURE.items() if name != "meta"}
    r4 = decode((await anna.get(f"/Observation/{stored['id']}")).content)
    assert r4["encounter"] == {"reference": "Encounter/visit"}
    assert r4["note"] == [{"text": "Na het opstaan."}]
    assert r4["category"][0]["coding"][0]["system"] == "http://terminology.hl7.org/CodeSystem/observation-category"


async def test_what_is_stored_in_r4_is_given_in_stu3_and_the_other_way_round(anna: Caller) -> None:
    made = decode((await anna.post(f"{ROOT}/Observation", PRESSURE, {"prefer": "return=representation"})).content)
    xml = await anna.get(f"{ROOT}/Observation/{made['id']}", {"accept": "application/fhir+xml"})
    assert from_xml(xml.content, load("3.0.1")) == made
    version = await anna.get(f"{ROOT}/Observation/{made['id']}/_history/1?_format=xml")
    assert from_xml(version.content, load("3.0.1")) == made
    changed = to_xml({**made, "status": "amended"}, load("3.0.1"))
    answer = await anna.put(f"{ROOT}/Observation/{made['id']}", changed, {"content-type": "application/fhir+xml"})
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.headers["location"] == f"{ROOT}/Observation/{made['id']}/_history/2"
    history = await anna.bundle(f"{ROOT}/Observation/{made['id']}/_history")
    assert [entry["resource"]["status"] for entry in history["entry"]] == ["amended", "final"]
    assert link(history, "self") == f"{ROOT}/Observation/{made['id']}/_history"
    deleted = await anna.delete(f"{ROOT}/Observation/{made['id']}")
    assert deleted.status_code == 204
    gone = await anna.get(f"{ROOT}/Observation/{made['id']}")
    assert (gone.status_code, codes(gone)) == (410, ["not-found"])


async def test_another_version_of_fhir_is_refused_on_each_base(anna: Caller) -> None:
    for address, version in ((f"{ROOT}/Observation", "4.0"), ("/Observation", "3.0")):
        accept = {"accept": f"application/fhir+json; fhirVersion={version}"}
        answer = await anna.get(address, accept)
        assert (answer.status_code, codes(answer)) == (406, ["not-supported"])
        sent = {"content-type": f"application/fhir+json; fhirVersion={version}"}
        answer = await anna.post(address, {"resourceType": "Observation"}, sent)
        assert (answer.status_code, codes(answer)) == (415, ["not-supported"])
    for address, version in ((f"{ROOT}/Observation", "3.0"), ("/Observation", "4.0")):
        assert (await anna.get(address, {"accept": f"application/fhir+json;fhirVersion={version}"})).status_code == 200
        assert (await anna.get(address, {"accept": f"application/fhir+xml;fhirVersion={version}"})).status_code == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"<Observation", "application/fhir+xml", 400),
        (b'<Observation xmlns="http://hl7.org/fhir"><nothing value="1"/></Observation>', "application/fhir+xml", 400),
        (b'{"resourceType":', "application/fhir+json", 400),
        (b"[]", "application/fhir+json", 400),
        (b"{}", "application/pdf", 415),
        (b"", "application/fhir+json", 400),
    ],
)
async def test_what_cannot_be_read_is_refused(anna: Caller, body: bytes, kind: str, status: int) -> None:
    answer = await anna.post(f"{ROOT}/Observation", body, {"content-type": kind})
    assert answer.status_code == status, answer.text
    assert issues(answer)


async def test_all_that_is_wrong_in_stu3_is_told_at_once_with_its_places(anna: Caller) -> None:
    wrong = {**PRESSURE, "status": "done", "encounter": {"reference": "Encounter/1"}, "issued": "yesterday"}
    answer = await anna.post(f"{ROOT}/Observation", wrong)
    assert answer.status_code == 422
    places = {issue["expression"][0] for issue in issues(answer)}
    assert places == {"Observation.status", "Observation.encounter", "Observation.issued"}
    assert ids(await anna.bundle(f"{ROOT}/Observation")) == []


async def test_a_type_without_a_table_is_refused_by_name(anna: Caller) -> None:
    for answer in (
        await anna.get(f"{ROOT}/ClinicalImpression"),
        await anna.get(f"{ROOT}/ServiceRequest"),
        await anna.post(f"{ROOT}/ClinicalImpression", {"resourceType": "ClinicalImpression"}),
        await anna.get(f"{ROOT}/Patient/anna/ServiceRequest"),
        await anna.get(f"{ROOT}/Patient/anna/$nothing"),
    ):
        assert (answer.status_code, codes(answer)) == (404, ["not-supported"]), answer.text
    assert "ServiceRequest" in issues(await anna.get(f"{ROOT}/ServiceRequest"))[0]["diagnostics"]


async def test_a_patch_is_refused_and_not_listed(anna: Caller) -> None:
    answer = await anna.send("PATCH", f"{ROOT}/Patient/anna", b"[]", {"content-type": "application/json-patch+json"})
    assert (answer.status_code, codes(answer)) == (405, ["not-supported"])
    assert "PATCH" not in answer.headers["allow"]
    options = await anna.send("OPTIONS", f"{ROOT}/Observation/x")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, PUT, DELETE, OPTIONS")


async def test_what_the_server_refuses_is_said_in_stu3(anna: Caller) -> None:
    missing = await anna.get(f"{ROOT}/ProcedureRequest/none")
    assert missing.status_code == 404
    assert "ProcedureRequest/none" in issues(missing)[0]["diagnostics"]
    asked = await anna.get(f"{ROOT}/ProcedureRequest?authored=yesterday&context:foo=1&code=1")
    assert asked.status_code == 400
    assert {issue["expression"][0] for issue in issues(asked)} == {"http.authored", "http.context:foo"}
    assert "encounter" not in asked.text
    method = await anna.put(f"{ROOT}/Observation/_history", PRESSURE)
    assert method.status_code == 405


async def test_unknown_parameters_are_refused_or_passed_over(anna: Caller) -> None:
    await anna.post(f"{ROOT}/Observation", PRESSURE)
    for unknown in ("encounter.foo=1", "has-member=1", "nothing=1", "_profile=x", "related-type=has-member"):
        answer = await anna.get(f"{ROOT}/Observation?{unknown}&status=final")
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"]), unknown
        lenient = await anna.get(f"{ROOT}/Observation?{unknown}&status=final", {"prefer": "handling=lenient"})
        assert lenient.status_code == 200, lenient.text
        found = decode(lenient.content)
        assert len(found["entry"]) == 1
        assert link(found, "self") == f"{ROOT}/Observation?status=final"


async def test_pages_go_on_at_this_base(anna: Caller) -> None:
    for _ in range(5):
        await anna.post(f"{ROOT}/Observation", PRESSURE)
    pages = await anna.pages(f"{ROOT}/Observation?category={CATEGORY}|vital-signs&_count=2&context:missing=false")
    assert [len(page["entry"]) for page in pages] == [2, 2, 1]
    assert len({each for page in pages for each in ids(page)}) == 5
    for page in pages[:-1]:
        following = link(page, "next") or ""
        assert following.startswith(
            f"{ROOT}/Observation?category={CATEGORY}|vital-signs&_count=2&context:missing=false&_page="
        )
    whole = await anna.pages(f"{ROOT}/Patient/anna/$everything?_count=2")
    assert len({each for page in whole for each in ids(page)}) == 6
    history = await anna.pages(f"{ROOT}/Observation/_history?_count=2")
    assert [len(page["entry"]) for page in history] == [2, 2, 1]


async def test_a_search_by_post_is_the_same_search(anna: Caller) -> None:
    await anna.post(f"{ROOT}/Observation", PRESSURE)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for address in ("Observation", "Patient/anna/Observation"):
        body = f"category={quote(CATEGORY)}%7Cvital-signs&_include=Observation:subject".encode()
        answer = await anna.post(f"{ROOT}/{address}/_search?status=final", body, form)
        assert answer.status_code == 200, answer.text
        found = decode(answer.content)
        assert [entry["resource"]["resourceType"] for entry in found["entry"]] == ["Observation", "Patient"]
        assert link(found, "self") == f"{ROOT}/{address}?status=final&{body.decode()}"
    whole = await anna.post(f"{ROOT}/_search", b"_type=Observation,Goal", form)
    assert len(decode(whole.content)["entry"]) == 1
    wrong = await anna.post(f"{ROOT}/Observation/_search", b"{}", {"content-type": "application/json"})
    assert wrong.status_code == 415


async def test_a_search_of_all_types_takes_those_with_a_table(anna: Caller) -> None:
    await anna.post(f"{ROOT}/Observation", PRESSURE)
    await anna.create({"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": "Patient/anna"}})
    found = await anna.bundle(f"{ROOT}?_lastUpdated=gt2020&_count=1000")
    kinds = {entry["resource"]["resourceType"] for entry in found["entry"]}
    assert {"Observation", "Patient"} <= kinds
    assert "Basic" not in kinds
    assert link(found, "self") == f"{ROOT}?_lastUpdated=gt2020&_count=1000"
    assert "Basic" not in (await anna.get(f"{ROOT}/_history")).text
    everything = await anna.bundle(f"{ROOT}/Patient/anna/$everything")
    outcome = everything["entry"][-1]
    assert (outcome["resource"]["resourceType"], outcome["search"]["mode"]) == ("OperationOutcome", "outcome")
    assert "Basic" in outcome["resource"]["issue"][0]["diagnostics"]


async def test_parts_of_a_resource_are_those_of_stu3(anna: Caller) -> None:
    await anna.post(f"{ROOT}/Observation", PRESSURE)
    found = (await anna.bundle(f"{ROOT}/Observation?_elements=comment,context"))["entry"][0]["resource"]
    assert found["comment"] == PRESSURE["comment"]
    assert found["context"] == PRESSURE["context"]
    assert "component" not in found
    refused = await anna.get(f"{ROOT}/Observation?_elements=encounter")
    assert refused.status_code == 400
    assert "entry" not in await anna.bundle(f"{ROOT}/Observation?_summary=count")
    assert "comment" not in str(await anna.bundle(f"{ROOT}/Observation?_summary=text"))


async def test_a_conditional_create_finds_by_parameters_of_stu3(anna: Caller) -> None:
    request = {
        "resourceType": "ProcedureRequest",
        "identifier": [{"system": "urn:own", "value": "1"}],
        "status": "suspended",
        "intent": "order",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/anna"},
        "context": {"reference": "Encounter/e"},
    }
    condition = {"if-none-exist": "identifier=urn:own|1&status=suspended&context=Encounter/e"}
    first = await anna.post(f"{ROOT}/ProcedureRequest", request, condition)
    again = await anna.post(f"{ROOT}/ProcedureRequest", request, condition)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["location"] == again.headers["location"]
    assert first.headers["location"].startswith(f"{ROOT}/ProcedureRequest/")
    changed = await anna.put(f"{ROOT}/ProcedureRequest?identifier=urn:own|1", {**request, "status": "active"})
    assert changed.status_code == 200, changed.text
    assert len(await anna.found("/ServiceRequest?status=active")) == 1
    assert (await anna.delete(f"{ROOT}/ProcedureRequest?identifier=urn:own|1")).status_code == 204
    assert await anna.found(f"{ROOT}/ProcedureRequest") == []


async def test_of_two_patients_each_is_found_below_their_own(practice: Caller, anna: Caller, bram: Caller) -> None:
    for caller, name in ((anna, "anna"), (bram, "bram")):
        own = {"subject": {"reference": f"Patient/{name}"}, "performer": [{"reference": f"Patient/{name}"}]}
        answer = await caller.put(f"{ROOT}/Observation/same", {**PRESSURE, "id": "same", **own})
        assert answer.status_code == 201, answer.text
    found = await practice.bundle(f"{ROOT}/Observation")
    assert {entry["fullUrl"] for entry in found["entry"]} == {
        f"{ROOT}/Patient/{name}/Observation/same" for name in ("anna", "bram")
    }
    assert (await practice.get(f"{ROOT}/Patient/bram/Observation/same")).status_code == 200
    assert await practice.found(f"{ROOT}/Observation?patient.identifier=none|1") == []
    assert await practice.found(f"{ROOT}/Observation?subject:Patient=anna") == ["same"]
    assert await anna.found(f"{ROOT}/Observation?subject={ROOT}/Patient/bram") == []
    assert (await anna.get(f"{ROOT}/Patient/bram")).status_code == 404


async def test_addresses_of_our_own_are_given_on_the_base_that_is_asked(anna: Caller) -> None:
    absolute = {**PRESSURE, "context": {"reference": f"{ROOT}/Encounter/visit"}}
    made = await anna.post(f"{ROOT}/Observation", absolute, {"prefer": "return=representation"})
    assert decode(made.content)["context"] == absolute["context"]
    stored = (await anna.bundle("/Observation"))["entry"][0]["resource"]
    assert stored["encounter"] == {"reference": "http://zelfregie.test/fhir/Encounter/visit"}
    assert await anna.found(f"{ROOT}/Observation?context=Encounter/visit") == [stored["id"]]


async def test_validate_says_what_it_would_be_refused_for(anna: Caller) -> None:
    good = await anna.post(f"{ROOT}/Observation/$validate?mode=create", PRESSURE)
    assert (good.status_code, issues(good)[0]["severity"]) == (200, "information")
    bad = await anna.post(f"{ROOT}/Observation/$validate", {**PRESSURE, "status": "done"})
    assert (bad.status_code, issues(bad)[0]["expression"]) == (422, ["Observation.status"])
    profile = await anna.post(f"{ROOT}/Observation/$validate?profile=http://example.org/p", PRESSURE)
    assert (profile.status_code, codes(profile)) == (400, ["not-supported"])


async def test_a_token_is_needed_and_its_scopes_hold(service: Service, anonymous: Caller) -> None:
    for address in ("Observation", "Observation/x", "", "Patient/anna/$everything"):
        assert (await anonymous.get(f"{ROOT}/{address}")).status_code == 401
    reader = service.caller("anna-observations")
    assert (await reader.get(f"{ROOT}/Observation")).status_code == 200
    assert (await reader.get(f"{ROOT}/ProcedureRequest")).status_code == 403
    assert (await reader.post(f"{ROOT}/Observation", PRESSURE)).status_code == 403


async def test_the_log_has_the_line_that_r4_would_have(service: Service, anna: Caller) -> None:
    await anna.get(f"{ROOT}/ProcedureRequest?context=Encounter/1")
    line = service.journal_lines()[-1]["event"]
    assert (line["interaction"], line["type"], line["parameters"]) == ("search-type", "ServiceRequest", ["encounter"])


async def test_what_came_from_one_source_is_left_out(practice: Caller, anna: Caller) -> None:
    own = await anna.create(builders.condition())
    given = {"resourceType": "Condition", "subject": {"reference": "Patient/anna"}, "clinicalStatus": "active"}
    entry = {"resource": given, "request": {"method": "POST", "url": "Condition"}}
    answer = await practice.post(ROOT, {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer.status_code == 200, answer.text
    (received,) = [each for each in await practice.found(f"{ROOT}/Condition") if each != own["id"]]
    source = decode((await practice.get(f"/Condition/{received}")).content)["meta"]["source"]
    assert await practice.found(f"{ROOT}/Condition?_source:not={quote(source)}") == [own["id"]]
    assert await practice.found(f"{ROOT}/Condition?_source={quote(source)}") == [received]
