"""The five letters of a SMART v2 scope.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from __future__ import annotations

from typing import Final


class Action:
    """The letters as bits. Plain numbers: they are compared on every request."""

    CREATE: Final = 1
    READ: Final = 2
    UPDATE: Final = 4
    DELETE: Final = 8
    SEARCH: Final = 16


EVERY_ACTION: Final = 31
NAMES: Final = {1: "create", 2: "read", 4: "update", 8: "delete", 16: "search"}
LETTERS: Final[dict[str, int]] = {
    "c": Action.CREATE,
    "r": Action.READ,
    "u": Action.UPDATE,
    "d": Action.DELETE,
    "s": Action.SEARCH,
}
VERSION_1: Final = {
    "read": Action.READ | Action.SEARCH,
    "write": Action.CREATE | Action.UPDATE | Action.DELETE,
    "*": EVERY_ACTION,
}
"""What the words of SMART v1 stand for."""


def read_actions(text: str) -> int:
    """The bits of ``text``, which is letters in their order or a word of v1."""
    known = VERSION_1.get(text)
    return sum(LETTERS[letter] for letter in text) if known is None else known


def write_actions(actions: int) -> str:
    """The letters of ``actions`` in their order."""
    return "".join(letter for letter, action in LETTERS.items() if actions & action)
