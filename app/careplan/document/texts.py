"""The words of the document in Dutch (B1) and English, from ``words.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.careplan.document.dates import Language

LANGUAGES: Final = ("nl", "en")
_WORDS: Final = Path(__file__).with_name("words.yaml")


@cache
def words(path: Path = _WORDS) -> Mapping[str, Mapping[str, str]]:
    """Both texts by key, of this document or of another that has a file like it."""
    table: dict[str, Any] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    return {f"{group}.{name}": texts for group, named in table.items() for name, texts in named.items()}


class Texts:
    """The texts in one language. ``texts("head.revision", number=7)`` fills in facts, which are never read as texts."""

    def __init__(self, language: Language, path: Path = _WORDS) -> None:
        self.language: Language = language
        self._words = words(path)

    def __call__(self, key: str, **facts: object) -> str:
        return self._words[key][self.language].format(**facts)

    def template(self, key: str) -> str:
        """The text with its places still open."""
        return self._words[key][self.language]

    def known(self, key: str) -> str:
        """The text, or nothing where there is none: for codes that others may have given."""
        found = self._words.get(key)
        return found[self.language] if found is not None else ""
