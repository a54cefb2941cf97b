"""What is stored is what was sent: digits, precision, unknown extensions. https://hl7.org/fhir/R4/datatypes.html#decimal"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from app.fhir.resource import decode, encode
from app.fhir.xml import from_xml, to_xml
from tests.builders import counted, goal, observation, patient, questionnaire_response
from tests.server.service import Caller, Service


@pytest.mark.parametrize(
    "digits",
    [
        "81.50",
        "81.500",
        "0.10",
        "-0.0",
        "1E+3",
        "1e-7",
        "100000000000000000.01",
        "3.14159265358979323",
        "0",
        "-1",
        "1.0E2",
        "123456789012345678901234567890",
        "18446744073709551616",
        "0." + "1" * 100,
    ],
)
async def test_decimals_keep_their_digits(service: Service, anna: Caller, digits: str) -> None:
    body = json.dumps(counted(valueQuantity={"value": "DIGITS", "unit": "kg"})).replace('"DIGITS"', digits).encode()
    created = await anna.post("/Observation", body)
    assert created.status_code == 201, created.text
    address = created.headers["location"]
    read = await anna.get(address)
    value = decode(read.content)["valueQuantity"]["value"]
    assert str(value) == str(Decimal(digits) if set("eE.") & set(digits) else int(digits))
    in_xml = await anna.get(address, {"accept": "application/fhir+xml"})
    assert from_xml(in_xml.content, service.server.definitions)["valueQuantity"]["value"] == value
    again = await anna.post("/Observation", in_xml.content, {"content-type": "application/fhir+xml"})
    assert str(decode(again.content)["valueQuantity"]["value"]) == str(value)


@pytest.mark.parametrize("digits", ["1e99999999999999999999", "NaN", "Infinity", "1.", ".5", "0x10", "+1", "01"])
async def test_numbers_that_json_or_decimals_do_not_have_are_refused(anna: Caller, digits: str) -> None:
    body = json.dumps(observation(valueQuantity={"value": "DIGITS"})).replace('"DIGITS"', digits).encode()
    assert (await anna.post("/Observation", body)).status_code == 400


@pytest.mark.parametrize("depth", [50, 3000])
async def test_a_resource_of_any_depth_is_stored_or_refused(anna: Caller, depth: int) -> None:
    inside = '{"url":"x","valueString":"y"}'
    extension = '{"url":"x","extension":[' * depth + inside + "]}" * depth
    in_json = await anna.post("/Goal", encode(goal(extension=["DEEP"])).replace(b'"DEEP"', extension.encode()))
    deep = '<extension url="x">' * depth + '<valueString value="y"/>' + "</extension>" * depth
    xml = f'<Goal xmlns="http://hl7.org/fhir">{deep}<lifecycleStatus value="active"/><description/></Goal>'
    in_xml = await anna.post("/Goal", xml.encode(), {"content-type": "application/fhir+xml"})
    assert in_json.status_code == (201 if depth < 100 else 400)
    assert in_xml.status_code in ((201, 400, 422) if depth < 100 else (400,))


@pytest.mark.parametrize(
    "when",
    [
        "2024",
        "2024-03",
        "2024-03-15",
        "2024-03-15T10:00:00Z",
        "2024-03-15T10:00:00.000Z",
        "2024-03-15T10:00:00.1+01:00",
        "2024-03-15T10:00:00-00:00",
    ],
)
async def test_dates_keep_their_precision_and_zone(anna: Caller, when: str) -> None:
    stored = await anna.create(observation(effectiveDateTime=when))
    assert stored["effectiveDateTime"] == when
    assert decode((await anna.get(f"/Observation/{stored['id']}")).content)["effectiveDateTime"] == when


async def test_unknown_extensions_survive_wherever_they_are(anna: Caller) -> None:
    extension = [{"url": "https://elders.example/x", "extension": [{"url": "a", "valueAddress": {"city": "Gouda"}}]}]
    sent = goal(
        extension=extension,
        modifierExtension=[{"url": "https://elders.example/m", "valueBoolean": True}],
        description={"text": "x", "_text": {"extension": extension}},
        _startDate={"extension": extension},
        note=[{"text": "y", "extension": extension}],
        meta={"extension": extension, "profile": ["https://elders.example/Goal"], "security": [{"code": "R"}]},
    )
    stored = await anna.create(sent, {"prefer": "return=representation"})  # else: that the profile is not held
    read = decode((await anna.get(f"/Goal/{stored['id']}")).content)
    assert {**read, "meta": {name: read["meta"][name] for name in sent["meta"]}} == {**sent, "id": stored["id"]}


async def test_everything_survives_the_way_through_xml(service: Service, anna: Caller) -> None:
    sent = questionnaire_response(
        id="answers",
        item=[
            {
                "linkId": "1",
                "text": 'Hoe gaat het? <beter> & "goed"',
                "answer": [
                    {"valueDecimal": 1, "item": [{"linkId": "1.1", "answer": [{"valueBoolean": False}]}]},
                    {"valueInteger": -3},
                    {"valueTime": "08:30:00"},
                    {"valueUri": "urn:x"},
                    {"valueAttachment": {"contentType": "text/plain", "data": "aGFsbG8="}},
                ],
            }
        ],
    )
    await anna.keep(sent)
    first = await anna.get("/QuestionnaireResponse/answers", {"accept": "application/fhir+xml"})
    answer = await anna.put("/QuestionnaireResponse/answers", first.content, {"content-type": "application/fhir+xml"})
    assert answer.status_code == 200, answer.text
    stored = decode(answer.content)
    assert {name: value for name, value in stored.items() if name != "meta"} == sent


@pytest.mark.parametrize(
    "text",
    ["Zoë – ’t Hart", "\U0001f600 李", "tab\tregel\neinde", "a\u00a0b", "\u202eomgekeerd", "<&>'\"", "\\u0041 \\n"],
)
async def test_texts_of_every_kind_survive(service: Service, anna: Caller, text: str) -> None:
    await anna.keep(patient("anna", name=[{"family": text}]))
    answer = await anna.get("/Patient/anna")
    assert decode(answer.content)["name"][0]["family"] == text
    in_xml = await anna.get("/Patient/anna", {"accept": "application/fhir+xml"})
    assert from_xml(in_xml.content, service.server.definitions)["name"][0]["family"] == text


@pytest.mark.parametrize("body", [b'"a\\u0000b"', b'"\\ud800"', b'"a\\u0001b"', b'""', b'"' + b" " * 3 + b'"'])
async def test_texts_that_fhir_does_not_have_are_refused(anna: Caller, body: bytes) -> None:
    sent = json.dumps(patient("anna", name=[{"family": "TEXT"}])).encode().replace(b'"TEXT"', body)
    answer = await anna.put("/Patient/anna", sent)
    assert answer.status_code in (400, 422), answer.text
    assert (await anna.get("/Patient/anna")).headers["etag"] == 'W/"1"'


async def test_contained_resources_stay_where_they_are(anna: Caller) -> None:
    contained = [{"resourceType": "Practitioner", "id": "p", "name": [{"family": "Dokter"}]}]
    stored = await anna.create(observation(contained=contained, performer=[{"reference": "#p"}]))
    assert stored["contained"] == contained
    assert await anna.found("/Practitioner?name=dokter") == ["doctor"]


async def test_the_bytes_of_a_read_are_those_of_search_history_and_transaction(service: Service, anna: Caller) -> None:
    body = json.dumps(counted(valueQuantity={"value": 81.5, "unit": "kg"})).replace("81.5", "81.500").encode()
    created = await anna.post("/Observation", body)
    read = await anna.get(created.headers["location"])
    assert read.content == created.content
    for address in ("/Observation", created.headers["location"].rpartition("/")[0], "/Patient/anna/$everything"):
        assert read.content in (await anna.get(address)).content, address


async def test_a_resource_of_some_size_survives(anna: Caller) -> None:
    items = [{"linkId": str(number), "answer": [{"valueString": "x" * 500}]} for number in range(2000)]
    stored = await anna.create(questionnaire_response(item=items))
    assert decode((await anna.get(f"/QuestionnaireResponse/{stored['id']}")).content)["item"] == items


async def test_what_another_library_makes_is_stored_as_it_made_it(service: Service, anna: Caller) -> None:
    from fhir.resources.R4B.careplan import CarePlan

    made = CarePlan(status="active", intent="plan", subject={"reference": "Patient/anna"}, title="Mijn plan")
    answer = await anna.post("/CarePlan", made.model_dump_json().encode())
    assert answer.status_code == 201, answer.text
    read = CarePlan.model_validate_json((await anna.get(answer.headers["location"])).content)
    assert (read.title, read.subject.reference) == ("Mijn plan", "Patient/anna")
    assert to_xml(decode(answer.content), service.server.definitions).startswith(b"<")
