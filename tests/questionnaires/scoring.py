"""A questionnaire with a key that are visibly fake, and what is scored by it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.questionnaires.items import Form, form_of
from app.questionnaires.scoring.compute import Scored, score
from app.questionnaires.scoring.program import Program
from app.questionnaires.scoring.reading import read_program

URL: Final = "https://nep.example/Questionnaire/nepscore"
ANSWERS: Final = "https://nep.example/antwoorden"
ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
MEANING: Final = {"nl": "Een nepscore. Hij zegt niets.", "en": "A fake score. It says nothing."}
CODES: Final = "abcd"
"""Answers, which count for 0 to 3."""


def dimension(name: str = "total", **members: Any) -> dict[str, Any]:
    """A dimension of a key; None leaves a member out."""
    given = {"id": name, "nl": f"Nep {name}", "en": f"Fake {name}", "meaning": MEANING, "method": "sum", **members}
    return {each: value for each, value in given.items() if value is not None}


def key(*dimensions: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {"id": "nep", "version": "1", "values": "ordinal", "dimensions": list(dimensions), **members}


def program(*dimensions: Mapping[str, Any], **members: Any) -> Program:
    return read_program(key(*dimensions, **members), CANONICAL_BASE)


def questionnaire(
    count: int, *, weights: Mapping[str, Sequence[int]] | None = None, version: str = "1", language: str = "nl"
) -> Resource:
    """Questions 1, 2, … with the answers a to d, which count for 0 to 3 unless ``weights`` says else for one."""
    items = []
    for number in range(1, count + 1):
        counted = (weights or {}).get(str(number), range(len(CODES)))
        options = [
            {
                "extension": [{"url": ORDINAL, "valueDecimal": weight}],
                "valueCoding": {"system": ANSWERS, "code": code, "display": f"{language} nepantwoord {code}"},
            }
            for code, weight in zip(CODES, counted, strict=True)
        ]
        items.append({"linkId": str(number), "text": f"Nepvraag {number}", "type": "choice", "answerOption": options})
    return {
        "resourceType": "Questionnaire",
        "id": f"nepscore-{version}",
        "language": language,
        "url": URL,
        "version": version,
        "title": "Nepscore",
        "status": "active",
        "item": items,
    }


def form(count: int = 3, **members: Any) -> Form:
    return form_of(questionnaire(count, **members))


def answered(answers: str, **members: Any) -> Resource:
    """A response with an answer to each question in order; a dot: none."""
    items = [
        {"linkId": str(number), "answer": [{"valueCoding": {"system": ANSWERS, "code": code}}]}
        for number, code in enumerate(answers, 1)
        if code != "."
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|1",
        "status": "completed",
        "subject": {"reference": "Patient/anna"},
        "authored": "2026-11-01T10:00:00Z",
        "item": items,
        **copy.deepcopy(members),
    }


def scored(answers: str, *dimensions: Mapping[str, Any], count: int | None = None, **members: Any) -> Scored:
    """The answers scored by a key of these dimensions."""
    return score(program(*dimensions, **members), form(count or len(answers)), answered(answers))
