"""``$validate-code`` of value sets and code systems, and ``CodeSystem/$subsumes``.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html, https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests.builders import SNOMED
from tests.server.service import Caller, Service, codes
from tests.server.terminology.test_expand import code_system, value_set

WORDS = [{"language": "en-GB", "value": "Dog"}]
CONCEPTS = [
    {
        "code": "animal",
        "property": [{"code": "notSelectable", "valueBoolean": True}],
        "concept": [
            {"code": "dog", "display": "Hond", "designation": WORDS},
            {"code": "bird", "display": "Vogel", "concept": [{"code": "parrot"}]},
        ],
    },
    {"code": "unicorn", "property": [{"code": "status", "valueCode": "retired"}]},
]
NOT_LISTED = {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "73211009"}]}


@pytest.fixture(autouse=True)
async def _held(operator: Caller) -> None:
    await operator.keep(code_system(concept=CONCEPTS, language="nl"))
    await operator.keep(code_system(id="part", url="urn:part", content="fragment", concept=[{"code": "known"}]))
    await operator.keep(value_set("v", {"system": "urn:animals"}))
    await operator.keep(value_set("w", NOT_LISTED, {"system": "urn:animals", "concept": [{"code": "dog"}]}))


def told(answer: Any) -> dict[str, Any]:
    """The answer's parameters by name."""
    assert answer.status_code == 200, answer.text
    listed = decode(answer.content)["parameter"]
    assert len({each["name"] for each in listed}) == len(listed)
    return {each["name"]: next(value for name, value in each.items() if name != "name") for each in listed}


def parameters(**values: Any) -> Resource:
    """As ``code__valueCode="x"``."""
    listed = []
    for name, value in values.items():
        parameter, _, member = name.partition("__")
        listed.append({"name": parameter, member or "resource": value})
    return {"resourceType": "Parameters", "parameter": listed}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"code": "dog"}, {"result": True, "display": "Hond"}),
        ({"code": "dog", "display": "hond"}, {"result": True, "display": "Hond"}),
        ({"code": "dog", "display": " DOG "}, {"result": True, "display": "Hond"}),
        ({"code": "dog", "displayLanguage": "en"}, {"result": True, "display": "Dog"}),
        (
            {"code": "dog", "display": "Poes"},
            {"result": False, "message": "The display is not one of this code's.", "display": "Hond"},
        ),
        (
            {"code": "parrot", "display": "Papegaai"},
            {"result": True, "message": "The display cannot be checked: no words for this code are held here."},
        ),
        ({"code": "animal", "abstract": "true"}, {"result": True}),
        (
            {"code": "animal"},
            {
                "result": False,
                "message": "The code groups other codes and is not meant to be selected (abstract).",
            },
        ),
        ({"code": "unicorn"}, {"result": True, "message": "The code is no longer in use (inactive)."}),
        ({"code": "dog", "version": "1"}, {"result": True, "display": "Hond"}),
    ],
)
async def test_a_code_its_words_and_its_use(anna: Caller, asked: dict[str, str], expected: dict[str, Any]) -> None:
    in_system = {"url": "urn:animals", **asked}
    in_set = {"url": "urn:vs:v", "system": "urn:animals", **asked}
    if "version" in in_set:
        in_set["systemVersion"] = in_set.pop("version")
    assert told(await anna.get(f"/CodeSystem/$validate-code?{urlencode(in_system)}")) == expected
    assert told(await anna.get(f"/ValueSet/$validate-code?{urlencode(in_set)}")) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "url=urn:vs:v&system=urn:animals&code=cat",
            "is not in the value set. The code system does not have this code.",
        ),
        ("url=urn:vs:v&system=urn:other&code=dog", "The code is not in the value set."),
        ("url=urn:vs:w&system=urn:animals&code=bird", "The code is not in the value set."),
        (f"url=urn:vs:w&system={SNOMED}&code=44054006", f"cannot be told. The code system {SNOMED} is not held here."),
        (
            "url=urn:vs:v&system=urn:animals&systemVersion=2&code=dog",
            "The code is of version 1 of its code system here, and another version is asked for.",
        ),
    ],
)
async def test_why_a_code_is_not_in_a_value_set(anna: Caller, query: str, message: str) -> None:
    found = told(await anna.get(f"/ValueSet/$validate-code?{query}"))
    assert found["result"] is False
    assert message in found["message"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("url=urn:animals&code=cat", "The code system does not have this code."),
        (f"url={SNOMED}&code=44054006", f"The code system {SNOMED} is not held here, so its codes cannot be checked."),
        ("url=urn:animals&version=2&code=dog", "The code system urn:animals|2 is not held here"),
        ("url=urn:part&code=other", "The code system urn:part is not held wholly here."),
    ],
)
async def test_why_a_code_is_not_in_a_code_system(anna: Caller, query: str, message: str) -> None:
    found = told(await anna.get(f"/CodeSystem/$validate-code?{query}"))
    assert found["result"] is False
    assert message in found["message"]


