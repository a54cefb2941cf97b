"""Reference parameters. https://hl7.org/fhir/R4/search.html#reference"""

from __future__ import annotations

import pytest

from tests.builders import care_plan, condition, goal, observation, reference, task
from tests.server.service import BASE, Caller


@pytest.fixture
async def filled(anna: Caller) -> Caller:
    await anna.keep(goal(id="walk"))
    for id, focus in {
        "short": [reference("Goal/walk")],
        "absolute": [reference(f"{BASE}/Goal/walk")],
        "version": [reference("Goal/walk/_history/1")],
        "two": [reference("Goal/other"), reference("Condition/walk")],
        "elsewhere": [reference("https://elders.example/fhir/Goal/walk")],
        "urn": [reference("urn:uuid:11111111-1111-4111-8111-111111111111")],
        "named": [{"identifier": {"system": "urn:a", "value": "1"}, "display": "Wandelen"}],
        "none": None,
    }.items():
        await anna.keep(observation(id=id, focus=focus))
    return anna


QUERIES = {
    "focus=Goal/walk": {"short", "absolute", "version"},
    f"focus={BASE}/Goal/walk": {"short", "absolute", "version"},
    "focus=walk": {"short", "absolute", "version", "two"},
    "focus:Goal=walk": {"short", "absolute", "version"},
    "focus:Condition=walk": {"two"},
    "focus:Goal=Goal/walk": {"short", "absolute", "version"},
    "focus=Goal/other": {"two"},
    "focus=Goal/other,Goal/walk": {"short", "absolute", "version", "two"},
    "focus=Goal/other&focus=Condition/walk": {"two"},
    "focus=Goal/walk&focus=Condition/walk": set(),
    "focus=https://elders.example/fhir/Goal/walk": {"elsewhere"},
    "focus=urn:uuid:11111111-1111-4111-8111-111111111111": {"urn"},
    "focus=Goal/nothing": set(),
    "focus:missing=true": {"none"},
    "focus:missing=false": {"short", "absolute", "version", "two", "elsewhere", "urn", "named"},
}


async def test_references_find_what_fhir_says(filled: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await filled.found(f"/Observation?{query}")) == expected, query


async def test_references_find_the_same_among_several_patients(filled: Caller, practice: Caller) -> None:
    for query, expected in QUERIES.items():
        assert set(await practice.found(f"/Observation?{query}&patient=anna")) == expected, query
        assert set(await practice.found(f"/Observation?{query}&code=29463-7")) == expected, query


async def test_a_modifier_of_another_type_than_the_reference_is_refused(anna: Caller) -> None:
    assert (await anna.get("/Observation?focus:Goal=Condition/1")).status_code == 400
    assert (await anna.get("/Observation?focus:Nothing=1")).status_code == 400


async def test_references_combine_with_other_conditions_and_orders(filled: Caller) -> None:
    await filled.keep(observation(id="early", focus=[reference("Goal/walk")], effectiveDateTime="2020-01-01"))
    assert await filled.found("/Observation?focus=Goal/walk&date=lt2021") == ["early"]
    assert (await filled.found("/Observation?focus=Goal/walk&_sort=date"))[0] == "early"
    assert (await filled.found("/Observation?focus=Goal/walk&_sort=-date"))[-1] == "early"
    assert len(await filled.found("/Observation?focus=Goal/walk&code=29463-7&status=final")) == 4


async def test_a_bare_id_may_be_of_every_type_that_the_parameter_points_at(anna: Caller) -> None:
    await anna.keep(task(id="t", focus=reference("Goal/g"), owner=reference("Practitioner/doctor")))
    assert await anna.found("/Task?owner=doctor") == ["t"]
    assert await anna.found("/Task?owner=Practitioner/doctor") == ["t"]
    assert await anna.found("/Task?focus=g") == ["t"]
    assert await anna.found("/Task?focus=Goal/g") == ["t"]


async def test_references_to_the_catalogue_are_found(anna: Caller) -> None:
    made = await anna.create(observation(performer=[reference("Practitioner/doctor"), reference("Patient/anna")]))
    assert await anna.found("/Observation?performer=Practitioner/doctor") == [made["id"]]
    assert await anna.found("/Observation?performer=Patient/anna") == [made["id"]]
    assert await anna.found("/Observation?performer:Practitioner=doctor") == [made["id"]]


