"""How what was erased at the person's request is written down, and what is said in its place (MODEL 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from app.fhir.dates import LOCAL

ERASED: Final = 2
"""``resource.deleted`` of what was erased; 1 is what was deleted as FHIR does it."""
REMOVAL: Final = "erase"
"""``history.interaction`` of the last version, which says that the resource was removed."""
EMPTIED: Final = "erased"
"""``history.interaction`` of a version that lost its content."""


def removed(name: str, at: int) -> str:
    """What is said of ``name``, which was erased at ``at`` (µs)."""
    day = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(LOCAL).date()
    return f"{name}: removed at the person's request on {day}."
