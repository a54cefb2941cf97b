"""Scores from fake keys, and from what was published and confirmed: every band edge, every way to leave answers out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any, Final

import pytest
import yaml

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.questionnaires.instruments import FOLDER, shipped
from app.questionnaires.items import form_of
from app.questionnaires.scoring.compute import REASONS, decimal_of, rounded, score
from app.questionnaires.scoring.observations import reasons
from app.questionnaires.scoring.program import Rounding
from app.questionnaires.scoring.reading import read_program
from tests.questionnaires.scoring import ANSWERS, URL, answered, dimension, form, program, scored

THREE: Final[dict[str, Any]] = {"items": ["1", "2", "3"]}
WHOLE: Final = {"digits": 0, "rule": "half-up"}
TENTH: Final = {"digits": 1, "rule": "half-up"}


def value(answers: str, **members: Any) -> Fraction | None:
    return scored(answers, dimension(**members)).results[0].value


def reason(answers: str, **members: Any) -> str:
    return scored(answers, dimension(**members)).results[0].reason


@pytest.mark.parametrize(
    ("answers", "members", "expected"),
    [
        ("abc", THREE, 3),
        ("ddd", THREE, 9),
        ("abc", {**THREE, "method": "mean", "round": TENTH}, 1),
        ("abb", {**THREE, "method": "mean", "round": TENTH}, Fraction(7, 10)),
        ("abc", {**THREE, "method": "lowest"}, 0),
        ("abc", {**THREE, "method": "highest"}, 2),
        ("abc", {"items": ["1", "2", {"item": "3", "weight": 2}]}, 5),
        ("abc", {"items": [{"item": "2", "weight": 0.5}, "3"]}, Fraction(5, 2)),
        ("abd", {"items": [{"item": "2", "weight": 3}, "3"], "method": "mean", "round": TENTH}, Fraction(3, 2)),
        ("abc", {"items": ["1", {"item": "2", "reverse": True}, "3"], "range": [0, 3]}, 4),
        ("bcd", {**THREE, "recode": {3: 2}}, 5),
        ("bcd", {"items": ["1", {"item": "3", "recode": {3: 10}}]}, 11),
        ("ddd", {"items": ["1", {"item": "2", "reverse": True}], "range": [0, 2], "recode": {3: 2}}, 2),
        ("abc", {**THREE, "then": [{"look_up": {3: 51.5}}]}, Fraction(103, 2)),
        ("ddd", {**THREE, "then": [{"linear": {"from": [0, 9], "to": [0, 100]}}], "round": WHOLE}, 100),
        ("abb", {**THREE, "then": [{"linear": {"from": [0, 9], "to": [100, 0]}}], "round": WHOLE}, 78),
        ("abc", {**THREE, "then": [{"t_score": {"mean": 5, "sd": 4}}], "round": WHOLE}, 45),
        ("aaa", {**THREE, "then": [{"t_score": {"mean": 5, "sd": 4}}], "round": TENTH}, Fraction(75, 2)),
        (
            "ab.",
            {**THREE, "minimum": 2, "prorate": "mean", "then": [{"round": WHOLE}, {"look_up": {2: 7}}]},
            7,
        ),
    ],
)
def test_a_fake_key_gives(answers: str, members: Mapping[str, Any], expected: Fraction | int) -> None:
    assert value(answers, **members) == expected


def test_what_is_recoded_is_recoded_before_it_is_reversed() -> None:
    # 4DKL counts 3 and 4 as 2 before anything else: d (3) becomes 2, and reversed on 0 to 2 it is 0.
    assert value("d", items=[{"item": "1", "reverse": True}], range=[0, 2], recode={4: 2, 3: 2}) == 0


@pytest.mark.parametrize(("answer", "points"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2)])
def test_the_4dkl_counts_its_two_highest_answers_as_two(answer: int, points: int) -> None:
    """Published: five answers, of which the codes 3 and 4 are recoded to 2 (psychischenwerk.nl)."""
    codes = {str(each): each for each in range(5)}
    made = program(dimension(items=["1"], values={"system": ANSWERS, "codes": codes}, recode={3: 2, 4: 2}))
    given = {"valueCoding": {"system": ANSWERS, "code": str(answer)}}
    response = {**answered(""), "item": [{"linkId": "1", "answer": [given]}]}
    assert score(made, form(1), response).results[0].value == points


GMH: Final = (
    "4→21.1 5→25.1 6→28.4 7→31.3 8→33.8 9→36.3 10→38.8 11→41.1 12→43.5 13→45.8 14→48.3 15→50.8 16→53.3 17→56.0"
    " 18→59.0 19→62.5 20→67.6"
)
GPH: Final = (
    "4→16.2 5→19.9 6→23.5 7→26.7 8→29.6 9→32.4 10→34.9 11→37.4 12→39.8 13→42.3 14→44.9 15→47.7 16→50.8 17→54.1"
    " 18→57.7 19→61.9 20→67.7"
)
"""PROMIS-10 Global Health, raw to T: the developers' note (Hays, UCLA 2009)."""


