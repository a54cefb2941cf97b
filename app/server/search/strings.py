"""String parameters: starts with, whatever the case or accents. https://hl7.org/fhir/R4/search.html#string"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

HEAD: Final = 64
"""Characters of a folded string that its index is ordered by."""
_HUMAN_NAME: Final = ("text", "family", "given", "prefix", "suffix")
_ADDRESS: Final = ("text", "line", "city", "district", "state", "postalCode", "country")


def fold(text: str) -> str:
    """Lower case, without accents, white space as single blanks: what two spellings of a name have in common."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(letter for letter in decomposed if not unicodedata.combining(letter)).split())


def strings(found: list[tuple[str, Any]]) -> list[str]:
    """The strings among the values that a parameter's path found; every part of a name or address counts."""
    result: list[str] = []
    for kind, value in found:
        if isinstance(value, str):
            result.append(value)
        elif isinstance(value, dict):
            for member in _HUMAN_NAME if kind == "HumanName" else _ADDRESS if kind == "Address" else ():
                part = value.get(member)
                if isinstance(part, str):
                    result.append(part)
                elif isinstance(part, list):
                    result += [each for each in part if isinstance(each, str)]
    return result


def prefix_end(prefix: str) -> str:
    """The first string, in byte order, after all that begin with ``prefix``: for a range on an index."""
    if prefix.endswith("\ud7ff"):
        return prefix[:-1] + "\ue000"  # what lies between cannot be written in UTF-8
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix and ord(prefix[-1]) < 0x10FFFF else "\U0010ffff" * HEAD
