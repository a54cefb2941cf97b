"""What can be installed, and everything that is said of what cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.config import CANONICAL_BASE
from app.errors import Invalid, Unprocessable
from app.fhir.definitions.own import served
from app.fhir.resource import Resource, decode, encode
from app.fhir.validation import validate
from app.questionnaires.installing.reading import content_of, read, shell_of
from app.questionnaires.installing.wanted import Order, Wanted
from app.questionnaires.instruments import Instrument, shipped
from app.questionnaires.items import form_of
from app.questionnaires.names import Names
from app.questionnaires.scoring.reading import read_program
from tests.questionnaires.fakes import EXAMPLE, FOREIGN, PAM, PHQ, SEMAS, TOLD, file, foreign, key

NAMES = Names(CANONICAL_BASE)
SHELLS = [each for each in shipped(CANONICAL_BASE).values() if each.wording == "shell"]
NUMBERS = {"system": "$base/Questionnaire/semas/answers", "codes": {"a": 0, "b": 1}}


def reading(data: Any, order: Order | None = None) -> Wanted:
    return read(data, order or Order(), served(CANONICAL_BASE), NAMES)


def told(data: Any, order: Order | None = None) -> list[str]:
    """What is wrong with it."""
    with pytest.raises((Unprocessable, Invalid)) as refused:
        reading(data, order)
    return [each.diagnostics for each in refused.value.all_issues()]


def wording_of(instrument: Instrument) -> dict[str, Any]:
    """A file with fake wording for everything that a shell lacks."""
    form = shell_of(instrument, NAMES)
    items: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for number, item in enumerate(form.walk(), 1):
        if item.is_question:
            items[item.link_id] = {"nl": f"Nepvraag {number}", "en": f"Fake question {number}"}
        if item.type == "choice" and "answerOption" not in item.raw:
            items[item.link_id]["options"] = [
                {"code": each, "nl": f"Nep {each}", "en": f"Fake {each}"} for each in "ab"
            ]
        for each in item.raw.get("answerOption", ()):
            code = each["valueCoding"]["code"]
            options[code] = {"nl": f"Nepantwoord {code}", "en": f"Fake answer {code}"}
    words = {"items": items, "options": options}
    return {"base": instrument.url, "version": "nep-1", "licence": "NEP", "source": "made up", **words}


@pytest.mark.parametrize("instrument", [pytest.param(each, id=each.row["name"]) for each in SHELLS])
def test_every_shell_can_be_worded(instrument: Instrument) -> None:
    made = reading(wording_of(instrument)).questionnaire
    assert validate(made, served(CANONICAL_BASE)) == []
    shell, worded = shell_of(instrument, NAMES), form_of(made)
    assert [(each.link_id, each.type) for each in worded.walk()] == [(each.link_id, each.type) for each in shell.walk()]
    assert "Nepvraag" in made_text(made)
    assert "Antwoord " not in made_text(made)
    for each in worded.walk():
        assert not each.is_question or each.raw["text"].startswith("Nepvraag")
    assert made["copyright"] == "NEP"


def made_text(resource: Resource) -> str:
    return encode(resource).decode()


def test_the_example_of_the_documentation_is_installed() -> None:
    wanted = reading(content_of(EXAMPLE))
    assert wanted.questionnaire["url"] == PAM
    assert wanted.questionnaire["version"] == "nep-1"
    assert wanted.questionnaire["item"][0] == {
        "linkId": "intro",
        "text": "Nepuitleg",
        "_text": wanted.questionnaire["item"][0]["_text"],
        "type": "display",
    }
    assert wanted.scoring is not None
    program = read_program(wanted.scoring, CANONICAL_BASE)
    assert [each.id for each in program.dimensions] == ["raw", "score"]
    assert program.dimensions[1].bands.keys() == {"A", "B"}
    assert (program.version, program.cut_offs) == ("nep-1", "B")


def test_without_a_key_what_needs_none_is_scored() -> None:
    wanted = reading(file(key=None))
    assert wanted.scoring is None
    assert wanted.facts["base"] == PAM


def test_everything_that_misses_or_is_too_many_is_said_at_once() -> None:
    given = file(licence=None, source=None, version="0.1.0", language="nl", surprise=1, until="2026-13-01")
    del given["items"]["3"], given["options"]["2"]
    given["items"]["14"] = {"nl": "Nepvraag 14"}
    given["items"]["5"] = {"en": "Fake question 5"}
    given["options"]["9"] = {"nl": "Nepantwoord 9"}
    given["key"] = {"version": "nep-1", "dimensions": {"score": {}, "other": {}}}
    found = told(given)
    assert found == [
        "There is no licence line (--licence, or licence in the file).",
        "Where the wording comes from is not said (--source, or source in the file).",
        "The last day of the licence is no date (YYYY-MM-DD).",
        "The file has members that are not known: surprise.",
        "A version of its own is needed: letters, digits, '.' and '-', 32 at most.",
        "The wording of item 3 misses.",
        "The text in nl misses.",
        "There is no item 14.",
        "The words of answer 2 miss.",
        "There is no answer 9.",
        "key: dimensions.score lacks then.",
        "key: dimensions has other, which a key of this instrument does not complete.",
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"base": "nep"}, "The base is one of the questionnaires without wording: gad-7, pam-13, phq-9, semas."),
        ({"base": "kom-verder"}, "The base is one of the questionnaires without wording: gad-7, pam-13, phq-9, semas."),
        ({"base": None}, "The base is one of the questionnaires without wording: gad-7, pam-13, phq-9, semas."),
        ({"language": "fr"}, "The language is one of nl, en."),
        ({"version": None}, "A version of its own is needed: letters, digits, '.' and '-', 32 at most."),
        ({"items": ["x"]}, "Must be a mapping."),
        ({"scoring": {"id": "x"}}, "Give key or scoring, and not both."),
        ({"key": None, "scoring": "x"}, "Must be a scoring program."),
        ({"key": key(dimensions={"score": {"then": [], "id": "x"}})}, "key: dimensions.score cannot change id."),
        ({"help": ["99"]}, "There is no item 99 that needs a help text."),
    ],
)
def test_a_bad_file_says_what_is_wrong_with_it(change: Mapping[str, Any], text: str) -> None:
    assert text in told(file(**change))


def test_a_key_is_held_against_the_format_and_the_items() -> None:
    said = {"id": "x", "nl": "Nep", "en": "Fake", "meaning": {"nl": "Nep.", "en": "Fake."}}
    wrong = {
        "id": "nep",
        "version": "1",
        "values": "ordinal",
        "dimensions": [{**said, "method": "sum", "items": ["1", "77"]}],
    }
    assert told(file(key=None, scoring=wrong)) == [
        "Item 1 of dimension x has 1 answer(s) without a weight.",  # that it does not apply
        "Item 77 of dimension x is not in the Questionnaire.",
    ]
    assert any(
        "method" in each for each in told(file(key=None, scoring={**wrong, "dimensions": [{**said, "items": ["1"]}]}))
    )


def test_semas_is_scored_when_the_key_brings_numbers_and_classes() -> None:
    semas = shipped(CANONICAL_BASE)[SEMAS]
    classes = [
        {"class": "no", "nl": "nep", "en": "fake", "ranges": [{"from": 4, "to": 6}]},
        {"class": "major", "nl": "nep", "en": "fake", "ranges": [{"to": 3}, {"from": 7}]},
    ]
    brought = {
        each["id"]: {"values": "number" if each["id"] == "burden" else NUMBERS, "bands": classes}
        for each in semas.row["keyed"]["dimensions"]
    }
    given = {**wording_of(semas), "key": {"version": "nep-1", "dimensions": brought}}
    wanted = reading(given)
    assert wanted.scoring is not None
    found = read_program(wanted.scoring, CANONICAL_BASE)
    assert [each.method for each in found.dimensions[:2]] == ["items", "items"]
    assert len(found.dimensions) == 9
    del brought["burden"]
    assert told(given) == ["key: dimensions lacks burden, with values, bands."]


def test_a_whole_questionnaire_is_installed_with_a_licence_and_not_without() -> None:
    wanted = reading(foreign(), TOLD)
    assert wanted.questionnaire["id"] == "nepvragen-1"
    assert wanted.questionnaire["copyright"] == TOLD.licence
    assert wanted.facts == {"base": ""}
    assert told(foreign(), replace(TOLD, licence=" ")) == [
        "There is no licence line (--licence, or licence in the file)."
    ]
    assert told(foreign(), Order())[0] == "There is no licence line (--licence, or licence in the file)."
    assert len(told(foreign(), Order())) == 3
    bad = {**foreign(), "url": None, "item": [{"linkId": "a", "type": "nep"}]}
    assert len(told({name: value for name, value in bad.items() if value is not None}, TOLD)) >= 1


def test_an_edition_of_an_instrument_has_its_questions() -> None:
    same = tuple(str(number) for number in range(1, 11))
    wanted = reading(foreign(link_ids=same), replace(TOLD, base="phq-9"))
    assert wanted.facts == {"base": PHQ}
    found = told(foreign(link_ids=(*same[:-2], "x")), replace(TOLD, base="phq-9"))
    assert found == [
        "Item 10 of the instrument misses.",
        "Item 9 of the instrument misses.",
        "The instrument has no item x.",
    ]


def test_a_questionnaire_with_the_canonical_of_a_shell_is_an_edition_of_it() -> None:
    assert told(foreign(url=PAM, link_ids=("1",)), TOLD)[0] == "Item 10 of the instrument misses."


def test_items_that_need_a_help_text_are_named() -> None:
    assert reading(foreign(), replace(TOLD, safety=("b",))).facts == {"base": "", "help": ["b"]}
    assert told(foreign(), replace(TOLD, safety=("c",))) == ["There is no item c that needs a help text."]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("x.yaml", b"a: [", "The file is no YAML in UTF-8."),
        ("x.yaml", b"\xff\xfe", "The file is no YAML in UTF-8."),
        ("x.json", b"{", ""),
        ("x.yaml", b" " * 4_000_001, "The file is too long for a questionnaire."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        content_of(path)
    assert text in refused.value.diagnostics
    with pytest.raises(Invalid):
        content_of(tmp_path / "absent.yaml")


def test_a_json_file_is_read_like_a_yaml_file(tmp_path: Path) -> None:
    path = tmp_path / "nep.json"
    path.write_bytes(encode(file()))
    assert reading(content_of(path)).questionnaire == reading(content_of(EXAMPLE)).questionnaire
    assert decode(path.read_bytes())["base"] == "pam-13"
    assert FOREIGN not in made_text(reading(content_of(path)).questionnaire)
