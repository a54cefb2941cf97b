"""``_include`` and ``_revinclude``. https://hl7.org/fhir/R4/search.html#include"""

from __future__ import annotations

import pytest

from app.fhir.resource import Resource
from app.server.search import include
from tests.builders import care_plan, condition, goal, observation, provenance, reference
from tests.server.service import Caller, Service, issues


def brought(bundle: Resource, mode: str = "include") -> list[str]:
    """What comes with the matches, as Type/id."""
    return sorted(
        f"{each['resource']['resourceType']}/{each['resource']['id']}"
        for each in bundle.get("entry", ())
        if each["search"]["mode"] == mode
    )


@pytest.fixture
async def record(anna: Caller, bram: Caller) -> None:
    """A plan with two goals, a condition and measurements, in two records alike; also with the same ids."""
    for caller, who in ((anna, "anna"), (bram, "bram")):
        name = f"Patient/{who}"
        await caller.keep(condition(name, id="problem", asserter=reference("Practitioner/doctor")))
        await caller.keep(goal(name, id="walk", addresses=[reference("Condition/problem")]))
        await caller.keep(goal(name, id="sleep"))
        await caller.keep(
            care_plan(
                name,
                id="plan",
                goal=[reference("Goal/walk"), reference("Goal/sleep"), reference("Goal/nowhere")],
                addresses=[reference("Condition/problem")],
            )
        )
        await caller.keep(observation(name, id="seen", focus=[reference("Goal/walk")]))
        await caller.keep(provenance(["CarePlan/plan"], id="said"))


INCLUDES = {
    "/CarePlan?_include=CarePlan:goal": ["Goal/sleep", "Goal/walk"],
    "/CarePlan?_include=CarePlan:subject": ["Patient/anna"],
    "/CarePlan?_include=CarePlan:patient": ["Patient/anna"],
    "/CarePlan?_include=CarePlan:subject:Patient": ["Patient/anna"],
    "/CarePlan?_include=CarePlan:subject:Group": [],
    "/CarePlan?_include=CarePlan:condition&_include=CarePlan:goal": ["Condition/problem", "Goal/sleep", "Goal/walk"],
    "/CarePlan?_include=*": ["Condition/problem", "Goal/sleep", "Goal/walk", "Patient/anna"],
    "/CarePlan?_include=CarePlan:*": ["Condition/problem", "Goal/sleep", "Goal/walk", "Patient/anna"],
    "/CarePlan?_include=Goal:patient": [],
    "/CarePlan?_include=CarePlan:goal&_include:iterate=Condition:asserter": ["Goal/sleep", "Goal/walk"],
    "/CarePlan?_include=CarePlan:condition&_include:iterate=Condition:asserter": [
        "Condition/problem",
        "Practitioner/doctor",
    ],
    "/CarePlan?_include=CarePlan:condition&_include=Condition:asserter": ["Condition/problem"],
    "/Condition?_include=Condition:asserter": ["Practitioner/doctor"],
    "/Patient?_revinclude=CarePlan:subject": ["CarePlan/plan"],
    "/Patient?_revinclude=CarePlan:patient": ["CarePlan/plan"],
    "/Patient?_revinclude=Goal:subject": ["Goal/sleep", "Goal/walk"],
    "/Goal?_revinclude=CarePlan:goal": ["CarePlan/plan"],
    "/Goal?_revinclude=CarePlan:goal&_revinclude:iterate=Provenance:target": ["CarePlan/plan", "Provenance/said"],
    "/Goal?_revinclude=CarePlan:goal&_revinclude=Provenance:target": ["CarePlan/plan"],
    "/Goal?_id=walk&_revinclude=Observation:focus&_revinclude=CarePlan:goal": ["CarePlan/plan", "Observation/seen"],
    "/Goal?_id=walk&_revinclude=Observation:*": ["Observation/seen"],
    "/Goal?_id=walk&_revinclude=*": ["CarePlan/plan", "Observation/seen"],
    "/CarePlan?_revinclude=Provenance:target": ["Provenance/said"],
    "/CarePlan?_revinclude=Provenance:target:Goal": [],
    "/Practitioner?_id=doctor&_revinclude=Condition:asserter": ["Condition/problem"],
}


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("address", INCLUDES)
async def test_what_is_linked_comes_with_the_matches_and_nothing_else(anna: Caller, address: str) -> None:
    assert brought(await anna.bundle(address)) == INCLUDES[address]


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("address", INCLUDES)
async def test_several_records_with_the_same_ids_are_kept_apart(
    practice: Caller, operator: Caller, address: str
) -> None:
    """Each record brings its own; of a catalogue's resource there is one."""
    expected = INCLUDES[address]
    shared = [each for each in expected if each.startswith("Practitioner")]
    own = [each for each in expected if not each.startswith("Practitioner")]
    both = sorted([*shared, *own, *(each.replace("anna", "bram") for each in own)])
    for caller in (practice, operator):
        bundle = await caller.bundle(address)
        assert brought(bundle) == both
        for each in bundle["entry"]:
            subject = each["resource"].get("subject", {}).get("reference")
            assert subject is None or f"/{subject}/" in each["fullUrl"]


