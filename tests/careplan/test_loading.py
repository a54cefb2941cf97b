"""Plans that are loaded: the code is kept, one open plan per person, and revisions that come along stay as they are."""

from __future__ import annotations

from typing import Any

import pytest

from app.careplan.names import Names
from app.fhir.resource import Resource, decode
from tests.server.service import Caller, Service
from tests.server.test_loading import loaded

pytestmark = pytest.mark.anyio

NAMES = Names("https://zelfregie.example/fhir")
ANNA = {"reference": "Patient/anna"}


def plan(plan_id: str = "plan", *goals: str, status: str = "active", **elements: Any) -> Resource:
    cycle = [
        {"url": "cycle", "valuePositiveInt": 1},
        {"url": "phase", "valueCode": "plan" if status == "draft" else "do"},
        {"url": "since", "valueDateTime": "2026-01-01"},
        {"url": "nextReview", "valueDate": "2027-01-01"},
    ]
    return {
        "resourceType": "CarePlan",
        "id": plan_id,
        "meta": {"profile": [NAMES.plan_profile]},
        "extension": [{"url": NAMES.cycle, "extension": cycle}],
        "status": status,
        "intent": "plan",
        "category": [{"coding": [{"system": NAMES.categories, "code": "izp"}]}],
        "subject": ANNA,
        "goal": [{"reference": f"Goal/{each}"} for each in goals or ("walk",)],
        **elements,
    }


def goal(goal_id: str = "walk", **elements: Any) -> Resource:
    return {
        "resourceType": "Goal",
        "id": goal_id,
        "lifecycleStatus": "active",
        "description": {"text": "Elke dag wandelen"},
        "subject": ANNA,
        **elements,
    }


def revision(number: int, *shown: str, **elements: Any) -> Resource:
    parts = [
        {"url": "number", "valuePositiveInt": number},
        {"url": "cycle", "valuePositiveInt": 1},
        {"url": "phase", "valueCode": "do"},
    ]
    return {
        "resourceType": "Provenance",
        "id": f"revision-{number}",
        "meta": {"profile": [NAMES.revision_profile]},
        "extension": [
            {"url": NAMES.revision, "extension": parts},
            *({"url": NAMES.manifest, "valueReference": {"reference": each}} for each in shown),
        ],
        "target": [{"reference": shown[0]}, ANNA],
        "recorded": f"2026-0{number}-01T12:00:00Z",
        "activity": {"coding": [{"system": NAMES.system("plan-event"), "code": "start" if number == 1 else "change"}]},
        "agent": [
            {
                "type": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                            "code": "author",
                        }
                    ]
                },
                "who": ANNA,
            }
        ],
        **elements,
    }


def number_of(provenance: Resource) -> int:
    found = next(each for each in provenance["extension"] if each["url"] == NAMES.revision)
    number: int = found["extension"][0]["valuePositiveInt"]
    return number


def shown_by(provenance: Resource) -> list[str]:
    return [each["valueReference"]["reference"] for each in provenance["extension"] if each["url"] == NAMES.manifest]


async def revisions(caller: Caller) -> list[Resource]:
    found = [entry["resource"] for entry in (await caller.bundle("/Provenance?_count=50")).get("entry", ())]
    return sorted((each for each in found if "extension" in each), key=number_of)


async def test_a_plan_that_is_loaded_keeps_its_code_and_has_one_revision(service: Service, anna: Caller) -> None:
    report = await loaded(service, goal(), plan())
    assert (report.stored, report.refusals) == (2, [])
    stored = decode((await anna.get("/CarePlan/plan")).content)
    assert stored["category"] == plan()["category"]
    (made,) = await revisions(anna)
    assert (number_of(made), shown_by(made)) == (1, ["CarePlan/plan/_history/1", "Goal/walk/_history/1"])
    assert {each["reference"] for each in made["target"]} == {*shown_by(made), "Patient/anna"}
    assert made["activity"]["coding"][0]["code"] == "start"
    refused = await anna.post("/Patient/anna/$start", started("Nog een plan"))
    assert refused.status_code == 422
    assert "plan-one-plan" in refused.text


