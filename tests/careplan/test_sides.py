"""Whose word it is: the person's side is the person and who represents them; somebody close without a mandate is a
carer, and speaks for themselves.
"""

from __future__ import annotations

from typing import Any

from app.fhir.resource import Resource, decode
from tests.careplan.actors import actor, represented
from tests.careplan.histories import NAMES
from tests.careplan.test_turning import agreed
from tests.careplan.turning import done, event, part, rules, where
from tests.server.service import Caller, Service


def word(goal: str, performer: str, text: str = "", **members: Any) -> Resource:
    """What somebody says of a goal beside the cycle."""
    said: dict[str, Any] = {"note": [{"text": text}]} if text else {}
    return {
        "resourceType": "Observation",
        "meta": {"profile": [f"{NAMES}/StructureDefinition/GoalEvaluation"]},
        "status": "final",
        "code": {"coding": [{"system": f"{NAMES}/CodeSystem/goal-observation", "code": "goal-evaluation"}]},
        "subject": {"reference": "Patient/anna"},
        "focus": [{"reference": f"Goal/{goal}"}],
        "effectiveDateTime": "2026-11-20",
        "performer": [{"reference": performer}],
        **said,
        **members,
    }


def score(goal: str, performer: str, value: int) -> Resource:
    method = {"coding": [{"system": f"{NAMES}/CodeSystem/goal-attainment-scale", "code": "gas-5"}]}
    return word(
        goal,
        performer,
        meta={"profile": [f"{NAMES}/StructureDefinition/GoalAttainment"]},
        code={"coding": [{"system": f"{NAMES}/CodeSystem/goal-observation", "code": "goal-attainment"}]},
        valueInteger=value,
        method=method,
    )


async def sides(anna: Caller, plan: str) -> dict[str, list[int]]:
    """The scores of each side, as ``$attainment`` tells them."""
    answer = decode((await anna.get(f"/CarePlan/{plan}/$attainment")).content)
    found: dict[str, list[int]] = {}
    for each in answer["parameter"]:
        if each["name"] == "side":
            scores = [one["part"] for one in each["part"] if one["name"] == "score"]
            values = [next(part["valueInteger"] for part in one if part["name"] == "value") for one in scores]
            found[each["part"][0]["valueCode"]] = values
    return found


async def test_a_carer_without_a_mandate_is_not_the_persons_side(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    carer = await actor(service, "carer")
    await carer.create(score(walk, "RelatedPerson/carl", -2))
    await carer.create(word(sleep, "RelatedPerson/carl", "Ik vind het niet goed gaan"))
    assert await sides(anna, plan) == {}, "a carer scores for neither side"
    wordless = await event(anna, plan, "evaluate", evaluation=part(goal=sleep, score=1))
    assert rules(wordless) == ["plan-word-needed"], "a carer's word is not the word of a side"
    await done(
        anna,
        plan,
        "evaluate",
        evaluation=[part(goal=walk, comment="Goed", score=2), part(goal=sleep, notDiscussed=True)],
    )
    assert await sides(anna, plan) == {"patient": [2]}
    after = await done(anna, plan, "decide", decision=part(goal=walk, decision="continue"))
    assert where(after) == ("active", 2, "plan"), "the goal that was not discussed continues, whatever a carer said"


async def test_who_represents_the_person_speaks_for_them_also_once_the_mandate_has_ended(
    service: Service, anna: Caller
) -> None:
    plan, (walk, _) = await agreed(anna)
    roos = await actor(service, "representative")
    reference = await represented(service, "roos-account")
    await done(roos, plan, "evaluate", evaluation=part(goal=walk, comment="Goed", score=1))
    assert await sides(anna, plan) == {"patient": [1]}
    async with service.database.write() as writer:
        await writer.execute("UPDATE mandate SET state = 'ended', ended = 1, ended_by = 'anna-account'")
    assert await sides(anna, plan) == {"patient": [1]}, "it was said with the mandate"
    system = await actor(service, "system")
    named = await event(
        system, plan, "evaluate", performer={"reference": reference}, evaluation=part(goal=walk, score=0)
    )
    assert rules(named) == ["plan-evaluation-of-care"]
    answer = await system.post("/Observation", score(walk, reference, 0))
    assert (answer.status_code, rules(answer)) == (422, ["plan-evaluation-of-care"])


async def test_nobody_says_a_carers_word_for_them(service: Service, anna: Caller) -> None:
    _, (walk, _) = await agreed(anna)
    for name, performer in (
        ("system", "RelatedPerson/carl"),
        ("professional", "RelatedPerson/carl"),
        ("carer", "RelatedPerson/another"),
        ("carer", "Patient/anna"),
    ):
        answer = await (await actor(service, name)).post("/Observation", score(walk, performer, 1))
        assert (answer.status_code, rules(answer)) == (422, ["plan-evaluation-of-care"]), (name, performer)
    assert (
        await (await actor(service, "carer")).post("/Observation", score(walk, "RelatedPerson/carl", 1))
    ).status_code == 201


async def test_a_mandate_that_was_only_asked_for_makes_nobody_the_persons_side(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    reference = await represented(service, "roos-account")
    async with service.database.write() as writer:
        await writer.execute("UPDATE mandate SET state = 'ended', given_by = account")
    await anna.create(score(walk, reference, 2))
    assert await sides(anna, plan) == {}
