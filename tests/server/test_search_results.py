"""What is searched by whatever the type, and how results are sorted. https://hl7.org/fhir/R4/search.html#sort"""

from __future__ import annotations

import pytest

from app.fhir.resource import decode
from tests.builders import binary, condition, goal, medication, observation
from tests.server.service import BASE, Caller, codes, ids, issues, link


async def test_a_search_gives_a_searchset_of_matches(anna: Caller) -> None:
    stored = await anna.create(observation())
    bundle = await anna.bundle("/Observation?code=29463-7&_count=7")
    assert bundle["type"] == "searchset"
    assert link(bundle, "self") == f"{BASE}/Observation?code=29463-7&_count=7"
    assert link(bundle, "next") is None
    assert "total" not in bundle
    assert bundle["entry"] == [
        {"fullUrl": f"{BASE}/Observation/{stored['id']}", "resource": stored, "search": {"mode": "match"}}
    ]


async def test_a_search_that_finds_nothing_has_no_entries(anna: Caller) -> None:
    assert await anna.bundle("/Observation") == {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": f"{BASE}/Observation"}],
    }


async def test_the_self_link_says_what_was_understood(anna: Caller) -> None:
    bundle = await anna.bundle(
        "/Observation?code=http%3A%2F%2Floinc.org%7C29463-7&date=ge2026-01-01T00:00:00%2B01:00&_format=json"
    )
    itself = link(bundle, "self")
    assert itself == f"{BASE}/Observation?code=http%3A%2F%2Floinc.org%7C29463-7&date=ge2026-01-01T00:00:00%2B01:00"
    assert (await anna.bundle(itself))["link"] == bundle["link"]


async def test_resources_are_found_by_id(anna: Caller) -> None:
    for id in ("a", "b", "c"):
        await anna.keep(goal(id=id))
    assert await anna.found("/Goal?_id=b") == ["b"]
    assert sorted(await anna.found("/Goal?_id=a,c,never")) == ["a", "c"]
    assert await anna.found("/Goal?_id=a,b&_id=b,c") == ["b"]
    assert await anna.found("/Goal?_id=b&lifecycle-status=active") == []
    assert await anna.found("/Observation?_id=a") == []
    for nothing in ("never", "", ",", "bram", "a'", "a b"):
        assert await anna.found(f"/Goal?_id={nothing}") == [], nothing


async def test_resources_are_found_by_the_time_of_their_last_change(anna: Caller) -> None:
    first = await anna.create(goal(lifecycleStatus="proposed"))
    second = await anna.create(goal(lifecycleStatus="active"))
    early, late = first["meta"]["lastUpdated"], second["meta"]["lastUpdated"]
    for query, expected in {
        f"_lastUpdated={early}": [first["id"]],
        f"_lastUpdated=gt{early}": [second["id"]],
        f"_lastUpdated=ge{early}&_lastUpdated=lt{late}": [first["id"]],
        f"_lastUpdated=le{late}": [first["id"], second["id"]],
        f"_lastUpdated=ne{early}": [second["id"]],
        f"_lastUpdated=sa{early}": [second["id"]],
        f"_lastUpdated=eb{late}": [first["id"]],
        f"_lastUpdated={early},{late}": [first["id"], second["id"]],
        "_lastUpdated=lt2020": [],
        "_lastUpdated=gt2020": [first["id"], second["id"]],
        f"_lastUpdated=gt{early}&lifecycle-status=active": [second["id"]],
    }.items():
        assert sorted(await anna.found(f"/Goal?{query}")) == sorted(expected), query
    changed = await anna.keep(first)
    assert await anna.found(f"/Goal?_lastUpdated={early}") == []
    assert await anna.found(f"/Goal?_lastUpdated={changed['meta']['lastUpdated']}") == [first["id"]]


async def test_the_newest_come_first_where_the_type_has_a_date(anna: Caller) -> None:
    for id, when in {"b": "2026-02-01", "a": "2026-01-01", "c": "2026-03", "none": None}.items():
        await anna.keep(observation(id=id, effectiveDateTime=when))
    assert await anna.found("/Observation") == ["c", "b", "a", "none"]
    assert await anna.found("/Observation?code=29463-7") == ["c", "b", "a", "none"]
    assert await anna.found("/Observation?_sort=-date") == ["c", "b", "a", "none"]
    assert await anna.found("/Observation?_sort=date") == ["none", "a", "b", "c"]
    assert await anna.found("/Observation?_sort=date&date=ge2026-02") == ["b", "c"]
    assert await anna.found("/Observation?_sort=-date&code:not=x&status=final") == ["c", "b", "a", "none"]


