"""No file of the project holds wording, or a key, that is not ours (MODEL 5), as far as that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.questionnaires.installing.reading import shell_of
from app.questionnaires.instruments import FOLDER, Instrument, shipped
from app.questionnaires.items import form_of
from app.questionnaires.names import CORE, Names
from app.questionnaires.scoring.reading import read_program
from tests.medmij_profiles.package import BASE, codes_of, examples, of_type, walk
from tests.questionnaires.fakes import EXAMPLE

NAMES: Final = Names(CANONICAL_BASE)
INSTRUMENTS: Final = shipped(CANONICAL_BASE)
SHELLS: Final = [pytest.param(each, id=each.row["name"]) for each in INSTRUMENTS.values() if each.wording == "shell"]
OWN: Final = [
    pytest.param(each, id=each.url.rpartition("/")[2]) for each in INSTRUMENTS.values() if each.wording == "own"
]
NEUTRAL: Final = re.compile(r"(Vraag|Question|Deel|Part) \d+[a-f]?")
ANSWER: Final = re.compile(r"(Antwoord|Answer) \d|Niet van toepassing|Not applicable")
LONGEST: Final = 15
"""Words of a sentence in plain language."""
NUMBERS: Final = {"pam-13": 13, "phq-9": 10, "gad-7": 7, "semas": 26 - 1 + 6 + 2}
"""Questions: of SeMaS 26, one of which is a group of six, with sex and age."""


def questionnaire(instrument: Instrument) -> Resource:
    return of_type("Questionnaire")[instrument.url]


def said(resource: Resource) -> Iterator[tuple[str, str]]:
    """Every text that somebody reads in items, with the member that it is in; translations too."""
    for each in walk(resource["item"]):
        if isinstance(each, dict):
            for member in ("text", "display", "prefix"):
                if isinstance(each.get(member), str):
                    yield member, each[member]
            if each.get("url") == f"{CORE}translation":
                yield "translation", each["extension"][1]["valueString"]


@pytest.mark.parametrize("instrument", SHELLS)
def test_a_shell_has_neutral_texts_only(instrument: Instrument) -> None:
    texts = [text for member, text in said(questionnaire(instrument)) if member != "prefix"]
    assert texts
    assert [each for each in texts if not NEUTRAL.fullmatch(each) and not ANSWER.fullmatch(each)] == []
    assert not any(
        "initial" in each or "help" in each for each in walk(questionnaire(instrument)) if isinstance(each, dict)
    )


@pytest.mark.parametrize("instrument", SHELLS)
def test_a_shell_has_its_structure_and_says_what_was_not_confirmed(instrument: Instrument) -> None:
    name = instrument.url.rpartition("/")[2]
    form = shell_of(instrument, NAMES)
    assert sum(each.is_question for each in form.walk()) == NUMBERS[name]
    assert questionnaire(instrument)["status"] == "draft"
    marks = {each["mark"] for each in instrument.row["facts"]}
    assert marks <= {"confirmed", "unconfirmed", "derived", "not-public", "not-found"}
    assert "confirmed" in marks
    assert marks & {"unconfirmed", "not-public"}
    assert all(each["source"] for each in instrument.row["facts"])
    assert instrument.licence.redistributable != "yes"


def test_no_key_from_a_sum_to_a_score_is_shipped() -> None:
    for path in FOLDER.glob("*.yaml"):
        row = yaml.safe_load(path.read_text("utf-8"))
        members = {name for each in walk(row) if isinstance(each, dict) for name in each}
        assert members.isdisjoint({"look_up", "linear", "t_score"}), path.name
    pam = INSTRUMENTS[NAMES.questionnaire("pam-13")]
    assert pam.scoring is not None
    assert [each.id for each in read_program(pam.scoring, CANONICAL_BASE).dimensions] == ["raw"]
    semas = INSTRUMENTS[NAMES.questionnaire("semas")].row["keyed"]
    assert semas["thresholds"] == "unverified"
    assert not any({"bands", "values"} & each.keys() for each in semas["dimensions"])


def test_levels_of_pam_are_known_by_the_version_of_their_cut_offs() -> None:
    (score,) = INSTRUMENTS[NAMES.questionnaire("pam-13")].row["keyed"]["dimensions"]
    borders = {version: [each["to"] for each in bands] for version, bands in score["bands"].items()}
    assert borders == {"A": [47.0, 55.1, 67.0, 100], "B": [47.0, 55.1, 72.4, 100]}


def test_phq_9_names_the_item_that_needs_help() -> None:
    assert {each.url.rpartition("/")[2]: each.row["help"] for each in INSTRUMENTS.values() if "help" in each.row} == {
        "phq-9": ["9"]
    }


@pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=lambda each: each.url.rpartition("/")[2])
def test_a_questionnaire_says_of_its_licence_what_the_instrument_has(instrument: Instrument) -> None:
    resource = questionnaire(instrument)
    assert resource["version"] == instrument.version
    (told,) = (each for each in resource["extension"] if each["url"] == NAMES.licence)
    parts = {each["url"]: next(value for name, value in each.items() if name != "url") for each in told["extension"]}
    assert parts == {
        "wording": instrument.wording,
        "holder": instrument.licence.holder,
        "terms": instrument.licence.terms,
    }
    assert parts["wording"] in codes_of(of_type("CodeSystem")[f"{BASE}CodeSystem/questionnaire-wording"])
    assert set(instrument.row["says"]) == {"nl", "en"}
    if instrument.scoring is not None:
        linked = {
            part.id
            for each in read_program(instrument.scoring, CANONICAL_BASE).dimensions
            if not each.of_dimensions
            for part in each.parts
        }
        assert linked <= form_of(resource).by_link_id.keys()


@pytest.mark.parametrize("instrument", OWN)
def test_ours_are_in_both_languages_and_in_plain_sentences(instrument: Instrument) -> None:
    resource = questionnaire(instrument)
    worded = [
        each for each in walk(resource["item"]) if isinstance(each, dict) and ("text" in each or "display" in each)
    ]
    assert worded
    for each in worded:
        member = "text" if "text" in each else "display"
        (translation,) = each[f"_{member}"]["extension"]
        assert translation["extension"][0] == {"url": "lang", "valueCode": "en"}
    texts = [text for _, text in said(resource)] + [*instrument.row["says"].values()]
    for sentence in (each for text in texts for each in re.split(r"[.?!:]\s+", text)):
        assert len(sentence.split()) <= LONGEST, sentence
    assert not any("%" in text for text in texts)


@pytest.mark.parametrize("instrument", OWN)
def test_every_questionnaire_of_ours_has_an_example_that_answers_it(instrument: Instrument) -> None:
    form = form_of(questionnaire(instrument))
    answers = [
        each
        for each in examples().values()
        if each["resourceType"] == "QuestionnaireResponse" and each["questionnaire"].partition("|")[0] == instrument.url
    ]
    assert answers
    for each in answers:
        assert {one["linkId"] for one in walk(each["item"]) if isinstance(one, dict) and "linkId" in one} <= (
            form.by_link_id.keys()
        )


def test_the_experience_is_short_positive_and_for_the_person_only() -> None:
    experience = INSTRUMENTS[NAMES.questionnaire("zelfregie-ervaring")]
    form = form_of(questionnaire(experience))
    assert len(form.by_link_id["statements"].children) == 10
    assert not any(each.required for each in form.walk())
    assert experience.row["person_only"] is True
    assert experience.row["offered_after"] == ["agree", "cycle-closed"]
    assert experience.scoring is None


def test_the_example_file_is_visibly_fake() -> None:
    given: Mapping[str, Any] = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    texts = [text for part in ("title", "intro") for text in given[part].values()]
    texts += [text for part in ("items", "options") for each in given[part].values() for text in each.values()]
    assert [each for each in texts if not each.startswith(("Nep", "Fake"))] == []
    assert given["licence"].startswith("NEP")
    assert given["version"].startswith("nep")
    assert given["key"]["version"].startswith("nep")
