"""Targets are personal, with author and date (MODEL 5). https://hl7.org/fhir/R4/goal-definitions.html#Goal.target"""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import LOINC, concept
from tests.measurements.counting import (
    DIASTOLIC,
    JANUARY,
    PANEL,
    SYSTOLIC,
    all_of,
    day,
    one,
    pressure,
    quantity,
    said,
    stats,
    target,
    weight,
)
from tests.server.service import Caller, Service


async def ten_weights(anna: Caller) -> None:
    """76 to 85 kg."""
    for number in range(10):
        await anna.keep(weight(f"w-{number}", day(number + 1), 76 + number))


async def found_target(caller: Caller, query: str = f"kind=weight&{JANUARY}") -> Any:
    listed = all_of(all_of(await stats(caller, query), "value")[0], "target")
    return listed[0] if listed else None


async def test_how_many_are_within_the_personal_target(anna: Caller) -> None:
    await ten_weights(anna)
    await anna.keep(target("mine", "2025-12-01"))
    found = await found_target(anna)
    assert (said(found, "within"), said(found, "of")) == (4, 10)
    assert (said(found, "low")["value"], said(found, "high")["value"]) == (78, 81)
    assert said(found, "goal") == {"reference": "Goal/mine"}
    assert said(found, "author") == {"reference": "Patient/anna", "display": "Anna"}
    assert said(found, "date") == "2025-12-01"
    text = said(one(await stats(anna, f"kind=weight&{JANUARY}"), "value"), "text")
    assert "4 van de 10 metingen liggen in het persoonlijke streefgebied." in text
    assert "Opgeschreven door Anna op 1 december 2025." in text
    assert "%" not in text


async def test_without_a_target_there_is_none(anna: Caller) -> None:
    await ten_weights(anna)
    assert await found_target(anna) is None


async def test_the_newest_of_the_active_goals_counts(anna: Caller) -> None:
    await ten_weights(anna)
    await anna.keep(target("old", "2025-06-01"))
    await anna.keep(target("new", "2025-12-01", detailRange={"low": quantity(80), "high": quantity(90)}))
    await anna.keep({**target("stopped", "2026-01-01"), "lifecycleStatus": "cancelled"})
    await anna.keep({**target("proposed", "2026-01-01"), "lifecycleStatus": "proposed"})
    found = await found_target(anna)
    assert (said(found, "goal")["reference"], said(found, "within")) == ("Goal/new", 6)
    await anna.keep({**target("old", "2025-06-01"), "statusDate": "2026-01-05"})
    assert said(await found_target(anna), "goal")["reference"] == "Goal/old"


@pytest.mark.parametrize(
    ("detail", "within"),
    [
        ({"detailRange": {"high": quantity(80)}}, 5),
        ({"detailRange": {"low": quantity(80)}}, 6),
        ({"detailRange": {"low": quantity(80000, "g"), "high": quantity(81000, "g")}}, 2),
        ({"detailQuantity": quantity(80, comparator="<")}, 4),
        ({"detailQuantity": quantity(80, comparator="<=")}, 5),
        ({"detailQuantity": quantity(80, comparator=">")}, 5),
        ({"detailQuantity": quantity(80, comparator=">=")}, 6),
    ],
)
async def test_a_target_is_a_range_or_a_bound(anna: Caller, detail: dict[str, Any], within: int) -> None:
    await ten_weights(anna)
    await anna.keep(target("goal", "2025-12-01", **detail))
    assert said(await found_target(anna), "within") == within


@pytest.mark.parametrize(
    "detail",
    [
        {"detailQuantity": quantity(75)},  # what somebody wants to get to: nothing is within it
        {"detailString": "minder dan nu"},
        {"detailRange": {"low": quantity(78, "{zak}")}},
        {"dueDate": "2026-06-01"},
    ],
)
async def test_what_is_no_range_is_no_target_here(anna: Caller, detail: dict[str, Any]) -> None:
    await ten_weights(anna)
    await anna.keep(target("goal", "2025-12-01", **detail))
    assert await found_target(anna) is None


async def test_each_part_of_a_pressure_has_its_own_target(anna: Caller) -> None:
    await anna.keep(pressure("p-1", day(1), 130, 80))
    await anna.keep(pressure("p-2", day(2), 140, 85))
    goal = target(
        "goal", "2025-12-01", SYSTOLIC, detailQuantity=quantity(135, "mm[Hg]", comparator="<"), dueDate="2026-06-01"
    )
    await anna.keep(goal)
    upper, lower = all_of(await stats(anna, f"code={PANEL}"), "value")
    assert (said(one(upper, "target"), "within"), said(one(upper, "target"), "dueDate")) == (1, "2026-06-01")
    assert all_of(lower, "target") == []
    goal["target"].append(
        {"measure": concept(LOINC, DIASTOLIC), "detailQuantity": quantity(90, "mm[Hg]", comparator="<")}
    )
    await anna.keep(goal)
    assert said(one(all_of(await stats(anna, f"code={PANEL}"), "value")[1], "target"), "within") == 2


async def test_a_range_in_the_call_is_nobodys_target(anna: Caller) -> None:
    await ten_weights(anna)
    await anna.keep(target("mine", "2025-12-01"))
    found = await found_target(anna, f"kind=weight&{JANUARY}&target-low=80.5&target-high=84")
    assert (said(found, "within"), said(found, "low")["value"]) == (4, 80.5)
    assert {each["name"] for each in found["part"]} == {"low", "high", "within", "of"}


async def test_who_may_not_see_goals_sees_no_target(service: Service, anna: Caller) -> None:
    await ten_weights(anna)
    await anna.keep(target("mine", "2025-12-01"))
    assert await found_target(service.caller("anna-observations")) is None
    assert await found_target(service.caller("anna-measurements")) is None


async def test_a_target_stays_with_its_person(anna: Caller, bram: Caller, practice: Caller) -> None:
    await ten_weights(anna)
    await bram.keep({**target("his", "2025-12-01"), "subject": {"reference": "Patient/bram"}})
    assert await found_target(practice, f"kind=weight&patient=anna&{JANUARY}") is None
