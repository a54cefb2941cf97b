"""The BSN never gets in, in whatever disguise. All numbers here are test numbers of no person."""

from __future__ import annotations

import json

import pytest

from app.fhir.resource import Resource, decode, encode
from app.fhir.xml import to_xml
from app.server.bsn import is_number
from tests.builders import BSN, binary, concept, counted, observation, patient, posted, put, transaction
from tests.server.service import Caller, Service

NUMBER = "999911120"
OID = "urn:oid:2.16.840.1.113883.2.4.6.3"
MASKED = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}


def bsn(system: str = BSN) -> Resource:
    return {"use": "official", "system": system, "value": NUMBER}


async def nothing_holds_it(service: Service) -> None:
    """No table has the number, as text or inside bytes."""
    database = service.database
    names = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if database.dialect == "sqlite"
        else "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'public'"
    )
    looked = 0
    for (name,) in await database.fetch(names):
        for row in await database.fetch(f'SELECT * FROM "{name}"'):
            looked += 1
            for value in row:
                held = value if isinstance(value, bytes) else str(value).encode()
                assert NUMBER.encode() not in held, name
    assert looked > 10


def contained(identifier: Resource) -> Resource:
    person = {
        "resourceType": "RelatedPerson",
        "id": "r",
        "patient": {"reference": "Patient/anna"},
        "identifier": [identifier],
    }
    return observation(contained=[person], performer=[{"reference": "#r"}])


DISGUISES: dict[str, Resource] = {
    "identifier": patient("anna", identifier=[bsn()]),
    "oid": patient("anna", identifier=[bsn(OID)]),
    "among others": patient("anna", identifier=[{"system": "urn:a", "value": "1"}, bsn(), bsn(OID)]),
    "contained": contained(bsn()),
    "reference": observation(performer=[{"identifier": bsn(), "display": "Anna"}]),
    "extension": observation(extension=[{"url": "urn:x", "valueIdentifier": bsn()}]),
    "deep extension": observation(
        note=[{"text": "x", "extension": [{"url": "urn:x", "extension": [{"url": "y", "valueIdentifier": bsn()}]}]}]
    ),
    "of an extension's reference": observation(extension=[{"url": "urn:x", "valueReference": {"identifier": bsn()}}]),
    "in a bundle": {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:11111111-1111-4111-8111-111111111111", "resource": patient(identifier=[bsn()])}
        ],
    },
    "as a quantity's code": counted(valueQuantity={"value": 1, "system": BSN, "code": "x"}, identifier=[bsn()]),
}


def spelled(body: bytes, how: str) -> bytes:
    """The same JSON in other letters."""
    text = body.decode()
    if how == "escaped slashes":
        return text.replace("/", "\\/").encode()
    if how == "unicode escapes":
        for word in ("NamingSystem", "bsn", "urn:oid", "2.16.840", "system", "value"):
            text = text.replace(word, "".join(f"\\u{ord(letter):04x}" for letter in word))
        return text.replace(NUMBER, "".join(f"\\u{ord(digit):04X}" for digit in NUMBER)).encode()
    if how == "blanks":
        return json.dumps(json.loads(text), indent=3, separators=("\n,", " :\t")).encode()
    return body


@pytest.mark.parametrize("how", ["plain", "escaped slashes", "unicode escapes", "blanks", "xml"])
@pytest.mark.parametrize("door", ["single", "transaction"])
async def test_a_bsn_is_masked_in_every_disguise(service: Service, anna: Caller, how: str, door: str) -> None:
    for resource in DISGUISES.values():
        await is_masked(service, anna, resource, how=how, door=door)
    await nothing_holds_it(service)


async def is_masked(service: Service, anna: Caller, resource: Resource, *, how: str, door: str) -> None:
    sent: Resource = resource
    if door == "transaction":
        sent = transaction(put(resource) if "id" in resource else posted(resource))
    headers = {"content-type": "application/fhir+xml"} if how == "xml" else None
    body = to_xml(sent, service.server.definitions) if how == "xml" else spelled(encode(sent), how)
    if door == "transaction":
        answer = await anna.post("/", body, headers)
        assert answer.status_code == 200, answer.text
        stored = await anna.get(decode(answer.content)["entry"][0]["response"]["location"])
    elif "id" in resource:
        stored = await anna.put(f"/{resource['resourceType']}/{resource['id']}", body, headers)
    else:
        stored = await anna.post(f"/{resource['resourceType']}", body, headers)
    assert stored.status_code in (200, 201), stored.text
    assert NUMBER not in stored.text
    assert '"valueCode":"masked"' in stored.text


async def test_a_masked_bsn_says_so_and_keeps_the_rest(anna: Caller) -> None:
    stored = await anna.keep(patient("anna", identifier=[{**bsn(), "period": {"start": "2020"}}]))
    assert stored["identifier"] == [{"use": "official", "system": BSN, "period": {"start": "2020"}, "_value": MASKED}]


