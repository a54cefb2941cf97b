"""The plan goes round: looked back on by each side, decided about goal by goal, opened again, put to rest, closed.

MODEL 2, "The cycle".
"""

from __future__ import annotations

import asyncio

from app.fhir.dates import local_date
from app.fhir.resource import Resource, decode
from tests.careplan.histories import NAMES, started
from tests.careplan.turning import LATER, MOUTH, done, event, newest, part, phase_of, professional, read, rules, where
from tests.server.service import Caller, Service, issues


async def agreed(anna: Caller, *goals: str) -> tuple[str, list[str]]:
    """A plan in the phase do, and its goals."""
    journey = await started(anna, *(goals or ("Wandelen", "Slapen")))
    plan = await done(anna, journey.plan, "agree", nextReview=LATER)
    return journey.plan, [each["reference"].rpartition("/")[2] for each in plan["goal"]]


async def said(anna: Caller, goal: str) -> list[Resource]:
    bundle = await anna.bundle(f"/Observation?goal-focus=Goal/{goal}")
    return [each["resource"] for each in bundle.get("entry", ())]


async def test_the_first_evaluation_opens_the_check_and_each_side_says_its_own(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    first = part(goal=walk, achievement="improving", comment="Gaat beter", score=1, importance=9, barriers="Regen")
    assert where(await done(anna, plan, "evaluate", evaluation=first)) == ("active", 1, "check")
    second = part(goal=walk, comment="Conditie is beter", score=-1)
    third = part(goal=sleep, notDiscussed=True)
    assert where(await done(doctor, plan, "evaluate", evaluation=[second, third])) == ("active", 1, "check")
    found = await said(anna, walk)
    by = {(each["code"]["coding"][0]["code"], each["performer"][0]["reference"]) for each in found}
    assert by == {
        ("goal-evaluation", "Patient/anna"),
        ("goal-attainment", "Patient/anna"),
        ("importance", "Patient/anna"),
        ("barriers", "Patient/anna"),
        ("goal-evaluation", "Practitioner/doctor"),
        ("goal-attainment", "Practitioner/doctor"),
    }
    assert all(each["basedOn"] == [{"reference": f"CarePlan/{plan}"}] for each in found)
    goal = await read(anna, "Goal", walk)
    assert goal["achievementStatus"]["coding"][0]["code"] == "improving"
    revision = await newest(anna, plan)
    assert phase_of(revision) == (4, 1, "check")
    assert revision["agent"][0]["who"] == {"reference": "Practitioner/doctor"}
    shown = [
        each["valueReference"]["reference"]
        for each in revision["extension"]
        if each["url"].endswith("/manifest") and "Observation" in each["valueReference"]["reference"]
    ]
    assert len(shown) == 7


async def test_a_professionals_word_leaves_the_goal_as_it_is(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    doctor = await professional(service)
    await done(doctor, plan, "evaluate", evaluation=part(goal=walk, achievement="achieved"))
    assert "achievementStatus" not in await read(anna, "Goal", walk)


async def test_a_score_alone_takes_a_word_before_it(anna: Caller, service: Service) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    alone = await event(anna, plan, "evaluate", evaluation=part(goal=walk, score=0))
    assert (alone.status_code, rules(alone)) == (422, ["plan-word-needed"])
    assert where(await read(anna, "CarePlan", plan))[2] == "do"
    await done(doctor, plan, "evaluate", evaluation=part(goal=walk, comment="Goed op weg"))
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, score=0))
    other = await event(anna, plan, "evaluate", evaluation=part(goal=sleep, score=0))
    assert rules(other) == ["plan-word-needed"]


