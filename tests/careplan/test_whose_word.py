"""Nobody says the person's word for them, and nothing is recorded that did not happen.

MODEL 2, "Who may write" and "GAS".
"""

from __future__ import annotations

from typing import Any

import pytest

from app.auth.roles import Role
from app.careplan.names import ACHIEVEMENT
from app.fhir.resource import Resource, decode
from tests.careplan.actors import actor
from tests.careplan.histories import NAMES, started
from tests.careplan.test_as_of import erase
from tests.careplan.turning import LATER, MOUTH, done, event, newest, parameters, part, professional, read, rules, where
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues


async def agreed(anna: Caller, *goals: str) -> tuple[str, list[str]]:
    journey = await started(anna, *goals)
    plan = await done(anna, journey.plan, "agree", nextReview=LATER)
    return journey.plan, [each["reference"].rpartition("/")[2] for each in plan["goal"]]


async def app(service: Service, scopes: str, **members: Any) -> Caller:
    given = {"purpose": "own-use", "kind": "app", "client": "diary", "role": Role.PATIENT, "fhir_user": "Patient/anna"}
    return await token_with(service, scopes, "anna", **{**given, **members})


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"when": "2098-01-01"}, "plan-mouth-later"),
        ({"present": [{"identifier": {"value": "12"}}]}, "plan-mouth-present"),
        ({"present": [{"display": "Anna"}, {"type": "Patient"}]}, "plan-mouth-present"),
        ({"present": [{"display": " "}]}, "plan-mouth-present"),
        ({"how": "rooksignaal"}, "plan-mouth-way"),
    ],
)
async def test_by_word_of_mouth_it_happened_and_somebody_was_there(
    service: Service, anna: Caller, given: dict[str, Any], rule: str
) -> None:
    journey = await started(anna)
    doctor = await professional(service)
    answer = await event(doctor, journey.plan, "agree", **{**MOUTH, **given})
    assert (answer.status_code, rules(answer)) == (422, [rule])
    assert where(await read(anna, "CarePlan", journey.plan)) == ("draft", 1, "plan")


@pytest.mark.parametrize(
    "performer",
    [
        {"reference": "Patient/anna"},
        {"reference": "RelatedPerson/roos"},
        {"reference": "https://elders.example/fhir/Patient/1"},
        {"reference": "#self"},
        {"type": "Patient", "display": "Anna"},
    ],
)
async def test_a_system_does_not_evaluate_in_the_persons_name(
    service: Service, anna: Caller, performer: Resource
) -> None:
    plan, (walk,) = await agreed(anna)
    system = await actor(service, "system")
    said = part(goal=walk, comment="Gaat goed", score=2)
    answer = await event(system, plan, "evaluate", performer=performer, evaluation=said)
    assert (answer.status_code, rules(answer)) == (422, ["plan-evaluation-of-care"])
    for allowed in ({"reference": "Practitioner/doctor"}, {"display": "De wijkverpleegkundige"}):
        await done(system, plan, "evaluate", performer=allowed, evaluation=said)
    answer = await anna.get(f"/CarePlan/{plan}/$attainment")
    sides = [each for each in decode(answer.content)["parameter"] if each["name"] == "side"]
    assert [each["part"][0]["valueCode"] for each in sides] == ["professional"]


async def test_how_a_goal_stands_is_written_by_who_may_change_goals(service: Service, anna: Caller) -> None:
    plan, (walk,) = await agreed(anna)
    diary = await app(service, "patient/CarePlan.rs patient/Goal.rs patient/Observation.crs")
    answer = await event(diary, plan, "evaluate", evaluation=part(goal=walk, achievement="achieved"))
    assert answer.status_code == 403, answer.text
    assert "achievementStatus" not in await read(anna, "Goal", walk)
    await done(diary, plan, "evaluate", evaluation=part(goal=walk, comment="Gaat goed"))
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, achievement="achieved"))


