"""Forms of support to talk about: a fixed list in a fixed order, whatever anybody answered (MODEL 5).

https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from app.questionnaires.scoring.program import Words


@dataclass(frozen=True, slots=True)
class Support:
    """One form of support: what it is called, and what it is in one sentence."""

    id: str
    name: Words
    text: Words


@cache
def support_options() -> tuple[Support, ...]:
    """All of them, in their order."""
    rows = yaml.load(Path(__file__).with_name("support.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return tuple(
        Support(
            row["id"],
            Words(row["nl"]["name"], row["en"]["name"]),
            Words(row["nl"]["text"], row["en"]["text"]),
        )
        for row in rows
    )
