"""What a plan holds has an end: texts, the day to look back. Its days are those of the Netherlands, and it says by whom
and when it was begun, and nothing twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.clock import system_clock
from app.fhir.dates import local_date, to_microseconds
from app.fhir.resource import Resource, encode
from app.server.access import actions_of
from tests import builders
from tests.careplan.actors import CARE, actor
from tests.careplan.histories import AGREEMENT, NAMES, started
from tests.careplan.turning import LATER, done, event, newest, parameters, part, phase_of, read, rules, where
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues

MOST = 10_000
PATCH = {"content-type": "application/json-patch+json"}


def past_midnight() -> int:
    """A moment (µs) soon that is a day later in the Netherlands than it is in UTC."""
    day = datetime.now(UTC) + timedelta(days=1)
    return to_microseconds(day.replace(hour=23, minute=30, second=0, microsecond=0))


async def test_the_days_of_a_plan_are_dutch(
    service: Service, anna: Caller, practice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = past_midnight()
    today = local_date(now).isoformat()
    monkeypatch.setattr("app.clock.time.time_ns", lambda: now * 1000)
    assert service.server.clock() == now
    journey = await started(anna, "Wandelen", "Slapen")
    plan = await read(anna, "CarePlan", journey.plan)
    assert plan["created"] == today
    usual = await done(anna, journey.plan, "agree")
    cycle = {each["url"]: each for each in usual["extension"][0]["extension"]}
    assert cycle["nextReview"]["valueDate"] == (local_date(now) + timedelta(days=91)).isoformat()
    walk, sleep = (each["reference"].rpartition("/")[2] for each in plan["goal"])
    assert (await read(anna, "Goal", walk))["statusDate"] == today
    await done(anna, journey.plan, "revise", reason="wish")
    yesterday = (local_date(now) - timedelta(days=1)).isoformat()
    refused = await event(anna, journey.plan, "agree", nextReview=yesterday)
    assert rules(refused) == ["plan-review-needed"], "in UTC it is still that day"
    await done(anna, journey.plan, "agree", nextReview=today)
    wishes = [part(goal=walk, decision="achieved"), part(goal=sleep, decision="stop", reason="Past niet")]
    await done(anna, journey.plan, "decide", decision=wishes)
    assert {(await read(anna, "Goal", each))["statusDate"] for each in (walk, sleep)} == {today}
    made = await practice.post(f"/CarePlan/{journey.plan}/$propose", parameters(title="Samen"))
    assert f'"created":"{today}"' in made.text


async def test_a_day_to_look_back_is_at_most_two_years_ahead(anna: Caller, practice: Caller) -> None:
    journey = await started(anna)
    today = local_date(system_clock())
    two_years_and_two_days = today + timedelta(days=2 * 365 + 1 + 2)  # two years have one leap day at most
    for late in ("2099-01-01", str(today.year + 3), two_years_and_two_days.isoformat()):
        refused = await event(anna, journey.plan, "agree", nextReview=late)
        assert (refused.status_code, rules(refused)) == (422, ["plan-review-too-late"]), late
        (said,) = issues(refused)
        assert "Look back on" in said["diagnostics"]
        assert "Kijk uiterlijk op" in said["diagnostics"]
    proposed = await practice.post(f"/CarePlan/{journey.plan}/$propose", parameters(nextReview="2099-01-01"))
    assert (proposed.status_code, rules(proposed)) == (422, ["plan-review-too-late"])
    assert where(await done(anna, journey.plan, "agree", nextReview=LATER))[2] == "do"


async def test_a_text_is_as_long_as_somebody_reads_whatever_door_it_comes_by(anna: Caller, practice: Caller) -> None:
    journey = await started(anna, "Wandelen")
    long, plan, goal = "a" * (MOST + 1), journey.plan, journey.goal
    stored = await read(anna, "CarePlan", plan)
    answers = [
        await anna.put(f"/CarePlan/{plan}", {**stored, "note": [{"text": long}]}),
        await anna.put(f"/Goal/{goal}", {**await read(anna, "Goal", goal), "description": {"text": long}}),
        await event(anna, plan, "revise", reason="wish", text=long),
        await practice.post(f"/CarePlan/{plan}/$propose", parameters(note="a" * 200_000)),
        await practice.post(f"/CarePlan/{plan}/$propose", parameters(title="Kort", reason=long)),
    ]
    await done(anna, plan, "agree", nextReview=LATER)
    answers += [
        await event(anna, plan, "evaluate", evaluation=part(goal=goal, comment=long)),
        await event(practice, plan, "evaluate", evaluation=part(goal=goal, comment="Goed", barriers=long)),
    ]
    await done(anna, plan, "evaluate", evaluation=part(goal=goal, comment="a" * MOST))
    answers.append(await event(anna, plan, "decide", decision=part(goal=goal, decision="stop", reason=long)))
    made = await practice.post(f"/CarePlan/{plan}/$propose", parameters(title="Kort"))
    proposal = made.headers["location"].split("/CarePlan/")[1].partition("/")[0]
    answers += [
        await anna.post(f"/CarePlan/{proposal}/${each}", parameters(reason=long)) for each in ("accept", "reject")
    ]
    for number, answer in enumerate(answers):
        assert answer.status_code == 422, (number, answer.text[:500])
        assert set(rules(answer)) == {"plan-text-too-long"}, number
        said = issues(answer)[0]
        assert said["expression"], number
        assert "aaaa" not in answer.text, "what somebody wrote is not repeated"
        assert "at most 10000 characters" in said["diagnostics"]
        assert "ten hoogste 10000 tekens" in said["diagnostics"]
    assert (await read(anna, "CarePlan", plan)).get("note") is None


async def test_what_changes_nothing_makes_no_version_and_no_revision(anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    stored = await read(anna, "CarePlan", journey.plan)
    again = await anna.put(f"/CarePlan/{journey.plan}", stored)
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')
    assert again.content == (await anna.get(f"/CarePlan/{journey.plan}")).content
    same = encode([{"op": "replace", "path": "/status", "value": "draft"}])
    patched = await anna.send("PATCH", f"/CarePlan/{journey.plan}", same, PATCH)
    assert (patched.status_code, patched.headers["etag"]) == (200, 'W/"1"')
    goal = await read(anna, "Goal", journey.goal)
    bundle = builders.transaction(builders.put(stored), builders.put({**goal, "startDate": "2026-01-01"}))
    assert (await anna.post("", bundle)).status_code == 200
    revision = await newest(anna, journey.plan)
    assert phase_of(revision)[0] == 2
    written = [each["reference"] for each in revision["target"]]
    assert written == [f"Goal/{journey.goal}/_history/2", "Patient/anna"]
    assert (await anna.bundle(f"/CarePlan/{journey.plan}/_history"))["entry"][1:] == []
    stale = await anna.put(f"/Goal/{journey.goal}", goal)
    assert stale.status_code == 412, "who knows an older version is told so, whatever they send"


async def test_who_began_the_plan_and_when_stays(anna: Caller) -> None:
    journey = await started(anna)
    stored = await read(anna, "CarePlan", journey.plan)
    for change in ({"created": "2001-01-01"}, {"author": {"display": "De buurman"}}):
        answer = await anna.put(f"/CarePlan/{journey.plan}", {**stored, **change})
        assert (answer.status_code, rules(answer)) == (422, ["plan-keeps-its-beginning"])
        assert [f"CarePlan.{name}" for name in change] == issues(answer)[0]["expression"]
    for name in ("created", "author"):
        without = {each: value for each, value in stored.items() if each != name}
        assert rules(await anna.put(f"/CarePlan/{journey.plan}", without)) == ["plan-keeps-its-beginning"]
    assert await read(anna, "CarePlan", journey.plan) == stored


@pytest.mark.parametrize("who", CARE)
@pytest.mark.parametrize("may", ["rsc", "rscu"])
async def test_who_may_see_the_plan_is_pointed_to_a_proposal(
    service: Service, anna: Caller, who: str, may: str
) -> None:
    journey = await started(anna, "Wandelen")
    caller = await actor(service, who, may)
    plan, goal = await read(anna, "CarePlan", journey.plan), await read(anna, "Goal", journey.goal)
    changed: Resource = {**plan, "activity": [{"id": "walk", "detail": AGREEMENT}]}
    steps = encode([{"op": "add", "path": "/title", "value": "Mijn plan"}])
    bundle = builders.transaction(builders.put(changed), builders.posted(builders.observation()))
    for answer in (
        await caller.put(f"/CarePlan/{journey.plan}", changed),
        await caller.put(f"/CarePlan/{journey.plan}", {name: each for name, each in changed.items() if name != "meta"}),
        await caller.put(f"/Goal/{journey.goal}", {**goal, "startDate": "2026-01-01"}),
        await caller.send("PATCH", f"/CarePlan/{journey.plan}", steps, {**PATCH, "if-match": 'W/"1"'}),
        await caller.post("", bundle),
    ):
        assert answer.status_code == 422, answer.text
        assert rules(answer) == ["plan-propose"], answer.text
        assert f"CarePlan/{journey.plan}/$propose" in answer.text
    assert await read(anna, "CarePlan", journey.plan) == plan


async def test_who_may_not_see_the_plan_is_told_nothing_of_it(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Wandelen")
    team = await anna.create(
        {
            "resourceType": "CareTeam",
            "meta": {"profile": [f"{NAMES}/StructureDefinition/CareNetwork"]},
            "status": "active",
            "subject": {"reference": "Patient/anna"},
            "participant": [{"member": {"reference": "Patient/anna"}}],
        }
    )
    plan = await read(anna, "CarePlan", journey.plan)
    await anna.keep({**plan, "careTeam": [{"reference": f"CareTeam/{team['id']}"}]})
    bits = service.server.labels.bits(["identity", "care-network"])
    blind = await token_with(service, "user/*.cruds", "anna", patient=None, labels=bits, actions=actions_of("rsc"))
    scopes = "user/CareTeam.cruds user/Patient.rs"
    narrow = await token_with(service, scopes, "anna", patient=None, actions=actions_of("rsc"))
    for caller in (blind, narrow):
        for address, body in ((f"/CarePlan/{journey.plan}", plan), (f"/CareTeam/{team['id']}", {**team, "name": "x"})):
            answer = await caller.put(address, body)
            assert answer.status_code in (403, 404), answer.text
            assert "propose" not in answer.text
            assert address.startswith("/CarePlan") or journey.plan not in answer.text
