"""``$merge``: other plans taken up in the individual care plan, shown first, chosen by the person, never twice."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.careplan.names import Names
from app.fhir.resource import Resource, decode
from tests.builders import condition
from tests.server.service import Caller, Service, codes
from tests.server.test_loading import loaded

pytestmark = pytest.mark.anyio

NAMES = Names("https://zelfregie.example/fhir")
ANNA = {"reference": "Patient/anna"}
WALK = "Ik wil elke dag een half uur lopen."
MEASURE = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
STOP = {"coding": [{"system": "http://snomed.info/sct", "code": "225323000"}]}


def parameters(*entries: tuple[str, Any]) -> Resource:
    """(name, value): a text, a boolean, a CarePlan, a reference or parts."""
    listed: list[Resource] = []
    for name, value in entries:
        if isinstance(value, bool):
            listed.append({"name": name, "valueBoolean": value})
        elif isinstance(value, str) and value.startswith("CarePlan/"):
            listed.append({"name": name, "valueReference": {"reference": value}})
        elif isinstance(value, str):
            listed.append({"name": name, "valueString": value})
        elif isinstance(value, dict) and "resourceType" in value:
            listed.append({"name": name, "resource": value})
        else:
            chosen, keep = value
            listed.append(
                {"name": name, "part": [{"name": "id", "valueString": chosen}, {"name": "keep", "valueCode": keep}]}
            )
    return {"resourceType": "Parameters", "parameter": listed}


async def started(caller: Caller, *goals: str) -> str:
    answer = await caller.post("/Patient/anna/$start", parameters(*(("goal", each) for each in goals or (WALK,))))
    assert answer.status_code == 201, answer.text
    found: str = decode(answer.content)["id"]
    return found


def goal(goal_id: str, text: str, **elements: Any) -> Resource:
    return {
        "resourceType": "Goal",
        "id": goal_id,
        "lifecycleStatus": "active",
        "description": {"text": text},
        "subject": ANNA,
        **elements,
    }


def plan(plan_id: str, **elements: Any) -> Resource:
    return {
        "resourceType": "CarePlan",
        "id": plan_id,
        "status": "active",
        "intent": "plan",
        "subject": ANNA,
        **elements,
    }


def activity(text: str, *, entry_id: str = "", **detail: Any) -> Resource:
    found: Resource = {"detail": {"status": "scheduled", "description": text, **detail}}
    return {"id": entry_id, **found} if entry_id else found


async def disease_plan(practice: Caller) -> None:
    """What a practice has of Anna's COPD: a goal of its own, one that it contains, agreements, a condition, a team."""
    await practice.keep(condition("Patient/anna", id="copd", code={"text": "COPD"}))
    await practice.keep(goal("air", "Minder benauwd zijn", addresses=[{"reference": "Condition/copd"}]))
    await practice.keep(
        {
            "resourceType": "CareTeam",
            "id": "copd-team",
            "status": "active",
            "subject": ANNA,
            "participant": [{"member": {"reference": "Practitioner/doctor"}, "role": [{"text": "huisarts"}]}],
        }
    )
    await practice.keep(
        plan(
            "copd",
            author={"reference": "Practitioner/doctor"},
            contained=[
                goal("steps", "ik wil elke dag een half uur lopen"),
                {
                    "resourceType": "ServiceRequest",
                    "id": "physio",
                    "status": "active",
                    "intent": "order",
                    "subject": ANNA,
                    "code": {"text": "Oefenen bij de fysiotherapeut"},
                },
            ],
            goal=[{"reference": "Goal/air"}, {"reference": "#steps"}],
            addresses=[{"reference": "Condition/copd"}],
            careTeam=[{"reference": "CareTeam/copd-team"}],
            activity=[
                activity("Inhaleren zoals geleerd", entry_id="inhale", goal=[{"reference": "Goal/air"}]),
                activity("Elke dag lopen", goal=[{"reference": "#steps"}]),
                {"reference": {"reference": "#physio"}},
            ],
        )
    )


async def merge(caller: Caller, plan_id: str, *entries: tuple[str, Any]) -> httpx.Response:
    return await caller.post(f"/CarePlan/{plan_id}/$merge", parameters(*entries))


