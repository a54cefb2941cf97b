"""What two goals, activities or conditions are compared by: their codes, their words, their period, what they measure.

MODEL 5: same code, same words, same activity in the same period, two targets for one measure; and nothing else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.errors import Invalid
from app.fhir.dates import OPEN_END, OPEN_START, bounds
from app.fhir.resource import Resource

Kind = Literal["goal", "activity", "condition", "participant"]
Reason = Literal["same-code", "same-words", "same-period", "same-measure"]
Code = tuple[str, str]
ALWAYS: Final = (OPEN_START, OPEN_END)


@dataclass(frozen=True, slots=True)
class Facts:
    """``text``: as people wrote it; ``words``: the same without what does not matter; ``period`` in µs."""

    text: str
    words: str = ""
    codes: frozenset[Code] = frozenset()
    measures: frozenset[Code] = frozenset()
    period: tuple[int, int] = ALWAYS


def normalised(text: str) -> str:
    """Words without case, accents, punctuation and spaces that say nothing."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(each if each.isalnum() else " " for each in plain if not unicodedata.combining(each))
    return " ".join(kept.split())


def shared(kind: Kind, one: Facts, other: Facts) -> tuple[Reason, ...]:
    """In what two of a kind overlap; empty where they do not."""
    found: list[Reason] = []
    if one.codes & other.codes:
        found.append("same-code")
    if one.words and one.words == other.words:
        found.append("same-words")
    if kind == "activity" and found and one.period[0] < other.period[1] and other.period[0] < one.period[1]:
        found.append("same-period")
    if kind == "goal" and one.measures & other.measures:
        found.append("same-measure")
    return tuple(found)


def facts_of_goal(goal: Resource) -> Facts:
    """Of a Goal."""
    concept = goal.get("description", {})
    text = text_of(concept)
    measures = {code for each in goal.get("target", ()) for code in _codes_or_words(each.get("measure", {}))}
    return Facts(text, normalised(text), frozenset(codes_of([concept])), frozenset(measures))


def facts_of_activity(entry: Resource, referred: Resource | None, agreement: str) -> Facts:
    """Of an entry of ``CarePlan.activity`` and what it refers to. ``agreement``: the url of our extension."""
    detail = entry.get("detail") or {}
    about = detail or referred or {}
    text = str(detail.get("description") or text_of(detail.get("code", {})) or _text_of_request(referred))
    periods = [
        part.get("valuePeriod")
        for each in entry.get("extension", ())
        if each.get("url") == agreement
        for part in each.get("extension", ())
        if part.get("url") == "period"
    ]
    periods += [
        detail.get("scheduledPeriod"),
        detail.get("scheduledTiming", {}).get("repeat", {}).get("boundsPeriod"),
        (referred or {}).get("occurrencePeriod"),
        (referred or {}).get("executionPeriod"),
    ]
    period = next((each for each in periods if isinstance(each, dict)), {})
    return Facts(text, normalised(text), frozenset(codes_of([about.get("code", {})])), period=_span(period))


def facts_of_condition(condition: Resource | None, display: str) -> Facts:
    """Of a Condition, which may not be there for who asks."""
    concept = (condition or {}).get("code", {})
    text = text_of(concept) or display
    return Facts(text, normalised(text), frozenset(codes_of([concept])))


def text_of(concept: Any) -> str:
    """The words of a CodeableConcept, else of its first coding that has any."""
    if not isinstance(concept, dict):
        return ""
    shown = (coding.get("display") for coding in concept.get("coding", ()))
    return str(concept.get("text") or next((each for each in shown if each), "")).strip()


def codes_of(concepts: Iterable[Any]) -> Iterator[Code]:
    """(system, code) of every coding."""
    for concept in concepts:
        for coding in concept.get("coding", ()) if isinstance(concept, dict) else ():
            if coding.get("code"):
                yield str(coding.get("system", "")), str(coding["code"])


def _text_of_request(request: Resource | None) -> str:
    if request is None:
        return ""
    description = request.get("description")
    return description if isinstance(description, str) else text_of(request.get("code", {}))


def _codes_or_words(concept: Any) -> Iterator[Code]:
    codes = list(codes_of([concept]))
    yield from codes
    if not codes and (words := normalised(text_of(concept))):
        yield "", words


def _span(period: Resource) -> tuple[int, int]:
    try:
        low = bounds(period["start"])[0] if "start" in period else OPEN_START
        high = bounds(period["end"])[1] if "end" in period else OPEN_END
    except Invalid:
        return ALWAYS
    return low, high
