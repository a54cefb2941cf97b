"""CodeSystem/$lookup. https://hl7.org/fhir/R4/codesystem-operation-lookup.html"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests.server.service import Caller, Service, codes, issues
from tests.server.terminology.test_expand import code_system


@pytest.fixture(autouse=True)
async def _animals(operator: Caller) -> None:
    await operator.keep(code_system())


def values(answer: bytes) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for each in decode(answer)["parameter"]:
        found.setdefault(each["name"], []).append(each)
    return found


def properties(answer: bytes) -> list[tuple[str, object]]:
    return [
        (each["part"][0]["valueCode"], next(value for name, value in each["part"][1].items() if name != "name"))
        for each in values(answer).get("property", ())
    ]


async def test_a_code_is_told_in_words(service: Service, anna: Caller) -> None:
    answer = await anna.get("/CodeSystem/$lookup?system=urn:animals&code=bird")
    assert answer.status_code == 200
    found = values(answer.content)
    assert found["name"][0]["valueString"] == "Animals"
    assert found["version"][0]["valueString"] == "1"
    assert found["display"][0]["valueString"] == "Vogel"
    assert properties(answer.content) == [("parent", "animal"), ("child", "parrot"), ("legs", 2)]
    assert validate(decode(answer.content), service.server.definitions) == []


async def test_only_the_properties_that_are_asked_for(anna: Caller) -> None:
    answer = await anna.get("/CodeSystem/$lookup?system=urn:animals&code=bird&property=legs&property=never")
    assert properties(answer.content) == [("legs", 2)]


async def test_designations_and_the_language_asked_for(anna: Caller, operator: Caller) -> None:
    use = {"system": "urn:uses", "code": "short"}
    words = [{"language": "en", "use": use, "value": "Dog"}]
    definition = "Een huisdier"
    await operator.keep(
        code_system(concept=[{"code": "dog", "display": "Hond", "designation": words, "definition": definition}])
    )
    answer = await anna.get("/CodeSystem/$lookup?system=urn:animals&code=dog&displayLanguage=en")
    found = values(answer.content)
    assert found["display"][0]["valueString"] == "Dog"
    assert found["designation"][0]["part"] == [
        {"name": "language", "valueCode": "en"},
        {"name": "use", "valueCoding": use},
        {"name": "value", "valueString": "Dog"},
    ]
    assert properties(answer.content) == [("definition", definition)]


async def test_a_coding_or_an_address_will_do(anna: Caller) -> None:
    coding = {"system": "urn:animals", "code": "dog"}
    body = {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": coding}]}
    posted = await anna.post("/CodeSystem/$lookup", body)
    addressed = await anna.get("/CodeSystem/animals/$lookup?code=dog")
    assert posted.content == addressed.content
    assert values(posted.content)["display"][0]["valueString"] == "Hond"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("system=urn:animals&code=never", 404),
        ("system=urn:never&code=dog", 404),
        ("system=urn:animals&version=7&code=dog", 404),
        ("system=urn:animals", 400),
        ("code=dog", 400),
        ("system=urn:animals&code=dog&date=2026", 400),
        ("coding=urn:animals|dog", 400),
    ],
)
async def test_what_is_not_there_or_not_said(anna: Caller, query: str, status: int) -> None:
    answer = await anna.get(f"/CodeSystem/$lookup?{query}")
    assert answer.status_code == status
    assert codes(answer)


async def test_a_code_of_fhirs_own_definitions_is_there_as_far_as_it_is_held(anna: Caller) -> None:
    system = "http://hl7.org/fhir/observation-status"
    for query in (f"system={system}", f"system={system}&version=4.0.1"):
        answer = await anna.get(f"/CodeSystem/$lookup?{query}&code=final")
        assert answer.status_code == 200, answer.text
        found = values(answer.content)
        assert {name: each[0]["valueString"] for name, each in found.items()} == {
            "name": system,
            "version": "4.0.1",
            "display": "final",
        }
    for query in (f"system={system}&code=never", f"system={system}&version=5.0.0&code=final"):
        refused = await anna.get(f"/CodeSystem/$lookup?{query}")
        assert refused.status_code == 404
        assert "held here" in refused.text


@pytest.mark.parametrize(
    ("content", "concepts", "told"),
    [
        ("complete", [{"code": "one"}], "The code system urn:part does not have {what}."),
        ("fragment", [{"code": "one"}], "Only a part of the code system urn:part is held here, and {what} is not in "),
        ("example", [{"code": "one"}], "Only a part of the code system urn:part is held here, and {what} is not in "),
        ("not-present", [], "The code system urn:part is known here by name only: none of its codes are held here."),
    ],
)
async def test_how_much_of_a_code_system_is_held_is_told(
    anna: Caller, operator: Caller, content: str, concepts: list[Resource], told: str
) -> None:
    members = {"concept": concepts} if concepts else {}
    part = code_system(id="part", url="urn:part", content=content, **members)
    if not concepts:
        part.pop("concept")
    await operator.keep(part)
    for address in ("/CodeSystem/$lookup?system=urn:part&code=two", "/CodeSystem/part/$lookup?code=two"):
        answer = await anna.get(address)
        assert answer.status_code == 404
        assert told.format(what="this code") in issues(answer)[0]["diagnostics"], answer.text
    answer = await anna.get("/CodeSystem/$subsumes?system=urn:part&codeA=two&codeB=two")
    assert answer.status_code == 404
    assert told.format(what="code A") in issues(answer)[0]["diagnostics"], answer.text


async def test_of_a_part_it_is_not_told_that_one_code_is_no_kind_of_another(anna: Caller, operator: Caller) -> None:
    concepts = [{"code": "one"}, {"code": "two"}]
    await operator.keep(code_system(id="part", url="urn:part", content="fragment", concept=concepts))
    answer = await anna.get("/CodeSystem/$subsumes?system=urn:part&codeA=one&codeB=two")
    assert answer.status_code == 422
    assert issues(answer)[0]["diagnostics"].startswith("Only a part of the code system urn:part is held here")


async def test_a_system_that_is_not_fhirs_own_has_a_version_that_is_not_known(anna: Caller) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    found = values((await anna.get(f"/CodeSystem/$lookup?system={system}&code=active")).content)
    assert set(found) == {"name", "display"}
    assert (await anna.get(f"/CodeSystem/$lookup?system={system}&version=4.0.1&code=active")).status_code == 404


async def test_a_code_system_in_the_catalogue_comes_before_the_definitions(anna: Caller, operator: Caller) -> None:
    system = "http://hl7.org/fhir/observation-status"
    await operator.keep(code_system(id="own", url=system, concept=[{"code": "final", "display": "Definitief"}]))
    found = values((await anna.get(f"/CodeSystem/$lookup?system={system}&code=final")).content)
    assert found["display"][0]["valueString"] == "Definitief"


@pytest.mark.parametrize("coding", [{"system": "urn:animals"}, {"system": 7, "code": "dog"}, {"code": ["dog"]}])
async def test_a_bad_coding_is_refused(anna: Caller, coding: Resource) -> None:
    body = {"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": coding}]}
    assert (await anna.post("/CodeSystem/$lookup", body)).status_code == 400


async def test_another_system_than_the_address_has_is_refused(anna: Caller) -> None:
    assert (await anna.get("/CodeSystem/animals/$lookup?system=urn:other&code=dog")).status_code == 400


async def test_what_one_patient_keeps_is_not_looked_in_for_another(anna: Caller, bram: Caller) -> None:
    await anna.keep(code_system(id="own", url="urn:own"))
    assert (await anna.get("/CodeSystem/own/$lookup?code=dog")).status_code == 200
    assert (await bram.get("/CodeSystem/own/$lookup?code=dog")).status_code == 404
    assert (await bram.get("/CodeSystem/$lookup?system=urn:own&code=dog")).status_code == 404


async def test_lookup_needs_a_token_and_its_scopes(service: Service, anonymous: Caller) -> None:
    address = "/CodeSystem/$lookup?system=urn:animals&code=dog"
    assert (await anonymous.get(address)).status_code == 401
    assert (await service.caller("anna-observations").get(address)).status_code == 403
    assert (await service.caller("anna-reader").get(f"{address}&_format=xml")).status_code == 200
