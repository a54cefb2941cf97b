"""``Goal.status``: R4 tells apart where a goal stands in its life and how far it is achieved.

The life follows from what STU3 says of each code: https://hl7.org/fhir/STU3/codesystem-goal-status.html,
https://hl7.org/fhir/R4/codesystem-goal-status.html https://hl7.org/fhir/R4/codesystem-goal-achievement.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.fhir.stu3.conversions import Direction, Values

ACHIEVEMENT: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
_STATUS: Final = "status"
_LIFE: Final = "lifecycleStatus"
_HOW_FAR: Final = "achievementStatus"

_TO_R4: Final[Mapping[str, tuple[str, str]]] = {
    "in-progress": ("active", "in-progress"),
    # R4 has no schedule that a goal is on, before or behind: it is being sought and not yet reached.
    "on-target": ("active", "in-progress"),
    "ahead-of-target": ("active", "in-progress"),
    "behind-target": ("active", "in-progress"),
    "sustaining": ("active", "sustaining"),  # met, and something is still to be done for it
    "achieved": ("completed", "achieved"),  # met, and nothing is
}
"""Those with another name; the others are the same, without an achievement."""
_SAME: Final = frozenset({"proposed", "planned", "accepted", "on-hold", "cancelled", "entered-in-error", "rejected"})
_ACTIVE: Final[Mapping[str, str]] = {"sustaining": "sustaining", "achieved": "sustaining"}
"""What is met and still sought is sustained; all else is in progress."""
_COMPLETED: Final[Mapping[str, str]] = {"sustaining": "achieved", "achieved": "achieved"}
"""What is no longer sought and is not said to be met: STU3's ``cancelled`` says no more than that."""


def to_r4(values: Values, _: Direction) -> Values:
    """``status`` → ``lifecycleStatus`` and ``achievementStatus``."""
    made: Values = {}
    code = values.get(_STATUS, "")
    if code in _SAME:
        made[_LIFE] = code
    elif code in _TO_R4:
        life, how_far = _TO_R4[code]
        made[_LIFE] = life
        made[_HOW_FAR] = {"coding": [{"system": ACHIEVEMENT, "code": how_far}]}
    if made and f"_{_STATUS}" in values:
        made[f"_{_LIFE}"] = values[f"_{_STATUS}"]
    return made


def to_stu3(values: Values, _: Direction) -> Values:
    """The opposite."""
    life = values.get(_LIFE)
    made: Values = {}
    if life in _SAME:
        made[_STATUS] = life
    elif life == "active":
        made[_STATUS] = _ACTIVE.get(_achieved(values), "in-progress")
    elif life == "completed":
        made[_STATUS] = _COMPLETED.get(_achieved(values), "cancelled")
    if made and f"_{_LIFE}" in values:
        made[f"_{_STATUS}"] = values[f"_{_LIFE}"]
    return made


def _achieved(values: Mapping[str, Any]) -> str:
    codings = values.get(_HOW_FAR, {}).get("coding", ())
    return next((each.get("code", "") for each in codings if each.get("system") == ACHIEVEMENT), "")