@pytest.mark.parametrize(
    "given",
    [
        {"lifecycleStatus": "completed"},
        {"lifecycleStatus": "active"},
        {
            "lifecycleStatus": "proposed",
            "achievementStatus": {"coding": [{"system": ACHIEVEMENT, "code": "achieved"}]},
        },
    ],
)
async def test_a_professional_starts_a_plan_with_goals_that_are_to_be_agreed(
    service: Service, anna: Caller, given: Resource
) -> None:
    doctor = await professional(service)
    goal = {"resourceType": "Goal", "description": {"text": "Stoppen"}, "subject": {"reference": "Patient/anna"}}

    def body(goal: Resource) -> Resource:
        return {"resourceType": "Parameters", "parameter": [{"name": "goalResource", "resource": goal}]}

    answer = await doctor.post("/Patient/anna/$start", body({**goal, **given}))
    assert (answer.status_code, rules(answer)) == (422, ["plan-start-proposed"])
    proposed = body({**goal, "lifecycleStatus": "proposed"})
    assert (await doctor.post("/Patient/anna/$start", proposed)).status_code == 201
    assert await anna.found("/Goal?lifecycle-status=proposed")


@pytest.mark.parametrize("kept", ["manifest", "word-of-mouth", "activity"])
async def test_what_only_a_revision_says_is_said_by_the_service(service: Service, anna: Caller, kept: str) -> None:
    journey = await started(anna)
    doctor = await professional(service)
    await done(doctor, journey.plan, "agree", **MOUTH)
    revision = await newest(anna, journey.plan)
    forged: Resource = {
        "resourceType": "Provenance",
        "target": revision["target"],
        "recorded": revision["recorded"],
        "agent": revision["agent"],
    }
    plain = await anna.create(forged)
    if kept == "activity":
        forged["activity"] = revision["activity"]
    else:
        url = f"{NAMES}/StructureDefinition/{kept}"
        forged["extension"] = [each for each in revision["extension"] if each["url"] == url]
        assert forged["extension"]
    for caller in (anna, doctor):
        assert (await caller.post("/Provenance", forged)).status_code == 403
    changed = await anna.put(f"/Provenance/{plain['id']}", {**forged, "id": plain["id"]})
    assert changed.status_code == 403


