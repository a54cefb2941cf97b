"""SMART scopes as facts: whose data, which types, which interactions.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from app.errors import Invalid


class Action:
    """The five letters of a SMART v2 scope as bits. Plain numbers: they are compared on every request."""

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
_VERSION_1: Final = {
    "read": Action.READ | Action.SEARCH,
    "write": Action.CREATE | Action.UPDATE | Action.DELETE,
    "*": EVERY_ACTION,
}
_SCOPE: Final = re.compile(r"(patient|user|system)/([A-Z][A-Za-z]*|\*)\.(c?r?u?d?s?|read|write|\*)(\?.*)?")


@dataclass(frozen=True, slots=True)
class Scopes:
    """The resource scopes of one grant, united."""

    text: str
    every_type: int
    by_type: dict[str, int]

    def allow(self, resource_type: str, action: int) -> bool:
        """Whether ``action`` on ``resource_type`` is among them."""
        return bool((self.every_type | self.by_type.get(resource_type, 0)) & action)

    def types(self, action: int) -> frozenset[str] | Literal["every"]:
        """The types that allow ``action``."""
        if self.every_type & action:
            return "every"
        return frozenset(name for name, actions in self.by_type.items() if actions & action)


def parse_scopes(text: str) -> Scopes:
    """Read a space-separated scope string. Raises ``Invalid`` for a resource scope that it cannot honour exactly.

    Scopes that name no resource (``openid``, ``launch``) say nothing about data and are passed over.
    """
    every_type = 0
    by_type: dict[str, int] = {}
    for word in text.split():
        if "/" not in word:
            continue
        found = _SCOPE.fullmatch(word)
        if found is None or not found[3]:
            raise Invalid(f"'{word}' is not a SMART scope such as patient/Observation.rs.", "value")
        if found[4]:
            raise Invalid(
                f"'{word}' narrows a scope by a query, which this server does not grant yet; leave the query out.",
                "not-supported",
            )
        actions = _VERSION_1.get(found[3])
        if actions is None:
            actions = 0
            for letter in found[3]:
                actions |= LETTERS[letter]
        if found[2] == "*":
            every_type |= actions
        else:
            by_type[found[2]] = by_type.get(found[2], 0) | actions
    return Scopes(text, every_type, by_type)