async def test_a_bsn_finds_nobody_and_is_not_searched_by(anna: Caller, practice: Caller, operator: Caller) -> None:
    await anna.keep(patient("anna", identifier=[bsn(), {"system": "urn:a", "value": "1"}]))
    for caller in (anna, practice, operator):
        assert await caller.found(f"/Patient?identifier={NUMBER}") == []
        for query in (f"identifier={BSN}|{NUMBER}", f"identifier=urn:a|1,{OID}|{NUMBER}"):
            answer = await caller.get(f"/Patient?{query}")
            assert answer.status_code == 400
            assert NUMBER not in answer.text
            answer = await caller.get(f"/Observation?patient.{query}")
            assert answer.status_code == 400
        assert await caller.found("/Patient?identifier=urn:a|1") == ["anna"]


async def test_a_system_that_is_nearly_the_bsns_is_no_way_in(service: Service, anna: Caller) -> None:
    nearly = [
        f"{BSN}/",
        f" {BSN}",
        BSN.upper(),
        BSN.replace("http:", "https:"),
        OID.upper(),
        OID.removeprefix("urn:oid:"),
    ]
    for system in nearly:
        await anna.put("/Patient/anna", patient("anna", identifier=[bsn(system)]))
    await nothing_holds_it(service)


async def test_an_identifier_of_the_bsns_type_needs_no_system(service: Service, anna: Caller) -> None:
    kind = concept("http://terminology.hl7.org/CodeSystem/v2-0203", "NNNLD")
    stored = await anna.keep(patient("anna", identifier=[{"type": kind, "value": NUMBER}]))
    assert stored["identifier"] == [{"type": kind, "_value": MASKED}]
    await nothing_holds_it(service)


async def test_other_identifiers_are_not_masked(anna: Caller) -> None:
    identifier = [{"system": "http://fhir.nl/fhir/NamingSystem/agb-z", "value": "12345678"}, {"value": NUMBER}]
    stored = await anna.keep(patient("anna", identifier=identifier))
    assert stored["identifier"] == identifier


async def test_what_was_written_before_an_update_is_masked_in_history_too(service: Service, anna: Caller) -> None:
    for family in ("een", "twee"):
        await anna.keep(patient("anna", identifier=[bsn()], name=[{"family": family}]))
    assert NUMBER not in (await anna.get("/Patient/anna/_history")).text
    await nothing_holds_it(service)


async def test_bytes_are_not_looked_into(anna: Caller) -> None:
    """A Binary is what it is; only its form is FHIR's."""
    stored = await anna.create(binary(data="OTk5OTExMTIw"))
    assert stored["data"] == "OTk5OTExMTIw"


@pytest.mark.parametrize("written", [NUMBER, f"{NUMBER[:4]}.{NUMBER[4:6]}.{NUMBER[6:]}", " ".join(NUMBER)])
async def test_the_number_of_an_identifier_is_masked_in_words_too(service: Service, anna: Caller, written: str) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>Nummer {written}, telefoon 0201234567</p></div>'
    resource = patient("anna", identifier=[bsn()], text={"status": "generated", "div": div})
    stored = await anna.keep(resource)
    assert written not in str(stored)
    assert "*********" in stored["text"]["div"]
    assert "0201234567" in stored["text"]["div"]
    await nothing_holds_it(service)


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("called", ["BSN: {}", "bsn {}", "Burgerservicenummer</td><td>{}", "sofinummer={}"])
async def test_what_is_called_a_bsn_is_masked_in_words(anna: Caller, service: Service, called: str, form: str) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><table><tr><td>{called.format(NUMBER)}</td></tr></table></div>'
    resource = observation(text={"status": "generated", "div": div}, note=[{"text": f"BSN {NUMBER}"}])
    body = to_xml(resource, service.server.definitions) if form == "xml" else encode(resource)
    answer = await anna.post("/Observation", body, {"content-type": f"application/fhir+{form}"})
    assert answer.status_code == 201, answer.text
    assert NUMBER not in answer.text
    assert decode(answer.content)["note"] == [{"text": "BSN *********"}]


async def test_what_is_no_bsn_is_left_in_words(anna: Caller) -> None:
    said = f"UZI {NUMBER} en BSN onbekend, BSN 123456789, tel. 020 1234567, AGB 01234567"
    stored = await anna.create(observation(note=[{"text": said}]))
    assert stored["note"] == [{"text": said}]


@pytest.mark.parametrize(("digits", "right"), [("111222333", True), ("123456782", True), ("123456789", False)])
def test_the_eleven_test(digits: str, *, right: bool) -> None:
    assert is_number(digits) is right
    assert not is_number("000000000")
    assert not is_number(digits[:8])