async def test_what_has_one_date_is_sorted_by_when_it_was_made(anna: Caller) -> None:
    made = [(await anna.create(observation()))["id"] for _ in range(4)]
    assert await anna.found("/Observation?_sort=date") == made
    assert await anna.found("/Observation?_sort=-date") == made[::-1]


async def test_results_are_sorted_by_last_change(anna: Caller) -> None:
    made = [await anna.create(goal()) for _ in range(3)]
    await anna.keep(made[0])
    order = [made[1]["id"], made[2]["id"], made[0]["id"]]
    assert await anna.found("/Goal?_sort=_lastUpdated") == order
    assert await anna.found("/Goal?_sort=-_lastUpdated") == order[::-1]
    assert await anna.found("/Goal?_sort=-_lastUpdated&lifecycle-status=proposed") == order[::-1]


async def test_results_are_sorted_by_another_date_than_the_types_own(anna: Caller) -> None:
    for id, onset in {"b": "2020-02-01", "a": "2020-01-01", "c": "2020-03-01", "none": None}.items():
        await anna.keep(condition(id=id, onsetDateTime=onset))
    assert await anna.found("/Condition?_sort=onset-date") == ["none", "a", "b", "c"]
    assert await anna.found("/Condition?_sort=-onset-date") == ["c", "b", "a", "none"]
    assert await anna.found("/Condition?_sort=-onset-date&onset-date=lt2020-03") == ["b", "a"]


async def test_several_patients_are_sorted_as_one_list(practice: Caller) -> None:
    for name, id, when in (("anna", "a", "2026-01-01"), ("bram", "b", "2026-02-01"), ("anna", "c", "2026-03-01")):
        await practice.keep(observation(f"Patient/{name}", id=id, effectiveDateTime=when))
    assert await practice.found("/Observation?_sort=date") == ["a", "b", "c"]
    assert await practice.found("/Observation?_sort=-date") == ["c", "b", "a"]
    assert await practice.found("/Observation?_sort=_lastUpdated") == ["a", "b", "c"]
    assert await practice.found("/Observation?_sort=-_lastUpdated&status=final") == ["c", "b", "a"]


@pytest.mark.parametrize("value", ["nonsense", "-nonsense", "date,nonsense", "", "-", "_text"])
async def test_a_sort_that_is_not_there_is_refused_naming_those_that_are(anna: Caller, value: str) -> None:
    answer = await anna.get(f"/Observation?_sort={value}")
    assert answer.status_code == 400
    assert codes(answer) == ["not-supported"]
    assert "_id, _lastUpdated, " in issues(answer)[0]["diagnostics"]


async def test_a_type_without_a_date_of_its_own_can_be_searched(anna: Caller) -> None:
    made = await anna.create(binary())
    assert await anna.found("/Binary") == [made["id"]]
    assert await anna.found("/Binary?_sort=-_lastUpdated") == [made["id"]]


async def test_count_bounds_the_page(anna: Caller) -> None:
    for _ in range(55):
        await anna.create(goal())
    assert len(await anna.found("/Goal?_count=3")) == 3
    assert len(await anna.found("/Goal")) == 50
    assert len(await anna.found("/Goal?_count=55")) == 55
    assert len(await anna.found("/Goal?_count=99999999999999999999")) == 55
    for wrong in ("x", "-1", "1.5", ""):
        assert (await anna.get(f"/Goal?_count={wrong}")).status_code == 400


async def test_the_catalogue_is_found_together_with_ones_own(anna: Caller, bram: Caller, practice: Caller) -> None:
    own = await anna.create(medication(code={"text": "Eigen zalf"}))
    assert sorted(await anna.found("/Medication")) == sorted([own["id"], "metformin"])
    assert await bram.found("/Medication") == ["metformin"]
    assert sorted(await practice.found("/Medication")) == sorted([own["id"], "metformin"])
    assert await anna.found(f"/Medication?_id={own['id']}") == [own["id"]]
    assert await anna.found("/Questionnaire?title=hoe gaat") == ["mood"]


async def test_search_gives_what_read_gives(anna: Caller) -> None:
    made = await anna.create(observation())
    read = await anna.get(f"/Observation/{made['id']}")
    bundle = await anna.bundle("/Observation")
    assert ids(bundle) == [made["id"]]
    assert bundle["entry"][0]["resource"] == decode(read.content)