@pytest.mark.usefixtures("record")
async def test_a_match_does_not_come_a_second_time(anna: Caller) -> None:
    bundle = await anna.bundle("/Goal?_revinclude=CarePlan:goal&_include:iterate=CarePlan:goal")
    assert brought(bundle, "match") == ["Goal/sleep", "Goal/walk"]
    assert brought(bundle) == ["CarePlan/plan"]


@pytest.mark.usefixtures("record")
async def test_each_page_brings_what_belongs_to_its_matches(anna: Caller) -> None:
    pages = await anna.pages("/Goal?_count=1&_include=Goal:subject&_revinclude=Observation:focus")
    assert [len(brought(page, "match")) for page in pages] == [1, 1]
    assert sorted(each for page in pages for each in brought(page)) == [
        "Observation/seen",
        "Patient/anna",
        "Patient/anna",
    ]


@pytest.mark.usefixtures("record")
async def test_what_may_not_be_read_is_left_out(service: Service) -> None:
    observations = service.caller("anna-observations")
    assert brought(await observations.bundle("/Observation?_include=*")) == []
    measurements = service.caller("anna-measurements")
    assert brought(await measurements.bundle("/Observation?_include=*")) == ["Patient/anna"]
    goals = service.caller("anna-patient-and-goals")
    assert brought(await goals.bundle("/Goal?_revinclude=*&_include=*")) == ["Patient/anna"]


@pytest.mark.usefixtures("record")
async def test_what_is_deleted_does_not_come(anna: Caller) -> None:
    await anna.delete("/Goal/sleep")
    assert brought(await anna.bundle("/CarePlan?_include=CarePlan:goal")) == ["Goal/walk"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("_include=CarePlan", "<type>:"),
        ("_include=CarePlan:nonsense", "reference parameter"),
        ("_include=CarePlan:status", "reference parameter"),
        ("_include=Nonsense:goal", "Nonsense"),
        ("_include=CarePlan:goal:Patient", "does not refer"),
        ("_include:nonsense=CarePlan:goal", "_include"),
        ("_revinclude=Provenance:targets", "reference parameter"),
    ],
)
async def test_an_include_that_cannot_be_is_an_error_that_says_why(anna: Caller, query: str, said: str) -> None:
    answer = await anna.get(f"/CarePlan?{query}")
    assert answer.status_code == 400
    assert said in issues(answer)[0]["diagnostics"]


async def test_more_than_an_answer_holds_is_left_out_and_said(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(include, "MOST_INCLUDED", 3)
    for _ in range(5):
        await anna.create(observation())
    bundle = await anna.bundle("/Patient?_revinclude=Observation:subject")
    assert len(brought(bundle)) == 3
    [said] = [each["resource"] for each in bundle["entry"] if each["search"]["mode"] == "outcome"]
    assert said["issue"][0]["code"] == "too-costly"