async def test_an_element_deep_in_the_resource_is_found(anna: Caller) -> None:
    plan = await anna.create(
        care_plan(activity=[{"reference": reference("Task/1")}, {"reference": reference("Task/2")}])
    )
    problem = await anna.create(condition(evidence=[{"detail": [reference("Observation/9")]}]))
    assert await anna.found("/CarePlan?activity-reference=Task/2") == [plan["id"]]
    assert await anna.found("/Condition?evidence-detail=Observation/9") == [problem["id"]]


async def test_references_by_identifier_are_found(filled: Caller, practice: Caller) -> None:
    await filled.keep(observation(id="other", focus=[{"identifier": {"system": "urn:b", "value": "1"}}]))
    for query, expected in {
        "focus:identifier=urn:a|1": {"named"},
        "focus:identifier=1": {"named", "other"},
        "focus:identifier=urn:a|": {"named"},
        "focus:identifier=|1": set(),
        "focus:identifier=urn:a|2": set(),
        "focus:identifier=urn:a|1,urn:b|1": {"named", "other"},
    }.items():
        for caller in (filled, practice):
            assert set(await caller.found(f"/Observation?{query}")) == expected, query


async def test_the_identifier_of_the_subject_is_found(anna: Caller, practice: Caller) -> None:
    named = {**reference("Patient/anna"), "identifier": {"system": "urn:people", "value": "7"}}
    await anna.keep(observation(named, id="named"))
    await anna.keep(observation(id="bare"))
    for caller in (anna, practice):
        for name in ("patient", "subject"):
            assert await caller.found(f"/Observation?{name}:identifier=urn:people|7") == ["named"]
            assert await caller.found(f"/Observation?{name}:identifier=urn:people|8") == []
        assert await caller.found("/Observation?patient:identifier=7&patient=anna") == ["named"]


async def test_canonicals_are_found_with_and_without_their_version(anna: Caller) -> None:
    form = "https://elders.example/fhir/Questionnaire/welzijn"
    answers = {"status": "completed", "subject": reference("Patient/anna")}
    for id, canonical in {"new": f"{form}|2", "old": f"{form}|1", "any": form}.items():
        await anna.keep(
            {"resourceType": "QuestionnaireResponse", "id": id, "questionnaire": canonical, **answers},
        )
    for query, expected in {
        f"questionnaire={form}": {"new", "old", "any"},
        f"questionnaire={form}%7C2": {"new"},
        f"questionnaire={form}%7C3": set(),
        f"questionnaire={form}%7C1,{form}%7C2": {"new", "old"},
    }.items():
        assert set(await anna.found(f"/QuestionnaireResponse?{query}")) == expected, query


async def test_contained_resources_are_not_found_by_their_mark(anna: Caller) -> None:
    contained = [{"resourceType": "Goal", "id": "inner", "lifecycleStatus": "active", "description": {"text": "x"}}]
    contained[0]["subject"] = reference("Patient/anna")
    await anna.keep(observation(id="o", contained=contained, focus=[reference("#inner")]))
    assert await anna.found("/Observation?focus=%23inner") == []
    assert await anna.found("/Observation?focus=Goal/inner") == []
    assert await anna.found("/Observation?focus:missing=false") == ["o"]


async def test_references_of_any_length_are_found(anna: Caller) -> None:
    long = "urn:x:" + "".join(chr(97 + place * place % 26) for place in range(5000))
    await anna.keep(observation(id="one", focus=[reference(long)]))
    assert await anna.found(f"/Observation?focus={long}") == ["one"]
    assert await anna.found(f"/Observation?focus={long}x") == []


async def test_a_reference_to_a_type_that_is_none_finds_nothing(anna: Caller) -> None:
    assert await anna.found("/Observation?focus=Nothing/1") == []


async def test_the_first_resource_of_a_document_is_found(anna: Caller) -> None:
    composition = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "Verslag"},
        "subject": reference("Patient/anna"),
        "date": "2026-11-20",
        "author": [reference("Patient/anna")],
        "title": "Verslag",
    }
    document = {
        "resourceType": "Bundle",
        "id": "d",
        "type": "document",
        "identifier": {"system": "urn:a", "value": "1"},
        "timestamp": "2026-11-20T10:00:00Z",
        "entry": [{"fullUrl": "urn:uuid:11111111-1111-4111-8111-111111111111", "resource": composition}],
    }
    await anna.keep(document, {"X-Security-Context": "Patient/anna"})
    assert await anna.found("/Bundle?composition=c") == ["d"]
    assert await anna.found("/Bundle?composition=Composition/c") == ["d"]
    assert await anna.found("/Bundle?message=c") == []
