"""What an administrator asks to be installed, and what comes of reading it. https://hl7.org/fhir/R4/questionnaire.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import Issue
from app.fhir.resource import Resource
from app.questionnaires.instruments import Licence


@dataclass(frozen=True, slots=True)
class Order:
    """What the command says beside the file. ``licence``: the line that is shown beside the questions; ``base``: of
    which instrument a whole Questionnaire is an edition, by id; ``scoring``: the content of a file with its key;
    ``safety``: items of which an answer above 0 shows where to find help.
    """

    licence: str = ""
    holder: str = ""
    number: str = ""
    until: str = ""
    source: str = ""
    base: str = ""
    scoring: Any = None
    safety: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed. ``scoring``: the program as data, None for that of the instrument ``facts["base"]``."""

    questionnaire: Resource
    licence: Licence
    scoring: Mapping[str, Any] | None
    facts: Mapping[str, Any]


class Problems:
    """All that is wrong with a file, by the place in it."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def add(self, text: str, *path: str, code: str = "invalid") -> None:
        """Note one."""
        self.issues.append(Issue(code, text, path))
