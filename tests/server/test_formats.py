"""JSON and XML, in and out, and the versions of FHIR. https://hl7.org/fhir/R4/http.html#mime-type"""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.builders import goal, observation, patient, posted, reference, transaction
from tests.server.service import Caller, Service, ids, link

FHIR_JSON: Final = "application/fhir+json"
FHIR_XML: Final = "application/fhir+xml"
RICH: Final = observation(
    language="nl",
    performer=[reference("Patient/anna")],
    text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">81,5 <b>kg</b> &amp; meer</div>'},
    extension=[{"url": "urn:x", "valueDecimal": 1}],
    note=[{"text": 'Regel één\nen <twee> & "drie"'}],
    component=[{"code": {"text": "a"}, "valueBoolean": False}, {"code": {"text": "b"}, "valueInteger": 0}],
)


def xml(service: Service, resource: Resource) -> bytes:
    return to_xml(resource, service.server.definitions)


def parsed(service: Service, content: bytes) -> Resource:
    return from_xml(content, service.server.definitions)


async def test_what_comes_in_as_xml_is_what_would_have_come_in_as_json(service: Service, anna: Caller) -> None:
    answer = await anna.post("/Observation", xml(service, RICH), {"content-type": FHIR_XML, "accept": FHIR_JSON})
    assert answer.status_code == 201, answer.text
    stored = decode(answer.content)
    assert {name: value for name, value in stored.items() if name not in ("id", "meta")} == RICH


async def test_what_goes_out_as_xml_is_what_goes_out_as_json(service: Service, anna: Caller) -> None:
    stored = await anna.create(RICH)
    for address in (f"/Observation/{stored['id']}", f"/Observation/{stored['id']}/_history/1"):
        answer = await anna.get(address, {"accept": FHIR_XML})
        assert answer.headers["content-type"] == "application/fhir+xml; charset=utf-8"
        assert parsed(service, answer.content) == stored


async def test_bundles_are_the_same_in_both_formats(service: Service, anna: Caller) -> None:
    await anna.keep({**RICH, "id": "rich"})
    await anna.delete("/Observation/rich")
    await anna.create(RICH)
    for address in ("/Observation", "/Observation/rich/_history", "/Patient/anna/$everything", "/Observation?_count=1"):
        in_json, in_xml = await anna.bundle(address), await anna.get(address, {"accept": FHIR_XML})
        assert parsed(service, in_xml.content) == in_json, address


async def test_a_transaction_may_come_in_as_xml(service: Service, anna: Caller) -> None:
    urn = "urn:uuid:11111111-1111-4111-8111-111111111111"
    bundle = transaction(posted(goal(), urn), posted(observation(focus=[{"reference": urn}])))
    answer = await anna.post("/", xml(service, bundle), {"content-type": FHIR_XML, "accept": FHIR_XML})
    assert answer.status_code == 200, answer.text
    locations = [entry["response"]["location"] for entry in parsed(service, answer.content)["entry"]]
    reading = decode((await anna.get(locations[1])).content)
    assert reading["focus"] == [{"reference": "Goal/" + locations[0].split("/")[-3]}]


async def test_pages_are_walked_in_xml(service: Service, anna: Caller) -> None:
    made = [(await anna.create(goal()))["id"] for _ in range(3)]
    found: list[str] = []
    address: str | None = "/Goal?_count=2&_format=xml"
    while address is not None:
        bundle = parsed(service, (await anna.get(address, {"accept": FHIR_XML})).content)
        found += ids(bundle)
        address = link(bundle, "next")
    assert sorted(found) == sorted(made)