async def test_only_the_systems_that_keep_it_from_being_told_are_named(anna: Caller, operator: Caller) -> None:
    await operator.keep(value_set("x", NOT_LISTED, {"system": "urn:gone"}))
    address = "/ValueSet/$validate-code?url=urn:vs:x&code=1"
    for system, other in ((SNOMED, "urn:gone"), ("urn:gone", SNOMED)):
        message = told(await anna.get(f"{address}&system={system}"))["message"]
        assert (system in message, other in message) == (True, False)
    await operator.keep(value_set("x", NOT_LISTED, {"valueSet": ["urn:vs:never"]}))
    assert "urn:vs:never" in told(await anna.get(f"{address}&system={SNOMED}"))["message"]


async def test_what_is_held_of_a_code_system_that_is_not_held_wholly_is_right(anna: Caller) -> None:
    assert told(await anna.get("/CodeSystem/$validate-code?url=urn:part&code=known")) == {"result": True}


async def test_codings_and_concepts(service: Service, anna: Caller) -> None:
    dog = {"system": "urn:animals", "code": "dog", "display": "Hond"}
    cat = {"system": "urn:animals", "code": "cat"}
    url = {"url__valueUri": "urn:vs:v"}
    for name in ("/ValueSet", "/CodeSystem"):
        where = url if name == "/ValueSet" else {}
        address = f"{name}/$validate-code"
        one = await anna.post(address, parameters(**where, coding__valueCoding=dog))
        assert told(one) == {"result": True, "display": "Hond"}
        assert validate(decode(one.content), service.server.definitions) == []
        both = parameters(**where, codeableConcept__valueCodeableConcept={"coding": [cat, dog, {"display": "?"}]})
        found = told(await anna.post(address, both))
        assert (found["result"], found["display"]) == (True, "Hond")
        assert found["message"].startswith("Of another coding: ")
        wrong = parameters(**where, codeableConcept__valueCodeableConcept={"coding": [cat]})
        assert told(await anna.post(address, wrong))["result"] is False
        none = parameters(**where, codeableConcept__valueCodeableConcept={"text": "?"})
        assert told(await anna.post(address, none)) == {
            "result": False,
            "message": "The concept has no coding with a code.",
        }
    without = parameters(**url, coding__valueCoding={"code": "dog"})
    assert "without its system" in told(await anna.post("/ValueSet/$validate-code", without))["message"]


async def test_an_address_or_what_is_sent_will_do(anna: Caller) -> None:
    by_id = await anna.get("/ValueSet/v/$validate-code?system=urn:animals&code=dog")
    assert told(by_id)["result"] is True
    assert told(await anna.get("/CodeSystem/animals/$validate-code?code=dog"))["result"] is True
    named = {"system__valueUri": "urn:animals", "code__valueCode": "dog"}
    sent = parameters(valueSet=value_set("sent", {"system": "urn:animals", "concept": [{"code": "bird"}]}), **named)
    assert told(await anna.post("/ValueSet/$validate-code", sent))["result"] is False
    system = parameters(codeSystem=code_system(url="urn:sent", concept=[{"code": "x"}]), code__valueCode="x")
    assert told(await anna.post("/CodeSystem/$validate-code", system)) == {"result": True}
    broken = parameters(codeSystem={**code_system(), "content": "never"}, code__valueCode="x")
    assert (await anna.post("/CodeSystem/$validate-code", broken)).status_code == 422


@pytest.mark.parametrize(
    "address",
    [
        "/ValueSet/$validate-code?url=urn:vs:v",
        "/ValueSet/$validate-code?url=urn:vs:v&code=dog",
        "/ValueSet/$validate-code?system=urn:animals&code=dog",
        "/ValueSet/v/$validate-code?url=urn:vs:v&system=urn:animals&code=dog",
        "/ValueSet/$validate-code?url=urn:vs:v&system=urn:animals&code=dog&abstract=yes",
        "/ValueSet/$validate-code?url=urn:vs:v&system=urn:animals&code=dog&date=2026-01-01",
        "/CodeSystem/$validate-code?code=dog",
        "/CodeSystem/$validate-code?url=urn:animals",
        "/CodeSystem/$validate-code?url=urn:animals&code=dog&coding=x",
        "/CodeSystem/$subsumes?codeA=dog&codeB=bird",
        "/CodeSystem/$subsumes?system=urn:animals&codeA=dog",
        "/CodeSystem/animals/$subsumes?system=urn:other&codeA=dog&codeB=bird",
    ],
)
async def test_what_cannot_be_asked_is_refused(anna: Caller, address: str) -> None:
    answer = await anna.get(address)
    assert answer.status_code == 400, answer.text
    assert codes(answer)


