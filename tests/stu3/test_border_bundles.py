"""Batches and transactions in STU3. https://hl7.org/fhir/STU3/http.html#transaction"""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.xml import from_xml, to_xml
from benchmarks.bgz_kinds import SNOMED, concept
from tests.server.service import Caller
from tests.stu3.record import ROOT
from tests.stu3.test_border import PRESSURE

ANNA: Final = {"reference": "Patient/anna"}
PLANNED: Final[Resource] = {
    "resourceType": "ProcedureRequest",
    "status": "suspended",
    "intent": "order",
    "code": concept(SNOMED, "387713003", "operatie"),
    "subject": ANNA,
}
HERS: Final[Resource] = {"resourceType": "Flag", "id": "x", "status": "active", "code": {"text": "x"}, "subject": ANNA}
BROKEN: Final[Resource] = {**PLANNED, "status": "revoked", "encounter": ANNA}


def entry(method: str, url: str, resource: Resource | None = None, full: str = "", **request: str) -> Resource:
    made: Resource = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    return {"fullUrl": full, **made} if full else made


def bundle(kind: str, *entries: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


async def answered(caller: Caller, given: Resource, status: int = 200, **headers: str) -> Resource:
    answer = await caller.post(ROOT, given, headers)
    assert answer.status_code == status, answer.text
    return decode(answer.content)


@pytest.mark.parametrize(
    "name", ["urn:uuid:0dd1ba1e-6b22-4ba4-8d3a-7a3e6a1b0001", "https://his.example/ProcedureRequest/7"]
)
async def test_a_transaction_refers_to_its_procedure_requests(anna: Caller, name: str) -> None:
    procedure = {
        "resourceType": "Procedure",
        "status": "completed",
        "subject": ANNA,
        "code": {"text": "x"},
        "basedOn": [{"reference": name}],
    }
    given = bundle(
        "transaction",
        entry("POST", "Procedure", procedure, "urn:uuid:0dd1ba1e-6b22-4ba4-8d3a-7a3e6a1b0002"),
        entry("POST", "ProcedureRequest", PLANNED, name),
        entry("GET", "ProcedureRequest?status=suspended"),
    )
    made = await answered(anna, given, prefer="return=representation")
    assert made["type"] == "transaction-response"
    first, second, third = made["entry"]
    planned = second["resource"]
    assert second["response"]["location"] == f"{ROOT}/ProcedureRequest/{planned['id']}/_history/1"
    assert (planned["resourceType"], planned["status"]) == ("ProcedureRequest", "suspended")
    assert first["resource"]["basedOn"] == [{"reference": f"ProcedureRequest/{planned['id']}"}]
    found = third["resource"]
    assert [each["resource"]["id"] for each in found["entry"]] == [planned["id"]]
    assert found["entry"][0]["fullUrl"] == f"{ROOT}/ProcedureRequest/{planned['id']}"
    assert found["link"] == [{"relation": "self", "url": f"{ROOT}/ProcedureRequest?status=suspended"}]
    stored = decode((await anna.get(f"/Procedure/{first['resource']['id']}")).content)
    assert stored["basedOn"] == [{"reference": f"ServiceRequest/{planned['id']}"}]


async def test_conditions_in_a_transaction_are_those_of_stu3(anna: Caller) -> None:
    planned = {**PLANNED, "identifier": [{"system": "urn:own", "value": "1"}]}
    await answered(anna, bundle("transaction", entry("POST", "ProcedureRequest", planned)))
    procedure = {
        "resourceType": "Procedure",
        "status": "completed",
        "subject": ANNA,
        "code": {"text": "x"},
        "basedOn": [{"reference": "ProcedureRequest?identifier=urn:own|1&status=suspended"}],
    }
    given = bundle(
        "transaction",
        entry("POST", "Procedure", procedure),
        entry("POST", "ProcedureRequest", planned, ifNoneExist="identifier=urn:own|1&status=suspended"),
    )
    made = await answered(anna, given, prefer="return=representation")
    assert [each["response"]["status"][:3] for each in made["entry"]] == ["201", "200"]
    (found,) = await anna.found(f"{ROOT}/ProcedureRequest")
    assert made["entry"][0]["resource"]["basedOn"] == [{"reference": f"ProcedureRequest/{found}"}]


async def test_what_is_wrong_refuses_a_transaction_whole_with_all_places(anna: Caller) -> None:
    given = bundle(
        "transaction",
        entry("POST", "Observation", PRESSURE),
        entry("POST", "ProcedureRequest", BROKEN),
        entry("POST", "ClinicalImpression", {"resourceType": "ClinicalImpression"}),
        entry("PATCH", "Patient/anna", {"resourceType": "Binary", "contentType": "x/y", "content": "AAAA"}),
        entry("GET", "Observation?nothing=1"),
        entry("POST", "Observation", {**PRESSURE, "status": "done"}),
    )
    refused = await answered(anna, given, 422)
    places = {each["expression"][0] for each in refused["issue"]}
    assert {
        "Bundle.entry[1].resource.status",
        "Bundle.entry[1].resource.encounter",
        "Bundle.entry[2].request",
        "Bundle.entry[3].request.method",
        "Bundle.entry[4].request",
        "Bundle.entry[5].resource.status",
    } <= places
    assert await anna.found(f"{ROOT}/Observation") == []


async def test_what_the_server_refuses_of_a_transaction_is_placed_in_stu3(anna: Caller) -> None:
    observation = {**PRESSURE, "related": [{"type": "has-member", "target": {"reference": "urn:uuid:none"}}]}
    given = bundle("transaction", entry("POST", "Observation", PRESSURE), entry("POST", "Observation", observation))
    refused = await answered(anna, given, 400)
    assert [each["expression"] for each in refused["issue"]] == [["Bundle.entry[1].resource.related"]]


async def test_of_a_batch_only_what_is_wrong_is_refused(anna: Caller) -> None:
    given = bundle(
        "batch",
        entry("POST", "Observation", PRESSURE),
        entry("POST", "ProcedureRequest", BROKEN),
        entry("POST", "ClinicalImpression", {"resourceType": "ClinicalImpression"}),
        entry("GET", "Observation?context=Encounter/visit&_elements=comment"),
        entry("GET", "Observation?nothing=1"),
        entry("POST", "ProcedureRequest", PLANNED),
        entry("GET", "Patient/anna"),
        entry("GET", "https://elsewhere.example/fhir/Patient/anna"),
        entry("GET", "ProcedureRequest/none"),
        {"resource": PLANNED},
    )
    made = await answered(anna, given, prefer="return=representation")
    responses = [each["response"] for each in made["entry"]]
    statuses = [int(each["status"][:3]) for each in responses]
    assert statuses == [201, 422, 404, 200, 400, 201, 200, 400, 404, 422]
    wrong = {place for issue in responses[1]["outcome"]["issue"] for place in issue["expression"]}
    assert wrong == {"ProcedureRequest.status", "ProcedureRequest.encounter"}
    found = made["entry"][3]["resource"]["entry"]
    assert [each["resource"]["comment"] for each in found] == [PRESSURE["comment"]]
    assert "component" not in found[0]["resource"]
    assert "ProcedureRequest/none" in responses[8]["outcome"]["issue"][0]["diagnostics"]
    assert made["entry"][5]["resource"]["status"] == "suspended"
    assert len(await anna.found(f"{ROOT}/ProcedureRequest")) == 1


async def test_bundles_come_and_go_in_xml(anna: Caller) -> None:
    given = bundle("batch", entry("POST", "Observation", PRESSURE), entry("POST", "ProcedureRequest", BROKEN))
    sent = to_xml(bundle("batch", entry("POST", "Observation", PRESSURE)), load("3.0.1"))
    headers = {"content-type": "application/fhir+xml; fhirVersion=3.0", "accept": "application/fhir+xml"}
    answer = await anna.post(ROOT, sent, {**headers, "prefer": "return=representation"})
    assert answer.status_code == 200, answer.text
    made = from_xml(answer.content, load("3.0.1"))
    assert made["entry"][0]["resource"]["comment"] == PRESSURE["comment"]
    again = await anna.post(ROOT, given, {"accept": "application/fhir+xml"})
    assert from_xml(again.content, load("3.0.1"))["entry"][1]["response"]["status"].startswith("422")


@pytest.mark.parametrize(
    "wrong",
    [
        {"resourceType": "Bundle", "type": "batch", "entry": {}},
        {"resourceType": "Bundle", "type": "batch", "nothing": 1, "entry": []},
        {"resourceType": "Bundle", "entry": []},
        {"resourceType": "Bundle", "type": "transaction", "entry": ["x"]},
        {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "POST"}}]},
    ],
)
async def test_a_bundle_that_is_none_is_refused(anna: Caller, wrong: Any) -> None:
    refused = await answered(anna, wrong, 422)
    assert refused["issue"][0]["severity"] == "error"


