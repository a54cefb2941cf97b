"""A score that is stored, in a shape to show: what this service computed and what was obtained elsewhere alike.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.fhir.resource import Resource
from app.questionnaires.names import Names
from app.questionnaires.scoring.compute import Change, change_between
from app.questionnaires.scoring.observations import basis_of
from app.questionnaires.scoring.program import Dimension, Key, Words
from app.questionnaires.scoring.weights import key_of

_TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"


@dataclass(frozen=True, slots=True)
class Shown:
    """One score. ``value`` is None with a ``reason``, for a panel, and for what has no scale, which has ``answers``
    (what is asked, by linkId, and the answer as a component has it). ``level``: the class; ``parts``: the ids of the
    dimensions of a panel; ``basis``: the parts of the extension by name.
    """

    id: str
    status: str
    effective: str
    code: Key
    words: Words
    value: Decimal | None
    raw: Decimal | None
    level: Words | None
    confirmed: bool
    reason: Words | None
    answers: tuple[tuple[str, Resource], ...]
    parts: tuple[str, ...]
    basis: Mapping[str, Any]

    @property
    def computed(self) -> bool:
        """Whether this service computed it."""
        return self.basis.get("computed") is True


def shown(observation: Resource, names: Names) -> Shown | None:
    """A score to show; None for an Observation that is none."""
    basis = basis_of(observation, names)
    if basis is None:
        return None
    system = names.system("score-part")
    parts = {code: each for code, each in _parts(observation, system) if code != "answer"}
    level = parts.get("class", {}).get("valueCodeableConcept") or observation.get("valueCodeableConcept")
    unsure = [key_of(coding) for each in parts.get("class", {}).get("interpretation", ()) for coding in each["coding"]]
    return Shown(
        str(observation.get("id", "")),
        observation["status"],
        observation.get("effectiveDateTime", ""),
        next(map(key_of, observation["code"].get("coding", ())), ("", "")),
        words_of(observation["code"]),
        observation.get("valueQuantity", {}).get("value"),
        parts.get("raw", {}).get("valueQuantity", {}).get("value"),
        words_of(level) if level else None,
        basis.get("confirmed") is not False and (system, "unconfirmed") not in unsure,
        words_of(observation["dataAbsentReason"]) if "dataAbsentReason" in observation else None,
        tuple((each["code"].get("text", ""), each) for code, each in _parts(observation, system) if code == "answer"),
        tuple(each.get("reference", "").rpartition("/")[2] for each in observation.get("hasMember", ())),
        basis,
    )


def compared(dimension: Dimension, now: Shown, before: Shown) -> Change | None:
    """The change between two results of one dimension; None where one of them has no number, or they were made by
    another key.
    """
    same = ("scoring", "scoringVersion", "form")
    if (
        now.value is None
        or before.value is None
        or [now.basis.get(x) for x in same] != [before.basis.get(x) for x in same]
    ):
        return None
    return change_between(dimension, Fraction(now.value), Fraction(before.value))


def change_words(change: Change) -> Words:
    """What is said of a change, in one neutral sentence."""
    return _words()["change"]["unknown" if change.counts is None else "counts" if change.counts else "within"]


def remark(name: str) -> Words:
    """``unconfirmed``: of a class; ``elsewhere``: of a result that was not computed here."""
    return _words()["remarks"][name]


def words_of(concept: Resource) -> Words:
    """The text of a CodeableConcept in Dutch and English, as far as it is there; else its display or code."""
    coding: Resource = next(iter(concept.get("coding", ())), {})
    text = str(concept.get("text") or coding.get("display") or coding.get("code") or "")
    english = text
    for extension in concept.get("_text", {}).get("extension", ()):
        said = {each.get("url"): each for each in extension.get("extension", ())}
        if extension.get("url") == _TRANSLATION and said.get("lang", {}).get("valueCode") == "en":
            english = str(said.get("content", {}).get("valueString", text))
    return Words(text, english)


def _parts(observation: Resource, system: str) -> Iterator[tuple[str, Resource]]:
    """The components that are parts of a score, each with its code in our code system."""
    for component in observation.get("component", ()):
        for coding in component.get("code", {}).get("coding", ()):
            if coding.get("system") == system:
                yield str(coding.get("code", "")), component


@cache
def _words() -> Mapping[str, Mapping[str, Words]]:
    table = yaml.load(Path(__file__).with_name("words.yaml").read_text("utf-8"), yaml.CSafeLoader)
    changes = {name: Words(row["nl"], row["en"]) for name, row in table["change"].items()}
    return {
        "change": changes,
        "remarks": {name: Words(row["nl"], row["en"]) for name, row in table.items() if name != "change"},
    }
