"""What one side says of a goal when the plan is looked back on, as Observations. Each says its own.

The word (how it stands, a comment, or that it was not discussed) is a GoalEvaluation, a score a GoalAttainment, and
importance, confidence, what is in the way and how it is going are GoalRatings.
https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from app.auth.accounts.representation import representatives
from app.careplan.cycle import Side
from app.careplan.gas import FIVE_POINTS
from app.careplan.names import ACHIEVEMENT, Names
from app.careplan.people import Reference, author_of, side_of
from app.careplan.plan import local
from app.careplan.refusals import issue, refusal
from app.careplan.scales import RATINGS, value_issues
from app.database import Reader
from app.errors import Issue, Unprocessable
from app.fhir.dates import instant
from app.fhir.resource import Resource, parse_reference
from app.server.access import Access
from app.server.interactions.parameters import Inputs
from app.server.operations import Parameter
from app.server.rules import Change, ChangeSet

Representing = AbstractSet[str]
"""The RelatedPersons who represent the patient, or did, as references."""
NOT_DISCUSSED: Final = "not-discussed"
_CARE: Final = ("Practitioner", "PractitionerRole", "Organization")
"""Who evaluates on the side of care."""
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
    problems = [problem for each in found for problem in value_issues(each.inputs, each.place)]
    if problems:
        raise Unprocessable("", "business-rule", issues=tuple(problems))
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
        for name, code in RATINGS.items():
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


async def word_issues(reader: Reader, changes: ChangeSet, change: Change, names: Names) -> list[Issue]:
    """What is said of a goal in the name of the person or of a carer, or was, and is written by somebody of care, or by
    another carer.
    """
    if change.type != "Observation":
        return []
    said = [each for each in (change.before, change.after) if each is not None and is_of_a_goal(each, names)]
    if not said:
        return []
    known = await representatives(reader, changes.patient)
    sides = {side_in(each, known) for each in said if not _is_own(each, changes.access)}
    return [issue("evaluation-of-care", "Observation.performer")] if sides & {"patient", "carer"} else []


def _is_own(observation: Resource, access: Access) -> bool:
    """Whether a carer says it in their own name."""
    performers = [each.get("reference") for each in observation.get("performer", ())]
    return side_of(access) == "carer" and bool(access.fhir_user) and performers == [access.fhir_user]


def words_in(said: Iterable[Resource], names: Names, representing: Representing) -> list[Resource]:
    """The evaluations among what was said by either side."""
    words = [each for each in said if is_of(each, names, "goal-evaluation")]
    return [each for each in words if side_in(each, representing) != "carer"]


def was_not_discussed(said: Iterable[Resource], names: Names, representing: Representing) -> bool:
    """Whether all that either side said of a goal is that it was not discussed; a comment says why that is."""
    words = words_in(said, names, representing)
    return bool(words) and all(_answer(each, names) == NOT_DISCUSSED for each in words)


def _answer(evaluation: Resource, names: Names) -> str:
    system = names.system("goal-evaluation-answer")
    coding = evaluation.get("valueCodeableConcept", {}).get("coding", ())
    return next((str(each.get("code")) for each in coding if each.get("system") == system), "")


def side_in(observation: Resource, representing: Representing) -> Side:
    """Whose word it is: that of the patient or of who represents them, of somebody else who is close to them, else a
    professional's.
    """
    performer: Reference = (observation.get("performer") or [{}])[0]
    named = local(performer)
    kind = named[0] if named is not None else performer.get("type")
    if kind == "RelatedPerson":
        return "patient" if named is not None and "/".join(named) in representing else "carer"
    return "patient" if kind == "Patient" else "care"
