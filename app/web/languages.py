"""Which language a page is in: the one asked for, else the best of Accept-Language, else Dutch.

https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LANGUAGES: Final = ("nl", "en")


def language(asked: str | None, accept: str, *, known: Sequence[str] = LANGUAGES) -> str:
    """One of ``known``; the first of these when nothing that is asked for is among them."""
    if asked is not None and asked in known:
        return asked
    best, best_quality = known[0], 0.0
    for choice in accept.split(","):
        name, _, parameters = choice.strip().partition(";")
        code = name.strip().lower().partition("-")[0]
        quality = _quality(parameters)
        if code in known and quality > best_quality:
            best, best_quality = code, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
