"""``CarePlan/$attainment``: how far the goals were reached together, as the patient and as professionals score them.
https://hl7.org/fhir/R4/operations.html; MODEL 2, "GAS".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.auth.accounts.representation import representatives
from app.careplan.changing import current_of
from app.careplan.cycle import Side
from app.careplan.evaluation import Representing, is_of, side_in
from app.careplan.gas import FORMULA, SOURCE, Score, reached, t_score
from app.careplan.names import Names
from app.careplan.offer import Gathering
from app.careplan.people import side_of
from app.careplan.plan import goals_of
from app.careplan.recent import recent
from app.careplan.refusals import text_of
from app.errors import Issue
from app.fhir.dates import bounds, instant
from app.fhir.resource import Resource, encode
from app.fhir.scopes import Action
from app.server.interactions.parameters import inputs_of
from app.server.messages import Answer, Request, Target
from app.server.operations import Operation, Parameter
from app.server.outcomes import outcome
from app.server.server import FhirServer
from app.server.store.guarded import GuardedReader

SIDES: Final[tuple[tuple[Side, str], ...]] = (("patient", "patient"), ("care", "professional"))
ATTAINMENT_PARAMETERS: Final = (
    Parameter("since", "in", 0, "1", "dateTime", "Scores from when; since the plan was last agreed if not said."),
    Parameter("since", "out", 1, "1", "instant", "From when the scores are."),
    Parameter(
        "side",
        "out",
        0,
        "2",
        "",
        "The newest score of each goal, by one side.",
        (
            Parameter("by", "out", 1, "1", "code", "patient or professional."),
            Parameter("goals", "out", 1, "1", "unsignedInt", "How many goals have a score."),
            Parameter("reached", "out", 1, "1", "unsignedInt", "How many of these were reached as agreed, or better."),
            Parameter("text", "out", 1, "1", "string", "The same in words."),
            Parameter(
                "score",
                "out",
                0,
                "*",
                "",
                "One goal.",
                (
                    Parameter("goal", "out", 1, "1", "Reference", "The goal."),
                    Parameter("value", "out", 1, "1", "integer", "-3 to +2; 0 is the goal as it was agreed."),
                    Parameter("scale", "out", 1, "1", "code", "gas-5 or gas-6."),
                    Parameter("observation", "out", 1, "1", "Reference", "Where it was said."),
                ),
            ),
            Parameter(
                "tScore",
                "out",
                0,
                "1",
                "decimal",
                "For professionals only, and only when all scores are on the scale of five points.",
            ),
            Parameter("formula", "out", 0, "1", "string", "How the T-score is computed."),
            Parameter("source", "out", 0, "1", "string", "Where the formula is from."),
        ),
    ),
    Parameter("outcome", "out", 0, "1", "OperationOutcome", "That something is left out."),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """One goal's newest score by one side, and the Observation that says it."""

    goal: str
    score: Score
    observation: str


def attainment_operation(names: Names) -> Operation:
    """For the server's registry."""

    async def attainment(server: FhirServer, request: Request, target: Target) -> Answer:
        inputs = inputs_of(server, request, ATTAINMENT_PARAMETERS)
        current = await current_of(server, request, target, names)
        given = inputs.first("since")
        found: dict[Side, list[Scored]] = {side: [] for side, _ in SIDES}
        async with server.database.snapshot() as reader:
            if given:
                since = bounds(given)[0]
            else:
                guarded = GuardedReader.of(reader, request)
                since = (await recent(guarded, current.patient, current.id, names)).agreed
            known = await representatives(reader, current.patient)
            gathering = Gathering(server, reader, request, current.patient, since=since)
            said = await gathering.about(goals_of(current.plan.resource))
        for goal, each in said.items():
            for side, scored in scores_in(goal, each, names, known).items():
                found[side].append(scored)
        # Of a part of the scores it would not be the T-score of the plan.
        shows_t = side_of(request.access) == "care" and not (gathering.offer.hidden or gathering.offer.cut)
        listed: list[Resource] = [{"name": "since", "valueInstant": instant(since)}]
        listed += [_side(word, found[side], shows_t=shows_t) for side, word in SIDES if found[side]]
        if gathering.offer.hidden:
            left_out = outcome([Issue("suppressed", text_of("left-out"), severity="information")])
            listed.append({"name": "outcome", "resource": left_out})
        return Answer(
            200,
            encode({"resourceType": "Parameters", "parameter": listed}),
            interaction="$attainment",
            type="CarePlan",
            patients=(current.patient,),
            resources=(f"CarePlan/{current.id}",),
            parameters=inputs.names,
            rows=sum(map(len, found.values())),
        )

    return Operation(
        "attainment",
        frozenset({"instance"}),
        frozenset({"CarePlan"}),
        Action.READ,
        f"{names.base}/OperationDefinition/CarePlan-attainment",
        "How many goals were reached or better, by the scores (GAS) of the patient and of professionals apart; for"
        " professionals with the T-score where it can be computed.",
        attainment,
        parameters=ATTAINMENT_PARAMETERS,
    )


def scores_in(goal: str, said: Sequence[Resource], names: Names, representing: Representing) -> dict[Side, Scored]:
    """The newest score of each side in what was said of a goal, the newest first; a carer is on neither."""
    found: dict[Side, Scored] = {}
    for each in said:
        side = side_in(each, representing)
        score = _score(each, names) if side not in (*found, "carer") and is_of(each, names, "goal-attainment") else None
        if score is not None:
            found[side] = Scored(goal, score, each["id"])
    return found


def _score(observation: Resource, names: Names) -> Score | None:
    """None for a score on no scale of ours, such as one that came from elsewhere."""
    system = names.system("goal-attainment-scale")
    coding = observation.get("method", {}).get("coding", ())
    scale = next((str(each.get("code")) for each in coding if each.get("system") == system), "")
    try:
        return Score(observation.get("valueInteger", 99), scale)
    except ValueError:
        return None


def _side(word: str, found: Sequence[Scored], *, shows_t: bool) -> Resource:
    scores = [each.score for each in found]
    good, number = reached(scores), len(scores)
    parts: list[dict[str, Any]] = [
        {"name": "by", "valueCode": word},
        {"name": "goals", "valueUnsignedInt": number},
        {"name": "reached", "valueUnsignedInt": good},
        {"name": "text", "valueString": text_of("reached", reached=str(good), goals=str(number))},
    ]
    parts += [
        {
            "name": "score",
            "part": [
                {"name": "goal", "valueReference": {"reference": f"Goal/{each.goal}"}},
                {"name": "value", "valueInteger": each.score.value},
                {"name": "scale", "valueCode": each.score.scale},
                {"name": "observation", "valueReference": {"reference": f"Observation/{each.observation}"}},
            ],
        }
        for each in found
    ]
    score = t_score(scores) if shows_t else None
    if score is not None:
        parts += [
            {"name": "tScore", "valueDecimal": score},
            {"name": "formula", "valueString": FORMULA},
            {"name": "source", "valueString": SOURCE},
        ]
    return {"name": "side", "part": parts}
