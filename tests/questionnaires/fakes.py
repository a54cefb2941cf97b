"""Wording and keys to install. All of it is visibly fake: nothing here is an instrument's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from app.config import CANONICAL_BASE
from app.fhir.resource import Resource
from app.questionnaires.installing.wanted import Order

PAM: Final = f"{CANONICAL_BASE}/Questionnaire/pam-13"
SEMAS: Final = f"{CANONICAL_BASE}/Questionnaire/semas"
PHQ: Final = f"{CANONICAL_BASE}/Questionnaire/phq-9"
FOREIGN: Final = "https://nep.example/Questionnaire/nepvragen"
EXAMPLE: Final = Path(__file__).parents[2] / "docs" / "questionnaires-example.yaml"
TOLD: Final = Order(licence="NEP: geen echte licentie", holder="Nephouder", source="made up")
"""What a command says of something fake."""


def file(**members: Any) -> dict[str, Any]:
    """The example of the documentation, with other members; None leaves one out."""
    given = {**yaml.safe_load(EXAMPLE.read_text("utf-8")), **members}
    return {name: value for name, value in given.items() if value is not None}


def key(low: int = 13, **members: Any) -> dict[str, Any]:
    """A key that nobody uses."""
    step = {"linear": {"from": [low, 52], "to": [0, 100]}}
    return {"version": "nep-1", "dimensions": {"score": {"then": [step]}}, **members}


def saved(folder: Path, data: Any, name: str = "nep.yaml") -> Path:
    """The data in a file."""
    path = folder / name
    path.write_text(yaml.safe_dump(data, sort_keys=False), "utf-8")
    return path


def foreign(url: str = FOREIGN, version: str = "1", link_ids: tuple[str, ...] = ("a", "b")) -> Resource:
    """A whole Questionnaire with wording of its own."""
    answers = [{"valueCoding": {"system": "https://nep.example/antwoord", "code": each}} for each in ("nee", "ja")]
    return {
        "resourceType": "Questionnaire",
        "url": url,
        "version": version,
        "title": "Nepvragen",
        "status": "active",
        "item": [
            {"linkId": each, "text": f"Nepvraag {each}", "type": "choice", "answerOption": answers} for each in link_ids
        ],
    }
