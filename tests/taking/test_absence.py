"""What a source gives no longer is marked, and nothing is concluded from an answer that may leave something out."""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from tests import builders
from tests.server.service import Caller
from tests.taking.deliveries import collection, delivered, diabetes, given, place, read

SINCE = "https://zelfregie.example/fhir/StructureDefinition/no-longer-delivered-since"
STU3 = "http://zelfregie.test/fhir/stu3"
TAG = {"system": "https://zelfregie.example/fhir/CodeSystem/intake", "code": "no-longer-delivered"}


def entries(*names: str) -> list[Resource]:
    return [given(diabetes(), each) for each in names]


def is_marked(resource: Resource) -> bool:
    meta = resource["meta"]
    tagged = any({**TAG, **each} == each for each in meta.get("tag", ()))
    assert tagged is any(each["url"] == SINCE for each in meta.get("extension", ()))
    return tagged


async def marked(caller: Caller, first: list[Resource]) -> list[bool]:
    return [is_marked(await read(caller, place(each))) for each in first]


async def test_what_is_missing_is_marked_until_it_is_given_again(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1", "2"), answers="Condition"))
    assert await marked(anna, first) == [False, False]
    await delivered(gp, collection(*entries("1"), answers="Condition"))
    assert await marked(anna, first) == [False, True]
    assert len(await anna.found("/Condition")) == 2, "it stays visible"
    await delivered(gp, collection(*entries("1"), answers="Condition"))
    assert (await read(anna, place(first[1])))["meta"]["versionId"] == "2", "it is marked once"
    await delivered(gp, collection(*entries("1", "2"), answers="Condition?patient=77"))
    assert await marked(anna, first) == [False, False]


async def test_an_empty_answer_marks_all(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1"), answers="Condition"))
    person = {"resource": {"resourceType": "Patient"}}
    await delivered(gp, collection(person, answers="Condition"))
    assert await marked(anna, first) == [True]


@pytest.mark.parametrize(
    "answers",
    [
        None,
        "Condition?clinical-status=active",
        "Condition?_lastUpdated=gt2026-01-01",
        "Condition?onset-date=ge2026",
        "Condition?_count=1",
        "Condition/$lastn?max=1",
        "Condition?category=problem-list-item",
        "AllergyIntolerance",
    ],
)
async def test_nothing_is_concluded_from_another_request_or_a_filtered_one(
    gp: Caller, anna: Caller, answers: str | None
) -> None:
    first = await delivered(gp, collection(*entries("1", "2"), answers="Condition"))
    await delivered(gp, collection(*entries("1"), answers=answers))
    assert await marked(anna, first) == [False, False]


async def test_nothing_is_concluded_from_one_page_of_several(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1", "2"), answers="Condition"))
    page = collection(*entries("1"), answers="Condition")
    page["link"].append({"relation": "next", "url": "https://his.example/fhir?page=2"})
    await delivered(gp, page)
    assert await marked(anna, first) == [False, False]


async def test_nothing_is_concluded_from_an_answer_that_failed(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1", "2"), answers="Condition"))
    bad = collection(*entries("1"), given(diabetes(clinicalStatus="x"), "3"), answers="Condition")
    assert (await gp.post("/", bad)).status_code == 422
    assert await marked(anna, first) == [False, False]


async def test_one_source_says_nothing_of_another(gp: Caller, hospital: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1"), answers="Condition"))
    await delivered(hospital, collection(*entries("9"), answers="Condition"))
    await delivered(hospital, collection({"resource": {"resourceType": "Patient"}}, answers="Condition"))
    assert await marked(anna, first) == [False]


async def test_what_another_request_still_gives_is_not_marked(gp: Caller, anna: Caller) -> None:
    asked = "Condition?category=problem-list-item"
    first = await delivered(gp, collection(*entries("1"), answers="Condition"))
    await delivered(gp, collection(*entries("1"), answers=asked))
    await delivered(gp, collection(builders_patient(), answers=asked))
    assert await marked(anna, first) == [False]
    await delivered(gp, collection(builders_patient(), answers="Condition"))
    assert await marked(anna, first) == [True]


def builders_patient() -> Resource:
    return {"resource": builders.patient(name=[{"family": "Proefstra", "given": ["Anna"]}])}


async def test_the_mark_is_found_and_nobody_else_sets_it(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1"), answers="Condition"))
    await delivered(gp, collection({"resource": {"resourceType": "Patient"}}, answers="Condition"))
    assert await anna.found("/Condition?_tag=no-longer-delivered") == [place(first[0]).rpartition("/")[2]]
    forged = await anna.create(diabetes(meta={"tag": [TAG]}))
    assert "tag" not in forged["meta"]


async def test_the_mark_stays_when_the_person_changes_the_resource(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1"), answers="Condition"))
    await delivered(gp, collection({"resource": {"resourceType": "Patient"}}, answers="Condition"))
    address = place(first[0])
    stored = await read(anna, address)
    (since,) = [each for each in stored["meta"]["extension"] if each["url"] == SINCE]
    bare = {name: each for name, each in stored.items() if name != "meta"}
    patch = b'[{"op":"add","path":"/recordedDate","value":"2026-11-02"}]'
    off = b'[{"op":"remove","path":"/meta/tag"},{"op":"remove","path":"/meta/extension"}]'
    json_patch = {"content-type": "application/json-patch+json"}
    tag = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": [TAG]}}]}
    own = [{"resource": {**bare, "recordedDate": "2026-11-03"}, "request": {"method": "PUT", "url": address[1:]}}]
    stu3 = (await anna.get(f"{STU3}{address}")).json()
    stu3["meta"].pop("tag")
    stu3["meta"].pop("extension", None)
    for method, where, body, headers in (
        ("PUT", address, {**bare, "recordedDate": "2026-11-01"}, {}),
        ("PATCH", address, patch, json_patch),
        ("PATCH", address, off, json_patch),
        ("POST", f"{address}/$meta-delete", tag, {}),
        ("POST", "/", {"resourceType": "Bundle", "type": "transaction", "entry": own}, {}),
        ("PUT", f"{STU3}{address}", {**stu3, "assertedDate": "2026-11-04"}, {}),
    ):
        answer = await anna.send(method, where, body, headers)
        assert answer.status_code in (200, 422), f"{method} {where}: {answer.text}"
        kept = await read(anna, address)
        assert is_marked(kept), f"{method} {where}"
        assert since in kept["meta"]["extension"], "since when does not change"
        assert await anna.found("/Condition?_tag=no-longer-delivered") == [address.rpartition("/")[2]]
    assert (await read(anna, address))["recordedDate"] == "2026-11-04"
    await delivered(gp, collection(*entries("1"), answers="Condition"))
    assert await marked(anna, first) == [False], "given again it goes"


async def test_an_update_that_only_lacks_the_mark_makes_no_version(gp: Caller, anna: Caller) -> None:
    first = await delivered(gp, collection(*entries("1"), answers="Condition"))
    await delivered(gp, collection({"resource": {"resourceType": "Patient"}}, answers="Condition"))
    address = place(first[0])
    stored = await read(anna, address)
    bare = {**stored, "meta": {"source": stored["meta"]["source"]}}
    answer = await anna.put(address, bare)
    assert answer.status_code == 200
    assert answer.json() == stored
    assert (await read(anna, address))["meta"] == stored["meta"]


async def test_what_was_given_in_stu3_and_is_given_in_r4_again_makes_no_version(gp: Caller, anna: Caller) -> None:
    claimed = {
        "resourceType": "Condition",
        "meta": {"profile": ["http://nictiz.nl/fhir/StructureDefinition/zib-Problem"]},
        "clinicalStatus": "active",
        "code": {"text": "Diabetes"},
        "subject": {"reference": "Patient/anna"},
    }
    whole = collection(given(claimed, "1"))
    headers = {"content-type": "application/fhir+json; fhirVersion=3.0"}
    answer = await gp.send("POST", STU3, whole, headers)
    assert answer.status_code == 200, answer.text
    (found,) = await anna.found("/Condition")
    stored = await read(anna, f"/Condition/{found}")
    assert any(each["url"].endswith("source-profile") for each in stored["meta"]["extension"])
    plain = {name: each for name, each in stored.items() if name not in ("meta", "id")}
    await delivered(gp, collection(given(plain, "1")))
    assert await read(anna, f"/Condition/{found}") == stored
