"""Checks of text that cost one call into C, tried before the exact ones.

Nearly all of a resource is text of a few kinds, and nearly all of it is right: how fast this is decides how fast
validation is. A quick check may doubt what is right; it never lets through what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from app.fhir.validation.primitives import MONTH, PATTERNS, TIME, YEAR, ZONE

Quick = Callable[[str], object]
"""None when the text is surely fine, TypeError when it is not a text, anything else when the exact check must tell."""

REMEMBERED: Final = 4096
"""Texts that are kept because they come again: URIs of systems, codes."""

_DAY = r"(?:[01][1-9]|[12]0|2[1-8])"  # of the 28 that every month has
_PATTERNS: Final[Mapping[str, str]] = {
    "canonical": "[!-~]+",
    "code": "[!-~]{1,64}",
    "date": f"{YEAR}(?:-{MONTH}(?:-{_DAY})?)?",
    "dateTime": f"{YEAR}(?:-{MONTH}(?:-{_DAY}(?:T{TIME}{ZONE})?)?)?",
    "id": PATTERNS["id"],
    "instant": f"{YEAR}-{MONTH}-{_DAY}T{TIME}{ZONE}",
    "markdown": r"[!-~][ -\ud7ff]{,9999}",
    "string": r"[!-~][ -\ud7ff]{,9999}",
    "uri": "[!-~]{1,256}",
    "url": "[!-~]+",
}
_RECURRING: Final = ("code", "uri")


def quick_primitive(kind: str) -> Quick | None:
    """A quick check of a primitive type, where there is one."""
    if kind not in _PATTERNS:
        return None
    check = unless(_PATTERNS[kind])
    return _Known(check).__getitem__ if kind in _RECURRING else check


def quick_coded(codes: frozenset[str]) -> Quick:
    """A quick check that lets through ``codes``."""
    return _Codes.fromkeys(codes).__getitem__


def unless(pattern: str) -> Quick:
    """A quick check that lets through what ``pattern`` matches as a whole."""
    return re.compile(rf"(?!(?:{pattern})\Z)").match


class _Codes(dict[str, object]):
    """None for each of the codes; True, for doubt, for anything else."""

    def __missing__(self, code: object) -> bool:
        return True


class _Known(dict[str, object]):
    """None for each text that ``check`` let through."""

    __slots__ = ("_check",)

    def __init__(self, check: Quick) -> None:
        super().__init__()
        self._check = check

    def __missing__(self, text: str) -> object:
        if (doubt := self._check(text)) is not None:
            return doubt
        if len(self) >= REMEMBERED:
            self.clear()
        self[text] = None
        return None
