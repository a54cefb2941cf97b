"""``CarePlan/$propose``, ``$items``, ``$accept``, ``$reject`` and ``$retract``: what others want of the plan, answered
item by item by the person.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.fhir.resource import Resource, decode
from tests.careplan.proposing import (
    EXTENSION,
    Planned,
    activity,
    goal,
    got,
    items_of,
    part_of,
    planned,
    proposed,
    rules,
    value_of,
    wish,
)
from tests.careplan.turning import LATER, STILL_LATER, professional
from tests.server.grants import token_with
from tests.server.service import Caller, Service, codes, issues


async def test_a_professional_proposes_and_the_plan_stays_as_it_is(anna: Caller, service: Service) -> None:
    plan = await planned(anna)
    before, revisions = await plan.resource(), await plan.revisions()
    doctor = await professional(service)
    made = await plan.propose(
        doctor,
        proposal=wish(
            activity=[activity("", "Thuis meten") | {"id": "measure"}], note=[{"text": "Omdat het hoog was."}]
        ),
        goal=goal(),
        nextReview=LATER,
    )
    proposal = made.resource
    assert (proposal["status"], proposal["intent"]) == ("draft", "proposal")
    assert proposal["author"] == {"reference": "Practitioner/doctor"}
    assert proposal["basedOn"] == [{"reference": f"CarePlan/{plan.plan}"}]
    assert {item.partition(".")[0]: part_of(each, "kind") for item, each in made.items.items()} == {
        "goal": "added",
        "activity": "added",
        "next-review": "changed",
    }
    assert set((await made.states()).values()) == {"open"}
    assert await plan.resource() == before
    assert len(await plan.revisions()) == len(revisions)
    search = f"/CarePlan?based-on=CarePlan/{plan.plan}&intent=proposal&status=draft"
    assert await anna.found(search) == [made.id]


async def test_accepting_all_of_it_is_one_revision_that_names_both(anna: Caller, service: Service) -> None:
    plan = await planned(anna)
    made = await plan.propose(
        await professional(service),
        proposal=wish(activity=[activity("measure", "Thuis meten"), activity("walk", "Twee keer per dag een ommetje")]),
        goal=[goal(), goal("Meer wandelen", id=plan.goal)],
        title="Plan voor bloeddruk",
        note="Rustig aan",
        nextReview=LATER,
        remove="activity.read",
    )
    before = await plan.revisions()
    answer = await made.accept(reason="Goed idee")
    now = await plan.resource()
    assert value_of(answer, "return") == now
    assert now["title"] == "Plan voor bloeddruk"
    assert [each["text"] for each in now["note"]] == ["Rustig aan"]
    assert [each["id"] for each in now["activity"]] == ["walk", "measure"]
    assert now["activity"][0]["detail"]["description"] == "Twee keer per dag een ommetje"
    first, second = [each["reference"].partition("/")[2] for each in now["goal"]]
    assert first == plan.goal
    assert (await plan.resource("Goal", plan.goal))["description"]["text"] == "Meer wandelen"
    new = await plan.resource("Goal", second)
    assert (new["lifecycleStatus"], new["description"]["text"]) == ("active", "Bloeddruk onder 140")
    assert new["meta"]["profile"] == [f"{EXTENSION}/PlanGoal"]
    assert {"url": "origin", "valueCode": "professional"} in new["extension"][0]["extension"]
    after = await plan.revisions()
    assert len(after) == len(before) + 1
    revision = await plan.resource("Provenance", after[0]["id"])
    assert revision["activity"]["coding"][0]["code"] == "accept"
    assert revision["agent"][0]["who"] == {"reference": "Patient/anna"}
    assert revision["reason"] == [{"text": "Goed idee"}]
    (source,) = [each for each in revision["entity"] if each["role"] == "source"]
    assert source["what"] == {"reference": f"CarePlan/{made.id}/_history/1"}
    assert source["agent"][0]["who"] == {"reference": "Practitioner/doctor"}
    assert value_of(answer, "proposal")["status"] == "completed"
    assert set((await made.states()).values()) == {"accepted"}


async def test_a_part_is_accepted_now_and_a_part_rejected_later_with_a_reason_that_its_sender_reads(
    anna: Caller, service: Service
) -> None:
    plan = await planned(anna)
    doctor = await professional(service)
    made = await plan.propose(
        doctor,
        proposal=wish(activity=[activity("measure", "Thuis meten"), activity("diet", "Minder zout")]),
        nextReview=LATER,
    )
    answer = await made.accept("activity.measure")
    assert value_of(answer, "proposal")["status"] == "draft"
    assert await made.states() == {"activity.measure": "accepted", "activity.diet": "open", "next-review": "open"}
    assert [each["id"] for each in (await plan.resource())["activity"]] == ["walk", "read", "measure"]
    revisions = await plan.revisions()
    await made.reject("activity.diet", reason="Ik eet al zonder zout")
    answer = await made.reject(reason="Te laat")
    assert value_of(answer, "proposal")["status"] == "completed"
    assert len(await plan.revisions()) == len(revisions)
    listed = items_of(await got(doctor, f"/CarePlan/{made.id}/$items"))
    assert part_of(listed["activity.diet"], "state") == "rejected"
    assert part_of(listed["activity.diet"], "reason") == "Ik eet al zonder zout"
    assert part_of(listed["next-review"], "reason") == "Te laat"


async def test_a_proposal_of_which_nothing_was_wanted_is_revoked(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, nextReview=LATER)
    answer = await made.reject(reason="Nu niet")
    assert value_of(answer, "proposal")["status"] == "revoked"
    assert await made.states() == {"next-review": "rejected"}


async def test_words_only_are_answered_as_a_whole(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    revisions = await plan.revisions()
    made = await plan.propose(practice, reason="Zullen we in december samen naar het plan kijken?")
    assert made.items == {}
    answer = await made.accept(reason="Graag")
    assert value_of(answer, "proposal")["status"] == "completed"
    assert len(await plan.revisions()) == len(revisions)
    assert (await made.ask("accept")).status_code == 200
    refused = await made.ask("reject")
    assert (refused.status_code, rules(refused)) == (409, ["plan-item-answered"])


async def test_what_a_proposal_does_not_name_stays(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    await plan.change(addresses=[{"display": "Suikerziekte"}], note=[{"text": "Van mij"}])
    await plan.change_goal(target=[{"dueDate": "2027-01-01"}], note=[{"text": "Met Bello"}])
    made = await plan.propose(
        practice, proposal=wish(goal=[]), goal=goal("x", id=plan.goal) | {"description": {"text": "Ver wandelen"}}
    )
    assert list(made.items) == [f"goal.{plan.goal}"]
    before = await plan.resource()
    await made.accept()
    assert await plan.resource() == before
    now = await plan.resource("Goal", plan.goal)
    assert (now["target"], now["note"], now["lifecycleStatus"]) == (
        [{"dueDate": "2027-01-01"}],
        [{"text": "Met Bello"}],
        "active",
    )


async def test_accepting_twice_is_the_same_answer_and_another_answer_is_a_conflict(
    anna: Caller, practice: Caller
) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, nextReview=LATER)
    await made.accept("next-review")
    revisions = await plan.revisions()
    again = await made.accept("next-review")
    assert value_of(again, "return") == await plan.resource()
    await made.accept()
    assert len(await plan.revisions()) == len(revisions)
    refused = await made.ask("reject", "next-review")
    assert (refused.status_code, rules(refused)) == (409, ["plan-item-answered"])


async def test_two_people_who_accept_at_once_make_one_revision(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, proposal=wish(activity=[activity("measure", "Thuis meten")]))
    revisions = await plan.revisions()
    answers = await asyncio.gather(*(made.ask("accept") for _ in range(4)))
    assert [each.status_code for each in answers] == [200] * 4
    assert len(await plan.revisions()) == len(revisions) + 1
    assert [each["id"] for each in (await plan.resource())["activity"]] == ["walk", "read", "measure"]


async def test_who_accepts_and_who_rejects_at_once_do_not_both_have_it(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, proposal=wish(activity=[activity("measure", "Thuis meten")]))
    answers = await asyncio.gather(made.ask("accept"), made.ask("reject"))
    assert sorted(each.status_code for each in answers) == [200, 409]
    taken = answers[0].status_code == 200
    assert ("measure" in [each["id"] for each in (await plan.resource())["activity"]]) == taken


async def test_an_item_that_no_longer_fits_is_told_and_the_others_can_be_accepted(
    anna: Caller, practice: Caller
) -> None:
    plan = await planned(anna)
    made = await plan.propose(
        practice,
        proposal=wish(activity=[activity("walk", "Twee ommetjes"), activity("read", "Voorlezen")]),
        goal=goal("Ver wandelen", id=plan.goal),
        title="Ander plan",
    )
    await plan.change(title="Mijn eigen plan", activity=[activity("walk", "Elke dag een ommetje")])
    assert await made.states(anna) == {
        f"goal.{plan.goal}": "open",
        "activity.walk": "open",
        "activity.read": "conflict",
        "title": "conflict",
    }
    before, revisions = await plan.resource(), await plan.revisions()
    refused = await made.ask("accept")
    assert refused.status_code == 409
    assert sorted(rules(refused)) == ["plan-activity-gone", "plan-item-changed"]
    assert await plan.resource() == before
    answer = await made.accept("activity.walk", f"goal.{plan.goal}")
    assert value_of(answer, "proposal")["status"] == "draft"
    now = await plan.resource()
    assert now["title"] == "Mijn eigen plan"
    assert [each["detail"]["description"] for each in now["activity"]] == ["Twee ommetjes"]
    assert len(await plan.revisions()) == len(revisions) + 1
    answer = await made.reject()
    assert value_of(answer, "proposal")["status"] == "completed"


async def test_a_goal_that_was_changed_elsewhere_takes_the_elements_that_are_proposed(
    anna: Caller, practice: Caller
) -> None:
    plan = await planned(anna)
    made = await plan.propose(
        practice,
        goal=goal("x", id=plan.goal, target=[{"dueDate": "2027-03-01"}])
        | {"description": {"text": "Weer met de hond wandelen"}},
    )
    await plan.change_goal(note=[{"text": "Samen met Bram"}])
    await made.accept()
    now = await plan.resource("Goal", plan.goal)
    assert (now["target"], now["note"]) == ([{"dueDate": "2027-03-01"}], [{"text": "Samen met Bram"}])


async def test_what_is_in_the_plan_already_is_done_and_writes_no_revision(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, title="Zelfde plan")
    await plan.change(title="Zelfde plan")
    assert await made.states() == {"title": "done"}
    revisions = await plan.revisions()
    answer = await made.accept()
    assert value_of(answer, "proposal")["status"] == "completed"
    assert len(await plan.revisions()) == len(revisions)


async def test_an_activity_goes_with_the_new_goal_that_it_serves(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    new = {**goal(), "id": "pressure"}
    serves = activity("measure", "Thuis meten", goal=[{"reference": "#pressure"}])

    def sent() -> Resource:
        return wish(contained=[new], goal=[{"reference": "#pressure"}], activity=[serves])

    made = await plan.propose(practice, proposal=sent())
    refused = await made.ask("accept", "activity.measure")
    assert (refused.status_code, rules(refused)) == (422, ["plan-item-needs"])
    await made.accept("activity.measure", made.item("goal"))
    now = await plan.resource()
    assert now["activity"][-1]["detail"]["goal"] == [now["goal"][-1]]
    assert (await plan.resource("Goal", now["goal"][-1]["reference"].partition("/")[2]))["id"]
    other = await plan.propose(
        practice,
        proposal=wish(
            contained=[new],
            goal=[{"reference": "#pressure"}],
            activity=[activity("salt", "Minder zout", goal=[{"reference": "#pressure"}])],
        ),
    )
    await other.reject(other.item("goal"))
    await other.accept("activity.salt")
    assert "goal" not in (await plan.resource())["activity"][-1]["detail"]


async def test_a_goal_is_stopped_by_a_proposal_with_its_reason(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    stopped = goal("x", id=plan.goal, lifecycleStatus="cancelled", statusReason="Knie")
    refused = await proposed(practice, plan.plan, remove=f"goal.{plan.goal}")
    assert (refused.status_code, rules(refused)) == (422, ["plan-not-removable"])
    made = await plan.propose(practice, goal=stopped | {"description": {"text": "Weer met de hond wandelen"}})
    await made.accept()
    assert (await plan.resource("Goal", plan.goal))["lifecycleStatus"] == "cancelled"


async def test_an_element_of_a_goal_and_of_an_activity_is_taken_out_by_name(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    await plan.change_goal(target=[{"dueDate": "2027-01-01"}])
    held = (await plan.resource())["activity"]
    held[0]["detail"]["scheduledString"] = "'s ochtends"
    await plan.change(activity=held)
    made = await plan.propose(
        practice, remove=[f"goal.{plan.goal}#target", "activity.walk#detail.scheduledString", "title"]
    )
    assert set(made.items) == {f"goal.{plan.goal}", "activity.walk", "title"}
    await made.accept()
    now = await plan.resource()
    assert "title" not in now
    assert "scheduledString" not in now["activity"][0]["detail"]
    assert "target" not in await plan.resource("Goal", plan.goal)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"remove": "activity.nowhere"}, "plan-item-unknown"),
        ({"remove": "status"}, "plan-not-removable"),
        ({"remove": "activity.walk#detail.status"}, "plan-not-removable"),
        ({"proposal": wish()}, "plan-proposes-nothing"),
        ({"proposal": wish(activity=[activity("walk", "Elke dag een ommetje")])}, "plan-proposes-nothing"),
        ({"proposal": wish(goal=[{"reference": "Goal/nowhere"}])}, "plan-goal-unknown"),
        (
            {
                "proposal": wish(
                    contained=[{"resourceType": "Patient", "id": "p"}], supportingInfo=[{"reference": "#p"}]
                )
            },
            "plan-contained-kinds",
        ),
        ({"proposal": wish(activity=[activity("a", "Een"), activity("a", "Twee")])}, "plan-activity-twice"),
        ({"goal": goal(lifecycleStatus="active")}, "plan-new-goal-proposed"),
    ],
)
async def test_what_cannot_be_proposed_is_refused_by_its_rule(
    anna: Caller, practice: Caller, values: dict[str, Any], rule: str
) -> None:
    plan = await planned(anna)
    answer = await proposed(practice, plan.plan, **values)
    assert answer.status_code == 422, answer.text
    assert rule in rules(answer), answer.text
    assert "error" in {each["severity"] for each in issues(answer)}
    assert await anna.found(f"/CarePlan?based-on=CarePlan/{plan.plan}") == []


async def test_what_the_plan_could_not_take_over_cannot_be_proposed(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    for given in (
        {"proposal": wish(activity=[{"id": "empty", "detail": {"status": "scheduled"}}])},
        {"goal": goal("x", id=plan.goal, lifecycleStatus="cancelled")},
        {"goal": goal(description={"coding": [{"code": "x"}]})},
        {"proposal": wish(goal={"reference": "Goal/x"})},
        {"proposal": wish(activity=["walk"])},
    ):
        answer = await proposed(practice, plan.plan, **given)
        assert answer.status_code in (400, 422), answer.text
    assert await anna.found(f"/CarePlan?based-on=CarePlan/{plan.plan}") == []


async def test_a_proposal_is_the_body_itself_or_a_parameter(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    answer = await practice.post(
        f"/CarePlan/{plan.plan}/$propose", wish(activity=[activity("measure", "Thuis meten")], status="active")
    )
    assert answer.status_code == 201, answer.text
    assert value_of(decode(answer.content), "return")["status"] == "draft"
    assert answer.headers["location"].split("/CarePlan/")[1].endswith("/_history/1")


async def test_who_knows_an_older_plan_is_told_so_when_they_ask_for_that(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    known = (await plan.resource())["meta"]["versionId"]
    await plan.change(title="Anders")
    answer = await proposed(practice, plan.plan, {"if-match": f'W/"{known}"'}, nextReview=LATER)
    assert answer.status_code == 412


async def test_the_sender_takes_a_proposal_back_and_nobody_else_does(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    doctor = await professional(service)
    made = await plan.propose(doctor, nextReview=LATER, title="Ander plan")
    await made.accept("title")
    refused = await made.ask("retract", caller=practice)
    assert (refused.status_code, rules(refused)) == (422, ["plan-not-own-proposal"])
    answer = await made.ask("retract", caller=doctor, reason="Toch niet nodig")
    assert answer.status_code == 200, answer.text
    found = decode(answer.content)
    assert value_of(found, "proposal")["status"] == "completed"
    assert await made.states() == {"next-review": "withdrawn", "title": "accepted"}
    refused = await made.ask("accept", "next-review")
    assert (refused.status_code, rules(refused)) == (409, ["plan-item-answered"])
    assert (await made.ask("retract", caller=doctor)).status_code == 409


async def test_another_proposal_takes_the_place_of_an_earlier_one_of_ones_own(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    doctor = await professional(service)
    first = await plan.propose(doctor, nextReview=LATER)
    refused = await proposed(practice, plan.plan, nextReview=STILL_LATER, replaces=first.id)
    assert (refused.status_code, rules(refused)) == (422, ["plan-not-own-proposal"])
    second = await plan.propose(doctor, nextReview=STILL_LATER, replaces=first.id)
    assert second.resource["replaces"] == [{"reference": f"CarePlan/{first.id}"}]
    assert (await plan.resource("CarePlan", first.id))["status"] == "revoked"
    assert await anna.found(f"/CarePlan?based-on=CarePlan/{plan.plan}&status=draft") == [second.id]


async def test_a_closed_plan_takes_no_proposal_and_accepts_none(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, nextReview=LATER)
    body = {"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "completed"}]}
    answer = await anna.post(f"/CarePlan/{plan.plan}/$close", body)
    assert answer.status_code == 200, answer.text
    refused = await proposed(practice, plan.plan, nextReview=STILL_LATER)
    assert (refused.status_code, rules(refused)) == (422, ["plan-closed"])
    refused = await made.ask("accept")
    assert (refused.status_code, rules(refused)) == (422, ["plan-closed"])
    answer = await made.ask("reject")
    assert answer.status_code == 200, answer.text


async def test_a_plan_on_hold_takes_a_proposal_and_accepts_it_once_it_goes_on(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    empty = {"resourceType": "Parameters"}
    assert (await anna.post(f"/CarePlan/{plan.plan}/$hold", empty)).status_code == 200
    made = await plan.propose(practice, nextReview=LATER)
    refused = await made.ask("accept")
    assert (refused.status_code, rules(refused)) == (422, ["plan-on-hold"])
    assert (await anna.post(f"/CarePlan/{plan.plan}/$resume", empty)).status_code == 200
    await made.accept()


async def test_the_words_of_a_personal_goal_become_others_only_when_the_person_accepts_them(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, goal=goal("Elke dag wandelen", id=plan.goal))
    for other in (practice, await professional(service)):
        refused = await made.ask("accept", caller=other)
        assert refused.status_code in (403, 422), refused.text
    assert (await plan.resource("Goal", plan.goal))["description"]["text"] == "Weer met de hond wandelen"
    await made.accept()
    now = await plan.resource("Goal", plan.goal)
    assert now["description"]["text"] == "Elke dag wandelen"
    assert now["meta"]["profile"] == [f"{EXTENSION}/PersonalGoal"]


async def test_in_the_phase_plan_a_goal_is_accepted_and_becomes_active_when_the_plan_is_agreed(
    anna: Caller, practice: Caller
) -> None:
    plan = await planned(anna, agreed=False)
    made = await plan.propose(practice, goal=goal())
    await made.accept()
    new = (await plan.resource())["goal"][-1]["reference"].partition("/")[2]
    assert (await plan.resource("Goal", new))["lifecycleStatus"] == "accepted"
    assert (await anna.post(f"/CarePlan/{plan.plan}/$agree", {"resourceType": "Parameters"})).status_code == 200
    assert (await plan.resource("Goal", new))["lifecycleStatus"] == "active"


async def test_a_day_to_look_back_that_has_passed_is_not_accepted(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, nextReview="2020-01-01")
    refused = await made.ask("accept")
    assert (refused.status_code, rules(refused)) == (422, ["plan-review-needed"])


def beside(plan: Planned, **elements: Any) -> Resource:
    """A goal that is proposed by itself."""
    named = {"url": f"{EXTENSION}/proposed-for-plan", "valueReference": {"reference": f"CarePlan/{plan.plan}"}}
    return goal(meta={"tag": [{"code": "x"}]}, extension=[named], **elements)


async def test_a_goal_that_was_proposed_by_itself_enters_the_plan_when_it_is_accepted(
    anna: Caller, service: Service
) -> None:
    plan = await planned(anna)
    doctor = await professional(service)
    made = await doctor.create(beside(plan, expressedBy={"reference": "Practitioner/doctor"}))
    assert made["id"] not in str(await plan.resource())
    refused = await doctor.post(f"/Goal/{made['id']}/$accept", {"resourceType": "Parameters"})
    assert refused.status_code in (403, 422)
    for _ in range(2):
        answer = await anna.post(f"/Goal/{made['id']}/$accept", {"resourceType": "Parameters"})
        assert answer.status_code == 200, answer.text
    now = await plan.resource()
    assert now["goal"][-1] == {"reference": f"Goal/{made['id']}"}
    assert (await plan.resource("Goal", made["id"]))["lifecycleStatus"] == "active"
    newest, *rest = await plan.revisions()
    revision = await plan.resource("Provenance", newest["id"])
    assert revision["activity"]["coding"][0]["code"] == "accept"
    (source,) = [each for each in revision["entity"] if each["role"] == "source"]
    assert source["what"] == {"reference": f"Goal/{made['id']}/_history/1"}
    assert source["agent"][0]["who"] == {"reference": "Practitioner/doctor"}
    assert len(rest) == 3
    refused = await anna.post(f"/Goal/{made['id']}/$reject", {"resourceType": "Parameters"})
    assert (refused.status_code, rules(refused)) == (409, ["plan-item-answered"])


async def test_a_goal_that_was_proposed_by_itself_is_rejected_with_a_reason(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await practice.create(beside(plan))
    revisions = await plan.revisions()
    body = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "Liever niet"}]}
    for _ in range(2):
        answer = await anna.post(f"/Goal/{made['id']}/$reject", body)
        assert answer.status_code == 200, answer.text
    found = await got(practice, f"/Goal/{made['id']}")
    assert (found["lifecycleStatus"], found["statusReason"]) == ("rejected", "Liever niet")
    assert len(await plan.revisions()) == len(revisions)
    refused = await anna.post(f"/Goal/{made['id']}/$accept", body)
    assert (refused.status_code, rules(refused)) == (409, ["plan-goal-gone"])


async def test_a_proposal_may_refer_to_a_goal_that_was_proposed_by_itself(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    first, second = await practice.create(beside(plan)), await practice.create(beside(plan))
    refers = [{"reference": f"Goal/{plan.goal}"}, *({"reference": f"Goal/{each['id']}"} for each in (first, second))]
    made = await plan.propose(practice, proposal=wish(goal=refers))
    assert set(made.items) == {f"goal.{first['id']}", f"goal.{second['id']}"}
    await made.accept(f"goal.{first['id']}")
    assert (await plan.resource("Goal", first["id"]))["lifecycleStatus"] == "active"
    await made.reject(f"goal.{second['id']}", reason="Eén is genoeg")
    assert (await plan.resource("Goal", second["id"]))["lifecycleStatus"] == "rejected"
    assert len((await plan.resource())["goal"]) == 2


async def test_a_goal_that_nobody_proposed_for_a_plan_cannot_be_accepted(anna: Caller) -> None:
    await planned(anna)
    other = await anna.create(goal())
    answer = await anna.post(f"/Goal/{other['id']}/$accept", {"resourceType": "Parameters"})
    assert (answer.status_code, codes(answer)) == (404, ["business-rule"])


async def test_there_is_no_other_door_to_a_proposal(anna: Caller, practice: Caller, service: Service) -> None:
    plan = await planned(anna)
    for caller in (anna, practice, await professional(service)):
        for claims in ({}, {"meta": {"profile": [f"{EXTENSION}/PlanProposal"]}}):
            body = wish(
                basedOn=[{"reference": f"CarePlan/{plan.plan}"}],
                description="Iets",
                author={"reference": "Patient/anna"},
                **claims,
            )
            refused = await caller.post("/CarePlan", body)
            assert (refused.status_code, rules(refused)) == (422, ["plan-propose-only"]), refused.text
    made = await plan.propose(practice, nextReview=LATER)
    stored = await plan.resource("CarePlan", made.id)
    for change in ({"status": "completed"}, {"meta": {"tag": [{"code": "x"}]}}, {"title": "Anders"}):
        refused = await practice.put(f"/CarePlan/{made.id}", {**stored, **change})
        assert (refused.status_code, rules(refused)) == (422, ["plan-proposal-by-operation"]), refused.text
    patch = b'[{"op": "replace", "path": "/status", "value": "completed"}]'
    refused = await anna.send("PATCH", f"/CarePlan/{made.id}", patch, {"content-type": "application/json-patch+json"})
    assert (refused.status_code, rules(refused)) == (422, ["plan-proposal-by-operation"])
    refused = await anna.delete(f"/CarePlan/{made.id}")
    assert refused.status_code == 409
    assert "$retract" in refused.text
    assert await plan.resource("CarePlan", made.id) == stored


async def test_a_proposal_of_another_plan_lands_beside_as_any_other_care_plan(anna: Caller, practice: Caller) -> None:
    await planned(anna)
    other = await practice.create(wish(description="Van elders", basedOn=[{"display": "Een ander plan"}]))
    assert (await got(anna, f"/CarePlan/{other['id']}"))["intent"] == "proposal"


async def test_operations_of_proposals_know_proposals_only(anna: Caller, bram: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    for verb in ("accept", "reject", "retract"):
        answer = await anna.post(f"/CarePlan/{plan.plan}/${verb}", {"resourceType": "Parameters"})
        assert (answer.status_code, codes(answer)) == (404, ["business-rule"])
    assert (await anna.get(f"/CarePlan/{plan.plan}/$items")).status_code == 404
    made = await plan.propose(practice, nextReview=LATER)
    assert (await proposed(practice, made.id, nextReview=LATER)).status_code == 404
    for verb in ("accept", "reject", "retract"):
        assert (await made.ask(verb, caller=bram)).status_code == 404
    assert (await bram.get(f"/CarePlan/{made.id}/$items")).status_code == 404


async def test_unknown_items_are_named(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, nextReview=LATER)
    refused = await made.ask("accept", "next-review", "goal.x", "title")
    assert (refused.status_code, rules(refused)) == (422, ["plan-item-unknown"] * 2)
    assert "goal.x" in refused.text


async def test_items_have_a_sentence_in_both_languages_and_what_was_and_would_be(
    anna: Caller, practice: Caller
) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, goal=goal(), proposal=wish(activity=[activity("walk", "Twee ommetjes")]))
    walk = made.items["activity.walk"]
    element = next(each for each in walk["part"] if each["name"] == "element")
    assert (part_of(element, "before"), part_of(element, "after")) == ("Elke dag een ommetje", "Twee ommetjes")
    assert part_of(element, "path") == "CarePlan.activity.where(id='walk').detail.description"
    new = made.items[made.item("goal")]
    after = next(each["resource"] for each in new["part"] if each["name"] == "after")
    assert after["description"]["text"] == "Bloeddruk onder 140"
    english = await practice.get(f"/CarePlan/{made.id}/$items", {"accept-language": "en"})
    dutch = await practice.get(f"/CarePlan/{made.id}/$items", {"accept-language": "nl"})
    said = [part_of(items_of(decode(each.content))["activity.walk"], "sentence") for each in (english, dutch)]
    assert said == [
        "Agreement ‘Elke dag een ommetje’ became ‘Twee ommetjes’.",
        "Afspraak ‘Elke dag een ommetje’ werd ‘Twee ommetjes’.",
    ]


async def test_who_proposed_a_goal_by_itself_takes_it_back_and_nobody_else_does(
    anna: Caller, bram: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    doctor = await professional(service)
    made = await doctor.create(beside(plan))
    for verb in ("accept", "reject", "retract"):
        assert (await bram.post(f"/Goal/{made['id']}/${verb}", {"resourceType": "Parameters"})).status_code == 404
    body = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "Toch niet"}]}
    for other in (practice, anna):
        refused = await other.post(f"/Goal/{made['id']}/$retract", body)
        assert (refused.status_code, rules(refused)) == (422, ["plan-not-own-proposal"])
    answer = await doctor.post(f"/Goal/{made['id']}/$retract", body)
    assert answer.status_code == 200, answer.text
    found = await plan.resource("Goal", made["id"])
    assert (found["lifecycleStatus"], found["statusReason"]) == ("cancelled", "Toch niet")
    refused = await anna.post(f"/Goal/{made['id']}/$accept", {"resourceType": "Parameters"})
    assert (refused.status_code, rules(refused)) == (409, ["plan-goal-gone"])
    assert (await doctor.post(f"/Goal/{made['id']}/$retract", body)).status_code == 409


async def test_who_changes_the_plan_while_a_proposal_is_accepted_loses_nothing(anna: Caller, practice: Caller) -> None:
    plan = await planned(anna)
    made = await plan.propose(
        practice, proposal=wish(activity=[activity("measure", "Thuis meten")]), title="Ander plan"
    )
    held = await plan.resource()
    changed = {**held, "note": [{"text": "Van mij"}]}
    answer, other = await asyncio.gather(made.ask("accept"), anna.put(f"/CarePlan/{plan.plan}", changed))
    assert answer.status_code == 200, answer.text
    assert other.status_code in (200, 412), other.text
    now = await plan.resource()
    assert [each["id"] for each in now["activity"]] == ["walk", "read", "measure"]
    assert ("note" in now) == (other.status_code == 200)


async def test_a_token_that_may_not_write_goals_accepts_no_goal(
    anna: Caller, practice: Caller, service: Service
) -> None:
    plan = await planned(anna)
    made = await plan.propose(practice, goal=goal(), title="Ander plan")
    facts: dict[str, Any] = {"purpose": "own-use", "kind": "app", "client": "dagboek", "fhir_user": "Patient/anna"}
    app = await token_with(service, "patient/CarePlan.cruds patient/Goal.rus patient/Patient.rs", "anna", **facts)
    assert (await made.ask("accept", made.item("goal"), caller=app)).status_code == 403
    assert (await made.ask("accept", "title", caller=app)).status_code == 200
    assert (await made.ask("reject", made.item("goal"), caller=app)).status_code == 200