def promis(table: str) -> dict[int, float]:
    return {int(raw): float(t) for raw, t in (each.split("→") for each in table.split())}


@pytest.mark.parametrize("table", [GMH, GPH])
def test_the_published_table_of_promis_10_is_looked_up(table: str) -> None:
    made = promis(table)
    assert list(made) == list(range(4, 21))
    values = {"system": ANSWERS, "codes": {code: points for points, code in enumerate("abcde", 1)}}
    key = program(
        dimension(items=["1", "2", "3", "4"], values=values, then=[{"look_up": made, "complete": True}], minimum=3)
    )
    seen = {}
    for answers in product("abcde", repeat=4):
        (found,) = score(key, form(4), answered("".join(answers))).results
        assert found.raw is not None
        assert found.value is not None
        seen[int(found.raw)] = decimal_of(found.value)
    assert seen == {raw: Decimal(str(t)) for raw, t in made.items()}
    (found,) = score(key, form(4), answered("abc.")).results
    assert found.value is None
    assert found.reason == "answers-missing"


PAM_EDGES: Final = [
    ("A", "0", "1"),
    ("A", "47.0", "1"),
    ("A", "47.1", "2"),
    ("A", "55.1", "2"),
    ("A", "55.2", "3"),
    ("A", "67.0", "3"),
    ("A", "67.1", "4"),
    ("A", "72.4", "4"),
    ("A", "72.5", "4"),
    ("A", "100", "4"),
    ("B", "0", "1"),
    ("B", "47.0", "1"),
    ("B", "47.1", "2"),
    ("B", "55.1", "2"),
    ("B", "55.2", "3"),
    ("B", "67.0", "3"),
    ("B", "67.1", "3"),
    ("B", "72.4", "3"),
    ("B", "72.5", "4"),
    ("B", "100", "4"),
]
"""Published: A in PMC2955177 (table 2), B at sralab.org. The score itself is never computed here."""


@pytest.mark.parametrize(("version", "number", "level"), PAM_EDGES)
def test_the_published_levels_of_pam_13_by_version_of_the_cut_offs(version: str, number: str, level: str) -> None:
    (row,) = yaml.safe_load((FOLDER / "pam-13.yaml").read_text("utf-8"))["keyed"]["dimensions"]
    fake = {"round": TENTH, "then": [{"look_up": {0: number}}]}
    wanted = {name: each for name, each in row.items() if name not in ("needs", "of")} | {"items": ["1"], **fake}
    (found,) = score(program(wanted, cut_offs=version), form(1), answered("a")).results
    assert found.band is not None
    assert (found.band.code, found.band.confirmed) == (level, True)


