"""What an evaluation can say by a code or a number: how a goal stands, a score on a scale, a rating from 0 to 10.

Who says something else is told which there are, before an Observation is made that they did not write.
https://hl7.org/fhir/R4/valueset-goal-achievement.html; profiles GoalEvaluation, GoalAttainment and GoalRating.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from app.careplan.gas import FIVE_POINTS, HIGHEST, LOWEST
from app.careplan.refusals import issue
from app.errors import Issue
from app.server.interactions.parameters import Inputs

ACHIEVEMENTS: Final = (
    "in-progress",
    "improving",
    "worsening",
    "no-change",
    "achieved",
    "sustaining",
    "not-achieved",
    "no-progress",
    "not-attainable",
)
"""Codes of ``goal-achievement`` by which it is said how a goal stands."""
RATINGS: Final[Mapping[str, str]] = {
    "importance": "importance",
    "confidence": "confidence",
    "howIsItGoing": "how-is-it-going",
}
"""The code of ``goal-observation`` for each number from 0 to 10, by its parameter."""
MOST: Final = 10


def value_issues(inputs: Inputs, place: str) -> Iterator[Issue]:
    """What is no answer in what is said of one goal. ``place``: where it stands in the request."""
    achievement = inputs.first("achievement")
    if achievement and achievement not in ACHIEVEMENTS:
        yield issue("achievement-unknown", f"{place}.achievement", codes=", ".join(ACHIEVEMENTS))
    scale, score = inputs.first("scale") or FIVE_POINTS, inputs.first("score")
    if scale not in LOWEST:
        yield issue("scale-unknown", f"{place}.scale", scales=", ".join(LOWEST))
    elif score is not None and not LOWEST[scale] <= score <= HIGHEST:
        facts = {"scale": scale, "least": f"{LOWEST[scale]}", "most": f"+{HIGHEST}"}
        yield issue("score-beyond", f"{place}.score", **facts)
    for name in RATINGS:
        if (inputs.first(name) or 0) > MOST:
            yield issue("rating-beyond", f"{place}.{name}", name=name, most=f"{MOST}")
