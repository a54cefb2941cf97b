"""One scope: ``patient/Observation.rs?category=laboratory``, of SMART v2 or of v1.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, cast

from app.errors import Invalid
from app.fhir.scopes.actions import read_actions, write_actions
from app.fhir.scopes.narrowing import EVERYTHING, Query, read_query, write_query

Level = Literal["patient", "user", "system"]
LEVELS: Final[frozenset[Level]] = frozenset(("patient", "user", "system"))
EVERY_TYPE: Final = "*"
MOST_WORDS: Final = 500
_SCOPE: Final = re.compile(r"(patient|user|system)/([A-Z][A-Za-z]*|\*)\.(c?r?u?d?s?|read|write|\*)(?:\?(.*))?")
_CONTEXT: Final = "launch/"
_TOKEN: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")
"""The characters of a scope; others are percent-encoded. https://www.rfc-editor.org/rfc/rfc6749#section-3.3"""


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope for resources. ``type`` may be ``EVERY_TYPE``; an empty ``query`` narrows nothing."""

    level: Level
    type: str
    actions: int
    query: Query = EVERYTHING

    def __str__(self) -> str:
        """As SMART v2 writes it."""
        mark = "?" if self.query else ""
        return f"{self.level}/{self.type}.{write_actions(self.actions)}{mark}{write_query(self.query)}"


def read_scopes(text: str) -> tuple[list[str], list[Scope]]:
    """The words that name no resource (``openid``, ``launch/patient``) and the scopes that do, each once.

    Raises ``Invalid`` for a resource scope that is none, naming it.
    """
    words = dict.fromkeys(text.split(" "))
    words.pop("", None)
    if len(words) > MOST_WORDS:
        raise Invalid(f"There are {len(words)} scopes; at most {MOST_WORDS} are taken.", "too-costly")
    others, scopes = [], []
    for word in words:
        if not _TOKEN.fullmatch(word):
            raise Invalid("A scope has a character that scopes do not have; percent-encode it.", "value")
        if "/" not in word or word.startswith(_CONTEXT):
            others.append(word)
        else:
            scopes.append(_read(word))
    return others, scopes


def _read(word: str) -> Scope:
    found = _SCOPE.fullmatch(word)
    if found is None or not found[3]:
        raise Invalid(f"'{word}' is not a SMART scope such as patient/Observation.rs.", "value")
    try:
        query = EVERYTHING if found[4] is None else read_query(found[4])
    except Invalid as error:
        raise Invalid(f"'{word}': {error.diagnostics}.", error.code) from error
    return Scope(cast(Level, found[1]), found[2], read_actions(found[3]), query)
