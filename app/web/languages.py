"""Which language a page is in: the one asked for, else the best of Accept-Language, else Dutch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.fhir import languages

LANGUAGES: Final = languages.LANGUAGES


def language(asked: str | None, accept: str, *, known: Sequence[str] = LANGUAGES) -> str:
    """One of ``known``; the first of these when nothing that is asked for is among them."""
    if asked is not None and asked in known:
        return asked
    return languages.chosen(accept, known) or known[0]
