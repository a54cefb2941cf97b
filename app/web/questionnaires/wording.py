"""What a Questionnaire says, in the language of the page: its translations, the way it asks for a control, its help.
https://hl7.org/fhir/R4/extension-translation.html https://hl7.org/fhir/R4/extension-questionnaire-itemcontrol.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from app.fhir.resource import Resource
from app.questionnaires.items import Item, value_in
from app.questionnaires.names import CORE

_TRANSLATION: Final = f"{CORE}translation"
_CONTROL: Final = f"{CORE}questionnaire-itemControl"
_SUPPORT: Final = f"{CORE}questionnaire-supportLink"
_SHORT: Final = f"{CORE}entryFormat"
HELP: Final = frozenset({"help", "flyover", "prompt", "security", "legal"})
"""Controls of displays that belong to the question above them."""
ENDS: Final = ("lower", "upper")
"""Controls of displays that say what the ends of a ruler mean."""


def said(element: Resource, name: str, language: str) -> str:
    """The words of a member in a language; in its own where there is no translation, "" where there are none."""
    for each in element.get(f"_{name}", {}).get("extension", ()):
        if each.get("url") != _TRANSLATION:
            continue
        parts = {part.get("url"): value_in(part)[1] for part in each.get("extension", ())}
        if str(parts.get("lang", "")).partition("-")[0].lower() == language:
            return str(parts.get("content", ""))
    return str(element.get(name, ""))


def control_of(item: Item) -> str:
    """How the Questionnaire asks that it is shown, such as ``slider``; "" where it does not."""
    found = item.extension(_CONTROL)
    codings: list[Resource] = found.get("coding", []) if isinstance(found, dict) else []
    return next((str(each["code"]) for each in codings if "code" in each), "")


def support_links(item: Item) -> list[str]:
    """Addresses of the web where there is more about a question."""
    found = [value_in(each)[1] for each in item.raw.get("extension", ()) if each.get("url") == _SUPPORT]
    return [str(each) for each in found if urlsplit(str(each)).scheme in ("https", "http")]


def entry_format(item: Item) -> str:
    """How an answer is to be written, as the Questionnaire says it."""
    return str(item.extension(_SHORT) or "")


@dataclass(frozen=True, slots=True)
class Said:
    """A question as it is read: ``lines`` above it come from groups and displays."""

    text: str
    prefix: str = ""
    helps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lower: str = ""
    upper: str = ""
    unit: str = ""
    links: tuple[str, ...] = ()
    shape: str = ""


def said_of(item: Item, language: str) -> Said:
    """What stands at a question: its own words, and those of the displays in it."""
    helps: list[str] = []
    notes: list[str] = []
    ends = dict.fromkeys((*ENDS, "unit"), "")
    for child in displays(item):
        control, text = control_of(child), said(child.raw, "text", language)
        if control in ends:
            ends[control] = text
        elif control in HELP:
            helps.append(text)
        else:
            notes.append(text)
    return Said(
        said(item.raw, "text", language),
        said(item.raw, "prefix", language),
        tuple(filter(None, helps)),
        tuple(filter(None, notes)),
        ends["lower"],
        ends["upper"],
        ends["unit"],
        tuple(support_links(item)),
        entry_format(item),
    )


def displays(item: Item) -> Iterator[Item]:
    """The displays directly in a question that are always there."""
    for child in item.children:
        if child.type == "display" and not child.raw.get("enableWhen") and not child.extension(HIDDEN):
            yield child


HIDDEN: Final = f"{CORE}questionnaire-hidden"


def words_of(value: Any, language: str) -> str:
    """A Coding, Reference, Attachment or plain value as people read it."""
    if isinstance(value, dict):
        for name in ("display", "title", "code", "reference", "contentType"):
            if words := said(value, name, language):
                return words
        return ""
    return str(value)