@pytest.mark.parametrize("name", ["phq-9", "gad-7"])
def test_the_bands_of_phq_9_and_gad_7_change_at_5_10_15_20_and_are_not_confirmed(name: str) -> None:
    scoring = shipped(CANONICAL_BASE)[f"{CANONICAL_BASE}/Questionnaire/{name}"].scoring
    made = read_program(scoring, CANONICAL_BASE)
    (total,) = made.dimensions
    assert not made.confirmed
    most = 3 * len(total.parts)
    edges = [0, *(edge for edge in (5, 10, 15, 20) if edge < most and not (name == "gad-7" and edge == 20))]
    codes = []
    for number in range(most + 1):
        band = total.band_of(Fraction(number), made.cut_offs)
        assert band is not None
        assert not band.confirmed
        codes.append(band.code)
    assert [number for number in range(most + 1) if number == 0 or codes[number] != codes[number - 1]] == edges
    assert total.band_of(Fraction(most + 1), made.cut_offs) is None


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "much"), (1, "much"), (2, "none"), (4, "none"), (5, "some"), (6, "some"), (7, "much")]
)
def test_a_class_can_have_ranges_that_do_not_follow_each_other(number: int, expected: str) -> None:
    bands = [
        {"class": "none", "nl": "x", "en": "x", "from": 2, "to": 4},
        {"class": "some", "nl": "x", "en": "x", "from": 5, "to": 6},
        {"class": "much", "nl": "x", "en": "x", "ranges": [{"to": 1}, {"from": 7}]},
    ]
    (found,) = score(
        program(dimension(items=["1"], then=[{"look_up": {0: number}}], bands=bands)), form(1), answered("a")
    ).results
    assert found.band is not None
    assert found.band.code == expected


@pytest.mark.parametrize(
    ("number", "expected"), [("0.74", "a"), ("0.75", "b"), ("1.5", "b"), ("1.51", "c"), ("-1", "a"), ("99", "c")]
)
def test_an_edge_can_belong_to_either_side(number: str, expected: str) -> None:
    bands = [
        {"class": "a", "nl": "x", "en": "x", "below": 0.75},
        {"class": "b", "nl": "x", "en": "x", "from": 0.75, "to": 1.5},
        {"class": "c", "nl": "x", "en": "x", "above": 1.5},
    ]
    steps = [{"look_up": {0: number}}]
    (found,) = scored(
        "a", dimension(items=["1"], then=steps, round={"digits": 2, "rule": "half-up"}, bands=bands)
    ).results
    assert found.band is not None
    assert found.band.code == expected


@pytest.mark.parametrize("given", ["".join(each) for each in product("b.", repeat=4)])
@pytest.mark.parametrize("minimum", [1, 2, 3, 4])
@pytest.mark.parametrize("prorate", ["none", "mean"])
def test_answers_left_out_in_every_way(given: str, minimum: int, prorate: str) -> None:
    members: dict[str, Any] = {"items": list("1234"), "minimum": minimum, "prorate": prorate, "round": TENTH}
    (found,) = scored(given, dimension(**members)).results
    answers = 4 - given.count(".")
    assert found.answered == answers
    assert found.missing == tuple(str(at) for at, each in enumerate(given, 1) if each == ".")
    if answers < minimum:
        assert (found.value, found.raw, found.band, found.reason) == (None, None, None, "too-few-answers")
    else:
        assert found.value == (4 if prorate == "mean" else answers)
        assert found.reason == ""


def test_without_a_minimum_everything_must_be_answered() -> None:
    assert reason("ab.", **THREE) == "too-few-answers"


def test_an_answer_that_counts_as_none_is_missing() -> None:
    none = {"system": ANSWERS, "codes": ["d"]}
    (found,) = scored("abd", dimension(**THREE, minimum=2), missing=none).results
    assert found.value == 1
    assert found.missing == ("3",)


@pytest.mark.parametrize(
    ("answers", "line", "expected"),
    [
        ("aaa", {}, "straight-line"),
        ("aab", {}, ""),
        ("aa.", {}, "straight-line"),
        ("a..", {}, ""),
        ("ddd", {"values": [0, 3]}, "straight-line"),
        ("bbb", {"values": [0, 3]}, ""),
    ],
)
def test_answers_that_are_all_alike_give_no_score_where_the_key_says_so(
    answers: str, line: Mapping[str, Any], expected: str
) -> None:
    assert reason(answers, **THREE, minimum=1, straight_line=line) == expected


