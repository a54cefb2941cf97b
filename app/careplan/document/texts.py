"""The words of the document in Dutch (B1) and English, from ``words.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from app.careplan.document.dates import Language

LANGUAGES: Final = ("nl", "en")


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Both texts by key."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("words.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return {f"{group}.{name}": texts for group, named in table.items() for name, texts in named.items()}


class Texts:
    """The texts in one language. ``texts("head.revision", number=7)`` fills in facts, which are never read as texts."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def __call__(self, key: str, **facts: object) -> str:
        return words()[key][self.language].format(**facts)

    def template(self, key: str) -> str:
        """The text with its places still open."""
        return words()[key][self.language]

    def known(self, key: str) -> str:
        """The text, or nothing where there is none: for codes that others may have given."""
        found = words().get(key)
        return found[self.language] if found is not None else ""
