"""All sections in their order, and the content that they make. https://hl7.org/fhir/R4/composition.html"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.careplan.document import around, beside, told
from app.careplan.document.agreements import agreements
from app.careplan.document.content import Content, Item, Section, Telling, head_of
from app.careplan.document.dates import Language
from app.careplan.document.gather import Gathered
from app.careplan.document.goals import evaluations, goals
from app.careplan.document.texts import Texts
from app.careplan.names import Names

ALWAYS: Final[Mapping[str, Callable[[Telling], list[Item]]]] = {
    "about": told.about,
    "goals": goals,
    "agreements": agreements,
    "decisions": told.decisions,
    "action-plan": around.action_plan,
    "network": around.network,
    "wishes": around.wishes,
    "evaluations": evaluations,
}
"""Sections that are there also when they are empty, and say so."""
WHERE_ANY: Final[Mapping[str, Callable[[Telling], list[Item]]]] = {
    "measurements": beside.measurements,
    "questionnaires": beside.questionnaires,
    "linked": around.linked,
}
"""Sections that are there only where there is such a thing."""


def content_of(gathered: Gathered, names: Names, *, language: Language, now: int) -> Content:
    """The document in words, of what was gathered. ``now`` in µs."""
    texts = Texts(language)
    telling = Telling(gathered, names, texts)
    sections = [
        Section(code, texts(f"section.{code}"), tuple(make(telling)), texts(f"empty.{code}"))
        for code, make in ALWAYS.items()
    ]
    for code, make in WHERE_ANY.items():
        items = make(telling)
        if items:
            sections.append(Section(code, texts(f"section.{code}"), tuple(items)))
    head: dict[str, Any] = head_of(gathered, names, texts, now)
    return Content(sections=tuple(sections), **head)