def started(text: str) -> Resource:
    return {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": text}]}


async def test_in_whatever_order_its_parts_come_a_load_is_one_revision(service: Service, anna: Caller) -> None:
    twice = goal(description={"text": "Twee keer per dag wandelen"})
    report = await loaded(service, plan("plan", "walk", "sleep"), goal(), twice, goal("sleep"))
    assert report.refusals == []
    (made,) = await revisions(anna)
    assert shown_by(made) == ["CarePlan/plan/_history/1", "Goal/walk/_history/2", "Goal/sleep/_history/1"]


async def test_what_is_loaded_again_as_a_change_is_the_next_revision(service: Service, anna: Caller) -> None:
    await loaded(service, goal(), plan())
    await loaded(service, goal(description={"text": "Elke dag een uur wandelen"}))
    first, second = await revisions(anna)
    assert [number_of(first), number_of(second)] == [1, 2]
    assert [each["reference"] for each in second["target"]] == ["Goal/walk/_history/2", "Patient/anna"]
    assert [each["what"]["reference"] for each in second["entity"]] == ["Goal/walk/_history/1"]
    await loaded(service, {"resourceType": "Patient", "id": "anna", "name": [{"text": "Anna"}]})
    assert len(await revisions(anna)) == 2


async def test_a_second_open_plan_is_refused_by_its_rule_also_in_one_transaction(
    service: Service, anna: Caller
) -> None:
    report = await loaded(service, goal(), plan(), plan("other"))
    (refusal,) = report.refusals
    assert [issue.rule for issue in refusal.issues] == ["plan-one-plan"]
    assert "CarePlan/plan" in str(refusal.issues[0].diagnostics)
    assert await anna.found("/CarePlan") == ["plan"]
    later = await loaded(service, plan("later"))
    assert [issue.rule for issue in later.refusals[0].issues] == ["plan-one-plan"]


async def test_plans_that_were_closed_come_along_each_with_its_revision(service: Service, anna: Caller) -> None:
    report = await loaded(service, goal(), goal("old"), plan("before", "old", status="completed"), plan())
    assert report.refusals == []
    made = await revisions(anna)
    assert sorted(shown_by(each)[0] for each in made) == ["CarePlan/before/_history/1", "CarePlan/plan/_history/1"]
    assert [number_of(each) for each in made] == [1, 1]


async def test_a_plan_without_a_cycle_is_refused(service: Service) -> None:
    report = await loaded(
        service, goal(), {name: each for name, each in plan().items() if name not in ("extension", "meta")}
    )
    assert [issue.rule for issue in report.refusals[0].issues] == ["plan-cycle-needed"]


@pytest.mark.parametrize("late", [False, True])
async def test_revisions_that_come_along_are_kept_as_they_are_and_none_is_made_twice(
    service: Service, anna: Caller, *, late: bool
) -> None:
    given = [
        revision(1, "CarePlan/plan/_history/1", "Goal/walk/_history/1"),
        revision(2, "CarePlan/plan/_history/2", "Goal/walk/_history/1"),
    ]
    parts = [goal(), plan(meta={"versionId": "2", "profile": [NAMES.plan_profile]})]
    report = await loaded(service, *(given if late else reversed(given)), *parts)
    assert report.refusals == []
    kept = await revisions(anna)
    assert [{**each, "meta": each["meta"]["profile"]} for each in kept] == [
        {**each, "meta": each["meta"]["profile"]} for each in given
    ]
    assert (await anna.get("/CarePlan/plan")).headers["etag"] == 'W/"2"'
    assert (await anna.get("/CarePlan/plan/_history/1")).status_code == 404
    changed = decode((await anna.get("/Goal/walk")).content) | {"priority": {"text": "hoog"}}
    await anna.keep(changed)
    assert [number_of(each) for each in await revisions(anna)] == [1, 2, 3]
    again = await loaded(service, *given)
    assert again.refusals == []
    assert [number_of(each) for each in await revisions(anna)] == [1, 2, 3]


async def test_a_plan_that_its_revisions_do_not_show_gets_one_more(service: Service, anna: Caller) -> None:
    shown = ("CarePlan/plan/_history/1", "Goal/walk/_history/1")
    await loaded(service, goal(), plan(meta={"versionId": "3", "profile": [NAMES.plan_profile]}), revision(1, *shown))
    first, second = await revisions(anna)
    assert [number_of(first), number_of(second)] == [1, 2]
    assert shown_by(second) == ["CarePlan/plan/_history/3", "Goal/walk/_history/1"]
    assert [each["what"]["reference"] for each in second["entity"]] == ["CarePlan/plan/_history/1"]


async def test_revisions_that_are_missing_are_reported_and_the_others_kept(service: Service, anna: Caller) -> None:
    shown = ("CarePlan/plan/_history/1", "Goal/walk/_history/1")
    report = await loaded(service, goal(), plan(), revision(2, *shown), revision(5, *shown))
    (refusal,) = report.refusals
    assert [issue.rule for issue in refusal.issues] == ["plan-revisions-missing"]
    assert "1, 3, 4" in str(refusal.issues[0].diagnostics)
    assert [number_of(each) for each in await revisions(anna)] == [2, 5]


async def test_a_number_is_that_of_one_revision_and_a_revision_is_of_a_plan(service: Service, anna: Caller) -> None:
    shown = ("CarePlan/plan/_history/1", "Goal/walk/_history/1")
    twin = revision(1, *shown, id="twin")
    lost = revision(2, "Goal/walk/_history/1")
    report = await loaded(service, goal(), plan(), revision(1, *shown), twin, lost)
    assert sorted(str(issue.rule) for each in report.refusals for issue in each.issues) == [
        "plan-revision-of-no-plan",
        "plan-revision-taken",
    ]
    moved = await loaded(service, {**revision(3, *shown), "id": "revision-1"})
    assert [issue.rule for each in moved.refusals for issue in each.issues] == ["plan-revision-stays"]
    assert [number_of(each) for each in await revisions(anna)] == [1]


async def test_nobody_else_brings_a_plan_or_a_revision_of_it(service: Service, anna: Caller, operator: Caller) -> None:
    for caller in (anna, operator):
        assert "plan-start-only" in (await caller.put("/CarePlan/mine", plan("mine"))).text
        refused = await caller.post("/Provenance", revision(1, "CarePlan/mine/_history/1"))
        assert refused.status_code in (403, 422), refused.text
    await loaded(service, goal(), plan())
    two = [
        {"resource": each, "request": {"method": "PUT", "url": f"CarePlan/{each['id']}"}}
        for each in (plan("plan", title="Anders", meta={"versionId": "1", "profile": [NAMES.plan_profile]}), plan("x"))
    ]
    refused = await anna.post("/", {"resourceType": "Bundle", "type": "transaction", "entry": two})
    assert refused.status_code == 422
    assert await anna.found("/CarePlan") == ["plan"]
