"""What one side says of a goal when the plan is looked back on, as Observations. Each says its own.

The word (how it stands, a comment, or that it was not discussed) is a GoalEvaluation, a score a GoalAttainment, and
importance, confidence, what is in the way and how it is going are GoalRatings.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.careplan.cycle import Side
from app.careplan.names import ACHIEVEMENT, Names
from app.careplan.people import Reference, author_of
from app.careplan.plan import local
from app.careplan.refusals import issue, refusal
from app.errors import Issue
from app.fhir.dates import instant
from app.fhir.resource import Resource, parse_reference
from app.server.access import Access
from app.server.interactions.parameters import Inputs
from app.server.operations import Parameter
from app.server.rules import Change

NOT_DISCUSSED: Final = "not-discussed"
FIVE_POINTS: Final = "gas-5"
_CARE: Final = ("Practitioner", "PractitionerRole", "Organization")
"""Who evaluates on the side of care."""
_RATINGS: Final = {"importance": "importance", "confidence": "confidence", "howIsItGoing": "how-is-it-going"}
_TO_TEN: Final = "0 to 10: "
PARTS: Final = (
    Parameter("goal", "in", 1, "1", "Reference", "The goal, as Goal/<id>."),
    Parameter(
        "achievement",
        "in",
        0,
        "1",
        "code",
        "How it stands, by http://terminology.hl7.org/CodeSystem/goal-achievement. What the patient says becomes"
        " Goal.achievementStatus.",
    ),
    Parameter("notDiscussed", "in", 0, "1", "boolean", "The goal was not discussed, and simply continues."),
    Parameter("comment", "in", 0, "1", "string", "A comment, in one's own words."),
    Parameter("score", "in", 0, "1", "integer", "Goal attainment: how far the goal was reached.", signed=True),
    Parameter("scale", "in", 0, "1", "code", "Of the score: gas-5 (-2 to +2, if not said) or gas-6 (-3 to +2)."),
    Parameter("importance", "in", 0, "1", "unsignedInt", f"{_TO_TEN}how important the goal is."),
    Parameter("confidence", "in", 0, "1", "unsignedInt", f"{_TO_TEN}how sure they are that it will be reached."),
    Parameter("howIsItGoing", "in", 0, "1", "unsignedInt", f"{_TO_TEN}how it is going with the goal."),
    Parameter("barriers", "in", 0, "1", "string", "What is in the way, in words."),
)
"""Of the parameter ``evaluation``, which is given once for each goal."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said of one goal. ``place``: where it stands in the request."""

    goal: str
    place: str
    inputs: Inputs

    @property
    def achievement(self) -> str:
        """The code of how it stands, or ""."""
        return self.inputs.first("achievement") or ""

    @property
    def comment(self) -> str:
        return (self.inputs.first("comment") or "").strip()

    @property
    def not_discussed(self) -> bool:
        return bool(self.inputs.first("notDiscussed"))

    @property
    def has_word(self) -> bool:
        """Whether it is more than a number."""
        return bool(self.achievement or self.comment or self.not_discussed)


def sayings_in(inputs: Inputs) -> list[Saying]:
    """What is said of each goal. Raises ``Unprocessable``."""
    found: list[Saying] = []
    for number, each in enumerate(inputs.values.get("evaluation", ())):
        place = f"evaluation[{number}]"
        goal = local(each.first("goal"))
        if goal is None or goal[0] != "Goal":
            raise refusal("goal-not-in-plan", f"{place}.goal")
        if any(goal[1] == other.goal for other in found):
            raise refusal("goal-twice", f"{place}.goal")
        saying = Saying(goal[1], place, each)
        if saying.not_discussed and saying.achievement:
            raise refusal("one-word", f"{place}.notDiscussed")
        found.append(saying)
    return found


def performer_of(access: Access, patient_id: str, given: Reference | None) -> Reference:
    """Who evaluates: who is acting; where a system of an organisation sends it, the professional that is named, else
    the organisation. Raises ``Unprocessable``.
    """
    acting = author_of(access, patient_id)
    if "reference" in acting:
        if given is not None:
            raise refusal("own-evaluation", "performer")
        return acting
    if given is not None and not _is_of_care(given):
        raise refusal("evaluation-of-care", "performer")
    return given or {"display": acting["display"]}


