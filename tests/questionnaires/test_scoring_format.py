"""What a scoring program can say, and everything that is wrong with one at once."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.questionnaires.instruments import shipped
from app.questionnaires.scoring.elements import Unreadable, number_of
from app.questionnaires.scoring.reading import read_program
from tests.questionnaires.scoring import dimension, key, program

ONE: Final[dict[str, Any]] = {"items": ["1"]}


def problems(data: Any) -> tuple[str, ...]:
    with pytest.raises(Unreadable) as refused:
        read_program(data, CANONICAL_BASE)
    return refused.value.problems


def band(name: str, **ends: Any) -> dict[str, Any]:
    return {"class": name, "nl": name, "en": name, **ends}


@pytest.mark.parametrize(
    ("members", "place", "words"),
    [
        ({"items": ["1", "1"]}, "dimensions[0].items[1]", "twice"),
        ({"items": []}, "dimensions[0]", "one part"),
        ({"items": None}, "dimensions[0]", "items or of"),
        ({**ONE, "of": ["x"]}, "dimensions[0]", "items or of"),
        ({"of": ["later"]}, "dimensions[0].of[0]", "before this one"),
        ({"items": [{"item": "1", "reverse": True}]}, "dimensions[0].items[0]", "range"),
        ({"items": [{"item": "1", "weight": 0}]}, "dimensions[0].items[0].weight", "above 0"),
        ({"items": [{"weight": 1}]}, "dimensions[0].items[0]", "linkId"),
        ({**ONE, "colour": "red"}, "dimensions[0]", "unknown"),
        ({**ONE, "meaning": None}, "dimensions[0]", "what it is not"),
        ({**ONE, "meaning": {"nl": "x"}}, "dimensions[0].meaning", "lacks en"),
        ({**ONE, "method": "product"}, "dimensions[0].method", "one of"),
        ({**ONE, "method": "mean"}, "dimensions[0]", "rounded"),
        ({**ONE, "prorate": "mean"}, "dimensions[0]", "rounded"),
        ({**ONE, "method": "mean", "prorate": "mean"}, "dimensions[0]", "only as a sum"),
        ({**ONE, "then": [{"linear": {"from": [0, 3], "to": [0, 1]}}]}, "dimensions[0]", "rounded"),
        ({**ONE, "then": [{"linear": {"from": [3, 0], "to": [0, 1]}}]}, "dimensions[0].then[0].linear.from", "lower"),
        ({**ONE, "then": [{"linear": {"from": [0, 3]}}]}, "dimensions[0].then[0].linear", "lacks to"),
        ({**ONE, "then": [{"t_score": {"mean": 1, "sd": 0}}]}, "dimensions[0].then[0].t_score", "sd above 0"),
        ({**ONE, "then": [{"look_up": {}}]}, "dimensions[0].then[0].look_up", "one number"),
        ({**ONE, "then": [{"look_up": {"x": 1}}]}, "dimensions[0].then[0].look_up.(0)", "number"),
        ({**ONE, "then": [{"look_up": {1: 1}, "linear": {}}]}, "dimensions[0].then[0]", "one of"),
        (
            {**ONE, "then": [{"linear": {"from": [0, 1], "to": [0, 1]}, "complete": True}]},
            "dimensions[0].then[0]",
            "of",
        ),
        ({**ONE, "round": {"digits": 9, "rule": "up"}}, "dimensions[0].round.digits", "0 to 6"),
        ({**ONE, "round": {"digits": 1, "rule": "somehow"}}, "dimensions[0].round.rule", "one of"),
        ({**ONE, "minimum": 2}, "dimensions[0].minimum", "1 to 1"),
        ({**ONE, "scale": [3, 0]}, "dimensions[0].scale", "lower"),
        ({**ONE, "range": [0]}, "dimensions[0].range", "two numbers"),
        ({**ONE, "change": {}}, "dimensions[0].change", "not both"),
        ({**ONE, "change": {"at_least": 0}}, "dimensions[0].change.at_least", "above 0"),
        ({**ONE, "values": "display"}, "dimensions[0].values", "one of ordinal, number"),
        ({**ONE, "values": {"system": "x", "codes": {}}}, "dimensions[0].values", "one answer"),
        ({**ONE, "values": {"boolean": {"maybe": 1}}}, "dimensions[0].values.boolean.(0)", "true or false"),
        ({**ONE, "code": "44261-6"}, "dimensions[0].code", "system|code"),
        ({**ONE, "show": "traffic-light"}, "dimensions[0].show", "one of"),
        ({**ONE, "bands": []}, "dimensions[0].bands", "one class"),
        ({**ONE, "bands": [band("a", **{"from": 3, "to": 0})]}, "dimensions[0].bands[0]", "nothing in it"),
        ({**ONE, "bands": [band("a", above=1, below=1)]}, "dimensions[0].bands[0]", "nothing in it"),
        ({**ONE, "bands": [band("a", above=1, **{"from": 1})]}, "dimensions[0].bands[0]", "from or above"),
        ({**ONE, "bands": [band("a", to=1), band("a", **{"from": 2})]}, "dimensions[0].bands[1]", "already"),
        ({**ONE, "bands": [band("a", to=1), band("b", **{"from": 1})]}, "dimensions[0].bands", "overlap"),
        ({**ONE, "bands": [band("a", to=1), band("b", to=2)]}, "dimensions[0].bands", "overlap"),
        ({**ONE, "bands": [band("a", to=1), band("b", **{"from": 3})]}, "dimensions[0].bands", "no class"),
        ({**ONE, "bands": [band("a", below=1), band("b", above=1)]}, "dimensions[0].bands", "no class"),
        ({**ONE, "bands": {"9": [band("a")]}}, "dimensions[0]", "cut-offs of the program"),
        ({**ONE, "method": "items", "scale": [0, 1]}, "dimensions[0]", "one by one"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(members: Mapping[str, Any], place: str, words: str) -> None:
    found = problems(key(dimension(**members)))
    assert any(each.startswith(f"{place}: ") and words in each for each in found), found


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"id": "With Capitals"}, "id"),
        ({"id": "x" * 33}, "id"),
        ({"version": ""}, "version"),
        ({"version": "a b"}, "version"),
        ({"cut_offs": "a|b"}, "cut_offs"),
        ({"confirmed": "yes"}, "confirmed"),
        ({"missing": {"codes": "x"}}, "missing.codes"),
        ({"code": "|"}, "code"),
        ({"dimensions": []}, "dimensions"),
        ({"dimensions": {}}, "dimensions"),
        ({"values": 3}, "values"),
    ],
)
def test_so_is_what_is_wrong_with_the_whole(members: Mapping[str, Any], place: str) -> None:
    found = problems({**key(dimension(**ONE)), **members})
    assert any(each.startswith(f"{place}: ") for each in found), found


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_what_is_no_mapping_is_no_program(data: Any) -> None:
    assert problems(data)[0] == "must be a mapping."


def test_all_problems_are_said_at_once() -> None:
    found = problems(key(dimension(items=["1", "1"]), dimension("Groot", items=["2"], method="mean"), version="a b"))
    assert len(found) == 4


def test_a_dimension_has_an_id_of_its_own() -> None:
    assert "has the id" in problems(key(dimension(**ONE), dimension(**ONE)))[0]


def test_an_item_without_values_has_none_to_count() -> None:
    data = key(dimension(**ONE))
    del data["values"]
    assert problems(data) == ("dimensions[0].items[0]: needs values, here, for the dimension or for the program.",)


def test_problems_do_not_repeat_what_the_file_says() -> None:
    data = key(dimension(items=["geheim", "geheim"], method="geheim", geheim=1, values={"codes": {"geheim": "geheim"}}))
    assert not [each for each in problems(data) if "geheim" in each]


@pytest.mark.parametrize(
    ("text", "value"),
    [(47.1, Fraction(471, 10)), ("0.10", Fraction(1, 10)), (-3, Fraction(-3)), ("1e-2", Fraction(1, 100))],
)
def test_numbers_are_read_as_they_are_written(text: object, value: Fraction) -> None:
    assert number_of(text) == value


@pytest.mark.parametrize("text", [True, None, "", "x", "1/3", "1e999999999", "nan", "inf", [], "1" * 40])
def test_what_is_no_number_is_none(text: object) -> None:
    assert number_of(text) is None


def test_ids_of_its_own_stand_under_the_base_of_the_installation() -> None:
    made = read_program(
        key(dimension(items=["1"], values={"system": "$base/CodeSystem/x", "codes": {"a": 1}})), "https://eigen.example"
    )
    assert made.code == ("https://eigen.example/CodeSystem/score", "nep")
    assert made.dimensions[0].code == ("https://eigen.example/CodeSystem/score", "nep-total")
    values = made.dimensions[0].parts[0].values
    assert values is not None
    assert values.codes == {("https://eigen.example/CodeSystem/x", "a"): Fraction(1)}


def test_bands_without_a_version_are_those_of_the_program() -> None:
    made = program(dimension(**ONE, bands=[band("a")]), cut_offs="B")
    assert list(made.dimensions[0].bands) == ["B"]


@pytest.mark.parametrize("url", [url for url, each in shipped(CANONICAL_BASE).items() if each.scoring is not None])
def test_every_program_that_comes_with_the_service_can_be_read(url: str) -> None:
    made = read_program(shipped(CANONICAL_BASE)[url].scoring, CANONICAL_BASE)
    assert made.dimensions
    for each in made.dimensions:
        assert each.method == "items" or (each.meaning.nl and each.meaning.en)
