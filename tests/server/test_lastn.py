"""Observation/$lastn. https://hl7.org/fhir/R4/observation-operation-lastn.html"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.fhir.resource import Resource
from app.server.interactions.groups import Groups
from tests.builders import HEART_RATE, LOINC, SNOMED, WEIGHT, concept, observation
from tests.server.service import BASE, Caller, Service, codes, ids, link
from tests.server.test_operations import parameters


def seen(id: str, day: int | None, *codings: tuple[str, str], **members: Any) -> Resource:
    """An Observation of one day in November."""
    coded = {"coding": [{"system": system, "code": code} for system, code in codings or ((LOINC, WEIGHT),)]}
    return observation(
        id=id,
        **{
            "code": coded,
            "effectiveDateTime": None if day is None else f"2026-11-{day:02}T08:00:00+01:00",
            "valueQuantity": None,
            "dataAbsentReason": {"text": "niet van belang"},
            **members,
        },
    )


async def filled(anna: Caller) -> None:
    """Weights on three days, a pulse, and a pulse in another system that a third ties to it."""
    for each in (
        seen("w-1", 1),
        seen("w-3", 3),
        seen("w-2", 2),
        seen("w-none", None),
        seen("p-1", 1, (LOINC, HEART_RATE)),
        seen("p-4", 4, (SNOMED, "364075005")),
        seen("p-2", 2, (LOINC, HEART_RATE), (SNOMED, "364075005")),
        seen("wrong", 9, status="entered-in-error"),
    ):
        await anna.keep(each)


async def test_the_newest_of_each_code(anna: Caller) -> None:
    await filled(anna)
    bundle = await anna.bundle("/Observation/$lastn")
    assert ids(bundle) == ["p-4", "w-3"]
    assert bundle["type"] == "searchset"
    assert link(bundle, "self") == f"{BASE}/Observation/$lastn"
    assert {entry["search"]["mode"] for entry in bundle["entry"]} == {"match"}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, ["p-4", "w-3"]),
        (2, ["p-4", "p-2", "w-3", "w-2"]),
        (3, ["p-4", "p-2", "p-1", "w-3", "w-2", "w-1"]),
        (10**30, ["p-4", "p-2", "p-1", "w-3", "w-2", "w-1", "w-none"]),
    ],
)
async def test_max_is_per_code(anna: Caller, number: int, expected: list[str]) -> None:
    await filled(anna)
    assert await anna.found(f"/Observation/$lastn?max={number}") == expected


async def test_it_takes_the_parameters_of_a_search(anna: Caller) -> None:
    await filled(anna)
    assert await anna.found(f"/Observation/$lastn?patient=Patient/anna&code={LOINC}|{WEIGHT}") == ["w-3"]
    assert await anna.found("/Observation/$lastn?subject=Patient/anna&date=lt2026-11-03") == ["p-2", "w-2"]
    assert await anna.found("/Observation/$lastn?category=laboratory") == []
    assert await anna.found("/Observation/$lastn?category=vital-signs&max=1&status=final") == ["p-4", "w-3"]


async def test_parameters_in_the_body_are_the_same(anna: Caller) -> None:
    await filled(anna)
    body = parameters(max=2, code=f"{LOINC}|{WEIGHT}")
    body["parameter"].append({"name": "subject", "valueReference": {"reference": "Patient/anna"}})
    answer = await anna.post("/Observation/$lastn", body)
    assert ids(answer.json()) == ["w-3", "w-2"]
    again = await anna.bundle(link(answer.json(), "self") or "")
    assert ids(again) == ["w-3", "w-2"]


async def test_words_without_a_code_are_a_group(anna: Caller) -> None:
    await anna.keep(observation(id="a", code={"text": "Slaap"}, effectiveDateTime="2026-11-01"))
    await anna.keep(observation(id="b", code={"text": "Slaap"}, effectiveDateTime="2026-11-02"))
    await anna.keep(observation(id="c", code={"text": "Zin"}, effectiveDateTime="2026-11-01"))
    assert await anna.found("/Observation/$lastn") == ["b", "c"]


async def test_each_patient_has_groups_of_their_own(anna: Caller, bram: Caller, practice: Caller) -> None:
    await anna.keep(seen("a-1", 1))
    await anna.keep(seen("a-2", 2))
    await bram.keep({**seen("b-1", 1), "subject": {"reference": "Patient/bram"}})
    assert await practice.found("/Observation/$lastn") == ["a-2", "b-1"]
    assert await practice.found("/Patient/bram/Observation/$lastn") == ["b-1"]
    assert await anna.found("/Observation/$lastn?patient=bram") == []
    assert await bram.found("/Observation/$lastn") == ["b-1"]


async def test_what_they_refer_to_can_come_along(anna: Caller) -> None:
    await anna.keep(seen("a", 1, performer=[{"reference": "Practitioner/doctor"}]))
    bundle = await anna.bundle("/Observation/$lastn?_include=Observation:performer")
    assert [(entry["search"]["mode"], entry["resource"]["id"]) for entry in bundle["entry"]] == [
        ("match", "a"),
        ("include", "doctor"),
    ]


@pytest.mark.parametrize(
    "query",
    ["max=0", "max=x", "max=-1", "max=1&max=2", "nonsense=1", "_sort=date", "_count=1", "_page=x", "_summary=count"],
)
async def test_what_it_does_not_take_is_refused(anna: Caller, query: str) -> None:
    answer = await anna.get(f"/Observation/$lastn?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.text


async def test_labels_hold(service: Service, anna: Caller) -> None:
    await anna.keep(seen("own", 1))
    laboratory = concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")
    await anna.keep(seen("lab", 2, category=[laboratory]))
    assert await service.caller("anna-measurements").found("/Observation/$lastn") == ["own"]


async def test_more_than_it_looks_through_is_too_costly(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.interactions.lastn.MOST_OBSERVATIONS", 3)
    await filled(anna)
    answer = await anna.get("/Observation/$lastn")
    assert (answer.status_code, codes(answer)) == (403, ["too-costly"])
    assert await anna.found("/Observation/$lastn?date=ge2026-11-03&status=final") == ["p-4", "w-3"]


async def test_more_than_one_answer_has_is_too_costly(anna: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.interactions.lastn.MOST_GIVEN", 3)
    await filled(anna)
    answer = await anna.get("/Observation/$lastn?max=2")
    assert (answer.status_code, codes(answer)) == (403, ["too-costly"])
    assert await anna.found("/Observation/$lastn") == ["p-4", "w-3"]


@pytest.mark.parametrize("caller", ["anna", "practice", "operator"])
@pytest.mark.parametrize("most", [1, 2, 5])
async def test_it_is_the_same_however_many_are_read_at_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, caller: str, most: int
) -> None:
    anna, bram = service.caller("anna"), service.caller("bram")
    await filled(anna)
    for number, text in enumerate(("Slaap", "slaap", "Zin", "Slaap")):
        await anna.keep(observation(id=f"t-{number}", code={"text": text}, effectiveDateTime=f"2026-10-0{number + 1}"))
    for day in (1, 2, 3):
        await bram.keep({**seen(f"b-{day}", day), "subject": {"reference": "Patient/bram"}})
    asked = f"/Observation/$lastn?max={most}"
    whole = await service.caller(caller).found(asked)
    assert len(whole) == len(set(whole))
    assert [each for each in whole if each[0] == "t"] == [
        *(["t-3"] if most == 1 else ["t-3", "t-0"]), "t-2", "t-1"
    ]  # fmt: skip
    assert [each for each in whole if each[0] == "b"] == ([] if caller == "anna" else ["b-3", "b-2", "b-1"][:most])
    monkeypatch.setattr("app.server.interactions.groups._AT_ONCE", 2)
    assert await service.caller(caller).found(asked) == whole


async def test_it_takes_what_a_search_takes(service: Service, anna: Caller) -> None:
    await filled(anna)
    assert (await service.caller("").get("/Observation/$lastn")).status_code == 401
    assert (await service.caller("anna-patient-and-goals").get("/Observation/$lastn")).status_code == 403
    assert await service.caller("anna-observations").found("/Observation/$lastn") == ["p-4", "w-3"]
    answer = await anna.get("/Observation/$lastn", {"accept": "application/fhir+xml"})
    assert answer.content.count(b"<Observation>") == 2


@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_groups_are_those_of_whoever_shares_a_mark(sets: list[list[int]]) -> None:
    groups = Groups()
    for each in sets:
        groups.join(each)
    slow = [set(each) for each in sets]
    for _ in slow:
        slow = [set().union(*(other for other in slow if other & each)) for each in slow]
    for one in slow:
        for other in slow:
            together = groups.find(next(iter(one))) == groups.find(next(iter(other)))
            assert together == bool(one & other)