def told(answer: httpx.Response, name: str) -> list[dict[str, Any]]:
    """The parameters of a name, their parts by name; several of one name as a list."""
    assert answer.status_code == 200, answer.text
    found = []
    for each in decode(answer.content)["parameter"]:
        if each["name"] == name:
            parts: dict[str, Any] = {}
            for part in each["part"]:
                value = part.get("part") or next(value for key, value in part.items() if key.startswith("value"))
                parts.setdefault(part["name"], []).append(value)
            found.append(parts)
    return found


def result(answer: httpx.Response) -> Resource:
    assert answer.status_code == 200, answer.text
    found: Resource = decode(answer.content)["parameter"][0]["resource"]
    return found


async def goals_of(caller: Caller, found: Resource) -> dict[str, Resource]:
    """By their words."""
    read = [decode((await caller.get(f"/{each['reference']}")).content) for each in found["goal"]]
    return {each["description"]["text"]: each for each in read}


async def newest(caller: Caller) -> Resource:
    """The newest revision."""
    listed = [entry["resource"] for entry in (await caller.bundle("/Provenance?_count=50")).get("entry", ())]

    def number(each: Resource) -> int:
        found = next(one for one in each["extension"] if one["url"] == NAMES.revision)["extension"][0]
        value: int = found["valuePositiveInt"]
        return value

    return max((each for each in listed if "extension" in each), key=number)


async def test_first_it_is_shown_and_nothing_changes(anna: Caller, practice: Caller) -> None:
    izp = await started(anna)
    await disease_plan(practice)
    before = (await anna.get(f"/CarePlan/{izp}")).content
    shown = await merge(anna, izp, ("plan", "CarePlan/copd"))
    assert decode(shown.content)["parameter"][1] == {"name": "dryRun", "valueBoolean": True}
    assert [(each["kind"], each["outcome"], each["text"]) for each in told(shown, "item")] == [
        (["goal"], ["taken"], ["Minder benauwd zijn"]),
        (["goal"], ["taken"], ["ik wil elke dag een half uur lopen"]),
        (["activity"], ["taken"], ["Inhaleren zoals geleerd"]),
        (["activity"], ["taken"], ["Elke dag lopen"]),
        (["activity"], ["taken"], ["Oefenen bij de fysiotherapeut"]),
        (["condition"], ["taken"], ["COPD"]),
        (["participant"], ["taken"], ["Practitioner/doctor"]),
    ]
    (overlap,) = told(shown, "overlap")
    assert overlap["reason"] == ["same-words"]
    sides = {name: {part["name"]: part["valueString"] for part in overlap[name][0]} for name in ("first", "second")}
    assert sides["first"]["text"] == WALK
    assert sides["first"]["from"] == f"CarePlan/{izp}/_history/1"
    assert sides["second"] == {
        "item": told(shown, "item")[1]["id"][0],
        "text": "ik wil elke dag een half uur lopen",
        "from": "CarePlan/copd/_history/1",
    }
    assert overlap["explanation"] == ["Deze twee hebben dezelfde woorden."]
    (source,) = told(shown, "source")
    assert (source["becomes"], source["hidden"]) == (["linked"], [0])
    assert (await anna.get(f"/CarePlan/{izp}")).content == before
    assert len(await anna.found("/Goal")) == 2
    unchosen = await merge(anna, izp, ("plan", "CarePlan/copd"), ("dryRun", False))
    assert unchosen.status_code == 422
    assert "plan-choice-needed" in unchosen.text
    assert overlap["id"][0] in unchosen.text
    assert (await anna.get(f"/CarePlan/{izp}")).content == before