async def test_what_an_evaluation_cannot_say_is_refused_with_nothing_written(anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    for given, rule in (
        (part(goal=walk, notDiscussed=True, achievement="achieved"), "plan-one-word"),
        (part(goal="elders", comment="x"), "plan-goal-not-in-plan"),
        ([part(goal=walk, comment="x"), part(goal=walk, comment="y")], "plan-goal-twice"),
        (part(goal=walk, comment="x", score=-3), "plan-score-beyond"),
        (part(goal=walk, comment="x", score=3, scale="gas-6"), "plan-score-beyond"),
        (part(goal=walk, comment="x", score=0, scale="gas-7"), "plan-scale-unknown"),
        (part(goal=walk, comment="x", importance=11), "plan-rating-beyond"),
        (part(goal=walk, achievement="prachtig"), "plan-achievement-unknown"),
        ([], "plan-word-needed"),
    ):
        answer = await event(anna, plan, "evaluate", evaluation=given)
        assert answer.status_code == 422, answer.text
        assert rules(answer) == [rule]
    both = [part(goal=walk, achievement="prachtig", confidence=11), part(goal=sleep, comment="x", score=-9)]
    answer = await event(anna, plan, "evaluate", evaluation=both)
    assert rules(answer) == ["plan-achievement-unknown", "plan-rating-beyond", "plan-score-beyond"]
    assert [each["expression"] for each in issues(answer)] == [
        ["evaluation[0].achievement"],
        ["evaluation[0].confidence"],
        ["evaluation[1].score"],
    ]
    assert await said(anna, walk) == []
    assert phase_of(await newest(anna, plan))[0] == 2


async def test_the_dutch_scale_goes_to_decline(anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x", score=-3, scale="gas-6"))
    scores = [each for each in await said(anna, walk) if "valueInteger" in each]
    assert [each["valueInteger"] for each in scores] == [-3]


async def test_deciding_about_all_begins_the_next_cycle_and_its_revision_is_of_act(anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="Gelukt"))
    both = [part(goal=walk, decision="achieved"), part(goal=sleep, decision="stop", reason="Past nu niet")]
    after = await done(anna, plan, "decide", decision=both)
    assert where(after) == ("active", 2, "plan")
    revision = await newest(anna, plan)
    assert phase_of(revision) == (4, 1, "act")
    reached, stopped = await read(anna, "Goal", walk), await read(anna, "Goal", sleep)
    assert reached["lifecycleStatus"] == "completed"
    assert reached["achievementStatus"]["coding"][0]["code"] == "achieved"
    assert (stopped["lifecycleStatus"], stopped["statusReason"]) == ("cancelled", "Past nu niet")


async def test_decisions_of_several_calls_count_together(anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x"))
    first = await done(anna, plan, "decide", decision=part(goal=walk, decision="adjust", reason="Minder ver"))
    assert where(first) == ("active", 1, "act")
    goal = await read(anna, "Goal", walk)
    changed = await anna.put(f"/Goal/{walk}", {**goal, "description": {"text": "Een rondje om"}})
    assert changed.status_code == 200, changed.text
    after = await done(anna, plan, "decide", decision=part(goal=sleep, decision="continue"))
    assert where(after) == ("active", 2, "plan")
    assert where(await done(anna, plan, "agree")) == ("active", 2, "do")
    second = await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="y"))
    assert where(second) == ("active", 2, "check")
    third = await done(anna, plan, "decide", decision=part(goal=sleep, decision="continue"))
    assert where(third) == ("active", 2, "act"), "what was decided in the cycle before does not count"


