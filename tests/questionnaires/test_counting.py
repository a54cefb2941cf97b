"""What is told of how all people answered together: nothing of fewer than ten, nor what lets it be worked out."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import pytest

from app.fhir.resource import Resource, encode
from app.questionnaires.counting import LEAST, Counts, _Tally, told
from app.questionnaires.items import answers_of, form_of
from tests import builders
from tests.cli.runner import zelfregie
from tests.questionnaires.answering import URL, given, item, questionnaire, response

_SYSTEM: Final = "http://example.org/codes"
CHOICE: Final = [{"valueCoding": {"system": _SYSTEM, "code": each, "display": each.upper()}} for each in "abc"]


def counted(asked: Resource, answers: list[list[Resource]]) -> Counts:
    form = form_of(asked)
    tallies = {each.link_id: _Tally() for each in form.walk() if each.is_question}
    for each in answers:
        found = answers_of(response(*each))
        for link_id, tally in tallies.items():
            tally.add(found.get(link_id, ()))
    return told(form, "x", len(answers), tallies)


def chosen(*codes: str) -> list[Resource]:
    return [given("q", *(("Coding", {"system": _SYSTEM, "code": each}) for each in codes))] if codes else []


def cells(counts: Counts) -> dict[str, int | None]:
    (question,) = counts.questions
    return dict(question.cells)


ONE: Final = questionnaire(item("q", "choice", answerOption=CHOICE))
SEVERAL: Final = questionnaire(item("q", "choice", answerOption=CHOICE, repeats=True))


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((9, 0, 0, 0), None),
        ((10, 0, 0, 0), {"A": 10, "B": None, "C": None, "not answered": None}),
        ((20, 12, 10, 10), {"A": 20, "B": 12, "C": 10, "not answered": 10}),
        ((20, 12, 9, 0), {"A": 20, "B": None, "C": None, "not answered": None}),
        ((20, 12, 9, 9), {"A": 20, "B": 12, "C": None, "not answered": None}),
        ((20, 12, 0, 1), {"A": 20, "B": None, "C": None, "not answered": None}),
        ((9, 9, 9, 9), {"A": None, "B": None, "C": None, "not answered": None}),
    ],
)
def test_few_people_are_in_no_cell(numbers: tuple[int, ...], expected: dict[str, int | None] | None) -> None:
    people = [chosen(code) for code, number in zip("abc", numbers, strict=False) for _ in range(number)]
    found = counted(ONE, people + [chosen()] * numbers[3])
    if expected is None:
        assert (found.respondents, found.questions) == (None, ())
    else:
        assert found.respondents == sum(numbers)
        assert cells(found) == expected


def test_of_several_answers_neither_those_who_gave_one_nor_the_others_are_few() -> None:
    people = [chosen("a", "b")] * 12 + [chosen("a")] * 12 + [chosen("c")] * 4
    assert cells(counted(SEVERAL, people)) == {"A": None, "B": 12, "C": None}, "four did not give a"


@pytest.mark.parametrize("kind", ["string", "text", "date", "decimal", "attachment", "quantity"])
def test_nobodys_words_or_values_are_listed(kind: str) -> None:
    people = [[given("q", ("String", "Zqgeheim"))]] * 15 + [[]] * 11
    assert cells(counted(questionnaire(item("q", kind)), people)) == {"answered": 15, "not answered": 11}


def test_numbers_are_told_of_many_only() -> None:
    people = [[given("q", ("Integer", each))] for each in [7] * 12 + [3] * 11 + [99] * 2 + [4] * 9]
    assert cells(counted(questionnaire(item("q", "integer")), people)) == {"3": 11, "7": 12, "not answered": None}


@pytest.mark.parametrize("seed", range(200))
def test_what_is_hidden_cannot_be_worked_out(seed: int) -> None:
    draw = random.Random(seed)
    numbers = [draw.choice([0, 1, 2, 5, 9, 10, 11, 20]) for _ in range(4)]
    people = [chosen(code) for code, number in zip("abc", numbers, strict=False) for _ in range(number)]
    found = counted(ONE, people + [chosen()] * numbers[3])
    if found.respondents is None:
        return
    shown = {name: number for name, number in cells(found).items() if number is not None}
    actual = dict(zip(("A", "B", "C", "not answered"), numbers, strict=True))
    assert all(number >= LEAST and number == actual[name] for name, number in shown.items())
    left = found.respondents - sum(shown.values())
    hidden = [actual[name] for name in actual if name not in shown]
    assert left == 0 or left >= LEAST
    assert left == 0 or len(hidden) > 1 or hidden[0] >= LEAST


@pytest.fixture
def database(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database, and a state folder of its own."""
    monkeypatch.setenv("ZELFREGIE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("ZELFREGIE_DATABASE", database_url)
    assert zelfregie("migrate").exit_code == 0
    return database_url


def test_the_command_counts_each_person_once_by_their_last_answers(database: str, tmp_path: Path) -> None:
    lines: list[Resource] = [{**ONE, "id": "proef"}, {**ONE, "id": "leeg", "url": f"{URL}-leeg"}]
    for number in range(12):
        name = f"p{number}"
        lines.append(builders.patient(name, birthDate=f"19{50 + number}-01-01"))
        for day, code, status in ((1, "b", "completed"), (2, "a", "completed"), (3, "b", "in-progress")):
            lines.append(
                {
                    **response(*chosen(code), status=status),
                    "id": f"{name}-{day}",
                    "subject": {"reference": f"Patient/{name}"},
                    "authored": f"2026-11-0{day}T10:00:00Z",
                }
            )
    path = tmp_path / "people.ndjson"
    path.write_bytes(b"\n".join(map(encode, lines)))
    loaded = zelfregie("load", path)
    assert loaded.exit_code == 0, loaded.output
    for canonical in (URL, f"{URL}|1"):
        result = zelfregie("questionnaires", "counts", canonical)
        assert result.exit_code == 0, result.output
        assert result.output.splitlines() == [
            "12 people filled this in. – is not told: too few people would be in it.",
            "q",
            "  12  A",
            "  –  B",
            "  –  C",
            "  –  not answered",
        ]
    few = zelfregie("questionnaires", "counts", f"{URL}-leeg")
    assert few.output.splitlines() == ["Fewer than 10 people filled this in: nothing is told of it."]
    assert zelfregie("questionnaires", "counts", f"{URL}|9").exit_code == 1
