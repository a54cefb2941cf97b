"""One series of what was measured at home and what care providers sent. https://hl7.org/fhir/R4/observation.html"""

from __future__ import annotations

from typing import Any

from app.fhir.resource import Resource
from app.measurements.kinds import SYSTEMS
from tests.builders import LOINC, concept, observation
from tests.measurements.counting import (
    CARE,
    SYSTOLIC,
    all_of,
    counted,
    day,
    one,
    pressure,
    quantity,
    said,
    stats,
    weight,
)
from tests.server.grants import token_with
from tests.server.service import Caller, Service

NHG: dict[str, tuple[str, int]] = {"systolic": ("1744", 150), "diastolic": ("1740", 92)}


def of_gp(name: str, when: str, **members: Any) -> Resource:
    """One value as a GP system sends it: an Observation of its own with NHG's code."""
    code, value = NHG[name]
    return observation(
        id=f"gp-{name}",
        code=concept(SYSTEMS["nhg45"], code),
        effectiveDateTime=when,
        performer=CARE,
        valueQuantity=quantity(value, "mm[Hg]"),
        **members,
    )


async def readings(caller: Caller, query: str) -> list[dict[str, Any]]:
    """Each reading of the answer as a dict, the newest first."""
    found = await stats(caller, f"{query}&readings=true")
    listed = []
    for each in all_of(found, "reading"):
        names = {part["name"] for part in each["part"]} - {"flag"}
        listed.append(
            {name: said(each, name) for name in names} | {"flags": [p["valueCode"] for p in all_of(each, "flag")]}
        )
    return listed


async def test_home_and_care_are_one_series_with_their_sources(anna: Caller, practice: Caller) -> None:
    device = {"device": {"display": "Bloeddrukmeter Model 3"}, "meta": {"source": "https://app.example/metingen"}}
    await anna.keep(pressure("home", day(1), 130, 80, **device))
    for name in NHG:
        await practice.keep(of_gp(name, day(2, 14)))
    found = await stats(anna, "kind=blood-pressure")
    assert [counted(found, place)["average"] for place in (0, 1)] == [140, 86]
    listed = await readings(anna, "kind=blood-pressure")
    seen = {(each["name"], each["observation"]["reference"], each["origin"], each["by"]) for each in listed}
    assert seen == {
        ("systolic", "Observation/home", "home", "Anna"),
        ("diastolic", "Observation/home", "home", "Anna"),
        ("systolic", "Observation/gp-systolic", "care", "Dokter De Wit"),
        ("diastolic", "Observation/gp-diastolic", "care", "Dokter De Wit"),
    }
    home = next(each for each in listed if each["origin"] == "home")
    assert (home["device"], home["app"]) == ("Bloeddrukmeter Model 3", "https://app.example/metingen")
    assert [each["when"] for each in listed] == [day(2, 14)] * 2 + [day(1)] * 2


async def test_what_is_of_nobody_known_says_so(anna: Caller, practice: Caller) -> None:
    await practice.keep(weight("w", day(1), 80, performer=None))
    (found,) = await readings(anna, "kind=weight")
    assert found["origin"] == "unknown"
    assert "by" not in found


async def test_possible_doubles_are_marked_and_all_count(anna: Caller, practice: Caller) -> None:
    await anna.keep(weight("home", day(1), 80))
    await practice.keep(weight("again", "2026-01-01T08:02:00+01:00", 80, performer=CARE))
    await anna.keep(weight("later", "2026-01-01T08:04:01+01:00", 80))
    await practice.keep(weight("by-day", "2026-01-03", 81, performer=CARE))
    await anna.keep(weight("that-day", day(3, 17), 81))
    await practice.keep(weight("by-day-again", "2026-01-03", 81, performer=CARE))
    await anna.keep(weight("alone", day(4), 80))
    await anna.keep(weight("other", day(1), 80.1))
    found = await stats(anna, "kind=weight")
    assert counted(found)["count"] == 8
    assert said(one(found, "value"), "possibleDoubles") == 4
    assert await doubles(anna, "kind=weight") == {"home", "again", "by-day", "by-day-again"}


async def test_a_panel_is_a_possible_double_of_its_parts_and_not_of_one_with_another_part(
    anna: Caller, practice: Caller
) -> None:
    """Whichever part is asked for: two measurements after each other are told by both numbers."""
    await anna.keep(pressure("first", day(1), 130, 80))
    await anna.keep(pressure("second", "2026-01-01T08:01:00+01:00", 130, 82))
    for query in ("kind=blood-pressure", "code=8480-6", "code=8462-4"):
        assert await doubles(anna, query) == set(), query
    second = day(1).replace("08:00", "08:02")
    diastolic = {"code": concept(LOINC, "8462-4"), "valueQuantity": quantity(82, "mm[Hg]")}
    await practice.keep(observation(id="gp", effectiveDateTime=second, performer=CARE, **diastolic))
    assert await doubles(anna, "kind=blood-pressure") == {"second", "gp"}
    assert await doubles(anna, "code=8462-4") == {"second", "gp"}
    assert await doubles(anna, "code=8480-6") == set()


async def doubles(caller: Caller, query: str) -> set[str]:
    """The ids of what is shown as a possible double."""
    listed = await readings(caller, query)
    return {each["observation"]["reference"].rpartition("/")[2] for each in listed if "possibleDouble" in each}


