"""Search over several types, within compartments, and by POST. https://hl7.org/fhir/R4/http.html#search"""

from __future__ import annotations

import pytest

from tests.builders import condition, goal, observation, reference
from tests.server.service import BASE, Caller, Service, ids, issues, link

FORM = {"content-type": "application/x-www-form-urlencoded"}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "visit",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "subject": {"reference": "Patient/anna"},
}


async def test_several_types_are_searched_by_what_they_share(anna: Caller, bram: Caller) -> None:
    first = await anna.create(goal(meta={"tag": [{"system": "urn:mine", "code": "green"}]}))
    second = await anna.create(observation(meta={"tag": [{"system": "urn:mine", "code": "green"}]}))
    await anna.create(condition())
    await bram.create(goal("Patient/bram", meta={"tag": [{"system": "urn:mine", "code": "green"}]}))
    assert await anna.found("?_type=Goal,Observation&_tag=green") == [second["id"], first["id"]]
    assert await anna.found("?_tag=urn:mine|green") == [second["id"], first["id"]]
    assert await anna.found("?_type=Goal&_tag=green") == [first["id"]]
    assert await anna.found("?_type=Goal,Observation&_tag:missing=false&_sort=_lastUpdated") == [
        first["id"],
        second["id"],
    ]
    assert await anna.found(f"?_id={first['id']}") == [first["id"]]
    assert await anna.found("?_type=Goal,Observation&patient=anna") == [second["id"], first["id"]]
    assert await anna.found("?_type=Goal,Observation&patient=bram") == []
    bundle = await anna.bundle("?_type=Goal,Observation&_tag=green")
    assert link(bundle, "self") == f"{BASE}?_type=Goal,Observation&_tag=green"
    assert [each["fullUrl"] for each in bundle["entry"]] == [
        f"{BASE}/Observation/{second['id']}",
        f"{BASE}/Goal/{first['id']}",
    ]


async def test_pages_over_several_types_give_everything_once(anna: Caller, practice: Caller) -> None:
    made = [(await anna.create(each()))["id"] for each in (goal, observation, condition, goal, observation)]
    for caller in (anna, practice):
        pages = await caller.pages("?_type=Goal,Observation,Condition&_count=2")
        assert sorted(each for page in pages for each in ids(page)) == sorted(made)


async def test_a_search_over_several_types_is_kept_to_the_scopes(service: Service, anna: Caller) -> None:
    await anna.create(goal())
    seen = await anna.create(observation())
    observations = service.caller("anna-observations")
    assert await observations.found("?_lastUpdated=ge2000") == [seen["id"]]
    assert (await observations.get("?_type=Goal")).status_code == 403


@pytest.mark.parametrize(
    ("query", "said"),
    [("?_type=Nonsense", "Nonsense"), ("?code=x", "code"), ("?_type=Goal,Observation&code=x", "code")],
)
async def test_what_the_types_do_not_share_is_refused(anna: Caller, query: str, said: str) -> None:
    answer = await anna.get(query)
    assert answer.status_code == 400
    assert said in issues(answer)[0]["diagnostics"]


async def test_a_search_by_post_answers_like_one_by_get(anna: Caller) -> None:
    made = await anna.create(observation())
    await anna.create(goal())
    for address, body in (
        ("/Observation/_search", b"code=29463-7&patient=anna"),
        ("/Observation/_search?code=29463-7", b"patient=Patient%2Fanna"),
        ("/Patient/anna/Observation/_search", b"code=29463-7"),
        ("/_search", b"_type=Observation&patient=anna"),
    ):
        answer = await anna.post(address, body, FORM)
        assert answer.status_code == 200, answer.text
        assert ids(answer.json()) == [made["id"]], address
    empty = await anna.post("/Observation/_search", b"", FORM)
    assert ids(empty.json()) == [made["id"]]


async def test_a_search_by_post_takes_a_form_only(anna: Caller) -> None:
    answer = await anna.post("/Observation/_search", observation())
    assert answer.status_code == 415
    assert "application/x-www-form-urlencoded" in issues(answer)[0]["diagnostics"]
    assert (await anna.post("/Observation/_search", b"code=%FF\xff", FORM)).status_code == 400


async def test_all_types_below_a_patient_are_searched_at_once(anna: Caller, practice: Caller) -> None:
    made = {(await anna.create(goal()))["id"], (await anna.create(observation()))["id"], "anna"}
    assert set(await anna.found("/Patient/anna/*")) == made
    assert set(await practice.found("/Patient/anna/*")) == made
    assert set(await anna.found("/Patient/anna/*?_type=Goal,Patient")) < made
    assert await anna.found("/Patient/bram/*") == []


async def test_other_compartments_are_searched_by_their_own_parameters(anna: Caller, bram: Caller) -> None:
    await anna.keep(ENCOUNTER)
    during = await anna.create(observation(encounter=reference("Encounter/visit")))
    problem = await anna.create(condition(encounter=reference("Encounter/visit")))
    by_doctor = await anna.create(observation(performer=[reference("Practitioner/doctor")]))
    assert await anna.found("/Encounter/visit/Observation") == [during["id"]]
    assert await anna.found("/Encounter/visit/Observation?code=nonsense") == []
    assert set(await anna.found("/Encounter/visit/*")) >= {during["id"], problem["id"]}
    assert await anna.found("/Practitioner/doctor/Observation") == [by_doctor["id"]]
    assert await bram.found("/Encounter/visit/Observation") == []
    answer = await anna.get("/Encounter/visit/Goal")
    assert answer.status_code == 400
    assert "compartment" in issues(answer)[0]["diagnostics"]


@pytest.mark.parametrize("types", ["AllergyIntolerance,Condition", "Condition,AllergyIntolerance"])
async def test_what_the_types_read_differently_is_refused_in_either_order(anna: Caller, types: str) -> None:
    """AllergyIntolerance.category is a code, Condition.category a CodeableConcept."""
    await anna.create(condition())
    answer = await anna.get(f"?_type={types}&category=problem-list-item")
    assert answer.status_code == 400
    assert "category" in issues(answer)[0]["diagnostics"]


@pytest.mark.parametrize("types", ["DiagnosticReport,Observation", "Observation,DiagnosticReport"])
async def test_a_bare_id_may_be_of_what_any_of_the_types_refers_to(anna: Caller, types: str) -> None:
    """A patient performs an Observation, never a DiagnosticReport."""
    own = await anna.create(observation(performer=[reference("Patient/anna")]))
    await anna.create(observation(performer=[reference("Practitioner/doctor")]))
    for asked in ("performer=anna", "performer=anna,nobody", "performer:Patient=anna", "performer=Patient/anna"):
        assert await anna.found(f"?_type={types}&{asked}") == [own["id"]]
    assert await anna.found(f"?_type={types}&performer:Patient.name=nobody") == []


async def test_every_parameter_that_several_types_share_is_shared_in_either_order(service: Service) -> None:
    registry = service.server.registry
    types = (
        "DiagnosticReport",
        "Goal",
        "Observation",
        "Condition",
        "AllergyIntolerance",
        "Immunization",
        "Encounter",
        "Patient",
    )
    for one in types:
        for other in types:
            here, there = registry.shared((one, other)), registry.shared((other, one))
            assert here.keys() == there.keys()
            assert {"_tag", "_profile", "_security"} <= here.keys()
            for code, param in here.items():
                assert param.plain == there[code].plain
                assert set(param.definition.targets) == set(there[code].definition.targets)