async def test_a_plan_is_agreed_by_who_sees_all_its_goals(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen", "Slapen")
    await journey.change("Goal", journey.goal, priority={"text": "hoog"}, lifecycleStatus="planned")
    narrow = await app(service, "patient/CarePlan.cruds patient/Goal.cruds?lifecycle-status=planned")
    answer = await event(narrow, journey.plan, "agree", nextReview=LATER)
    assert answer.status_code == 422, answer.text
    assert rules(answer) == ["plan-agree-unseen"]
    assert "Slapen" not in answer.text
    await done(anna, journey.plan, "agree", nextReview=LATER)


async def test_there_is_no_t_score_of_a_part_of_the_scores(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna, "Wandelen", "Slapen")
    doctor = await professional(service)
    await done(doctor, plan, "evaluate", evaluation=part(goal=walk, comment="x", score=1))
    await done(doctor, plan, "evaluate", evaluation=part(goal=sleep, comment="x", score=-3, scale="gas-6"))
    five = f"{NAMES}/CodeSystem/goal-attainment-scale|gas-5"
    narrow = await token_with(
        service,
        f"user/CarePlan.rs user/Goal.rs user/Observation.rs?method={five}",
        "anna",
        patient=None,
        role=Role.PROFESSIONAL,
        kind="session",
        organization="De Proef",
        fhir_user="Practitioner/doctor",
    )
    answer = await narrow.get(f"/CarePlan/{plan}/$attainment")
    assert answer.status_code == 200, answer.text
    assert '"score"' in answer.text
    assert "tScore" not in answer.text


async def test_who_was_faster_is_told_to_who_may_see_revisions(service: Service, anna: Caller) -> None:
    _, (walk,) = await agreed(anna)
    stale = {**await read(anna, "Goal", walk), "description": {"text": "Fietsen"}}
    assert (await anna.put(f"/Goal/{walk}", stale)).status_code == 200
    sees = await app(service, "patient/*.cruds")
    not_who = await app(service, "patient/Goal.cruds patient/CarePlan.rus")
    for caller, told in ((sees, True), (not_who, False)):
        answer = await caller.put(f"/Goal/{walk}", stale)
        assert answer.status_code == 412, answer.text
        assert issues(answer)[1]["expression"] == ["Goal.description"]
        assert ("by Patient/anna (change)" in answer.text) is told


async def test_a_revision_that_is_to_be_deleted_says_why_it_stays(anna: Caller) -> None:
    journey = await started(anna)
    revision = await newest(anna, journey.plan)
    answer = await anna.delete(f"/Provenance/{revision['id']}")
    assert answer.status_code == 409
    assert "is a revision of the plan and stays" in answer.text


@pytest.mark.parametrize("scopes", ["patient/CarePlan.cruds", "patient/CarePlan.cruds patient/Goal.u"])
@pytest.mark.parametrize(
    "what", ["$check-in", "$attainment", "$document", "$revisions", "$as-of?number=1", "$compare?from=1", ""]
)
async def test_no_operation_shows_a_goal_to_who_may_not_read_goals(
    service: Service, anna: Caller, scopes: str, what: str
) -> None:
    journey = await started(anna, "Van de drank af")
    await journey.change("Goal", journey.goal, description={"text": "Minder drank"})
    planner = await app(service, scopes)
    answer = await planner.get(f"/CarePlan/{journey.plan}/{what}".rstrip("/"))
    assert answer.status_code == 200, answer.text
    assert "drank" not in answer.text


async def test_a_check_in_says_that_goals_are_left_out(service: Service, anna: Caller) -> None:
    journey = await started(anna)
    planner = await app(service, "patient/CarePlan.cruds")
    bundle = await planner.bundle(f"/CarePlan/{journey.plan}/$check-in")
    (entry,) = bundle["entry"]
    assert [each["code"] for each in entry["resource"]["issue"]] == ["suppressed"]


async def test_a_goal_that_the_plan_names_twice_counts_once(service: Service, anna: Caller) -> None:
    plan, (walk,) = await agreed(anna)
    there = await read(anna, "CarePlan", plan)
    twice = {**there, "goal": [{"reference": f"Goal/{walk}"}, {"reference": f"Goal/{walk}"}]}
    assert (await anna.put(f"/CarePlan/{plan}", twice)).status_code == 200
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x", score=1))
    answer = await anna.get(f"/CarePlan/{plan}/$attainment")
    assert "1 of 1 goals" in answer.text


@pytest.mark.parametrize("who", ["professional", "system", "carer"])
async def test_what_the_person_says_of_a_goal_is_not_written_by_others(
    service: Service, anna: Caller, who: str
) -> None:
    plan, (walk,) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="Valt tegen", score=-1))
    bundle = await anna.bundle(f"/Observation?goal-focus=Goal/{walk}")
    score = next(each["resource"] for each in bundle["entry"] if "valueInteger" in each["resource"])
    other = await actor(service, who, "cruds")
    better = {**score, "valueInteger": 2}
    for body, method, address in (
        ({name: value for name, value in better.items() if name not in ("id", "meta")}, "POST", "/Observation"),
        (better, "PUT", f"/Observation/{score['id']}"),
        ({**better, "performer": [{"reference": "Practitioner/doctor"}]}, "PUT", f"/Observation/{score['id']}"),
    ):
        answer = await other.send(method, address, body)
        assert (answer.status_code, rules(answer)) == (422, ["plan-evaluation-of-care"])
    own = {name: value for name, value in better.items() if name not in ("id", "meta")}
    own["performer"] = [{"reference": "Practitioner/doctor"}]
    assert (await other.post("/Observation", own)).status_code == 201
    assert (await anna.put(f"/Observation/{score['id']}", better)).status_code == 200


