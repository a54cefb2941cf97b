"""How many matches there are, and in which order they come. https://hl7.org/fhir/R4/search.html#total
https://hl7.org/fhir/R4/search.html#sort
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import LOINC, concept, goal, observation, patient
from tests.server.service import Caller, ids, issues


async def test_the_total_is_given_when_it_is_asked_for(anna: Caller, bram: Caller) -> None:
    for _ in range(3):
        await anna.create(observation())
    await bram.create(observation("Patient/bram"))
    assert "total" not in await anna.bundle("/Observation?_count=1")
    assert "total" not in await anna.bundle("/Observation?_count=1&_total=none")
    for query in ("_total=accurate", "_total=estimate"):
        bundle = await anna.bundle(f"/Observation?_count=1&{query}")
        assert bundle["total"] == 3
        assert len(bundle["entry"]) == 1
    assert (await anna.bundle("/Observation?code=nonsense&_total=accurate"))["total"] == 0
    assert (await anna.bundle("/Observation?patient=bram&_total=accurate"))["total"] == 0


@pytest.mark.parametrize("query", ["_summary=count", "_count=0"])
async def test_only_the_number_of_matches_can_be_asked_for(anna: Caller, practice: Caller, query: str) -> None:
    await anna.create(observation())
    for caller in (anna, practice):
        bundle = await caller.bundle(f"/Observation?{query}&code=29463-7")
        assert bundle["total"] == 1
        assert "entry" not in bundle


async def test_rows_are_sorted_by_several_keys_each_its_own_way(anna: Caller, practice: Caller) -> None:
    made: dict[tuple[str, str], str] = {}
    for status in ("final", "amended"):
        for day in ("2026-01-01", "2026-01-02"):
            kept = await anna.create(observation(status=status, effectiveDateTime=day))
            made[status, day] = kept["id"]
    early, late = "2026-01-01", "2026-01-02"
    orders = {
        "status,date": [("amended", early), ("amended", late), ("final", early), ("final", late)],
        "status,-date": [("amended", late), ("amended", early), ("final", late), ("final", early)],
        "-status,date": [("final", early), ("final", late), ("amended", early), ("amended", late)],
        "-date,status": [("amended", late), ("final", late), ("amended", early), ("final", early)],
    }
    for sort, expected in orders.items():
        for caller in (anna, practice):
            wanted = [made[each] for each in expected]
            assert await caller.found(f"/Observation?_sort={sort}") == wanted, sort
            pages = await caller.pages(f"/Observation?_sort={sort}&_count=1")
            assert [each for page in pages for each in ids(page)] == wanted, sort
            keys = await caller.found("/Observation?" + "&".join(f"_sort={key}" for key in sort.split(",")))
            assert keys == wanted


SORTABLE: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "code": ("code", [{"code": concept(LOINC, each)} for each in ("1-1", "2-2", "3-3")]),
    "date": ("date", [{"effectiveDateTime": each} for each in ("2024", "2025-02", "2026-01-01")]),
    "performer": ("performer", [{"performer": [{"reference": f"Practitioner/{each}"}]} for each in "abc"]),
    "id": ("_id", [{"id": each} for each in ("aa", "bb", "cc")]),
}


@pytest.mark.parametrize("kind", SORTABLE)
async def test_every_kind_of_key_sorts_both_ways(anna: Caller, kind: str) -> None:
    name, members = SORTABLE[kind]
    made: list[str] = []
    for each in reversed(members):
        resource = observation(**each)
        kept = await (anna.keep if "id" in resource else anna.create)(resource)
        made.insert(0, kept["id"])
    assert await anna.found(f"/Observation?_sort={name}") == made
    assert await anna.found(f"/Observation?_sort=-{name}") == made[::-1]
    assert await anna.found(f"/Observation?_sort={name}&code:not=x") == made


async def test_names_sort_without_case_and_accents(operator: Caller) -> None:
    for family in ("émile", "Eva", "eline"):
        await operator.keep(patient(f"p-{family[:3].replace('é', 'e')}".lower(), name=[{"family": family}]))
    found = await operator.found("/Patient?_sort=family&_id=p-emi,p-eva,p-eli")
    assert found == ["p-eli", "p-emi", "p-eva"]


async def test_of_several_values_the_one_counts_that_comes_first(anna: Caller) -> None:
    wide = await anna.create(goal(category=[concept(LOINC, "a"), concept(LOINC, "z")]))
    middle = await anna.create(goal(category=[concept(LOINC, "m")]))
    none = await anna.create(goal(category=None))
    assert await anna.found("/Goal?_sort=category,_id") == [none["id"], wide["id"], middle["id"]]
    assert await anna.found("/Goal?_sort=-category,_id") == [wide["id"], middle["id"], none["id"]]


@pytest.mark.parametrize(
    "sort", ["nonsense", "code,nonsense", "-", "", "_text", "code,date,status,_id,performer,focus"]
)
async def test_what_cannot_be_sorted_by_is_refused(anna: Caller, sort: str) -> None:
    answer = await anna.get(f"/Observation?_sort={sort}")
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == ["http._sort"]
