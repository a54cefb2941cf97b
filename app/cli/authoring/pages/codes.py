"""Codes with their words in Dutch and English. https://hl7.org/fhir/R4/terminology-module.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from app.cli.authoring.folder import Content
from app.cli.authoring.pages.markdown import INDENT, code, table, text
from app.fhir.resource import Resource
from app.fhir.terminology.composing import selection_of
from app.fhir.terminology.selection import Listed

_HEAD: Final = ("Code", "Nederlands", "English", "What it means")
MOST: Final = 40
"""Codes that a page shows of one value set."""


def selected(content: Content, canonical: str) -> Sequence[Listed]:
    """The codes of a value set that are held, in its order."""
    return [*selection_of(content.terminology, canonical).concepts.values()]


def codes_table(listed: Iterable[Listed]) -> str:
    """The codes of a value set."""
    return table(_HEAD, [_row(each) for each in listed])


def _row(listed: Listed) -> tuple[str, str, str, str]:
    concept: Mapping[str, Any] = listed.concept.json if listed.concept else {}
    given: Resource = {
        **concept,
        "display": listed.display or concept.get("display", ""),
        "designation": [*listed.designations, *concept.get("designation", ())],
    }
    return _cells(code(listed.code), given, listed.language or "en")


def concepts_table(concepts: Iterable[Resource], language: str) -> str:
    """The concepts of a code system, those below another indented."""
    return table(_HEAD, _walked(concepts, language, 0))


def _walked(concepts: Iterable[Resource], language: str, depth: int) -> Iterable[tuple[str, str, str, str]]:
    for each in concepts:
        yield _cells(INDENT * depth + code(each["code"]), each, language)
        yield from _walked(each.get("concept", ()), language, depth + 1)


def _cells(first: str, concept: Resource, language: str) -> tuple[str, str, str, str]:
    words: dict[str, str] = {language[:2]: concept.get("display", "")}
    for each in concept.get("designation", ()):
        words.setdefault(str(each.get("language", ""))[:2], each["value"])
    return first, text(words.get("nl", "")), text(words.get("en", "")), text(concept.get("definition", ""))