async def test_a_large_batch_is_taken_without_holding_the_others(anna: Caller) -> None:
    given = bundle("transaction", *(entry("POST", "Observation", PRESSURE) for _ in range(300)))
    await answered(anna, given)
    found = await anna.bundle(f"{ROOT}/Observation?_count=1000")
    assert len(found["entry"]) == 300


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("kind", ["collection", "document"])
async def test_what_is_given_without_requests_is_taken(practice: Caller, kind: str, form: str) -> None:
    given: list[Resource] = [{"fullUrl": "https://his.example/ProcedureRequest/7", "resource": PLANNED}]
    more: Resource = {}
    if kind == "document":
        composition = {
            "resourceType": "Composition",
            "status": "final",
            "type": concept("http://loinc.org", "60591-5", "samenvatting"),
            "subject": ANNA,
            "date": "2026-11-02",
            "author": [{"reference": "Practitioner/doctor"}],
            "title": "Samenvatting",
        }
        given = [{"fullUrl": "https://his.example/Composition/1", "resource": composition}, *given]
        more["identifier"] = {"system": "urn:oid:1.2.3", "value": "1"}
    whole = {"resourceType": "Bundle", "type": kind, **more, "entry": given}
    body = whole if form == "json" else to_xml(whole, load("3.0.1"))
    answer = await practice.post(ROOT, body, {"content-type": f"application/fhir+{form}"})
    assert answer.status_code == 200, answer.text
    responses = [each["response"] for each in decode(answer.content)["entry"]]
    assert responses[-1]["location"].startswith(f"{ROOT}/ProcedureRequest/")


async def test_an_entry_with_nothing_in_it_is_refused(practice: Caller) -> None:
    whole = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "https://his.example/Flag/1"}]}
    refused = await answered(practice, whole, 422)
    assert [(each["details"]["text"], each["expression"]) for each in refused["issue"]] == [
        ("bdl-5", ["Bundle.entry[0]"])
    ]


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_an_outcome_that_somebody_stored_in_a_bundle_is_given_in_any_language(
    anna: Caller, language: str
) -> None:
    told = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "incomplete", "details": {"coding": [{"code": "cut"}]}}],
    }
    found = {"resource": told, "search": {"mode": "outcome"}}
    kept = await anna.create(bundle("searchset", {"resource": HERS, "search": {"mode": "match"}}, found))
    for address in (f"Bundle?_id={kept['id']}", f"Bundle/{kept['id']}", "Patient/anna/$everything"):
        answer = await anna.get(f"{ROOT}/{address}", {"accept-language": language})
        assert answer.status_code == 200, (address, answer.text)
        assert b'"coding":[{"code":"cut"}]' in answer.content, address
