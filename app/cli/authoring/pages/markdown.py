"""Markdown that is put together: tables, code, what can be folded away. https://github.github.com/gfm/"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from app.fhir.resource import Resource, encode

INDENT = "&nbsp;&nbsp;&nbsp;&nbsp;"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, or nothing when it has no rows."""
    lines = [_line(row) for row in rows]
    return "\n".join([_line(head), _line(["---"] * len(head)), *lines]) if lines else ""


def pairs(rows: Iterable[Sequence[str]]) -> str:
    """A table of names and values, without those that have none. Markdown's tables have a head: the first is it."""
    first, *others = [row for row in rows if row[1]]
    return table(first, others)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(each.replace("\n", " ").strip() or " " for each in cells) + " |"


def text(words: str) -> str:
    """Words that Markdown shows as they are, also within a table."""
    for mark in ("\\", "|", "*", "_", "<", "[", "`"):
        words = words.replace(mark, "\\" + mark)
    return words


def code(words: str) -> str:
    """Within a table a bar has to be escaped, in code too."""
    return "`" + words.replace("|", "\\|") + "`"


def link(words: str, target: str) -> str:
    return f"[{words}]({target})"


def sentence(words: str) -> str:
    """With a full stop, where there is no other."""
    return words if not words or words.endswith((".", "?", "!", ":")) else f"{words}."


def paragraphs(*parts: str) -> str:
    """What is not empty, with lines between."""
    return "\n\n".join(part for part in parts if part) + "\n"


def fenced(content: str, language: str) -> str:
    return f"```{language}\n{content.rstrip()}\n```"


def json(value: Any) -> str:
    """JSON as a block."""
    return fenced(msgspec.json.format(encode(value), indent=2).decode(), "json")


def folded(title: str, content: str) -> str:
    """Content that is shown on request."""
    return f"<details>\n<summary>{title}</summary>\n\n{content}\n\n</details>"


def title_of(resource: Resource) -> str:
    return str(resource.get("title") or resource.get("name") or resource["id"])
