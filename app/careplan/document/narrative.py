"""The narrative of a section: what stands in the items, as XHTML. https://hl7.org/fhir/R4/narrative.html"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from app.careplan.document.content import Content, Item, Line, Section

_XHTML = "http://www.w3.org/1999/xhtml"


def narrative(inner: str, language: str) -> dict[str, Any]:
    """``Narrative`` around what was written here."""
    div = f'<div xmlns="{_XHTML}" lang="{language}" xml:lang="{language}">{inner}</div>'
    return {"status": "generated", "div": div}


def head_text(content: Content) -> dict[str, Any]:
    """Where the document comes from and what the reader has to know, before all else."""
    said = (content.source, *content.remarks, content.person, content.revision, *content.facts, content.current)
    return narrative(paragraphs(said), content.language)


def paragraphs(said: Iterable[str], listed: Iterable[str] = ()) -> str:
    """Texts as paragraphs, then a list."""
    items = "".join(f"<li>{_text(each)}</li>" for each in listed if each)
    return "".join(f"<p>{_text(each)}</p>" for each in said if each) + (f"<ul>{items}</ul>" if items else "")


def section_text(section: Section, language: str) -> dict[str, Any]:
    """The items of a section; that there is nothing to show where it has none."""
    if not section.items:
        return narrative(f"<p>{_text(section.empty)}</p>", language)
    return narrative("".join(map(_item, section.items)), language)


def _item(item: Item) -> str:
    title = f"<p><b>{_text(item.title)}</b></p>" if item.title else ""
    return title + _lines(item.all_lines())


def _lines(lines: Iterable[Line]) -> str:
    listed = "".join(f"<li>{_line(each)}</li>" for each in lines)
    return f"<ul>{listed}</ul>" if listed else ""


def _line(line: Line) -> str:
    return f"{_text(line.label)}: {_text(line.text)}" if line.label else _text(line.text)


def _text(text: str) -> str:
    return escape(text, quote=False).replace("\n", "<br/>")