async def test_flagged_values_are_there_and_count_once_somebody_said_that_they_are_right(
    anna: Caller, practice: Caller
) -> None:
    await anna.keep(weight("right", day(1), 80))
    await anna.keep(weight("unlikely", day(2), 260))
    await practice.keep(weight("beyond", day(3), 8000, performer=CARE))
    found = await stats(anna, "kind=weight")
    assert counted(found)["maximum"] == 80
    assert (counted(found)["count"], counted(found)["total-count"]) == (1, 3)
    value = one(found, "value")
    left_out = {said(each, "reason"): said(each, "count") for each in all_of(value, "leftOut")}
    assert left_out == {"to-confirm": 1, "beyond-limit": 1}
    assert "1 keer telt een waarde niet mee" in said(value, "text")
    assert "1 keer telt een waarde nog niet mee" in said(value, "text")
    flagged = {said(each, "flag"): said(each, "count") for each in all_of(value, "flagged")}
    assert flagged == {"unlikely": 1, "to-confirm": 1, "beyond-limit": 1}
    listed = {each["observation"]["reference"]: each for each in await readings(anna, "kind=weight")}
    assert listed["Observation/beyond"]["counts"] is False
    assert listed["Observation/beyond"]["value"]["value"] == 8000
    assert set(listed["Observation/unlikely"]["flags"]) == {"unlikely", "to-confirm"}
    assert listed["Observation/unlikely"]["counts"] is False
    assert listed["Observation/right"]["counts"] is True
    assert (await anna.post("/Observation/unlikely/$confirm")).status_code == 200
    confirmed = counted(await stats(anna, "kind=weight"))
    assert (confirmed["count"], confirmed["maximum"]) == (2, 260)


async def test_what_cannot_be_read_is_counted_with_its_reason(anna: Caller, practice: Caller) -> None:
    await anna.keep(weight("right", day(1), 80))
    stones = {"value": 12, "unit": "zakken", "system": "http://unitsofmeasure.org", "code": "{zak}"}
    await practice.keep(weight("unit", day(2), 1, valueQuantity=stones, performer=CARE))
    await practice.keep(weight("bound", day(2), 1, valueQuantity=quantity(200, comparator=">"), performer=CARE))
    await practice.keep(weight("year", "1066-10-14", 80, performer=CARE))
    undated = weight("undated", day(1), 80, performer=CARE)
    del undated["effectiveDateTime"]
    await practice.keep(undated)
    found = await stats(anna, "kind=weight")
    assert (counted(found)["count"], counted(found)["total-count"]) == (1, 5)
    reasons = {said(each, "reason"): said(each, "count") for each in all_of(one(found, "value"), "leftOut")}
    assert reasons == {"value": 2, "time": 2}
    january = await stats(anna, "kind=weight&date=2026-01-02")
    assert {said(each, "reason"): said(each, "count") for each in all_of(one(january, "value"), "leftOut")} == {
        "value": 2
    }


async def test_what_was_entered_in_error_is_not_there(anna: Caller) -> None:
    await anna.keep(weight("right", day(1), 80))
    await anna.keep(weight("wrong", day(2), 90, status="entered-in-error"))
    await anna.keep(weight("cancelled", day(2), 90, status="cancelled"))
    found = await stats(anna, "kind=weight")
    assert (counted(found)["count"], counted(found)["total-count"]) == (1, 1)


async def test_two_codes_of_one_observation_are_one_reading(anna: Caller, practice: Caller) -> None:
    both = {"coding": [*concept(LOINC, SYSTOLIC)["coding"], *concept(SYSTEMS["nhg45"], "1744")["coding"]]}
    await practice.keep({**of_gp("systolic", day(1)), "code": both})
    assert counted(await stats(anna, "kind=blood-pressure"))["count"] == 1


async def test_a_panel_without_one_of_its_parts_gives_the_other(anna: Caller, practice: Caller) -> None:
    alone = pressure("p", day(1), 130, 80, performer=CARE)
    alone["component"] = alone["component"][:1]
    await practice.keep(alone)
    found = await stats(anna, "kind=blood-pressure")
    assert [counted(found, place)["count"] for place in (0, 1)] == [1, 0]


async def test_whole_numbers_of_a_rating_are_a_series(anna: Caller) -> None:
    code = concept("http://snomed.info/sct", "225908003")
    for number, value in enumerate((3, 4, 8), 1):
        rated: dict[str, Any] = {"valueQuantity": None, "valueInteger": value}
        await anna.keep(observation(id=f"pain-{number}", code=code, effectiveDateTime=day(number), **rated))
    assert counted(await stats(anna, "kind=pain"))["average"] == 5


async def test_narrowed_scopes_narrow_the_series(service: Service, anna: Caller) -> None:
    await anna.keep(weight("vital", day(1), 80))
    await anna.keep(
        weight(
            "survey",
            day(2),
            90,
            category=[concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey")],
        )
    )
    assert counted(await stats(anna, "kind=weight"))["count"] == 2
    narrowed = await token_with(service, "patient/Observation.rs?category=vital-signs", "anna")
    assert counted(await stats(narrowed, "kind=weight"))["average"] == 80
    assert counted(await stats(narrowed, "kind=weight&date=ge2026-01-01&date=le2026-01-31"))["count"] == 1


async def test_more_readings_than_the_limit_are_the_newest(anna: Caller) -> None:
    for number in (1, 2, 3):
        await anna.keep(weight(f"w-{number}", day(number), 80 + number))
    listed = await readings(anna, "kind=weight&limit=2")
    assert [each["value"]["value"] for each in listed] == [83, 82]
