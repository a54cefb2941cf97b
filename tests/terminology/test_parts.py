"""Code systems of which several resources hold something, and the words of concepts by language.

https://hl7.org/fhir/R4/codesystem.html#supplements
"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.definitions import load
from app.fhir.languages import accepted
from app.fhir.packages import Artifact, Library
from app.fhir.resource import Resource
from app.fhir.terminology.checking import shown
from app.fhir.terminology.composing import selection_of
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.terminology.words import display_of

SNOMED = "http://snomed.info/sct"


def code_system(*concepts: Resource, **members: Any) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "url": "urn:s",
        "status": "active",
        "content": "complete",
        "concept": list(concepts),
        **members,
    }


def supplement(*concepts: Resource, **members: Any) -> Resource:
    return code_system(*concepts, url="urn:more", content="supplement", supplements="urn:s", **members)


def value_set(*include: Resource, url: str = "urn:v", **members: Any) -> Resource:
    return {
        "resourceType": "ValueSet",
        "url": url,
        "status": "active",
        "compose": {"include": list(include)},
        **members,
    }


def terminology(*resources: Resource) -> LibraryTerminology:
    artifacts = [
        Artifact.of(each, fhir_version="4.0.1", package=f"p{number}#1") for number, each in enumerate(resources)
    ]
    return LibraryTerminology(Library(artifacts), load("4.0.1"))


def words(held: LibraryTerminology, *languages: str) -> list[str | None]:
    return [shown(each, languages) for each in selection_of(held, "urn:v").concepts.values()]


def test_a_supplement_gives_words_in_another_language_and_properties() -> None:
    dog = {"code": "dog", "display": "Dog", "property": [{"code": "legs", "valueInteger": 4}]}
    more = {
        "code": "dog",
        "display": "Hond",
        "designation": [{"language": "fr", "value": "Chien"}],
        "property": [{"code": "sound", "valueString": "waf"}],
    }
    filtered = {"system": "urn:s", "filter": [{"property": "sound", "op": "=", "value": "waf"}]}
    held = terminology(
        code_system(dog, {"code": "cat", "display": "Cat"}, language="en"),
        supplement(more, {"code": "horse", "display": "Paard"}, language="nl"),
        value_set({"system": "urn:s"}),
        value_set(filtered, url="urn:filtered"),
    )
    assert words(held, "nl") == ["Hond", "Cat"]
    assert words(held, "nl-NL") == ["Hond", "Cat"]
    assert words(held, "fr") == ["Chien", "Cat"]
    assert words(held) == ["Dog", "Cat"]
    assert held.membership("urn:filtered").concepts == {("urn:s", "dog")}
    assert not held.holds_system("urn:more"), "a supplement is not a code system itself"


@pytest.mark.parametrize(("version", "expected"), [("urn:s", "Hond"), ("urn:s|1", "Hond"), ("urn:s|2", "Dog")])
def test_a_supplement_of_another_version_adds_nothing(version: str, expected: str) -> None:
    held = terminology(
        code_system({"code": "dog", "display": "Dog"}, version="1"),
        {**supplement({"code": "dog", "display": "Hond"}, language="nl"), "supplements": version},
        value_set({"system": "urn:s"}),
    )
    assert words(held, "nl") == [expected]


def test_the_words_of_a_value_set_come_first_and_those_of_the_code_system_where_it_has_none_in_that_language() -> None:
    own = {"code": "dog", "display": "Dog (pet)", "designation": [{"language": "en-US", "value": "Doggy"}]}
    held = terminology(
        code_system({"code": "dog", "display": "Hond"}, {"code": "cat", "display": "Kat"}, language="nl-NL"),
        value_set({"system": "urn:s", "concept": [own, {"code": "cat"}, {"code": "cow"}]}),
    )
    assert words(held) == ["Dog (pet)", "Kat", None]
    assert words(held, "en") == ["Doggy", "Kat", None]
    assert words(held, "nl") == ["Hond", "Kat", None]
    assert words(held, "de", "nl") == ["Hond", "Kat", None]
    spoken = terminology(value_set({"system": "urn:s", "concept": [own]}, language="en-GB"))
    assert words(spoken, "en") == ["Dog (pet)"]
    assert words(spoken, "en-US") == ["Doggy"]


def test_parts_of_a_code_system_are_taken_together() -> None:
    first = code_system({"code": "1", "display": "Een"}, url=SNOMED, content="fragment", version="a")
    child = {"code": "2", "property": [{"code": "parent", "valueCode": "1"}]}
    second = code_system({"code": "1", "display": "One"}, child, url=SNOMED, content="fragment", version="b")
    is_a = {"system": SNOMED, "filter": [{"property": "concept", "op": "is-a", "value": "1"}]}
    held = terminology(first, second, value_set(is_a))
    found = held.membership("urn:v")
    assert found.concepts == {(SNOMED, "1"), (SNOMED, "2")}
    assert found.undecided == {SNOMED}
    assert found.lacking == (SNOMED,)
    assert found.verdict(SNOMED, "3") == "unknown"
    assert held.holds_system(SNOMED)
    system = held.code_system(SNOMED)
    assert system is not None
    assert (system.version, system.complete) == (None, False)
    only = held.code_system(f"{SNOMED}|a")
    assert only is not None
    assert set(only.concepts) == {"1"}


def test_one_that_is_complete_counts_and_one_without_codes_does_not() -> None:
    empty = code_system(content="not-present", version="9")
    whole = code_system({"code": "dog"}, version="1")
    part = code_system({"code": "cat"}, content="fragment", version="2")
    held = terminology(empty, whole, part, value_set({"system": "urn:s"}))
    assert held.membership("urn:v").concepts == {("urn:s", "dog")}
    assert held.membership("urn:v").undecided == frozenset()
    assert not terminology(empty).holds_system("urn:s")
    assert terminology(empty, value_set({"system": "urn:s"})).membership("urn:v").undecided == {"urn:s"}


def test_a_reference_set_of_snomed_ct_is_not_taken_for_a_list_of_codes() -> None:
    member_of = {"system": SNOMED, "filter": [{"property": "concept", "op": "in", "value": "1,2"}]}
    held = terminology(code_system({"code": "1"}, url=SNOMED, content="fragment"), value_set(member_of))
    assert held.membership("urn:v").concepts == frozenset()
    assert held.membership("urn:v").verdict(SNOMED, "1") == "unknown"


def test_an_expansion_that_came_along_counts_where_the_systems_are_not_held() -> None:
    contains = [{"system": SNOMED, "code": "1", "display": "Een"}]
    whole = value_set({"system": SNOMED}, expansion={"timestamp": "2026-01-01", "contains": contains})
    assert terminology(whole).membership("urn:v").concepts == {(SNOMED, "1")}
    assert terminology(whole).membership("urn:v").verdict(SNOMED, "2") == "out"
    partly = {**whole, "expansion": {"timestamp": "2026-01-01", "total": 2, "contains": contains}}
    assert terminology(partly).membership("urn:v").verdict(SNOMED, "2") == "unknown"


@pytest.mark.parametrize(
    ("broken", "lacking"),
    [
        (value_set({"system": "urn:s", "filter": [{"property": "code", "op": "never", "value": "x"}]}), "urn:v"),
        (value_set({"system": "urn:s", "filter": [{"property": "code", "op": "regex", "value": "("}]}), "urn:v"),
        (value_set({"valueSet": ["urn:v"]}), "urn:v"),
        (value_set({}), "urn:v"),
        (value_set({"system": 7, "concept": [{}]}), "urn:v"),
        ({"resourceType": "ValueSet", "url": "urn:v", "status": "active"}, "urn:v"),
        (value_set({"valueSet": ["urn:never"]}), "urn:never"),
    ],
)
def test_a_value_set_that_cannot_be_read_leaves_every_code_unknown_and_raises_nothing(
    broken: Resource, lacking: str
) -> None:
    found = terminology(code_system({"code": "a"}), broken).membership("urn:v")
    assert found.verdict("urn:s", "a") == "unknown"
    assert found.verdict(None, "a") == "unknown"
    assert found.lacking == (lacking,)


def test_words_in_the_language_that_is_wanted_most() -> None:
    designations = [{"language": "nl-BE", "value": "ajuin"}, {"language": "nl-NL", "value": "ui"}, {"value": "?"}]
    assert display_of("onion", designations, ["nl"]) == "ajuin"
    assert display_of("onion", designations, ["nl-NL"]) == "ui"
    assert display_of("onion", designations, ["nl-SR"]) == "ajuin"
    assert display_of("onion", designations, ["de", "nl-nl"]) == "ui"
    assert display_of("onion", designations, ["de"]) == "onion"
    assert display_of("onion", designations, ["en", "nl"], "en") == "onion"
    assert display_of(None, designations, []) is None
    english = [{"language": "en", "value": "onion"}, {"language": "nl", "value": "bol"}]
    assert display_of("onion", english, ["nl"], "nl-NL") == "bol", "what is said of the words themselves counts"
    assert display_of("ui", [{"language": "nl", "value": "bol"}, {"language": "nl", "value": "ui"}], ["nl"]) == "ui"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("nl", ("nl",)),
        ("en;q=0.5, nl-NL", ("nl-NL", "en")),
        ("nl;q=0, en", ("en",)),
        ("*, nl;q=0.1", ("nl",)),
        ("en;q=much, nl", ("nl",)),
        ("e n, nl; q=1", ("nl",)),
        ("en;level=1, nl;q=nan", ("en",)),
        (",".join(f"a{number}" for number in range(20)), tuple(f"a{number}" for number in range(8))),
        ("a-" * 5000 + "b", ()),
    ],
)
def test_the_languages_that_a_client_accepts(header: str, expected: tuple[str, ...]) -> None:
    assert accepted(header) == expected
