"""How far goals were reached together, by the scores of each side; and what the check offers to look at.

MODEL 2, "GAS"; T-scores of hand-made examples.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.careplan.gas import Score, reached, t_score
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from tests import builders
from tests.careplan.histories import started
from tests.careplan.turning import LATER, done, part, professional
from tests.server.grants import token_with
from tests.server.service import Caller, Service

HOUR = 3_600_000_000


def five(*values: int) -> list[Score]:
    return [Score(each, "gas-5") for each in values]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0,), "50.0"),
        ((0, 0, 0), "50.0"),
        ((1,), "60.0"),
        ((-2,), "30.0"),
        ((1, 1), "62.4"),  # 50 + 20 / sqrt(0.7 * 2 + 0.3 * 4)
        ((2, -1, 0), "54.6"),  # 50 + 10 / sqrt(0.7 * 3 + 0.3 * 9)
        ((-2, -2, -2, -2), "21.0"),  # 50 - 80 / sqrt(0.7 * 4 + 0.3 * 16)
    ],
)
def test_the_t_score_follows_from_its_formula(scores: tuple[int, ...], expected: str) -> None:
    assert t_score(five(*scores)) == Decimal(expected)


def test_there_is_no_t_score_with_another_scale_among_them_or_without_scores() -> None:
    assert t_score([]) is None
    assert t_score([*five(1, 2), Score(0, "gas-6")]) is None
    assert reached([*five(-1, 0, 2), Score(-3, "gas-6")]) == 2


@pytest.mark.parametrize(("value", "scale"), [(-3, "gas-5"), (3, "gas-5"), (-4, "gas-6"), (0, "gas-7")])
def test_what_is_not_on_the_scale_is_no_score(value: int, scale: str) -> None:
    with pytest.raises(ValueError, match="scale"):
        Score(value, scale)


def sides(answer: Resource) -> dict[str, dict[str, object]]:
    found = {}
    for each in answer["parameter"]:
        if each["name"] == "side":
            parts = {
                one["name"]: next(value for name, value in one.items() if name != "name")
                for one in each["part"]
                if "part" not in one
            }
            found[str(parts.pop("by"))] = parts
    return found


async def attainment(caller: Caller, plan: str) -> dict[str, dict[str, object]]:
    answer = await caller.get(f"/CarePlan/{plan}/$attainment")
    assert answer.status_code == 200, answer.text
    return sides(decode(answer.content))


async def test_each_side_has_its_own_scores_and_the_person_sees_no_t_score(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen", "Slapen")
    plan = journey.plan
    goals = [each["reference"][5:] for each in (await journey.read("CarePlan", plan))["goal"]]
    await done(anna, plan, "agree", nextReview=LATER)
    doctor = await professional(service)
    assert await attainment(anna, plan) == {}
    words = [part(goal=goals[0], comment="x", score=1), part(goal=goals[1], comment="x", score=-1)]
    await done(anna, plan, "evaluate", evaluation=words)
    words = [part(goal=goals[0], comment="y", score=1), part(goal=goals[1], comment="y", score=1)]
    await done(doctor, plan, "evaluate", evaluation=words)
    text = "1 of 2 goals reached or better. / 1 van 2 doelen gehaald of beter."
    assert (await attainment(anna, plan))["patient"] == {"goals": 2, "reached": 1, "text": text}
    assert "tScore" not in (await attainment(anna, plan))["professional"]
    seen = await attainment(doctor, plan)
    assert seen["patient"]["tScore"] == 50
    assert seen["professional"]["tScore"] == Decimal("62.4")
    assert "Kiresuk" in str(seen["professional"]["source"])
    assert "rho" in str(seen["professional"]["formula"])
    await done(doctor, plan, "evaluate", evaluation=part(goal=goals[0], comment="z", score=-3, scale="gas-6"))
    after = (await attainment(doctor, plan))["professional"]
    assert (after["reached"], "tScore" in after) == (1, False)


async def test_scores_of_the_cycle_before_do_not_count(anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=LATER)
    await done(anna, journey.plan, "evaluate", evaluation=part(goal=journey.goal, comment="x", score=2))
    await done(anna, journey.plan, "decide", decision=part(goal=journey.goal, decision="continue"))
    assert (await attainment(anna, journey.plan))["patient"]["goals"] == 1
    await done(anna, journey.plan, "agree", nextReview=LATER)
    assert await attainment(anna, journey.plan) == {}


async def test_the_check_offers_what_came_since_the_one_before(service: Service, anna: Caller) -> None:
    now = service.server.clock()
    await anna.create(builders.observation(effectiveDateTime=instant(now - 48 * HOUR)))
    journey = await started(anna, "Wandelen")
    plan, goal = journey.plan, journey.goal
    form = await anna.create(builders.questionnaire_response(authored=instant(now - 24 * HOUR)))
    await done(anna, plan, "agree", nextReview=LATER)
    whole = await journey.read("CarePlan", plan)
    await journey.put({**whole, "supportingInfo": [{"reference": f"QuestionnaireResponse/{form['id']}"}]})
    moment = instant(service.server.clock() + HOUR // 12)  # a clock may be fast by so much
    weight = await anna.create(builders.observation(effectiveDateTime=moment))
    wrong = await anna.create(builders.observation(effectiveDateTime=moment, status="entered-in-error"))
    await done(anna, plan, "evaluate", evaluation=part(goal=goal, comment="x", score=1))
    found = await anna.bundle(f"/CarePlan/{plan}/$check-in")
    entries = [(each["search"]["mode"], each["resource"]["resourceType"]) for each in found["entry"]]
    assert entries == [
        ("include", "Goal"),
        ("match", "Observation"),
        ("match", "Observation"),
        ("match", "QuestionnaireResponse"),
        ("match", "Observation"),
    ]
    offered = [each["resource"]["id"] for each in found["entry"]]
    assert offered[-1] == weight["id"]
    assert wrong["id"] not in offered
    since = await anna.bundle(f"/CarePlan/{plan}/$check-in?since={instant(now - 72 * HOUR)}")
    kinds = [each["resource"]["resourceType"] for each in since["entry"]]
    assert kinds == ["Goal", "Observation", "Observation", "QuestionnaireResponse", "Observation", "Observation"]
    await done(anna, plan, "decide", decision=part(goal=goal, decision="continue"))
    again = await anna.bundle(f"/CarePlan/{plan}/$check-in")
    assert [each["resource"]["id"] for each in again["entry"]] == [goal, weight["id"]]


async def test_what_may_not_be_seen_is_left_out_and_that_is_said(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    moment = instant(service.server.clock() + HOUR // 12)  # a clock may be fast by so much
    weight = await anna.create(builders.observation(effectiveDateTime=moment))
    planner = await token_with(service, "patient/*.rs", "anna", labels=service.server.labels.bits(["care-plan"]))
    found = await planner.bundle(f"/CarePlan/{journey.plan}/$check-in")
    assert [each["search"]["mode"] for each in found["entry"]] == ["include", "outcome"]
    assert found["entry"][-1]["resource"]["issue"][0]["code"] == "suppressed"
    assert weight["id"] not in str(found)
    narrow = await token_with(service, "patient/CarePlan.rs patient/Goal.rs", "anna")
    assert weight["id"] not in str(await narrow.bundle(f"/CarePlan/{journey.plan}/$check-in"))
