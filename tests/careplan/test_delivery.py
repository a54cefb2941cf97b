"""Care plans of providers land beside the individual care plan: without limit, whole, and outside its cycle.

MODEL 2, "Recognition". Nursing interventions and help from others are CarePlans in R4, and a provider's plan has the
very SNOMED code that is the second coding of ours.
"""

from __future__ import annotations

from typing import Any

from app.fhir.resource import Resource, decode
from tests import builders
from tests.careplan.actors import actor
from tests.careplan.cycle_table import open_plan
from tests.careplan.histories import NAMES, started
from tests.careplan.turning import done, newest, phase_of, read, rules
from tests.server.service import Caller, Service

SNOMED = "http://snomed.info/sct"
PLAN = "urn:uuid:6f2d1f3e-0000-4000-8000-000000000001"
GOAL = "urn:uuid:6f2d1f3e-0000-4000-8000-000000000002"
DIABETES = "urn:uuid:6f2d1f3e-0000-4000-8000-000000000003"
NURSING = "urn:uuid:6f2d1f3e-0000-4000-8000-000000000004"
HELP = "urn:uuid:6f2d1f3e-0000-4000-8000-000000000005"
MULTIDISCIPLINARY = builders.concept(SNOMED, "135411000146103")


def nl_core(name: str, category: Resource, **elements: Any) -> Resource:
    """An active CarePlan that claims a profile of Nictiz's."""
    return builders.care_plan(
        meta={"profile": [f"http://nictiz.nl/fhir/StructureDefinition/{name}"]},
        status="active",
        category=[category],
        **elements,
    )


def provider_plan(**elements: Any) -> Resource:
    """Shaped as nl-core-careplan, which R4 has no profile for."""
    return builders.care_plan(
        status="active",
        category=[MULTIDISCIPLINARY],
        title="Zorgplan diabetes",
        author={"reference": "Practitioner/doctor"},
        addresses=[{"reference": DIABETES}],
        goal=[{"reference": GOAL}],
        activity=[{"detail": {"status": "scheduled", "description": "Elke drie maanden bloed prikken"}}],
        **elements,
    )


def delivery(plan: Resource | None = None) -> Resource:
    """Three active plans with what they need, as one transaction."""
    nursing = nl_core(
        "nl-core-NursingIntervention",
        builders.concept(SNOMED, "9632001"),
        addresses=[{"reference": DIABETES}],
        activity=[
            {
                "detail": {
                    "kind": "ServiceRequest",
                    "code": builders.concept(SNOMED, "225358003"),
                    "status": "in-progress",
                    "scheduledString": "1 keer per dag",
                }
            }
        ],
    )
    helped = nl_core(
        "nl-core-HelpFromOthers",
        builders.concept(SNOMED, "243114000"),
        activity=[
            {
                "detail": {
                    "code": builders.concept(SNOMED, "386229000"),
                    "status": "in-progress",
                    "scheduledString": "1 keer per week",
                    "description": "Boodschappen doen",
                }
            }
        ],
    )
    return builders.transaction(
        builders.posted(plan or provider_plan(), PLAN),
        builders.posted(builders.goal(lifecycleStatus="active", addresses=[{"reference": DIABETES}]), GOAL),
        builders.posted(builders.condition(), DIABETES),
        builders.posted(nursing, NURSING),
        builders.posted(helped, HELP),
    )


async def delivered(system: Caller, bundle: Resource) -> list[tuple[str, str]]:
    answer = await system.post("", bundle)
    assert answer.status_code == 200, answer.text
    entries = decode(answer.content)["entry"]
    assert [each["response"]["status"][:3] for each in entries] == ["201"] * 5
    found = []
    for each in entries:
        kind, _, rest = each["response"]["location"].partition("/fhir/")[2].partition("/")
        if kind == "Patient":
            kind, _, rest = rest.partition("/")[2].partition("/")
        found.append((kind, rest.partition("/")[0]))
    return found


async def test_three_plans_of_a_provider_land_whole_beside_ours(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Weer wandelen")
    before, revision = await read(anna, "CarePlan", journey.plan), await newest(anna, journey.plan)
    system = await actor(service, "system")
    first = await delivered(system, delivery())
    second = await delivered(system, delivery())
    assert await read(anna, "CarePlan", journey.plan) == before
    assert await newest(anna, journey.plan) == revision
    active = await anna.found("/CarePlan?status=active")
    assert sorted(active) == sorted(key for kind, key in (*first, *second) if kind == "CarePlan")
    assert len(active) == 6
    plan = await open_plan(anna)
    assert plan is not None
    assert plan["id"] == journey.plan
    theirs = await read(anna, "CarePlan", first[0][1])
    assert theirs["goal"] == [{"reference": f"Goal/{first[1][1]}"}]
    assert theirs["addresses"] == [{"reference": f"Condition/{first[2][1]}"}]
    assert "extension" not in theirs


async def test_they_take_no_part_in_the_cycle(service: Service, anna: Caller) -> None:
    journey = await started(anna, "Weer wandelen")
    system = await actor(service, "system", "rscu")
    landed = await delivered(system, delivery())
    theirs = await read(system, "CarePlan", landed[0][1])
    refused = await anna.post(f"/CarePlan/{theirs['id']}/$agree")
    assert refused.status_code == 404
    changed = await system.put(f"/CarePlan/{theirs['id']}", {**theirs, "title": "Zorgplan suiker"})
    assert changed.status_code == 200, changed.text
    goal = await read(system, "Goal", landed[1][1])
    assert (await system.put(f"/Goal/{goal['id']}", {**goal, "lifecycleStatus": "completed"})).status_code == 200
    ended = await system.put(f"/CarePlan/{theirs['id']}", {**decode(changed.content), "status": "revoked"})
    assert ended.status_code == 200, ended.text
    assert phase_of(await newest(anna, journey.plan))[0] == 1
    await done(anna, journey.plan, "agree")


async def test_a_plan_can_be_started_after_they_were_delivered(service: Service, anna: Caller) -> None:
    await delivered(await actor(service, "system"), delivery())
    journey = await started(anna, "Weer wandelen")
    plan = await open_plan(anna)
    assert plan is not None
    assert plan["id"] == journey.plan


async def test_a_delivery_with_a_plan_that_says_to_be_ours_is_refused_whole(service: Service, anna: Caller) -> None:
    system = await actor(service, "system")
    ours = {"coding": [{"system": f"{NAMES}/CodeSystem/care-plan-category", "code": "izp"}]}
    answer = await system.post("", delivery({**provider_plan(), "category": [ours, MULTIDISCIPLINARY]}))
    assert (answer.status_code, rules(answer)) == (422, ["plan-start-only"])
    for kind in ("CarePlan", "Goal", "Condition"):
        assert await anna.found(f"/{kind}") == []