ASKED = {
    (FHIR_XML, ""): "xml",
    (FHIR_JSON, ""): "json",
    ("application/json", ""): "json",
    ("application/xml", ""): "xml",
    ("text/xml", ""): "xml",
    ("*/*", ""): "json",
    ("", ""): "json",
    ("application/*", ""): "json",
    (f"{FHIR_XML};q=0.5, {FHIR_JSON};q=0.4", ""): "xml",
    (f"{FHIR_XML};q=0.5, {FHIR_JSON}", ""): "json",
    (f"{FHIR_XML}, */*;q=0.1", ""): "xml",
    (f"text/html, {FHIR_XML};q=0.9", ""): "xml",
    ("text/html, application/xhtml+xml, */*;q=0.8", ""): "json",
    (f"{FHIR_JSON};q=0, {FHIR_XML}", ""): "xml",
    (f"{FHIR_XML}; fhirVersion=4.0", ""): "xml",
    (f"{FHIR_XML};fhirVersion=4.0.1;charset=utf-8", ""): "xml",
    (f"{FHIR_JSON};fhirVersion=3.0, {FHIR_XML};fhirVersion=4.0", ""): "xml",
    (FHIR_JSON.upper(), ""): "json",
    (FHIR_JSON, "xml"): "xml",
    (FHIR_XML, "json"): "json",
    (FHIR_JSON, FHIR_XML): "xml",
    (FHIR_JSON, "application/fhir%2Bxml"): "xml",
    (FHIR_JSON, "text/xml"): "xml",
    (FHIR_JSON, "application/fhir+xml"): "xml",
    (FHIR_JSON, "application/fhir%20xml"): "xml",
    (FHIR_JSON, "application/xml"): "xml",
    (FHIR_XML, "text/json"): "json",
    (FHIR_XML, "application/json"): "json",
    (FHIR_XML, "application/fhir+json"): "json",
    ("text/html", "xml"): "xml",
    ("text/html", ""): "json",
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", ""): "json",
    (f"{FHIR_JSON};charset=utf-8", ""): "json",
    (f"{FHIR_JSON};charset=utf-16, {FHIR_XML};charset=utf-8;q=0.1", ""): "xml",
}


@pytest.mark.parametrize(("asked", "expected"), ASKED.items(), ids=map(str, range(len(ASKED))))
async def test_the_answer_comes_in_the_format_asked_for(anna: Caller, asked: tuple[str, str], expected: str) -> None:
    accept, wanted = asked
    answer = await anna.get(f"/Patient/anna{f'?_format={wanted}' if wanted else ''}", {"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(FHIR_XML if expected == "xml" else FHIR_JSON)
    assert answer.content.startswith(b"<" if expected == "xml" else b"{")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("image/png", ""),
        ("application/fhir+turtle", ""),
        (f"{FHIR_JSON};charset=iso-8859-1", ""),
        (f"{FHIR_JSON};fhirVersion=3.0", ""),
        (f"{FHIR_XML};fhirVersion=5.0", ""),
        (f"{FHIR_JSON};fhirVersion=1.0.2, {FHIR_XML};fhirVersion=3.0", ""),
        (f"{FHIR_JSON};q=0", ""),
        (FHIR_JSON, "html"),
        (FHIR_JSON, "nonsense"),
    ],
)
async def test_a_format_or_version_that_is_not_given_is_not_acceptable(anna: Caller, accept: str, wanted: str) -> None:
    for address in ("/Patient/anna", "/metadata"):
        answer = await anna.get(f"{address}{f'?_format={wanted}' if wanted else ''}", {"accept": accept})
        assert answer.status_code == 406
        assert answer.json()["issue"][0]["code"] == "not-supported"


async def test_a_format_that_is_not_known_is_answered_with_those_that_are(anna: Caller) -> None:
    answer = await anna.get("/Patient/anna?_format=ttl")
    for name in ("json", "xml", FHIR_JSON, FHIR_XML):
        assert name in answer.json()["issue"][0]["diagnostics"]


async def test_who_cannot_take_utf_8_is_told_so(anna: Caller) -> None:
    for given in ("utf-8", "UTF-8, iso-8859-1;q=0.5", "iso-8859-1, *;q=0.1"):
        assert (await anna.get("/Patient/anna", {"accept-charset": given})).status_code == 200, given
    for given in ("iso-8859-1", "utf-8;q=0", "utf-8;q=0, *"):
        answer = await anna.get("/Patient/anna", {"accept-charset": given})
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (406, "not-supported"), given


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "*/*",
        f"{FHIR_JSON};fhirVersion=3.0",
        f"{FHIR_XML};fhirVersion=5.0",
        f"{FHIR_JSON};charset=iso-8859-1",
        "application/json-patch+json",
    ],
)
async def test_a_body_in_a_format_or_version_that_is_not_read_is_refused(anna: Caller, content_type: str) -> None:
    for method, address in (("POST", "/Goal"), ("PUT", "/Goal/x"), ("POST", "/")):
        answer = await anna.send(method, address, goal(id="x"), {"content-type": content_type})
        assert answer.status_code == 415
        assert answer.json()["issue"][0]["code"] == "not-supported"


