"""The signs that part the values of a parameter, and how they are written when they belong to a value.

https://hl7.org/fhir/R4/search.html#escaping
"""

from __future__ import annotations

from typing import Final

_ESCAPED: Final = frozenset(",$|\\")


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that are not escaped; each part still has its escapes."""
    if "\\" not in text:
        return text.split(separator)
    parts, current, escaped = [], "", False
    for letter in text:
        if escaped:
            current += letter
            escaped = False
        elif letter == "\\":
            current += letter
            escaped = True
        elif letter == separator:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [*parts, current]


def unescape(text: str) -> str:
    """The value that is meant; a backslash before any other sign is a backslash."""
    if "\\" not in text:
        return text
    letters, place = [], 0
    while place < len(text):
        if text[place] == "\\" and text[place + 1 : place + 2] in _ESCAPED:
            place += 1
        letters.append(text[place])
        place += 1
    return "".join(letters)