@pytest.mark.parametrize(
    ("answer", "members", "expected"),
    [
        ({"valueCoding": {"system": ANSWERS, "code": "zz"}}, {}, "answer-not-in-key"),
        ({"valueCoding": {"code": "a"}}, {}, "answer-not-in-key"),
        ({"valueCoding": {"system": ANSWERS, "display": "nl nepantwoord a"}}, {}, "answer-not-in-key"),
        ({"valueString": "a"}, {}, "answer-not-in-key"),
        ({"valueBoolean": True}, {"values": {"boolean": {"false": 0}}}, "answer-not-in-key"),
        ({"valueString": "3"}, {"values": "number"}, "answer-not-in-key"),
        ({"valueQuantity": {"value": 3, "code": "g"}}, {"values": "number", "unit": "kg"}, "unit-not-in-key"),
        ({"valueQuantity": {"value": 3, "comparator": "<"}}, {"values": "number"}, "unit-not-in-key"),
    ],
)
def test_an_answer_that_the_key_does_not_know_gives_no_score(
    answer: Resource, members: Mapping[str, Any], expected: str
) -> None:
    made = program(dimension(items=[{"item": "1", **members}]))
    response = {**answered(""), "item": [{"linkId": "1", "answer": [answer]}]}
    (found,) = score(made, form(1), response).results
    assert (found.value, found.reason) == (None, expected)


@pytest.mark.parametrize(
    ("answer", "members", "expected"),
    [
        ({"valueInteger": 7}, {"values": "number"}, 7),
        ({"valueDecimal": Decimal("1.50")}, {"values": "number"}, Fraction(3, 2)),
        (
            {"valueQuantity": {"value": Decimal("80.5"), "code": "kg"}},
            {"values": "number", "unit": "kg"},
            Fraction(161, 2),
        ),
        ({"valueBoolean": True}, {"values": {"boolean": {"true": 1, "false": 0}}}, 1),
        ({"valueBoolean": False}, {"values": {"boolean": {"true": 1, "false": 0}}}, 0),
        ({"valueCoding": {"code": "x"}}, {"values": {"codes": {"x": 5}}}, 5),
        (
            {"valueCoding": {"system": "s", "code": "x"}},
            {"values": [{"codes": {"x": 5}}, {"system": "s", "codes": {"x": 6}}]},
            6,
        ),
    ],
)
def test_an_answer_of_any_type_can_count(answer: Resource, members: Mapping[str, Any], expected: Fraction) -> None:
    made = program(dimension(items=[{"item": "1", **members}]))
    response = {**answered(""), "item": [{"linkId": "1", "answer": [answer]}]}
    assert score(made, form(1), response).results[0].value == expected


@pytest.mark.parametrize(
    ("several", "expected"), [("sum", 5), ("highest", 3), ("lowest", 2), ("count", 2), (None, "several-answers")]
)
def test_several_answers_to_one_question(several: str | None, expected: object) -> None:
    made = program(dimension(items=["1"], several=several))
    given = [{"valueCoding": {"system": ANSWERS, "code": each}} for each in "cd"]
    (found,) = score(made, form(1), {**answered(""), "item": [{"linkId": "1", "answer": given}]}).results
    assert (found.reason or found.value) == expected