@pytest.mark.parametrize(
    "content_type",
    [
        FHIR_JSON,
        "application/json",
        f"{FHIR_JSON}; charset=UTF-8",
        f"{FHIR_JSON};fhirVersion=4.0",
        f'{FHIR_JSON}; fhirVersion="4.0"',
    ],
)
async def test_bodies_come_in_under_every_name_of_their_format(anna: Caller, content_type: str) -> None:
    answer = await anna.post("/Goal", goal(), {"content-type": content_type})
    assert answer.status_code == 201


@pytest.mark.parametrize("content_type", [FHIR_XML, "application/xml", "text/xml", f"{FHIR_XML};charset=utf-8"])
async def test_xml_bodies_come_in_under_every_name_of_their_format(
    service: Service, anna: Caller, content_type: str
) -> None:
    answer = await anna.post("/Goal", xml(service, goal()), {"content-type": content_type})
    assert answer.status_code == 201


async def test_json_under_the_name_of_xml_is_refused(anna: Caller) -> None:
    for content_type, body in ((FHIR_XML, encode(goal())), (FHIR_JSON, b"<Goal xmlns='http://hl7.org/fhir'/>")):
        assert (await anna.post("/Goal", body, {"content-type": content_type})).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"<Goal/>",
        b"<Goal xmlns='urn:other'/>",
        b"<!DOCTYPE Goal [<!ENTITY a 'x'>]><Goal xmlns='http://hl7.org/fhir'><id value='&a;'/></Goal>",
        b"<!DOCTYPE a [<!ENTITY a SYSTEM '/etc/hosts'>]><Goal xmlns='http://hl7.org/fhir'><id value='&a;'/></Goal>",
        b"<?xml version='1.0' encoding='utf-16'?><Goal xmlns='http://hl7.org/fhir'/>",
    ],
    ids=["empty", "torn", "no namespace", "another namespace", "entity", "external entity", "encoding"],
)
async def test_xml_that_is_no_resource_is_refused(anna: Caller, body: bytes) -> None:
    answer = await anna.post("/Goal", body, {"content-type": FHIR_XML})
    assert answer.status_code in (400, 422)
    assert b"localhost" not in answer.content


async def test_problems_in_xml_are_named_as_those_in_json(service: Service, anna: Caller) -> None:
    wrong = goal(lifecycleStatus="nonsense", target=[{"dueDate": "someday"}])
    in_json = await anna.post("/Goal", wrong)
    in_xml = await anna.post("/Goal", xml(service, wrong), {"content-type": FHIR_XML, "accept": FHIR_JSON})
    assert in_json.status_code == in_xml.status_code == 422
    assert in_json.json()["issue"] == in_xml.json()["issue"]


async def test_answers_can_be_laid_out_for_reading(service: Service, anna: Caller) -> None:
    plain = await anna.get("/Patient/anna")
    pretty = await anna.get("/Patient/anna?_pretty=true")
    assert pretty.content.count(b"\n") > 5
    assert decode(pretty.content) == decode(plain.content)
    in_xml = await anna.get("/Patient/anna?_pretty=true&_format=xml")
    assert in_xml.content.count(b"\n") > 5
    assert parsed(service, in_xml.content) == decode(plain.content)
    assert (await anna.get("/Patient/anna?_pretty=false")).content == plain.content
    refused = await anna.get("/Patient/anna?_pretty=yes&_format=xml")
    assert refused.status_code == 400
    assert b"true or false" in refused.content
    assert refused.headers["content-type"].startswith(FHIR_XML)


async def test_xml_is_in_fhirs_namespace_and_in_the_order_of_the_definition(anna: Caller) -> None:
    await anna.keep(patient("anna", gender="female", active=True))
    root = etree.fromstring((await anna.get("/Patient/anna", {"accept": FHIR_XML})).content)
    assert root.tag == "{http://hl7.org/fhir}Patient"
    names = [etree.QName(child).localname for child in root]
    assert names == ["id", "meta", "active", "name", "gender", "birthDate"]
