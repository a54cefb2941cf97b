"""What deciding about goals leaves behind: why, for whom, and what an objection to a decision by word of mouth undoes.

MODEL 2, "The cycle".
"""

from __future__ import annotations

from typing import Any, Final

from app.auth.roles import Role
from app.fhir.dates import local_date
from tests.careplan.test_turning import agreed
from tests.careplan.turning import LATER, MOUTH, done, event, newest, part, phase_of, professional, read, rules, where
from tests.server.grants import token_with
from tests.server.service import Caller, Service

OWN_APP: Final[dict[str, Any]] = {
    "kind": "app",
    "role": Role.PATIENT,
    "purpose": "own-use",
    "fhir_user": "Patient/anna",
}
STATUS = ("lifecycleStatus", "achievementStatus", "statusReason", "description")


async def test_what_was_not_discussed_continues_also_where_it_is_said_why(anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    why = part(goal=sleep, notDiscussed=True, comment="Geen tijd voor gehad")
    await done(anna, plan, "evaluate", evaluation=[part(goal=walk, comment="Gelukt"), why])
    after = await done(anna, plan, "decide", decision=part(goal=walk, decision="achieved"))
    assert where(after) == ("active", 2, "plan")
    assert await decisions(anna, plan) == {walk: "achieved", sleep: "continue"}
    assert (await read(anna, "Goal", sleep))["lifecycleStatus"] == "active"


async def decisions(anna: Caller, plan: str) -> dict[str, str]:
    """What the newest revision decided, by goal."""
    listed = [each for each in (await newest(anna, plan))["extension"] if each["url"].endswith("goal-decision")]
    parts = [{part["url"]: part for part in each["extension"]} for each in listed]
    return {
        each["goal"]["valueReference"]["reference"].removeprefix("Goal/"): each["decision"]["valueCode"]
        for each in parts
    }


async def test_why_it_was_decided_so_is_for_who_may_see_the_goal(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    secret = "Zqgeheim omdat"
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="Goed"))
    both = [part(goal=walk, decision="adjust", reason=f"{secret} A"), part(goal=sleep, decision="stop", reason=secret)]
    await done(anna, plan, "decide", decision=both)
    assert (await read(anna, "Goal", walk))["statusReason"] == f"{secret} A"
    assert (await read(anna, "Goal", sleep))["statusReason"] == secret
    scopes = "patient/Provenance.rs patient/CarePlan.rs patient/Patient.rs"
    blind = await token_with(service, scopes, "anna", **OWN_APP)
    revision = await newest(blind, plan)
    assert await decisions(blind, plan) == {walk: "adjust", sleep: "stop"}
    number = phase_of(revision)[0]
    for address in (
        f"/Provenance/{revision['id']}",
        f"/Provenance?target=CarePlan/{plan}",
        f"/CarePlan/{plan}/$revisions",
        f"/CarePlan/{plan}/$as-of?number={number}",
        f"/CarePlan/{plan}/$compare?from=1&to={number}",
    ):
        answer = await blind.get(address)
        assert answer.status_code == 200, answer.text
        assert "Zqgeheim" not in answer.text, address
    assert "Zqgeheim" in (await anna.get(f"/CarePlan/{plan}/$as-of?number={number}")).text


async def test_an_objection_opens_what_was_decided_by_word_of_mouth_again(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, achievement="improving"))
    before = [await read(anna, "Goal", each) for each in (walk, sleep)]
    said = [part(goal=walk, decision="achieved"), part(goal=sleep, decision="stop", reason="Past nu niet")]
    assert where(await done(doctor, plan, "decide", decision=said, **MOUTH)) == ("active", 2, "plan")
    assert (await read(anna, "Goal", walk))["lifecycleStatus"] == "completed"
    recorded = await newest(anna, plan)
    objection = {"reference": f"Provenance/{recorded['id']}"}
    after = await done(anna, plan, "revise", objection=objection, text="Zo hebben we het niet afgesproken")
    assert where(after) == ("active", 2, "plan")
    for goal in before:
        now = await read(anna, "Goal", goal["id"])
        assert {name: now.get(name) for name in STATUS} == {name: goal.get(name) for name in STATUS}
        assert now["statusDate"] == local_date(service.server.clock()).isoformat()
        versions = (await anna.bundle(f"/Goal/{goal['id']}/_history"))["entry"]
        assert versions[1]["resource"]["lifecycleStatus"] in ("completed", "cancelled"), "what was recorded stays"
    revision = await newest(anna, plan)
    written = {each["reference"].partition("/_history")[0] for each in revision["target"]}
    assert written == {f"CarePlan/{plan}", f"Goal/{walk}", f"Goal/{sleep}", "Patient/anna"}
    await done(anna, plan, "agree", nextReview=LATER)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="Nu wel"))
    answer = await event(anna, plan, "decide", decision=part(goal=walk, decision="continue"))
    assert answer.status_code == 200, "it can be decided about again"


async def test_an_objection_leaves_what_the_person_decided_themselves(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="Goed"))
    await done(doctor, plan, "decide", decision=part(goal=walk, decision="achieved"), **MOUTH)
    recorded = await newest(anna, plan)
    goal = await read(anna, "Goal", walk)
    await anna.keep({**goal, "lifecycleStatus": "cancelled", "statusReason": "Zelf gestopt"})
    await done(anna, plan, "decide", decision=part(goal=sleep, decision="stop", reason="Past niet"))
    await done(anna, plan, "revise", objection={"reference": f"Provenance/{recorded['id']}"})
    assert (await read(anna, "Goal", walk))["statusReason"] == "Zelf gestopt"
    assert (await read(anna, "Goal", sleep))["lifecycleStatus"] == "cancelled"


async def test_an_objection_without_sight_of_the_goals_is_refused(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    doctor = await professional(service)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="Goed"))
    await done(doctor, plan, "decide", decision=part(goal=walk, decision="achieved"), **MOUTH)
    recorded = await newest(anna, plan)
    scopes = "patient/Provenance.rs patient/CarePlan.cruds patient/Patient.rs"
    blind = await token_with(service, scopes, "anna", **OWN_APP)
    answer = await event(blind, plan, "revise", objection={"reference": f"Provenance/{recorded['id']}"})
    assert (answer.status_code, rules(answer)) == (422, ["plan-objection-unseen"])
    assert (await newest(anna, plan))["id"] == recorded["id"]
