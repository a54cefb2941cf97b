"""Search parameters of our own: phase, cycle and next review of a care plan, and the goal that an Observation is about.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import pytest

from app.config import CANONICAL_BASE
from app.errors import Invalid
from app.fhir.definitions.own import served
from app.fhir.resource import Resource
from app.fhir.scopes import check_scopes
from tests.builders import concept, goal, reference, task
from tests.server.grants import token_with
from tests.server.plans import PHASES, TOLD, about, plan
from tests.server.service import BASE, JSON, Caller, Service, codes, ids, issues, link

PLANS: Final = {"p1", "p2", "p3", "p4", "none", "half"}
UNKNOWN: Final = "https://elders.example/fhir/CodeSystem/phase"

PHASE_SET: Final[Resource] = {
    "resourceType": "ValueSet",
    "id": "started",
    "url": "https://proef.example/fhir/ValueSet/started",
    "status": "active",
    "compose": {"include": [{"system": PHASES, "concept": [{"code": "do"}, {"code": "check"}]}]},
}
PHASE_SYSTEM: Final[Resource] = {
    "resourceType": "CodeSystem",
    "id": "phases",
    "url": PHASES,
    "status": "active",
    "content": "complete",
    "hierarchyMeaning": "is-a",
    "concept": [{"code": "plan", "concept": [{"code": "act"}]}, {"code": "do"}, {"code": "check"}],
}


async def fill(anna: Caller, bram: Caller) -> None:
    """Plans and goals of two patients, who have the same of everything."""
    for each in (
        plan("p1", 1, "plan", "2026-12-01", goal=[reference("Goal/g1")]),
        plan("p2", 2, "do", "2027-01-15", status="on-hold"),
        plan("p3", 3, "check", "2027-02", goal=[reference("Goal/g2")], basedOn=[reference("CarePlan/p1")]),
        plan("p4", 12, "act", "2028", goal=[reference("Goal/g1"), reference("Goal/g2")]),
        plan("none", category=[concept("urn:own", "disease")]),
        plan("half", 2),
        goal(id="g1", lifecycleStatus="active"),
        goal(id="g2", lifecycleStatus="completed"),
        about("o1", "Goal/g1"),
        about("o2", "Goal/g1", "Goal/g2", basedOn=[reference("CarePlan/p2")]),
        about("o3", "Condition/c", code=concept(TOLD, "importance")),
        about("o4"),
    ):
        await anna.keep(each)
    for each in (
        plan("b1", 2, "do", "2027-01-15", subject="Patient/bram"),
        goal("Patient/bram", id="bg"),
        about("bo", "Goal/bg", subject="Patient/bram"),
    ):
        await bram.keep(each)


PHASE: Final = {
    "phase=do": {"p2"},
    "phase=do,check": {"p2", "p3"},
    "phase=do&phase=check": set(),
    "phase=DO": set(),
    "phase=nothing": set(),
    f"phase={PHASES}|do": {"p2"},
    f"phase={UNKNOWN}|do": set(),
    f"phase={PHASES}|do,{PHASES}|act": {"p2", "p4"},
    "phase=|do": {"p2"},
    "phase:not=do": PLANS - {"p2"},
    f"phase:not={PHASES}|do": PLANS - {"p2"},
    "phase:not=do,check": PLANS - {"p2", "p3"},
    "phase:missing=true": {"none", "half"},
    "phase:missing=false": {"p1", "p2", "p3", "p4"},
    f"phase:in={PHASE_SET['url']}": {"p2", "p3"},
    f"phase:not-in={PHASE_SET['url']}": PLANS - {"p2", "p3"},
    f"phase:in={CANONICAL_BASE}/ValueSet/plan-phase": {"p1", "p2", "p3", "p4"},
    f"phase:below={PHASES}|plan": {"p1", "p4"},
    f"phase:above={PHASES}|act": {"p1", "p4"},
}
CYCLE: Final = {
    "cycle=2": {"p2", "half"},
    "cycle=eq2": {"p2", "half"},
    "cycle=2.0": {"p2", "half"},
    "cycle=1.2e1": {"p4"},
    "cycle=7": set(),
    "cycle=1,3": {"p1", "p3"},
    "cycle=ge2&cycle=lt12": {"p2", "p3", "half"},
    "cycle=ne2": {"p1", "p3", "p4"},
    "cycle=gt2": {"p3", "p4"},
    "cycle=sa2": {"p3", "p4"},
    "cycle=ge3": {"p3", "p4"},
    "cycle=lt2": {"p1"},
    "cycle=eb2": {"p1"},
    "cycle=le2": {"p1", "p2", "half"},
    "cycle=ap11": {"p4"},
    "cycle:missing=true": {"none"},
    "cycle:missing=false": PLANS - {"none"},
}
REVIEW: Final = {
    "next-review=2026-12-01": {"p1"},
    "next-review=2027": {"p2", "p3"},
    "next-review=eq2027-02": {"p3"},
    "next-review=2027-02-10": set(),
    "next-review=ne2027": {"p1", "p4"},
    "next-review=gt2027-01-15": {"p3", "p4"},
    "next-review=ge2027-01-15": {"p2", "p3", "p4"},
    "next-review=sa2027-01": {"p3", "p4"},
    "next-review=lt2027-01-15": {"p1"},
    "next-review=le2027-01-15": {"p1", "p2"},
    "next-review=eb2027-01": {"p1"},
    "next-review=ap2028-06": {"p4"},
    "next-review=2026-12-01,2028": {"p1", "p4"},
    "next-review=ge2026&next-review=lt2027": {"p1"},
    "next-review=ge2026-12-01T00:00:00%2B01:00": {"p1", "p2", "p3", "p4"},
    "next-review:missing=true": {"none", "half"},
    "next-review:missing=false": {"p1", "p2", "p3", "p4"},
}
TOGETHER: Final = {
    "phase=do&cycle=2": {"p2"},
    "phase=do&cycle=3": set(),
    "phase=plan,do,check&next-review=ge2027": {"p2", "p3"},
    "phase:missing=false&status=active": {"p1", "p3", "p4"},
    "cycle=2&phase:missing=true": {"half"},
    "patient=anna&phase=act": {"p4"},
    "subject=Patient/bram&phase=do": set(),
    "_id=p1,p2&next-review:missing=false": {"p1", "p2"},
    "goal.lifecycle-status=completed&phase=check": {"p3"},
    "based-on.phase=plan": {"p3"},
    "based-on:CarePlan.cycle=le1": {"p3"},
    "based-on.next-review=2026-12-01": {"p3"},
    "based-on.phase=do": set(),
    "_has:CarePlan:based-on:phase=check": {"p1"},
    "_has:Observation:based-on:goal-focus=g2": {"p2"},
}


@pytest.fixture
async def filled(service: Service, anna: Caller, bram: Caller) -> Service:
    await fill(anna, bram)
    return service


def written(query: str) -> str:
    """The query with its bars as they travel."""
    return query.replace("|", quote("|"))


async def check(caller: Caller, resource_type: str, expected: dict[str, set[str]]) -> None:
    for query, wanted in expected.items():
        assert set(await caller.found(f"/{resource_type}?{written(query)}")) == wanted, query


async def test_a_phase_is_found_in_every_way_that_a_code_is(filled: Service, anna: Caller, operator: Caller) -> None:
    for each in (PHASE_SYSTEM, PHASE_SET):
        await operator.keep(each)
    await check(anna, "CarePlan", PHASE)


async def test_a_cycle_is_found_by_its_number(filled: Service, anna: Caller) -> None:
    await check(anna, "CarePlan", CYCLE)


async def test_a_next_review_is_found_by_its_date(filled: Service, anna: Caller) -> None:
    await check(anna, "CarePlan", REVIEW)


async def test_they_are_asked_for_together_chained_and_backwards(filled: Service, anna: Caller) -> None:
    await check(anna, "CarePlan", TOGETHER)


async def test_the_goal_of_an_observation_is_found_followed_and_followed_back(filled: Service, anna: Caller) -> None:
    await check(
        anna,
        "Observation",
        {
            "goal-focus=g1": {"o1", "o2"},
            "goal-focus=Goal/g2": {"o2"},
            f"goal-focus={quote(BASE)}/Goal/g1": {"o1", "o2"},
            "goal-focus:Goal=g1": {"o1", "o2"},
            "goal-focus=g1,g2": {"o1", "o2"},
            "goal-focus=g1&goal-focus=g2": {"o2"},
            "goal-focus=nothing": set(),
            "goal-focus=Condition/c": set(),
            "focus=Condition/c": {"o3"},
            "goal-focus:missing=true": {"o3", "o4"},
            "goal-focus:missing=false": {"o1", "o2"},
            "focus:missing=false": {"o1", "o2", "o3"},
            f"code={TOLD}|confidence&goal-focus=g1": {"o1", "o2"},
            "goal-focus.lifecycle-status=completed": {"o2"},
            "goal-focus:Goal.lifecycle-status=active": {"o1", "o2"},
            "goal-focus._has:CarePlan:goal:phase=check": {"o2"},
            "based-on:CarePlan.phase=do": {"o2"},
        },
    )
    await check(
        anna,
        "Goal",
        {
            f"_has:Observation:goal-focus:code={TOLD}|confidence": {"g1", "g2"},
            "_has:Observation:goal-focus:based-on:CarePlan.cycle=2": {"g1", "g2"},
            "_has:Observation:goal-focus:code=importance": set(),
            "_has:CarePlan:goal:phase=act": {"g1", "g2"},
            "_has:CarePlan:goal:next-review=le2026-12-31": {"g1"},
        },
    )


async def test_a_goal_comes_along_with_what_is_observed_of_it(filled: Service, anna: Caller) -> None:
    assert set(await anna.found("/Observation?_id=o2,o3&_include=Observation:goal-focus")) == {"o2", "o3", "g1", "g2"}
    assert set(await anna.found("/Goal?_id=g2&_revinclude=Observation:goal-focus")) == {"g2", "o2"}
    assert set(await anna.found("/CarePlan?phase=do&_revinclude=Observation:based-on")) == {"p2", "o2"}


async def test_a_goal_is_named_by_an_identifier_too(filled: Service, anna: Caller) -> None:
    named = {"type": "Goal", "identifier": {"system": "urn:own", "value": "7"}}
    await anna.keep(about("named", focus=[named]))
    assert await anna.found(f"/Observation?goal-focus:identifier={quote('urn:own|7')}") == ["named"]
    assert "named" in await anna.found("/Observation?goal-focus:missing=false")


@pytest.mark.parametrize("sort", ["cycle", "next-review", "phase"])
async def test_plans_are_put_in_order(filled: Service, anna: Caller, practice: Caller, sort: str) -> None:
    order = {
        "cycle": ["p1", "p2", "p3", "p4"],
        "next-review": ["p1", "p2", "p3", "p4"],
        "phase": ["p4", "p3", "p2", "p1"],
    }[sort]
    for caller in (anna, practice):
        for sign, wanted in (("", order), ("-", order[::-1])):
            query = f"/CarePlan?phase:missing=false&_id={','.join(order)}&_sort={sign}{sort}"
            assert await caller.found(query) == wanted, (caller.token, sign)
            assert [id for page in await caller.pages(f"{query}&_count=1") for id in ids(page)] == wanted
    assert set(await anna.found(f"/CarePlan?_sort={sort}")) == PLANS
    assert set(await anna.found(f"/CarePlan?_sort=-{sort},_id")) == PLANS


async def test_everybody_finds_their_own_patients_only(
    filled: Service, anna: Caller, bram: Caller, practice: Caller, operator: Caller
) -> None:
    for query in ("phase=do", "cycle=2&phase:missing=false", "next-review=2027-01-15"):
        assert await anna.found(f"/CarePlan?{query}") == ["p2"], query
        assert await bram.found(f"/CarePlan?{query}") == ["b1"], query
        for caller in (practice, operator):
            assert set(await caller.found(f"/CarePlan?{query}")) == {"p2", "b1"}, query
            assert await caller.found(f"/CarePlan?{query}&patient=bram") == ["b1"], query
    assert await bram.found("/CarePlan?phase:not=do") == []
    assert await bram.found("/CarePlan?phase=plan,check,act") == []
    assert await bram.found("/Observation?goal-focus=g1") == []
    assert await anna.found("/Observation?goal-focus=bg") == []
    assert await anna.found("/Observation?goal-focus.patient=bram") == []
    assert await anna.found("/Goal?_has:Observation:goal-focus:_id=bo") == []
    assert await practice.found("/Observation?goal-focus=bg") == ["bo"]
    assert await practice.found("/Goal?_has:Observation:goal-focus:_id=bo") == ["bg"]


async def test_every_way_to_search_takes_them(filled: Service, anna: Caller) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    posted = await anna.post("/CarePlan/_search", b"phase=do&cycle=ge2", form)
    assert ids(posted.json()) == ["p2"]
    assert await anna.found("/Patient/anna/CarePlan?phase=do") == ["p2"]
    assert await anna.found("?_type=CarePlan&phase=do") == ["p2"]
    bundle = await anna.bundle("/CarePlan?phase=do&_total=accurate")
    assert bundle["total"] == 1
    assert link(bundle, "self") == f"{BASE}/CarePlan?phase=do&_total=accurate"
    answer = await anna.get("?_type=CarePlan,Goal&phase=do")
    assert (answer.status_code, codes(answer)) == (400, ["not-supported"])
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": "CarePlan?next-review=le2026-12-31"}}],
    }
    entry = (await anna.post("/", batch)).json()["entry"][0]
    assert ids(entry["resource"]) == ["p1"]


@pytest.mark.parametrize(
    ("query", "issue"),
    [
        ("phase=", "value"),
        ("phase=|", "value"),
        ("phase:text=do", "not-supported"),
        ("phase:exact=do", "not-supported"),
        ("phase:of-type=a|b|c", "not-supported"),
        ("phase:missing=maybe", "value"),
        ("phase:below=do", "value"),
        ("cycle=two", "value"),
        ("cycle=", "value"),
        ("cycle:not=2", "not-supported"),
        ("next-review=soon", "value"),
        ("next-review=xx2027", "value"),
        ("next-review:not=2027", "not-supported"),
        ("phase.status=x", "not-supported"),
        ("Phase=do", "not-supported"),
        ("_sort=goal-focus", "not-supported"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(anna: Caller, query: str, issue: str) -> None:
    answer = await anna.get(f"/CarePlan?{written(query)}")
    assert answer.status_code == 400
    assert codes(answer) == [issue], answer.text


@pytest.mark.parametrize("other", ["Goal", "Task", "Patient", "ResearchStudy"])
async def test_other_types_do_not_know_them(anna: Caller, other: str) -> None:
    for query in ("phase=do", "cycle=1", "next-review=2027", "goal-focus=g1"):
        answer = await anna.get(f"/{other}?{query}")
        assert (answer.status_code, codes(answer)) == (400, ["not-supported"]), query
        assert "is not a search parameter of" in issues(answer)[0]["diagnostics"]


async def test_what_was_changed_or_deleted_is_found_as_it_is_now(filled: Service, anna: Caller) -> None:
    await anna.keep(plan("p2", 3, "check", "2027-06-01"))
    assert await anna.found("/CarePlan?phase=do") == []
    assert set(await anna.found("/CarePlan?phase=check&cycle=3")) == {"p2", "p3"}
    assert await anna.found("/CarePlan?next-review=2027-06-01") == ["p2"]
    await anna.keep(plan("p2"))
    assert set(await anna.found("/CarePlan?phase:missing=true")) == {"none", "half", "p2"}
    assert (await anna.delete("/CarePlan/p1")).status_code == 204
    assert await anna.found("/CarePlan?phase=plan") == []
    await anna.keep(about("o1"))
    assert await anna.found("/Observation?goal-focus=g1") == ["o2"]


async def test_only_our_extension_and_the_type_of_its_value_count(anna: Caller) -> None:
    (whole,) = plan("x", 1, "plan", "2027-01-01")["extension"]
    foreign = {**whole, "url": f"{UNKNOWN}/plan-cycle"}
    wrong = {
        "url": whole["url"],
        "extension": [
            {"url": "phase", "valueString": "plan"},
            {"url": "cycle", "valueString": "1"},
            {"url": "nextReview", "valueString": "2027-01-01"},
        ],
    }
    flat = {"url": whole["url"], "valueCode": "plan"}
    for id, extension in (("foreign", foreign), ("wrong", wrong), ("flat", flat)):
        await anna.create(plan(id, extension=[extension]))
    for query in ("phase=plan", "cycle=1", "next-review=2027-01-01"):
        assert await anna.found(f"/CarePlan?{query}") == [], query
        assert len(await anna.found(f"/CarePlan?{query.partition('=')[0]}:missing=true")) == 3


async def test_conditions_of_writes_ask_for_them(filled: Service, anna: Caller) -> None:
    made = {name: value for name, value in plan("made", 1, "plan").items() if name != "id"}
    answer = await anna.post("/CarePlan", made, {"if-none-exist": "phase=do&cycle=2"})
    assert answer.status_code == 200
    assert answer.json()["id"] == "p2"
    answer = await anna.put("/CarePlan?phase=do", plan("p2", 4, "act"))
    assert answer.status_code == 200
    assert set(await anna.found("/CarePlan?phase=act")) == {"p2", "p4"}
    assert (await anna.put("/CarePlan?phase=act", made)).status_code == 412
    assert (await anna.delete("/CarePlan?phase=plan")).status_code == 204
    assert (await anna.get("/CarePlan/p1")).status_code == 410


async def test_a_scope_is_narrowed_by_them(filled: Service, anna: Caller) -> None:
    narrowed = await token_with(
        filled,
        "patient/CarePlan.cruds?phase=do,check patient/Observation.rs?goal-focus=Goal/g2 patient/Patient.rs",
        "anna",
    )
    assert set(await narrowed.found("/CarePlan")) == {"p2", "p3"}
    assert await narrowed.found("/CarePlan?cycle=2") == ["p2"]
    assert (await narrowed.get("/CarePlan/p1")).status_code == 404
    assert (await narrowed.get("/CarePlan/p2")).status_code == 200
    assert await narrowed.found("/Observation") == ["o2"]
    assert (await narrowed.put("/CarePlan/p2", plan("p2", 2, "check"))).status_code == 200
    assert (await narrowed.put("/CarePlan/p2", plan("p2", 2, "act"))).status_code == 403
    due = await token_with(filled, f"patient/CarePlan.rs?phase={PHASES}|act&next-review=ge2028", "anna")
    assert await due.found("/CarePlan") == ["p4"]


def test_an_app_asks_for_a_scope_by_phase_and_not_by_number() -> None:
    definitions = served()
    check_scopes("patient/CarePlan.rs?phase=do patient/CarePlan.rs?next-review=ge2027", definitions)
    for query in ("cycle=1", "next-review=soon", "phase:not=do"):
        with pytest.raises(Invalid):
            check_scopes(f"patient/CarePlan.rs?{query}", definitions)


async def test_the_capability_statement_lists_them_with_our_canonicals(anonymous: Caller) -> None:
    rows = {each["type"]: each for each in (await anonymous.get("/metadata")).json()["rest"][0]["resource"]}
    for name, code, kind in (
        ("CarePlan", "phase", "token"),
        ("CarePlan", "cycle", "number"),
        ("CarePlan", "next-review", "date"),
        ("Observation", "goal-focus", "reference"),
    ):
        (row,) = (each for each in rows[name]["searchParam"] if each["name"] == code)
        assert row["definition"] == f"{CANONICAL_BASE}/SearchParameter/{name}-{code}"
        assert row["type"] == kind
        assert "missing" in row["documentation"]
    assert "extension plan-cycle, extension phase (code)" in str(rows["CarePlan"]["searchParam"])
    assert "Observation:goal-focus" in rows["Observation"]["searchInclude"]
    assert "Observation:goal-focus" in rows["Goal"]["searchRevInclude"]
    ours = {
        (name, each["name"])
        for name, row in rows.items()
        for each in row["searchParam"]
        if each["definition"].startswith(CANONICAL_BASE)
    }
    asked_in_stu3 = {
        ("CarePlan", "activity-goal"),
        ("CarePlan", "activity-medicaldevice"),
        ("CarePlan", "activity-outcomereference"),
        ("DeviceUseStatement", "pertains-to-goal"),
        ("MedicationAdministration", "medications-category"),
        ("MedicationDispense", "medications-category"),
        ("MedicationDispense", "periodofuse"),
        ("MedicationRequest", "periodofuse"),
        ("Observation", "related-result"),
    }
    assert ours == asked_in_stu3 | {
        ("CarePlan", "phase"),
        ("CarePlan", "cycle"),
        ("CarePlan", "next-review"),
        ("Observation", "goal-focus"),
    }


async def test_the_open_api_document_lists_them(service: Service) -> None:
    document = (await service.client.get("http://zelfregie.test/openapi.json")).json()
    parameters = document["components"]["parameters"]
    for name in ("CarePlan.phase", "CarePlan.cycle", "CarePlan.next-review", "Observation.goal-focus"):
        assert parameters[name]["in"] == "query", name
    assert "Prefixes" in parameters["CarePlan.next-review"]["description"]


async def test_a_task_of_a_plan_in_some_phase_is_found(filled: Service, anna: Caller) -> None:
    await anna.keep(task(id="t", basedOn=[reference("CarePlan/p2")]))
    assert await anna.found("/Task?based-on:CarePlan.phase=do") == ["t"]
    answer = await anna.get("/Task?based-on:CarePlan.phase=plan", {"accept": JSON})
    assert ids(answer.json()) == []