async def test_a_plan_goes_on_without_a_goal_that_was_erased(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen", "Slapen")
    plan = journey.plan
    there = await read(anna, "CarePlan", plan)
    gone, kept = (each["reference"].rpartition("/")[2] for each in there["goal"])
    await erase(service, "Goal", gone)
    doctor = await professional(service)
    await done(anna, plan, "agree", nextReview=LATER)
    await done(doctor, plan, "evaluate", evaluation=part(goal=kept, comment="Gaat goed"))
    of_gone = await event(anna, plan, "evaluate", evaluation=part(goal=gone, comment="x"))
    assert rules(of_gone) == ["plan-goal-not-in-plan"]
    for what in ("$check-in", "$attainment", "$revisions", "$as-of?number=1", "$compare?from=1", "$document"):
        answer = await anna.get(f"/CarePlan/{plan}/{what}")
        assert answer.status_code == 200, answer.text
        assert "Wandelen" not in answer.text
    made = await doctor.post(f"/CarePlan/{plan}/$propose", parameters(title="Rust"))
    assert made.status_code == 201, made.text
    after = await done(anna, plan, "decide", decision=part(goal=kept, decision="continue"))
    assert where(after) == ("active", 2, "plan")
    assert where(await done(anna, plan, "close", status="completed"))[0] == "completed"


async def test_a_new_goal_in_a_proposal_was_not_reached_yet(service: Service, anna: Caller) -> None:
    journey = await started(anna)
    doctor = await professional(service)
    goal = {
        "resourceType": "Goal",
        "id": "new",
        "lifecycleStatus": "proposed",
        "description": {"text": "Stoppen"},
        "subject": {"reference": "Patient/anna"},
        "achievementStatus": {"coding": [{"system": ACHIEVEMENT, "code": "achieved"}]},
    }
    body = {"resourceType": "Parameters", "parameter": [{"name": "goal", "resource": goal}]}
    answer = await doctor.post(f"/CarePlan/{journey.plan}/$propose", body)
    assert (answer.status_code, rules(answer)) == (422, ["plan-new-goal-proposed"])
    assert issues(answer)[0]["expression"] == ["CarePlan.contained[0].achievementStatus"]


async def test_a_proposal_about_what_was_erased_is_rejected_and_not_accepted(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen", "Slapen")
    doctor = await professional(service)
    goal = {
        "resourceType": "Goal",
        "id": journey.goal,
        "lifecycleStatus": "proposed",
        "description": {"text": "Fietsen"},
        "subject": {"reference": "Patient/anna"},
    }
    body = {"resourceType": "Parameters", "parameter": [{"name": "goal", "resource": goal}]}
    made = await doctor.post(f"/CarePlan/{journey.plan}/$propose", body)
    assert made.status_code == 201, made.text
    listed = decode(made.content)["parameter"]
    proposal = next(each["resource"]["id"] for each in listed if each["name"] == "return")
    await erase(service, "Goal", journey.goal)
    accepted = await anna.post(f"/CarePlan/{proposal}/$accept")
    assert (accepted.status_code, rules(accepted)) == (409, ["plan-proposal-erased"])
    rejected = await anna.post(f"/CarePlan/{proposal}/$reject")
    assert rejected.status_code == 200, rejected.text
    assert (await read(anna, "CarePlan", proposal))["status"] == "revoked"


async def test_a_proposed_goal_is_changed_by_who_proposed_it(service: Service, anna: Caller) -> None:
    journey = await started(anna)
    named = {"reference": f"CarePlan/{journey.plan}"}
    proposal: Resource = {
        "resourceType": "Goal",
        "lifecycleStatus": "proposed",
        "description": {"text": "Minder zout"},
        "subject": {"reference": "Patient/anna"},
        "extension": [{"url": f"{NAMES}/StructureDefinition/proposed-for-plan", "valueReference": named}],
    }
    doctor, other = await professional(service, "cruds"), await actor(service, "system", "cruds")
    goal = await doctor.create(proposal)
    words = {**goal, "description": {"text": "Geen zout"}}
    stripped = {name: value for name, value in words.items() if name != "extension"}
    for answer in (
        await other.put(f"/Goal/{goal['id']}", words),
        await other.put(f"/Goal/{goal['id']}", stripped),
        await other.delete(f"/Goal/{goal['id']}"),
    ):
        assert (answer.status_code, rules(answer)) == (422, ["plan-not-own-proposal"])
    assert (await doctor.put(f"/Goal/{goal['id']}", words)).status_code == 200
    assert (await anna.post(f"/Goal/{goal['id']}/$accept")).status_code == 200


async def test_a_plan_that_was_not_agreed_is_not_active_after_a_hold(service: Service, anna: Caller) -> None:
    journey = await started(anna)
    await done(anna, journey.plan, "hold")
    await erase(service, "Provenance", (await newest(anna, journey.plan))["id"])
    assert where(await done(anna, journey.plan, "resume")) == ("draft", 1, "plan")
    await done(anna, journey.plan, "agree", nextReview=LATER)
    await done(anna, journey.plan, "hold")
    await erase(service, "Provenance", (await newest(anna, journey.plan))["id"])
    assert where(await done(anna, journey.plan, "resume")) == ("active", 1, "do")
