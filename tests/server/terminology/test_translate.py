"""``ConceptMap/$translate``. https://hl7.org/fhir/R4/conceptmap-operation-translate.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from app.fhir.validation import validate
from tests.server.service import Caller, Service, codes
from tests.server.terminology.test_expand import code_system
from tests.server.terminology.test_validate_code import parameters

ELEMENTS = [
    {"code": "dog", "target": [{"code": "canis", "display": "Canis", "equivalence": "wider"}]},
    {"code": "cat", "target": [{"equivalence": "unmatched"}]},
]


def concept_map(id: str, **members: Any) -> Resource:
    group = {"source": "urn:animals", "target": "urn:latin", "element": ELEMENTS}
    return {
        "resourceType": "ConceptMap",
        "id": id,
        "url": f"urn:cm:{id}",
        "version": "1",
        "status": "active",
        "sourceCanonical": "urn:vs:pets",
        "targetUri": "urn:vs:latin",
        "group": [group],
        **members,
    }


@pytest.fixture(autouse=True)
async def _map(operator: Caller) -> None:
    await operator.keep(concept_map("m"))


def matches(answer: Any) -> list[dict[str, Any]]:
    """The parts of each match by name; fails where ``result`` says something else."""
    assert answer.status_code == 200, answer.text
    listed = decode(answer.content)["parameter"]
    found = [
        {part["name"]: next(value for name, value in part.items() if name != "name") for part in each["part"]}
        for each in listed
        if each["name"] == "match"
    ]
    assert listed[0] == {
        "name": "result",
        "valueBoolean": any(each["equivalence"] not in ("unmatched", "disjoint") for each in found),
    }
    return found


def message(answer: Any) -> str:
    return next((each["valueString"] for each in decode(answer.content)["parameter"] if each["name"] == "message"), "")


CANIS = {
    "equivalence": "wider",
    "concept": {"system": "urn:latin", "code": "canis", "display": "Canis"},
    "source": "urn:cm:m|1",
}


@pytest.mark.parametrize(
    "address",
    [
        "/ConceptMap/$translate?url=urn:cm:m&system=urn:animals&code=dog",
        "/ConceptMap/$translate?url=urn:cm:m|1&system=urn:animals&code=dog",
        "/ConceptMap/$translate?url=urn:cm:m&conceptMapVersion=1&system=urn:animals&code=dog",
        "/ConceptMap/m/$translate?system=urn:animals&code=dog",
        "/ConceptMap/$translate?system=urn:animals&code=dog",
        "/ConceptMap/$translate?system=urn:animals&code=dog&targetsystem=urn:latin",
        "/ConceptMap/$translate?system=urn:animals&code=dog&source=urn:vs:pets&target=urn:vs:latin",
    ],
)
async def test_a_code_is_translated(service: Service, anna: Caller, address: str) -> None:
    answer = await anna.get(address)
    assert matches(answer) == [CANIS]
    assert validate(decode(answer.content), service.server.definitions) == []


async def test_by_coding_concept_and_a_map_that_is_sent(anna: Caller) -> None:
    dog, cat = ({"system": "urn:animals", "code": code} for code in ("dog", "cat"))
    assert matches(await anna.post("/ConceptMap/$translate", parameters(coding__valueCoding=dog))) == [CANIS]
    both = await anna.post(
        "/ConceptMap/$translate", parameters(codeableConcept__valueCodeableConcept={"coding": [cat, dog, dog]})
    )
    assert [each["equivalence"] for each in matches(both)] == ["unmatched", "wider"]
    sent = parameters(conceptMap=concept_map("sent", url="urn:sent"), coding__valueCoding=dog)
    assert matches(await anna.post("/ConceptMap/$translate", sent)) == [{**CANIS, "source": "urn:sent|1"}]
    broken = parameters(conceptMap=concept_map("sent", status="never"), coding__valueCoding=dog)
    assert (await anna.post("/ConceptMap/$translate", broken)).status_code == 422


async def test_the_way_back(anna: Caller) -> None:
    back = await anna.get(
        "/ConceptMap/m/$translate?system=urn:latin&code=canis&reverse=true&source=urn:vs:latin&targetsystem=urn:animals"
    )
    (match,) = matches(back)
    assert match == {
        "equivalence": "narrower",
        "concept": {"system": "urn:animals", "code": "dog"},
        "source": "urn:cm:m|1",
    }


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("url=urn:cm:m&system=urn:animals&code=cow", "There is no mapping for this code."),
        ("url=urn:cm:m&system=urn:animals&code=cat", "says that nothing matches"),
        ("url=urn:cm:m&system=urn:other&code=dog", "does not translate from this code system"),
        ("url=urn:cm:m&system=urn:animals&code=dog&target=urn:vs:never", "or not between these value sets"),
        ("system=urn:animals&code=dog&targetsystem=urn:never", "No concept map that is held here"),
    ],
)
async def test_why_there_is_no_translation(anna: Caller, query: str, text: str) -> None:
    answer = await anna.get(f"/ConceptMap/$translate?{query}")
    assert not any(each["equivalence"] == "wider" for each in matches(answer))
    assert text in message(answer)


async def test_words_come_from_the_code_system_where_it_has_them_in_the_language(
    anna: Caller, operator: Caller
) -> None:
    words = [{"language": "nl", "value": "Hondachtigen"}]
    concept = {"code": "canis", "display": "Canines", "designation": words}
    await operator.keep(code_system(id="latin", url="urn:latin", language="en", concept=[concept]))
    for language, expected in (("nl", "Hondachtigen"), ("en", "Canines"), ("fr", "Canis"), ("", "Canis")):
        asked = await anna.get(
            "/ConceptMap/m/$translate?system=urn:animals&code=dog", {"accept-language": language} if language else None
        )
        assert matches(asked)[0]["concept"]["display"] == expected


async def test_what_is_not_mapped_is_looked_for_in_another_map(anna: Caller, operator: Caller) -> None:
    rule = {"mode": "other-map", "url": "urn:cm:second"}
    group = {"source": "urn:animals", "target": "urn:latin", "element": ELEMENTS[:1], "unmapped": rule}
    await operator.keep(concept_map("m", group=[group]))
    address = "/ConceptMap/$translate?url=urn:cm:m&system=urn:animals&code=cow"
    assert "urn:cm:second" in message(await anna.get(address))
    bos = [{"code": "cow", "target": [{"code": "bos", "equivalence": "equal"}]}]
    await operator.keep(concept_map("second", group=[{"source": "urn:animals", "target": "urn:latin", "element": bos}]))
    assert [each["concept"]["code"] for each in matches(await anna.get(address))] == ["bos"]
    await operator.delete("/ConceptMap/second")
    assert not matches(await anna.get(address))


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/ConceptMap/$translate?url=urn:cm:never&system=urn:animals&code=dog", 404),
        ("/ConceptMap/$translate?url=urn:cm:m&conceptMapVersion=2&system=urn:animals&code=dog", 404),
        ("/ConceptMap/never/$translate?system=urn:animals&code=dog", 404),
        ("/ConceptMap/$translate?url=urn:cm:m&code=dog", 400),
        ("/ConceptMap/$translate?url=urn:cm:m&system=urn:animals", 400),
        ("/ConceptMap/m/$translate?url=urn:cm:m&system=urn:animals&code=dog", 400),
        ("/ConceptMap/$translate?url=urn:cm:m&system=urn:animals&code=dog&reverse=maybe", 400),
        ("/ConceptMap/$translate?url=urn:cm:m&system=urn:animals&code=dog&dependency=x", 400),
    ],
)
async def test_what_is_not_there_or_cannot_be_asked(anna: Caller, address: str, status: int) -> None:
    answer = await anna.get(address)
    assert answer.status_code == status
    assert codes(answer)


async def test_translate_needs_a_token_and_its_scopes(service: Service, anonymous: Caller) -> None:
    address = "/ConceptMap/$translate?url=urn:cm:m&system=urn:animals&code=dog"
    assert (await anonymous.get(address)).status_code == 401
    assert (await service.caller("anna-observations").get(address)).status_code == 403
    assert (await service.caller("anna-reader").get(f"{address}&_format=xml")).status_code == 200


async def test_a_concept_of_very_many_codings_is_refused_before_it_is_looked_at(anna: Caller) -> None:
    coding = [{"system": "urn:any", "code": str(number)} for number in range(101)]
    asked = {"name": "codeableConcept", "valueCodeableConcept": {"coding": coding}}
    answer = await anna.post("/ConceptMap/$translate", {"resourceType": "Parameters", "parameter": [asked]})
    assert (answer.status_code, codes(answer)) == (422, ["too-costly"])
