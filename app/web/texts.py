"""What the pages say, from ``texts/*.yaml``: both languages beside each other, so that one person can check them.

A file is an area, and a key such as ``account.login.title`` names the file first. Dutch is B1. Values go in as
``{name}``; templates escape the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.web.languages import LANGUAGES

_FOLDER: Final = Path(__file__).parent / "texts"
Translate = Callable[..., str]


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """All texts by key, each by language."""
    found: dict[str, Mapping[str, str]] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        read = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader) or {}
        found.update(_flat(path.stem, read))
    return found


def _flat(prefix: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    if set(entry) == set(LANGUAGES):
        yield prefix, {language: str(text) for language, text in entry.items()}
        return
    for name, inner in entry.items():
        if not isinstance(inner, dict):
            raise TypeError(f"{prefix}.{name}: a text has a line for each of {', '.join(LANGUAGES)}.")
        yield from _flat(f"{prefix}.{name}", inner)


def translate(language: str) -> Translate:
    """The texts of one language: a function of a key and the values that go in. Raises KeyError for an unknown key."""

    def text(key: str, **values: object) -> str:
        found = texts()[key][language]
        return found.format(**values) if values else found

    return text
