"""CodeSystems as they are asked, and filters on them. https://hl7.org/fhir/R4/codesystem.html"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.fhir.resource import Resource
from app.fhir.terminology.codesystem import read_code_system
from app.fhir.terminology.filters import filter_of

ANIMALS: Resource = {
    "resourceType": "CodeSystem",
    "url": "urn:animals",
    "content": "complete",
    "property": [{"code": "up", "uri": "http://hl7.org/fhir/concept-properties#parent", "type": "code"}],
    "concept": [
        {
            "code": "animal",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [
                {"code": "dog", "display": "Hond", "property": [{"code": "legs", "valueInteger": 4}]},
                {"code": "bird", "display": "Vogel", "property": [{"code": "legs", "valueInteger": 2}]},
            ],
        },
        {"code": "parrot", "property": [{"code": "up", "valueCode": "bird"}]},
        {"code": "unicorn", "property": [{"code": "status", "valueCode": "retired"}]},
    ],
}


def taken(operator: str, value: str, of: str = "concept") -> list[str]:
    system = read_code_system(ANIMALS)
    takes = filter_of({"property": of, "op": operator, "value": value}, system)
    return [code for code, concept in system.concepts.items() if takes(concept)]


def test_the_hierarchy_comes_from_nesting_and_from_properties() -> None:
    system = read_code_system(ANIMALS)
    assert list(system.concepts) == ["animal", "dog", "bird", "parrot", "unicorn"]
    assert system.below("animal") == {"animal", "dog", "bird", "parrot"}
    assert system.above("parrot") == {"parrot", "bird", "animal"}
    assert system.below("never") == {"never"}
    assert system.concepts["animal"].abstract
    assert not system.concepts["unicorn"].active


@pytest.mark.parametrize(("meaning", "reached"), [("is-a", 4), (None, 4), ("part-of", 1), ("grouped-by", 1)])
def test_only_a_hierarchy_of_kinds_subsumes(meaning: str | None, reached: int) -> None:
    system = read_code_system(ANIMALS if meaning is None else {**ANIMALS, "hierarchyMeaning": meaning})
    assert len(system.below("animal")) == reached


@pytest.mark.parametrize(
    ("operator", "value", "of", "expected"),
    [
        ("is-a", "bird", "concept", ["bird", "parrot"]),
        ("descendent-of", "animal", "concept", ["dog", "bird", "parrot"]),
        ("is-not-a", "bird", "concept", ["animal", "dog", "unicorn"]),
        ("generalizes", "parrot", "concept", ["animal", "bird", "parrot"]),
        ("=", "4", "legs", ["dog"]),
        ("=", "dog", "code", ["dog"]),
        ("=", "bird", "parent", ["parrot"]),
        ("=", "animal", "parent", ["dog", "bird"]),
        ("in", "2, 4", "legs", ["dog", "bird"]),
        ("not-in", "dog,bird", "concept", ["animal", "parrot", "unicorn"]),
        ("exists", "true", "legs", ["dog", "bird"]),
        ("exists", "false", "legs", ["animal", "parrot", "unicorn"]),
        ("regex", "[a-d].*", "concept", ["animal", "dog", "bird"]),
        ("regex", "o", "concept", []),
        ("regex", "V.*", "display", ["bird"]),
    ],
)
def test_filters_take_what_they_say(operator: str, value: str, of: str, expected: list[str]) -> None:
    assert taken(operator, value, of) == expected


def test_a_filter_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(Invalid, match="never"):
        taken("never", "x")
    with pytest.raises(Invalid, match="regular expression"):
        taken("regex", "(")


def test_a_pattern_that_others_would_choke_on_takes_no_time() -> None:
    system = read_code_system({**ANIMALS, "concept": [{"code": "a" * 60 + "!"}]})
    takes = filter_of({"property": "code", "op": "regex", "value": "(a+)+(a+)+(a+)+$"}, system)
    assert not takes(system.concepts["a" * 60 + "!"])


def test_case_matters_unless_the_system_says_otherwise() -> None:
    assert read_code_system(ANIMALS).find("DOG") is None
    found = read_code_system({**ANIMALS, "caseSensitive": False}).find("DOG")
    assert found is not None
    assert found.code == "dog"


@st.composite
def systems(draw: st.DrawFn) -> tuple[Resource, dict[str, set[str]]]:
    """A CodeSystem of up to 12 codes with any parents, circles included, and those parents."""
    number = draw(st.integers(1, 12))
    codes = [f"c{place}" for place in range(number)]
    parents = {code: draw(st.sets(st.sampled_from(codes), max_size=3)) for code in codes}
    concepts: list[dict[str, Any]] = [
        {"code": code, "property": [{"code": "parent", "valueCode": each} for each in sorted(above)]}
        for code, above in parents.items()
    ]
    return {"url": "urn:x", "content": "complete", "concept": concepts}, parents


@given(systems())
def test_above_and_below_are_the_whole_way_and_each_others_opposite(made: tuple[Resource, dict[str, set[str]]]) -> None:
    resource, parents = made
    system = read_code_system(resource)
    reached = {code: {code} for code in parents}
    for _ in parents:
        for above in reached.values():
            above |= {parent for each in above for parent in parents[each]}
    for code in parents:
        assert system.above(code) == reached[code]
        assert system.below(code) == {each for each in parents if code in reached[each]}