async def test_what_is_taken_up_is_one_revision_and_a_second_time_adds_nothing(anna: Caller, practice: Caller) -> None:
    izp = await started(anna)
    await disease_plan(practice)
    received = (await anna.get("/CarePlan/copd")).content, (await anna.get("/Goal/air")).content
    (overlap,) = told(await merge(anna, izp, ("plan", "CarePlan/copd")), "overlap")
    asked = (("plan", "CarePlan/copd"), ("dryRun", False), ("choice", (overlap["id"][0], "first")))
    merged = result(await merge(anna, izp, *asked))

    goals = await goals_of(anna, merged)
    assert list(goals) == [WALK, "Minder benauwd zijn"]
    copy = goals["Minder benauwd zijn"]
    assert copy["id"] != "air"
    assert copy["meta"]["profile"] == [NAMES.extension("PlanGoal")]
    assert copy["extension"] == [
        {
            "url": NAMES.extension("goal-origin"),
            "extension": [
                {"url": "origin", "valueCode": "professional"},
                {"url": "source", "valueReference": {"reference": "Goal/air"}},
            ],
        }
    ]
    own = f"Goal/{goals[WALK]['id']}"
    assert [(each["detail"]["description"], each["detail"].get("goal")) for each in merged["activity"]] == [
        ("Inhaleren zoals geleerd", [{"reference": f"Goal/{copy['id']}"}]),
        ("Elke dag lopen", [{"reference": own}]),
        ("Oefenen bij de fysiotherapeut", None),
    ]
    assert merged["addresses"] == [{"reference": "Condition/copd"}]
    assert merged["supportingInfo"] == [{"reference": "CarePlan/copd"}]
    assert "replaces" not in merged
    team = decode((await anna.get(f"/{merged['careTeam'][0]['reference']}")).content)
    assert [each["member"] for each in team["participant"]] == [{"reference": "Practitioner/doctor"}]
    assert ((await anna.get("/CarePlan/copd")).content, (await anna.get("/Goal/air")).content) == received

    revision = await newest(anna)
    assert revision["activity"]["coding"][0]["code"] == "merge"
    sources = [each["what"]["reference"] for each in revision["entity"] if each["role"] == "source"]
    assert sources == ["CarePlan/copd/_history/1"]
    shown = [each["valueReference"]["reference"] for each in revision["extension"] if each["url"] == NAMES.manifest]
    assert f"Goal/{copy['id']}/_history/1" in shown
    assert "CarePlan/copd/_history/1" in shown

    again = await merge(anna, izp, *asked)
    assert result(again)["meta"]["versionId"] == merged["meta"]["versionId"]
    assert {tuple(each["outcome"]) for each in told(again, "item")} == {("known",), ("left",)}
    assert (await newest(anna))["id"] == revision["id"]
    assert len(await anna.found("/Goal")) == 3


async def test_a_plan_of_ones_own_is_closed_and_its_goals_are_the_plan_s(anna: Caller) -> None:
    izp = await started(anna, "Beter slapen")
    await anna.keep(goal("own", "Drie keer per week zwemmen", lifecycleStatus="proposed"))
    await anna.keep(plan("mine", goal=[{"reference": "Goal/own"}], activity=[activity("Op maandag zwemmen")]))
    await anna.keep(plan("draft", status="draft", activity=[activity("Op zondag wandelen")]))
    both = (("plan", "CarePlan/mine"), ("plan", "CarePlan/draft"))
    shown = await merge(anna, izp, *both)
    assert [each["becomes"] for each in told(shown, "source")] == [["closed"], ["closed"]]
    assert told(shown, "overlap") == []
    merged = result(await merge(anna, izp, *both, ("dryRun", False)))
    assert merged["replaces"] == [{"reference": "CarePlan/mine"}, {"reference": "CarePlan/draft"}]
    assert merged["goal"][1] == {"reference": "Goal/own"}
    own = decode((await anna.get("/Goal/own")).content)
    assert own["meta"]["profile"] == [NAMES.extension("PlanGoal")]
    closed = [decode((await anna.get(f"/CarePlan/{each}")).content)["status"] for each in ("mine", "draft")]
    assert closed == ["completed", "revoked"]
    assert [each["detail"]["description"] for each in merged["activity"]] == [
        "Op maandag zwemmen",
        "Op zondag wandelen",
    ]
    again = result(await merge(anna, izp, *both, ("dryRun", False)))
    assert again["meta"]["versionId"] == merged["meta"]["versionId"]


async def test_a_plan_of_which_nothing_says_whose_it_is_stays_as_it_is(
    service: Service, anna: Caller, practice: Caller
) -> None:
    izp = await started(anna)
    await practice.keep(plan("theirs", activity=[activity("Op maandag meten")]))
    brought = plan("loaded", activity=[activity("Op zondag lopen")])
    await loaded(service, brought, plan("own", author=ANNA, activity=[activity("Op vrijdag zwemmen")]))
    named = [("plan", f"CarePlan/{each}") for each in ("theirs", "loaded", "own")]
    merged = await merge(anna, izp, *named, ("dryRun", False))
    assert [each["becomes"] for each in told(merged, "source")] == [["linked"], ["linked"], ["closed"]]
    found = {each: decode((await anna.get(f"/CarePlan/{each}")).content) for each in ("theirs", "loaded", "own")}
    assert {name: each["status"] for name, each in found.items()} == {
        "theirs": "active",
        "loaded": "active",
        "own": "completed",
    }
    assert result(merged)["replaces"] == [{"reference": "CarePlan/own"}]
    shown = [each["reference"] for each in result(merged)["supportingInfo"]]
    assert shown == ["CarePlan/theirs", "CarePlan/loaded"]


