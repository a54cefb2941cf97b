"""What the fuzz has found, each as one request."""

from __future__ import annotations

from lxml import etree

from app.fhir.definitions import load
from app.fhir.resource import decode
from app.fhir.validation import validate
from tests.builders import asking, batch, goal, observation
from tests.server.service import Caller, Service, codes

R4 = load("4.0.1")


async def test_a_name_with_control_characters_is_told_without_them(anna: Caller) -> None:
    for address in ("/%00", "/Goal?a%00%1b=1", "/Goal?%EF%BF%BF=1", "/Goal/1/$validate?%01=1", "/_search"):
        method, body = ("POST", b"b%02=1") if address == "/_search" else ("GET", None)
        headers = {"content-type": "application/x-www-form-urlencoded"} if body else {}
        answer = await anna.send(method, address, body, headers)
        assert answer.status_code in (400, 404), answer.text
        assert validate(decode(answer.content), R4) == []
        assert "\N{REPLACEMENT CHARACTER}" in answer.text
        in_xml = await anna.send(method, address, body, {**headers, "accept": "application/fhir+xml"})
        assert in_xml.status_code == answer.status_code
        assert etree.fromstring(in_xml.content).tag == "{http://hl7.org/fhir}OperationOutcome"


async def test_a_part_of_a_patch_whose_name_is_an_object_is_refused(anna: Caller) -> None:
    kept = await anna.create(goal())
    patch = {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": [{"name": {"a": 1}, "valueCode": "add"}]}],
    }
    answer = await anna.send("PATCH", f"/Goal/{kept['id']}", patch)
    assert (answer.status_code, codes(answer)) == (400, ["structure"])


async def test_an_entry_may_ask_for_what_changed_after_the_last_year_or_before_the_first(anna: Caller) -> None:
    kept = await anna.create(observation())
    entries = [
        asking("GET", f"Observation/{kept['id']}", ifModifiedSince=moment)
        for moment in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")
    ]
    answer = await anna.post("", batch(*entries))
    assert answer.status_code == 200, answer.text
    assert [entry["response"]["status"][:3] for entry in decode(answer.content)["entry"]] == ["304", "200"]


async def test_only_a_patients_compartment_takes_a_create(anna: Caller) -> None:
    refused = await anna.post("/Practitioner/doctor/Observation", observation())
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert (await anna.post("/Patient/anna/Observation", observation())).status_code == 201


async def test_an_address_is_never_sent_on_to_the_host_that_a_request_names(service: Service) -> None:
    for address in ("/docs/", "/assets/style.css/"):
        answer = await service.client.get(f"http://zelfregie.test{address}", headers={"host": "elsewhere.example"})
        assert (answer.status_code, "location" in answer.headers) == (404, False)