@pytest.mark.parametrize(
    "body",
    [
        parameters(url__valueUri="urn:animals", coding__valueCoding={"system": "urn:other", "code": "x"}),
        parameters(url__valueUri="urn:animals", coding__valueCoding={"system": "urn:animals"}),
        parameters(url__valueUri="urn:animals", coding__valueCoding={"code": "dog", "display": 7}),
        parameters(url__valueUri="urn:animals", codeableConcept__valueCodeableConcept={"coding": "dog"}),
        parameters(url__valueUri="urn:animals", codeableConcept__valueCodeableConcept={"coding": [7]}),
        parameters(coding__valueCoding={"code": "dog"}),
        parameters(coding__valueCoding={"code": "dog"}, code__valueCode="dog", url__valueUri="urn:animals"),
        parameters(coding__valueCoding={"code": "dog"}, display__valueString="x", url__valueUri="urn:animals"),
    ],
)
async def test_a_bad_body_is_refused(anna: Caller, body: Resource) -> None:
    answer = await anna.post("/CodeSystem/$validate-code", body)
    assert answer.status_code == 400, answer.text
    assert codes(answer)


async def test_a_value_set_that_is_not_held_is_absent(anna: Caller) -> None:
    answer = await anna.get("/ValueSet/$validate-code?url=urn:vs:never&system=urn:animals&code=dog")
    assert (answer.status_code, codes(answer)) == (404, ["not-found"])


async def test_too_many_codes_are_too_costly(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.terminology.held.MOST_CONCEPTS", 3)
    answer = await anna.get("/ValueSet/$validate-code?url=urn:vs:v&system=urn:animals&code=dog")
    assert (answer.status_code, codes(answer)) == (422, ["too-costly"])


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("animal", "parrot", "subsumes"),
        ("parrot", "animal", "subsumed-by"),
        ("dog", "dog", "equivalent"),
        ("dog", "bird", "not-subsumed"),
    ],
)
async def test_which_of_two_codes_is_a_kind_of_the_other(anna: Caller, first: str, second: str, outcome: str) -> None:
    query = f"codeA={first}&codeB={second}"
    for address in ("/CodeSystem/animals/$subsumes?", "/CodeSystem/$subsumes?system=urn:animals&"):
        assert told(await anna.get(address + query)) == {"outcome": outcome}
    coded = [{"system": "urn:animals", "code": each} for each in (first, second)]
    posted = await anna.post(
        "/CodeSystem/$subsumes", parameters(codingA__valueCoding=coded[0], codingB__valueCoding=coded[1])
    )
    assert told(posted) == {"outcome": outcome}


async def test_which_is_a_kind_of_which_is_not_guessed(anna: Caller, operator: Caller) -> None:
    parts = [{"code": "a"}, {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]}, {"code": "c"}]
    await operator.keep(code_system(id="part", url="urn:part", content="fragment", concept=parts))
    await operator.keep(code_system(id="flat", url="urn:flat", hierarchyMeaning="part-of", concept=parts))
    assert told(await anna.get("/CodeSystem/$subsumes?system=urn:part&codeA=a&codeB=b")) == {"outcome": "subsumes"}
    for query, status in (
        ("system=urn:part&codeA=a&codeB=c", 422),
        ("system=urn:flat&codeA=a&codeB=b", 422),
        ("system=urn:part&codeA=a&codeB=z", 404),
        (f"system={SNOMED}&codeA=1&codeB=2", 404),
    ):
        answer = await anna.get(f"/CodeSystem/$subsumes?{query}")
        assert answer.status_code == status, answer.text
        assert codes(answer)


async def test_a_token_and_its_scopes_are_needed(service: Service, anonymous: Caller) -> None:
    for address in (
        "/ValueSet/$validate-code?url=urn:vs:v&system=urn:animals&code=dog",
        "/CodeSystem/$validate-code?url=urn:animals&code=dog",
        "/CodeSystem/$subsumes?system=urn:animals&codeA=dog&codeB=bird",
    ):
        assert (await anonymous.get(address)).status_code == 401
        assert (await service.caller("anna-observations").get(address)).status_code == 403
        assert (await service.caller("anna-reader").get(f"{address}&_format=xml")).status_code == 200


async def test_words_are_in_the_language_that_a_client_accepts(anna: Caller) -> None:
    address = "/CodeSystem/$validate-code?url=urn:animals&code=dog"
    english = await anna.get(address, {"accept-language": "en, nl;q=0.5"})
    assert told(english)["display"] == "Dog"
    assert "Accept-Language" in english.headers["vary"]
    assert told(await anna.get(f"{address}&displayLanguage=nl", {"accept-language": "en"}))["display"] == "Hond"
    looked_up = decode(
        (await anna.get("/CodeSystem/$lookup?system=urn:animals&code=dog", {"accept-language": "en"})).content
    )
    assert {"name": "display", "valueString": "Dog"} in looked_up["parameter"]
    expanded = decode((await anna.get("/ValueSet/$expand?url=urn:vs:v", {"accept-language": "en"})).content)[
        "expansion"
    ]
    assert "Dog" in [each.get("display") for each in expanded["contains"]]
    assert {"name": "displayLanguage", "valueCode": "en"} in expanded["parameter"]