@pytest.mark.parametrize(
    ("keep", "texts"),
    [
        ("both", ["Ik wil zelf lopen", "Lopen volgens de praktijk"]),
        ("first", ["Ik wil zelf lopen"]),
        ("second", ["Lopen volgens de praktijk"]),
        ("none", []),
    ],
)
async def test_of_two_goals_for_one_measure_the_person_keeps_both_one_or_none(
    anna: Caller, practice: Caller, keep: str, texts: list[str]
) -> None:
    izp = await started(anna)
    target = [{"measure": MEASURE, "detailQuantity": {"value": 80, "unit": "kg"}}]
    await anna.keep(goal("a", "Ik wil zelf lopen", target=target))
    await anna.keep(plan("a", goal=[{"reference": "Goal/a"}]))
    await merge(anna, izp, ("plan", "CarePlan/a"), ("dryRun", False))
    await practice.keep(
        plan(
            "b",
            author={"reference": "Practitioner/doctor"},
            contained=[goal("b", "Lopen volgens de praktijk", target=target)],
            goal=[{"reference": "#b"}],
        )
    )
    (overlap,) = told(await merge(anna, izp, ("plan", "CarePlan/b")), "overlap")
    assert overlap["reason"] == ["same-measure"]
    done = await merge(anna, izp, ("plan", "CarePlan/b"), ("dryRun", False), ("choice", (overlap["id"][0], keep)))
    goals = await goals_of(anna, result(done))
    stand = [text for text, each in goals.items() if each["lifecycleStatus"] != "cancelled" and text != WALK]
    assert stand == texts
    gone = [each for each in goals.values() if each["lifecycleStatus"] == "cancelled"]
    assert all(each["statusReason"] for each in gone)
    again = await merge(anna, izp, ("plan", "CarePlan/b"), ("dryRun", False), ("choice", (overlap["id"][0], keep)))
    assert result(again)["meta"]["versionId"] == result(done)["meta"]["versionId"]


async def test_an_activity_in_the_same_period_is_shown_and_one_in_another_is_so_by_its_words_only(
    anna: Caller,
) -> None:
    izp = await started(anna)

    def swimming(plan_id: str, start: str, end: str) -> Resource:
        period = {"start": start, "end": end}
        return plan(plan_id, activity=[activity("Stoppen", code=STOP, scheduledPeriod=period)])

    for each in (
        swimming("one", "2026-01-01", "2026-03-31"),
        swimming("two", "2026-03-01", "2026-06-30"),
        swimming("three", "2026-07-01", "2026-09-30"),
    ):
        await anna.keep(each)
    shown = await merge(anna, izp, *(("plan", f"CarePlan/{each}") for each in ("one", "two", "three")))
    assert [each["reason"] for each in told(shown, "overlap")] == [
        ["same-code", "same-words", "same-period"],
        ["same-code", "same-words"],
        ["same-code", "same-words"],
    ]


async def test_items_are_left_and_what_ended_or_says_nothing_stays_in_the_other_plan(anna: Caller) -> None:
    izp = await started(anna)
    await anna.keep(goal("done", "Oude wens", lifecycleStatus="completed"))
    await anna.keep(
        plan(
            "mine",
            goal=[{"reference": "Goal/done"}],
            activity=[activity("Wandelen"), activity("Fietsen"), {"detail": {"status": "scheduled"}}],
        )
    )
    items = told(await merge(anna, izp, ("plan", "CarePlan/mine")), "item")
    assert [each["outcome"] for each in items] == [["ended"], ["taken"], ["taken"], ["wordless"]]
    done = await merge(
        anna, izp, ("plan", "CarePlan/mine"), ("dryRun", False), ("choice", (items[1]["id"][0], "leave"))
    )
    assert [each["detail"]["description"] for each in result(done)["activity"]] == ["Fietsen"]
    assert len(result(done)["goal"]) == 1