def test_a_weight_that_the_response_brings_does_not_count() -> None:
    forged = answered("a")
    forged["item"][0]["answer"][0]["valueCoding"]["extension"] = [
        {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 99}
    ]
    assert score(program(dimension(items=["1"])), form(1), forged).results[0].value == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://hl7.org/fhir/StructureDefinition/ordinalValue",
        "http://hl7.org/fhir/StructureDefinition/questionnaire-ordinalValue",
        "http://hl7.org/fhir/StructureDefinition/itemWeight",
    ],
)
@pytest.mark.parametrize("at", ["option", "coding", "value set", "expansion"])
def test_a_weight_is_found_under_each_of_its_names_and_in_each_of_its_places(url: str, at: str) -> None:
    weight = [{"url": url, "valueDecimal": Decimal("2.5")}]
    coding = {"system": ANSWERS, "code": "a"}
    item: Resource = {"linkId": "1", "type": "choice"}
    whole: Resource = {"resourceType": "Questionnaire", "url": URL, "item": [item]}
    if at in ("option", "coding"):
        option = {"valueCoding": {**coding, **({"extension": weight} if at == "coding" else {})}}
        item["answerOption"] = [{**option, **({"extension": weight} if at == "option" else {})}]
    else:
        item["answerValueSet"] = "#answers"
        concept = {"code": "a", "extension": weight}
        included = {"compose": {"include": [{"system": ANSWERS, "concept": [concept]}]}}
        expanded = {"expansion": {"contains": [{"system": ANSWERS, **concept}]}}
        whole["contained"] = [
            {"resourceType": "ValueSet", "id": "answers", **(included if at == "value set" else expanded)}
        ]
    made = program(dimension(items=["1"]))
    assert score(made, form_of(whole), answered("a")).results[0].value == Fraction(5, 2)


def test_a_dimension_can_be_made_of_dimensions_and_says_when_a_part_has_no_score() -> None:
    one = dimension("one", items=["1", "2"], minimum=1)
    two = dimension("two", items=["3", "4"])
    both = dimension("both", of=["one", {"dimension": "two", "weight": 2}])
    found = scored("bccd", one, two, both)
    assert [each.value for each in found.results] == [3, 5, 13]
    found = scored("b.c.", one, two, both)
    assert [each.reason for each in found.results] == ["", "too-few-answers", "part-without-score"]
    assert found.results[2].missing == ("2", "4")
    assert (found.asked, found.missing) == (4, ("2", "4"))


def test_a_dimension_without_a_scale_gives_the_answers_one_by_one() -> None:
    found = scored("a.c", dimension(method="items", items=["1", "2", "3"], meaning=None)).results[0]
    assert (found.value, found.raw, found.band, found.reason) == (None, None, None, "")
    assert [(each.link_id, len(each.answers), each.number) for each in found.items] == [
        ("1", 1, 0),
        ("2", 0, None),
        ("3", 1, 2),
    ]


@pytest.mark.parametrize(
    ("threshold", "before", "difference", "counts"),
    [
        ({"at_least": 3}, 3, 3, True),
        ({"at_least": 3}, 4, 2, False),
        ({"at_least": 3}, 9, -3, True),
        ({"more_than": 3}, 3, 3, False),
        ({"more_than": 3}, 2, 4, True),
        (None, 5, 1, None),
    ],
)
def test_change_is_told_by_the_threshold_of_the_instrument(
    threshold: Mapping[str, int] | None, before: int, difference: int, counts: object
) -> None:
    made = program(dimension(**THREE, change=threshold))
    change = score(made, form(3), answered("dda"), {"total": Fraction(before)}).results[0].change
    assert change is not None
    assert change.difference == difference
    assert change.counts is counts


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("half-up", ["0.1", "0.2", "0.3", "-0.1", "-0.2"]),
        ("half-even", ["0.0", "0.2", "0.2", "0.0", "-0.2"]),
        ("down", ["0.0", "0.1", "0.2", "0.0", "-0.1"]),
        ("up", ["0.1", "0.2", "0.3", "-0.1", "-0.2"]),
    ],
)
def test_rounding_goes_by_the_rule_of_the_key(rule: Any, expected: list[str]) -> None:
    numbers = [Fraction(each) for each in ("0.05", "0.15", "0.25", "-0.05", "-0.15")]
    assert [str(decimal_of(rounded(each, Rounding(1, rule)), 1)) for each in numbers] == expected


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(reasons()) == set(REASONS)
    for words in reasons().values():
        for text in (words.nl, words.en):
            assert all(len(sentence.split()) <= 15 for sentence in text.split(". "))