def _is_of_care(given: Reference) -> bool:
    """Whether a Reference names somebody on the side of care: nobody says the person's word for them."""
    if "reference" in given:
        named = parse_reference(given["reference"])
        return named is not None and named.type in _CARE
    return given.get("type", _CARE[0]) in _CARE


@dataclass(frozen=True, slots=True)
class Teller:
    """What all Observations of one evaluation have in common."""

    names: Names
    plan_id: str
    patient_id: str
    performer: Reference
    now: int

    def observations(self, saying: Saying) -> Iterator[Resource]:
        """What is said of one goal."""
        inputs, system = saying.inputs, self.names.goal_observations
        if saying.has_word:
            word: dict[str, Any] = {}
            if saying.not_discussed:
                word["valueCodeableConcept"] = concept(self.names.system("goal-evaluation-answer"), NOT_DISCUSSED)
            elif saying.achievement:
                word["valueCodeableConcept"] = concept(ACHIEVEMENT, saying.achievement)
            if saying.comment:
                word["note"] = [{"text": saying.comment}]
            yield self._observation("GoalEvaluation", saying.goal, concept(system, "goal-evaluation"), word)
        if (score := inputs.first("score")) is not None:
            scale = inputs.first("scale") or FIVE_POINTS
            method = concept(self.names.system("goal-attainment-scale"), scale)
            said = {"valueInteger": score, "method": method}
            yield self._observation("GoalAttainment", saying.goal, concept(system, "goal-attainment"), said)
        for name, code in _RATINGS.items():
            if (value := inputs.first(name)) is not None:
                yield self._observation("GoalRating", saying.goal, concept(system, code), {"valueInteger": value})
        if barriers := (inputs.first("barriers") or "").strip():
            yield self._observation("GoalRating", saying.goal, concept(system, "barriers"), {"valueString": barriers})

    def _observation(self, profile: str, goal: str, code: Resource, said: dict[str, Any]) -> Resource:
        return {
            "resourceType": "Observation",
            "meta": {"profile": [self.names.extension(profile)]},
            "basedOn": [{"reference": f"CarePlan/{self.plan_id}"}],
            "status": "final",
            "code": code,
            "subject": {"reference": f"Patient/{self.patient_id}"},
            "focus": [{"reference": f"Goal/{goal}"}],
            "effectiveDateTime": instant(self.now),
            "performer": [self.performer],
            **said,
        }


def concept(system: str, code: str) -> Resource:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code}]}


def is_of(observation: Resource, names: Names, code: str) -> bool:
    """Whether an Observation says this of a goal."""
    coding = observation.get("code", {}).get("coding", ())
    return any(each.get("system") == names.goal_observations and each.get("code") == code for each in coding)


def is_of_a_goal(observation: Resource | None, names: Names) -> bool:
    """Whether an Observation says anything of a goal as ``$evaluate`` writes it."""
    coding = observation.get("code", {}).get("coding", ()) if observation is not None else ()
    return any(each.get("system") == names.goal_observations for each in coding)


def word_issues(change: Change, names: Names) -> list[Issue]:
    """What is said of a goal in the person's name, or was, and is written by who is not on the person's side."""
    if change.type != "Observation":
        return []
    said = [each for each in (change.before, change.after) if each is not None and is_of_a_goal(each, names)]
    spoken = any(side_in(each) == "patient" for each in said)
    return [issue("evaluation-of-care", "Observation.performer")] if spoken else []


def words_in(said: Iterable[Resource], names: Names) -> list[Resource]:
    """The evaluations among what was said."""
    return [each for each in said if is_of(each, names, "goal-evaluation")]


def was_not_discussed(said: Iterable[Resource], names: Names) -> bool:
    """Whether all that was said of a goal is that it was not discussed."""
    words = words_in(said, names)
    return bool(words) and all(_answer(each, names) == NOT_DISCUSSED and not each.get("note") for each in words)


def _answer(evaluation: Resource, names: Names) -> str:
    system = names.system("goal-evaluation-answer")
    coding = evaluation.get("valueCodeableConcept", {}).get("coding", ())
    return next((str(each.get("code")) for each in coding if each.get("system") == system), "")


def side_in(observation: Resource) -> Side:
    """Whose word it is: the patient's, or whoever represents them; else a professional's."""
    performer = local((observation.get("performer") or [None])[0])
    return "patient" if performer is not None and performer[0] in ("Patient", "RelatedPerson") else "care"