async def test_in_a_plan_that_was_agreed_what_is_taken_up_holds_at_once(anna: Caller, practice: Caller) -> None:
    izp = await started(anna, "Beter slapen")
    await anna.post(f"/CarePlan/{izp}/$agree", parameters())
    await practice.keep(
        plan(
            "copd",
            author={"reference": "Practitioner/doctor"},
            contained=[goal("air", "Minder benauwd", lifecycleStatus="proposed")],
            goal=[{"reference": "#air"}],
        )
    )
    merged = result(await merge(anna, izp, ("plan", "CarePlan/copd"), ("dryRun", False)))
    assert {each["lifecycleStatus"] for each in (await goals_of(anna, merged)).values()} == {"active"}


async def test_one_coordinator_stays_the_one_that_there_is(anna: Caller, practice: Caller) -> None:
    izp = await started(anna)
    role = {"coding": [{"system": "http://snomed.info/sct", "code": "768832004", "display": "casemanager"}]}
    for number, member in enumerate(("doctor", "other"), 1):
        await practice.keep(
            plan(
                f"p{number}",
                author={"reference": "Practitioner/doctor"},
                contained=[
                    {
                        "resourceType": "CareTeam",
                        "id": "t",
                        "participant": [{"member": {"reference": f"Practitioner/{member}"}, "role": [role]}],
                    }
                ],
                careTeam=[{"reference": "#t"}],
            )
        )
        merged = result(await merge(anna, izp, ("plan", f"CarePlan/p{number}"), ("dryRun", False)))
    team = decode((await anna.get(f"/{merged['careTeam'][0]['reference']}")).content)
    assert [each["role"] for each in team["participant"]] == [[role], [{"text": "casemanager"}]]


@pytest.mark.parametrize(
    ("entries", "rule"),
    [
        ([], "plan-merge-of-nothing"),
        ([("plan", "CarePlan/izp")], "plan-merge-individual"),
        ([("plan", "CarePlan/proposal")], "plan-merge-proposal"),
        ([("plan", "CarePlan/error")], "plan-merge-error"),
        ([("plan", "CarePlan/good"), ("choice", ("overlap.none", "both"))], "plan-choice-unknown"),
        ([("plan", "CarePlan/good"), ("choice", ("addresses.Condition/x", "both"))], "plan-choice-word"),
        (
            [
                ("plan", "CarePlan/good"),
                ("choice", ("addresses.Condition/x", "take")),
                ("choice", ("addresses.Condition/x", "leave")),
            ],
            "plan-choice-twice",
        ),
    ],
)
async def test_what_is_no_plan_to_take_up_or_no_choice_is_refused_by_its_rule(
    anna: Caller, entries: list[tuple[str, Any]], rule: str
) -> None:
    izp = await started(anna)
    await anna.keep(plan("error", status="entered-in-error"))
    await anna.keep(plan("proposal", intent="proposal"))
    await anna.keep(plan("good", addresses=[{"reference": "Condition/x"}]))
    asked = [(name, f"CarePlan/{izp}" if value == "CarePlan/izp" else value) for name, value in entries]
    refused = await merge(anna, izp, *asked)
    assert refused.status_code == 422, refused.text
    assert rule in refused.text


async def test_a_professional_proposes_and_a_plan_of_somebody_else_is_not_known(
    anna: Caller, bram: Caller, practice: Caller
) -> None:
    izp = await started(anna)
    await disease_plan(practice)
    refused = await merge(practice, izp, ("plan", "CarePlan/copd"))
    assert refused.status_code == 422
    assert "plan-propose" in refused.text
    await bram.keep({**plan("bram-plan"), "subject": {"reference": "Patient/bram"}})
    unknown = await merge(anna, izp, ("plan", "CarePlan/bram-plan"))
    assert (unknown.status_code, codes(unknown)) == (404, ["not-found"])
    assert (await merge(bram, izp, ("plan", "CarePlan/bram-plan"))).status_code == 404


async def test_what_may_not_be_seen_is_counted_and_left_where_it_is(service: Service, anna: Caller) -> None:
    izp = await started(anna)
    await anna.keep(plan("mine", goal=[{"reference": "Goal/none"}], careTeam=[{"reference": "CareTeam/none"}]))
    planner = service.caller("anna-planner")
    (source,) = told(await merge(planner, izp, ("plan", "CarePlan/mine")), "source")
    assert source["hidden"] == [2]
