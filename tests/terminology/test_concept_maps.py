"""What a concept map says of a code. https://hl7.org/fhir/R4/conceptmap.html"""

from __future__ import annotations

from typing import Any

import pytest

from app.fhir.resource import Resource
from app.fhir.terminology.conceptmap import Asked, ConceptMap, Translation, applies, read_concept_map, translate

MATCHED = {"code": "a", "target": [{"code": "A", "display": "Letter A", "equivalence": "equal"}]}


def concept_map(*elements: Resource, url: str = "urn:m", group: Resource | None = None, **members: Any) -> ConceptMap:
    groups = [{"source": "urn:small", "target": "urn:large", "element": list(elements), **(group or {})}]
    return read_concept_map(
        {"resourceType": "ConceptMap", "url": url, "version": "1", "status": "active", "group": groups, **members}
    )


def nothing(_: str) -> ConceptMap | None:
    return None


def found(made: Translation) -> list[tuple[str, str | None]]:
    return [(each.equivalence, each.code) for each in made.matches]


def test_a_match_says_where_it_comes_from() -> None:
    made = translate(concept_map(MATCHED, group={"targetVersion": "7"}), Asked("urn:small", "a"), nothing)
    (match,) = made.matches
    assert (match.system, match.version, match.code, match.display) == ("urn:large", "7", "A", "Letter A")
    assert match.map == "urn:m|1"
    assert match.succeeds


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Asked("urn:small", "b"), []),
        (Asked("urn:other", "a"), []),
        (Asked("urn:small", "a", into="urn:other"), []),
        (Asked("urn:small", "a", into="urn:large"), [("equal", "A")]),
        (Asked("urn:small", "A"), []),
        (Asked("urn:large", "A", reverse=True), [("equal", "a")]),
        (Asked("urn:large", "A", into="urn:small", reverse=True), [("equal", "a")]),
        (Asked("urn:small", "a", reverse=True), []),
        (Asked("urn:small", "a", version="1"), [("equal", "A")]),
        (Asked("urn:small", "a", version="2"), []),
    ],
)
def test_only_between_the_systems_and_versions_that_are_meant(asked: Asked, expected: list[tuple[str, str]]) -> None:
    assert found(translate(concept_map(MATCHED, group={"sourceVersion": "1"}), asked, nothing)) == expected


@pytest.mark.parametrize(
    ("equivalence", "back"),
    [
        ("equal", "equal"),
        ("equivalent", "equivalent"),
        ("relatedto", "relatedto"),
        ("inexact", "inexact"),
        ("wider", "narrower"),
        ("narrower", "wider"),
        ("subsumes", "specializes"),
        ("specializes", "subsumes"),
    ],
)
def test_an_equivalence_is_turned_around_on_the_way_back(equivalence: str, back: str) -> None:
    made = concept_map({"code": "a", "target": [{"code": "A", "equivalence": equivalence}]})
    assert found(translate(made, Asked("urn:small", "a"), nothing)) == [(equivalence, "A")]
    assert found(translate(made, Asked("urn:large", "A", reverse=True), nothing)) == [(back, "a")]


@pytest.mark.parametrize("equivalence", ["unmatched", "disjoint"])
def test_what_does_not_match_is_no_translation(equivalence: str) -> None:
    made = concept_map({"code": "a", "target": [{"code": "A", "equivalence": equivalence}]})
    (match,) = translate(made, Asked("urn:small", "a"), nothing).matches
    assert not match.succeeds
    assert not translate(made, Asked("urn:large", "A", reverse=True), nothing).matches


def test_an_equivalence_that_stu3_leaves_out_is_equivalent() -> None:
    made = concept_map(
        {"code": "a", "target": [{"code": "A"}]}, sourceUri="urn:vs:a", targetReference={"reference": "b"}
    )
    assert found(translate(made, Asked("urn:small", "a"), nothing)) == [("equivalent", "A")]
    assert (made.source, made.target) == ("urn:vs:a", "b")


def test_products_come_along_and_what_depends_on_more_is_left_out() -> None:
    product = {"property": "urn:p", "system": "urn:x", "value": "1"}
    depends = {"code": "B", "equivalence": "equal", "dependsOn": [{"property": "urn:p", "value": "1"}]}
    targets = [{"code": "A", "equivalence": "equal", "product": [product]}, depends]
    made = translate(concept_map({"code": "a", "target": targets}), Asked("urn:small", "a"), nothing)
    assert made.matches[0].products == ({"element": "urn:p", "concept": {"system": "urn:x", "code": "1"}},)
    assert found(made) == [("equal", "A")]
    assert made.notes == ["A mapping that depends on more than this code is left out."]


def test_what_is_not_mapped_is_taken_over_or_replaced() -> None:
    unmatched = {"code": "u", "target": [{"equivalence": "unmatched"}]}
    provided = concept_map(MATCHED, unmatched, group={"unmapped": {"mode": "provided"}})
    assert found(translate(provided, Asked("urn:small", "z"), nothing)) == [("relatedto", "z")]
    assert found(translate(provided, Asked("urn:small", "a"), nothing)) == [("equal", "A")]
    assert found(translate(provided, Asked("urn:small", "u"), nothing)) == [("unmatched", None)]
    assert not translate(provided, Asked("urn:other", "z"), nothing).matches
    assert not translate(provided, Asked("urn:large", "z", reverse=True), nothing).matches
    fixed = concept_map(MATCHED, group={"unmapped": {"mode": "fixed", "code": "?", "display": "Other"}})
    assert found(translate(fixed, Asked("urn:small", "z"), nothing)) == [("relatedto", "?")]


def test_what_is_not_mapped_is_looked_for_in_another_map() -> None:
    elsewhere = concept_map({"code": "z", "target": [{"code": "Z", "equivalence": "wider"}]}, url="urn:other")
    rule = {"unmapped": {"mode": "other-map", "url": "urn:other"}}
    first = concept_map(MATCHED, group=rule)
    assert found(translate(first, Asked("urn:small", "z"), {"urn:other": elsewhere}.get)) == [("wider", "Z")]
    lost = translate(first, Asked("urn:small", "z"), nothing)
    assert lost.notes == [
        "The concept map urn:other, which is to be used for what this one does not map, is not held here."
    ]
    again = concept_map(MATCHED, url="urn:other", group={"unmapped": {"mode": "other-map", "url": "urn:m"}})
    circle = translate(first, Asked("urn:small", "z"), {"urn:other": again, "urn:m": first}.get)
    assert circle.notes == [
        "The concept map urn:m, which is to be used for what this one does not map, refers back to itself."
    ]


@pytest.mark.parametrize(
    ("source", "target", "reverse", "expected"),
    [
        (None, None, False, True),
        ("urn:vs:a", None, False, True),
        ("urn:vs:a|1", "urn:vs:b", False, True),
        ("urn:vs:a|2", None, False, False),
        ("urn:vs:b", None, False, False),
        (None, "urn:vs:a", False, False),
        ("urn:vs:b", "urn:vs:a", True, True),
        ("urn:vs:a", "urn:vs:b", True, False),
    ],
)
def test_a_map_applies_between_its_value_sets(
    *, source: str | None, target: str | None, reverse: bool, expected: bool
) -> None:
    made = concept_map(MATCHED, sourceCanonical="urn:vs:a|1", targetUri="urn:vs:b")
    asked = Asked("urn:large", "A", reverse=True) if reverse else Asked("urn:small", "a")
    assert applies(made, asked, source=source, target=target) is expected
    assert not applies(made, Asked("urn:never", "a"), source=None, target=None)
