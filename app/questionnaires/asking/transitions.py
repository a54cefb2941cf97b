"""What may become of a Task that asks for a questionnaire, as data (``transitions.yaml``).
https://hl7.org/fhir/R4/task.html#statemachine
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

PATIENT: Final = "patient"
CARE: Final = "care"
ASKER: Final = "asker"
REASON: Final = "reason"
RESPONSE: Final = "response"


@dataclass(frozen=True, slots=True)
class Move:
    """From one status to another: ``by`` whom, and what it ``needs``."""

    by: frozenset[str]
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Transitions:
    """The whole table. ``moves``: by status, and then by the one that follows; ``changes``: the elements that each may
    change; ``free``: those that do not count; ``offers``: codes of what is declined without a reason.
    """

    begins: str
    begins_by: frozenset[str]
    moves: Mapping[str, Mapping[str, Move]]
    changes: Mapping[str, frozenset[str]]
    free: frozenset[str]
    offers: frozenset[str]

    def is_open(self, status: str) -> bool:
        """Whether something may still become of it."""
        return status in self.moves


@cache
def transitions() -> Transitions:
    """As committed."""
    table: dict[str, Any] = yaml.load(Path(__file__).with_name("transitions.yaml").read_text("utf-8"), yaml.CSafeLoader)
    moves = {
        before: {after: Move(frozenset(row["by"]), frozenset(row.get("needs", ()))) for after, row in following.items()}
        for before, following in table["moves"].items()
    }
    return Transitions(
        table["begins"]["status"],
        frozenset(table["begins"]["by"]),
        moves,
        {who: frozenset(listed) for who, listed in table["changes"].items()},
        frozenset(table["free"]),
        frozenset(table["offers"]),
    )