async def test_what_was_decided_before_the_plan_was_opened_again_does_not_count(anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x"))
    await done(anna, plan, "decide", decision=part(goal=walk, decision="continue"))
    assert where(await done(anna, plan, "revise", reason="life")) == ("active", 1, "plan")
    await done(anna, plan, "agree")
    await done(anna, plan, "evaluate", evaluation=part(goal=sleep, comment="x"))
    after = await done(anna, plan, "decide", decision=part(goal=sleep, decision="continue"))
    assert where(after) == ("active", 1, "act")


async def test_what_was_not_discussed_continues(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    words = [part(goal=walk, comment="Goed"), part(goal=sleep, notDiscussed=True)]
    await done(doctor, plan, "evaluate", evaluation=words)
    after = await done(anna, plan, "decide", decision=part(goal=walk, decision="continue"))
    assert where(after) == ("active", 2, "plan")
    decided = [each for each in (await newest(anna, plan))["extension"] if each["url"].endswith("goal-decision")]
    assert {each["extension"][0]["valueReference"]["reference"] for each in decided} == {
        f"Goal/{walk}",
        f"Goal/{sleep}",
    }


async def test_what_was_discussed_by_one_side_does_not_just_continue(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    words = [part(goal=walk, comment="Goed"), part(goal=sleep, notDiscussed=True)]
    await done(doctor, plan, "evaluate", evaluation=words)
    await done(anna, plan, "evaluate", evaluation=part(goal=sleep, comment="Toch slecht"))
    after = await done(anna, plan, "decide", decision=part(goal=walk, decision="continue"))
    assert where(after) == ("active", 1, "act")


async def test_a_goal_that_is_proposed_only_waits_for_the_next_agreement(anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    await done(anna, journey.plan, "agree", nextReview=LATER)
    await journey.add_goal("Zwemmen")
    await done(anna, journey.plan, "evaluate", evaluation=part(goal=journey.goal, comment="x"))
    after = await done(anna, journey.plan, "decide", decision=part(goal=journey.goal, decision="continue"))
    assert where(after) == ("active", 2, "plan")


async def test_a_decision_is_refused_that_is_none(anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    early = await event(anna, plan, "decide", decision=part(goal=walk, decision="continue"))
    assert rules(early) == ["plan-wrong-phase"]
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x"))
    for given, rule in (
        (part(goal=walk, decision="stop"), "plan-stop-reason-needed"),
        (part(goal=walk, decision="misschien"), "plan-decision-needed"),
        (part(goal="elders", decision="continue"), "plan-goal-not-in-plan"),
        ([], "plan-decision-needed"),
    ):
        answer = await event(anna, plan, "decide", decision=given)
        assert (answer.status_code, rules(answer)) == (422, [rule])


async def test_on_the_day_of_the_review_it_can_be_decided(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    day = local_date(service.server.clock()).isoformat()
    await done(anna, journey.plan, "agree", nextReview=day)
    after = await done(anna, journey.plan, "decide", decision=part(goal=journey.goal, decision="continue"))
    assert where(after) == ("active", 2, "plan")
    assert not any(part["url"] == "nextReview" for part in after["extension"][0]["extension"])


async def test_a_professional_records_by_word_of_mouth_and_the_person_objects(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    doctor = await professional(service)
    own = await event(doctor, journey.plan, "agree", nextReview=LATER)
    assert rules(own) == ["plan-by-mouth"]
    assert where(await done(doctor, journey.plan, "agree", nextReview=LATER, **MOUTH))[2] == "do"
    tasks = await anna.bundle(f"/Task?patient=anna&focus=CarePlan/{journey.plan}")
    (task,) = [each["resource"] for each in tasks["entry"]]
    assert task["code"]["coding"][0]["code"] == "word-of-mouth"
    assert task["status"] == "requested"
    assert task["description"].startswith(
        "Een zorgverlener heeft vastgelegd dat u het plan samen hebt afgesproken: 20 november 2024, aan de telefoon;"
        " erbij was: Anna en de praktijkondersteuner. Klopt dat niet?"
    )
    shown = task["input"][0]["valueReference"]
    by_doctor = await event(doctor, journey.plan, "revise", objection=shown)
    assert rules(by_doctor) == ["plan-not-yours"]
    after = await done(anna, journey.plan, "revise", objection=shown, text="Dit heb ik niet gezegd")
    assert where(after) == ("active", 1, "plan")
    revision = await newest(anna, journey.plan)
    assert revision["reason"] == [
        {
            "coding": [{"system": f"{NAMES}/CodeSystem/revision-reason", "code": "error"}],
            "text": "Dit heb ik niet gezegd",
        }
    ]
    assert {"role": "source", "what": shown} in revision["entity"]
    assert (await read(anna, "Task", task["id"]))["status"] == "rejected"


async def test_what_was_decided_by_word_of_mouth_is_shown_with_its_dutch_day(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x"))
    doctor = await professional(service)
    recorded = {"when": "2024-11-20T23:30:00Z", "how": "video", "present": [{"reference": "Practitioner/doctor"}]}
    await done(doctor, plan, "decide", decision=part(goal=walk, decision="continue"), **recorded)
    (task,) = (await anna.bundle("/Task?code=word-of-mouth"))["entry"]
    assert task["resource"]["description"].startswith(
        "Een zorgverlener heeft vastgelegd wat u samen hebt besloten over uw doelen: 21 november 2024, in een"
        " videogesprek. Klopt dat niet?"
    )
    (english,) = task["resource"]["_description"]["extension"]
    assert "about your goals: 21 November 2024, in a video call. Is that not right?" in str(english)


async def test_one_objects_to_what_was_recorded_by_mouth_only(anna: Caller) -> None:
    plan, _ = await agreed(anna)
    revision = await newest(anna, plan)
    for named in (f"Provenance/{revision['id']}", "Provenance/none", f"CarePlan/{plan}"):
        answer = await event(anna, plan, "revise", objection={"reference": named})
        assert rules(answer) == ["plan-not-by-mouth-said"]


async def test_a_decision_by_word_of_mouth_takes_the_right_to_add(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, comment="x"))
    reader = await professional(service, "rs")
    both = [part(goal=walk, decision="continue"), part(goal=sleep, decision="achieved")]
    assert (await event(reader, plan, "decide", decision=both, **MOUTH)).status_code == 403
    assert (await event(reader, plan, "evaluate", evaluation=part(goal=walk, comment="x"))).status_code == 403
    doctor = await professional(service)
    assert where(await done(doctor, plan, "decide", decision=both, **MOUTH)) == ("active", 2, "plan")
    assert (await read(anna, "Goal", sleep))["lifecycleStatus"] == "completed"


async def test_the_plan_is_opened_again_for_a_reason_by_either_side(service: Service, anna: Caller) -> None:
    plan, _ = await agreed(anna)
    doctor = await professional(service)
    assert rules(await event(anna, plan, "revise")) == ["plan-reason-needed"]
    assert rules(await event(anna, plan, "revise", reason="zin")) == ["plan-reason-needed"]
    assert where(await done(doctor, plan, "revise", reason="health")) == ("active", 1, "plan")
    assert (await newest(anna, plan))["reason"][0]["coding"][0]["code"] == "health"


async def test_a_plan_rests_and_goes_on_where_it_was(anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    plan = journey.plan
    assert rules(await event(anna, plan, "resume")) == ["plan-not-on-hold"]
    assert where(await done(anna, plan, "hold", text="Vakantie")) == ("on-hold", 1, "plan")
    assert rules(await event(anna, plan, "agree", nextReview=LATER)) == ["plan-on-hold"]
    assert where(await done(anna, plan, "resume")) == ("draft", 1, "plan")
    await done(anna, plan, "agree", nextReview=LATER)
    assert where(await done(anna, plan, "hold")) == ("on-hold", 1, "do")
    assert rules(await event(anna, plan, "hold")) == ["plan-on-hold"]
    assert where(await done(anna, plan, "resume")) == ("active", 1, "do")


async def test_a_closed_plan_is_read_only_with_its_goals_and_a_new_one_may_start(
    anna: Caller, service: Service
) -> None:
    plan, (walk, _) = await agreed(anna)
    assert rules(await event(anna, plan, "close")) == ["plan-close-as"]
    doctor = await professional(service)
    assert rules(await event(doctor, plan, "close", status="revoked")) == ["plan-not-yours"]
    assert where(await done(anna, plan, "close", status="completed"))[0] == "completed"
    goal = await read(anna, "Goal", walk)
    assert goal["lifecycleStatus"] == "active"
    assert rules(await anna.put(f"/Goal/{walk}", {**goal, "description": {"text": "Anders"}})) == ["plan-closed"]
    assert (await anna.delete(f"/Goal/{walk}")).status_code == 409
    whole = await read(anna, "CarePlan", plan)
    assert rules(await anna.put(f"/CarePlan/{plan}", {**whole, "title": "Anders"})) == ["plan-closed"]
    for name, given in (
        ("agree", {}),
        ("evaluate", {"evaluation": part(goal=walk, comment="x")}),
        ("decide", {"decision": part(goal=walk, decision="continue")}),
        ("revise", {"reason": "wish"}),
        ("hold", {}),
        ("resume", {}),
        ("close", {"status": "revoked"}),
    ):
        assert rules(await event(anna, plan, name, **given)) == ["plan-closed"], name
    again = await started(anna, "Nieuw begin")
    assert again.plan != plan
    assert rules(await anna.put(f"/Goal/{walk}", {**goal, "description": {"text": "Anders"}})) == ["plan-closed"]


async def test_who_is_overtaken_hears_what_changed_by_whom_and_when(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    old = await read(anna, "CarePlan", plan)
    doctor = await professional(service)
    titled = await anna.put(f"/CarePlan/{plan}", {**old, "title": "Mijn jaar"})
    assert titled.status_code == 200, titled.text
    await done(doctor, plan, "evaluate", evaluation=part(goal=walk, comment="x"))
    by_body = await anna.put(f"/CarePlan/{plan}", {**old, "title": "Anders"})
    match = {"if-match": f'W/"{old["meta"]["versionId"]}"'}
    by_header = await anna.put(f"/CarePlan/{plan}", {**old, "title": "Anders"}, match)
    by_operation = await anna.post(f"/CarePlan/{plan}/$hold", None, match)
    for answer in (by_body, by_header, by_operation):
        assert answer.status_code == 412, answer.text
        first, second, third = issues(answer)
        assert first["severity"] == "error"
        assert second["expression"] == ["CarePlan.title"]
        assert "by Patient/anna (change)" in second["diagnostics"]
        assert third["expression"] == [f"CarePlan.extension('{NAMES}/StructureDefinition/plan-cycle')"]
        assert "by Practitioner/doctor (evaluate)" in third["diagnostics"]
        assert "Mijn jaar" not in answer.text


async def test_a_stale_goal_is_told_too_and_nothing_of_what_may_not_be_read(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    goal = await read(anna, "Goal", walk)
    await done(anna, plan, "evaluate", evaluation=part(goal=walk, achievement="improving"))
    answer = await anna.put(f"/Goal/{walk}", goal)
    assert answer.status_code == 412
    assert issues(answer)[1]["expression"] == ["Goal.achievementStatus"]
    blind = await service.caller("anna-writer").put(f"/Goal/{walk}", goal)
    assert blind.status_code == 412
    assert "achievementStatus" not in blind.text
    assert "There are 1 more new versions" in blind.text


async def test_a_professional_proposes_goals_and_leaves_the_persons_words(service: Service, anna: Caller) -> None:
    plan, (walk, _) = await agreed(anna)
    doctor = await professional(service, "rscu")
    url = f"{NAMES}/StructureDefinition/proposed-for-plan"
    goal = {
        "resourceType": "Goal",
        "meta": {"profile": [f"{NAMES}/StructureDefinition/PlanGoal"]},
        "extension": [{"url": url, "valueReference": {"reference": f"CarePlan/{plan}"}}],
        "lifecycleStatus": "proposed",
        "description": {"text": "Bloeddruk onder 140"},
        "subject": {"reference": "Patient/anna"},
    }
    assert (await doctor.post("/Goal", goal)).status_code == 201
    assert rules(await doctor.post("/Goal", {**goal, "lifecycleStatus": "active"})) == ["plan-proposed-goal"]
    mine = await read(doctor, "Goal", walk)
    refused = await doctor.put(f"/Goal/{walk}", {**mine, "description": {"text": "Hardlopen"}})
    assert rules(refused) == ["plan-propose"]
    loose = {
        "resourceType": "Goal",
        "meta": {"profile": [f"{NAMES}/StructureDefinition/PersonalGoal"]},
        "lifecycleStatus": "proposed",
        "category": [{"coding": [{"system": f"{NAMES}/CodeSystem/goal-category", "code": "personal"}]}],
        "description": {"text": "Weer naar de markt"},
        "subject": {"reference": "Patient/anna"},
        "expressedBy": {"reference": "Patient/anna"},
    }
    own = await anna.create(loose)
    words = await doctor.put(f"/Goal/{own['id']}", {**own, "description": {"text": "Vaker bewegen"}})
    assert rules(words) == ["plan-personal-words"]
    assert decode((await doctor.put(f"/Goal/{own['id']}", {**own, "startDate": "2026-12-01"})).content)["startDate"]


async def test_what_comes_together_leaves_one_revision_each_without_a_gap(service: Service, anna: Caller) -> None:
    plan, (walk, sleep) = await agreed(anna)
    doctor = await professional(service)
    said_at_once = [
        event(who, plan, "evaluate", evaluation=part(goal=goal, comment="x", score=1))
        for who in (anna, doctor)
        for goal in (walk, sleep)
    ]
    answers = await asyncio.gather(*said_at_once)
    assert [each.status_code for each in answers] == [200] * 4
    assert phase_of(await newest(anna, plan)) == (6, 1, "check")
    both = [part(goal=goal, decision="continue") for goal in (walk, sleep)]
    decided = await asyncio.gather(*(event(anna, plan, "decide", decision=both) for _ in range(3)))
    assert sorted(each.status_code for each in decided) == [200, 422, 422]
    assert phase_of(await newest(anna, plan)) == (7, 1, "act")
