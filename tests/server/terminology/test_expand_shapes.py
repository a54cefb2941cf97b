"""In which shape ``$expand`` gives an expansion. https://hl7.org/fhir/R4/valueset-operation-expand.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource
from app.fhir.validation import validate
from tests.server.service import Caller, Service, codes
from tests.server.terminology.test_expand import code_system, expanded, listed, value_set

SHORT = {"system": "urn:uses", "code": "short"}
WORDS = [
    {"language": "en-GB", "value": "Dog"},
    {"language": "nl", "use": SHORT, "value": "Hnd"},
    {"use": {"system": "urn:uses", "code": "long"}, "value": "Huishond"},
]


@pytest.fixture(autouse=True)
async def _animals(operator: Caller) -> None:
    concepts = [
        {
            "code": "animal",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [{"code": "dog", "display": "Hond", "designation": WORDS}, {"code": "bird"}],
        },
        {"code": "stone"},
    ]
    await operator.keep(code_system(concept=concepts))
    other = {"system": "urn:other", "concept": [{"code": "x"}]}
    await operator.keep(value_set("v", {"system": "urn:animals"}, other))


def shape(contains: list[Resource]) -> list[Any]:
    """The codes, each with those within it."""
    return [[each["code"], *shape(each.get("contains", []))] for each in contains]


async def test_nested_concepts_stand_within_the_one_above_them(service: Service, anna: Caller) -> None:
    whole = await expanded(anna, "url=urn:vs:v&excludeNested=false&offset=1&count=1")
    expansion = whole["expansion"]
    assert shape(expansion["contains"]) == [["animal", ["dog"], ["bird"]], ["stone"], ["x"]]
    assert expansion["total"] == 5
    assert "offset" not in expansion, "a nested expansion has no pages"
    assert validate(whole, service.server.definitions) == []
    counted = await expanded(anna, "url=urn:vs:v&excludeNested=false&count=0")
    assert (counted["expansion"]["total"], listed(counted)) == (5, [])
    for query in ("url=urn:vs:v", "url=urn:vs:v&excludeNested=true"):
        assert listed(await expanded(anna, query)) == ["animal", "dog", "bird", "stone", "x"]


async def test_a_circle_and_what_is_too_deep_stand_beside_the_others(anna: Caller, operator: Caller) -> None:
    def below(code: str, parent: str) -> Resource:
        return {"code": code, "property": [{"code": "parent", "valueCode": parent}]}

    deep = [{"code": "0"}, *(below(str(number), str(number - 1)) for number in range(1, 200))]
    await operator.keep(code_system(concept=[below("a", "b"), below("b", "a"), below("c", "a"), *deep]))
    found = await expanded(anna, "url=urn:vs:v&excludeNested=false")
    assert found["expansion"]["total"] == 204

    def count(contains: list[Resource]) -> int:
        return sum(1 + count(each.get("contains", [])) for each in contains)

    assert count(found["expansion"]["contains"]) == 204, "each concept is there once"


async def test_without_what_is_not_to_be_selected_or_is_of_a_system(anna: Caller) -> None:
    assert listed(await expanded(anna, "url=urn:vs:v&excludeNotForUI=true")) == ["dog", "bird", "stone", "x"]
    for system in ("urn:animals", "urn:animals|1"):
        assert listed(await expanded(anna, f"url=urn:vs:v&exclude-system={system}")) == ["x"]
    kept = await expanded(anna, "url=urn:vs:v&exclude-system=urn:animals|2&exclude-system=urn:other")
    assert listed(kept) == ["animal", "dog", "bird", "stone"]
    said = [each for each in kept["expansion"]["parameter"] if each["name"] == "exclude-system"]
    assert [each["valueUri"] for each in said] == ["urn:animals|2", "urn:other"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("includeDesignations=true", WORDS),
        ("designation=en", WORDS[:1]),
        ("designation=urn:ietf:bcp:47|nl", WORDS[1:2]),
        ("designation=urn:uses|long&designation=en-GB", [WORDS[0], WORDS[2]]),
        ("designation=urn:uses|never", None),
        ("includeDesignations=false", None),
    ],
)
async def test_other_words_by_language_and_use(anna: Caller, query: str, expected: list[Resource] | None) -> None:
    found = await expanded(anna, f"url=urn:vs:v&{query}")
    dog = next(each for each in found["expansion"]["contains"] if each["code"] == "dog")
    assert dog.get("designation") == expected


async def test_with_what_the_value_set_says_is_in_it(anna: Caller) -> None:
    assert "compose" in await expanded(anna, "url=urn:vs:v&includeDefinition=true")
    assert "compose" not in await expanded(anna, "url=urn:vs:v&includeDefinition=false")


@pytest.mark.parametrize("operation", ["expand", "validate-code"])
@pytest.mark.parametrize(
    "compose",
    [
        {"include": [{"system": "urn:animals"}] * 201},
        {"include": [{"valueSet": ["http://example.org/ValueSet/v"] * 200}]},
        {"include": [{"system": "urn:animals"}], "exclude": [{"system": "urn:animals"}] * 200},
        {
            "include": [
                {"system": "urn:animals", "filter": [{"property": "code", "op": "regex", "value": "(.*a)*"}] * 200}
            ]
        },
    ],
    ids=["includes", "imports", "excludes", "filters"],
)
async def test_what_is_sent_of_many_parts_is_refused_before_it_is_looked_at(
    anna: Caller, operation: str, compose: Resource
) -> None:
    sent = {"name": "valueSet", "resource": {"resourceType": "ValueSet", "status": "active", "compose": compose}}
    coding = {"name": "coding", "valueCoding": {"system": "urn:animals", "code": "dog"}}
    asked = [sent, *([coding] if operation == "validate-code" else [])]
    answer = await anna.post(f"/ValueSet/${operation}", {"resourceType": "Parameters", "parameter": asked})
    assert (answer.status_code, codes(answer)) == (422, ["too-costly"])
