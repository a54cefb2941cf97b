"""How one line says what a resource is, and of when."""

from __future__ import annotations

from typing import Any, Final

import pytest

from app.web.data.describing import dated, described
from app.web.dates import day

BASE: Final = "https://zelfregie.example/fhir"
GOALS: Final = f"{BASE}/CodeSystem/goal-observation"


def _quantity(value: float, unit: str = "mmHg") -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit}}


@pytest.mark.parametrize(
    ("components", "line"),
    [
        ([_quantity(138), _quantity(82)], "Bloeddruk: 138/82 mmHg"),
        ([_quantity(138), _quantity(70, "/min")], "Bloeddruk"),
        ([_quantity(138)], "Bloeddruk"),
        ([_quantity(each) for each in range(4)], "Bloeddruk"),
        ([{"dataAbsentReason": {"text": "geweigerd"}}], "Bloeddruk"),
    ],
)
def test_a_panel_of_one_unit_is_one_value(components: list[dict[str, Any]], line: str) -> None:
    assert described({"code": {"text": "Bloeddruk"}, "component": components}, "nl", BASE) == line


def _observation(system: str, code: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "code": {"coding": [{"system": system, "code": code}]}, **more}


@pytest.mark.parametrize(
    ("resource", "dutch", "english"),
    [
        (_observation("http://loinc.org", "29463-7", **_quantity(82.5, "kg")), "Gewicht: 82,5 kg", "Weight: 82.5 kg"),
        (_observation("http://loinc.org", "8480-6", **_quantity(9)), "Bovendruk: 9 mmHg", "Systolic pressure: 9 mmHg"),
        (_observation(GOALS, "goal-evaluation"), "Hoe het met een doel gaat", "How a goal goes"),
        (_observation("http://loinc.org", "1-8"), "1-8", "1-8"),
    ],
)
def test_a_code_without_words_has_the_name_that_it_has_here(resource: dict[str, Any], dutch: str, english: str) -> None:
    assert (described(resource, "nl", BASE), described(resource, "en", BASE)) == (dutch, english)


def test_figures_of_several_measurements_are_not_written_as_one() -> None:
    computed = {"coding": [{"system": f"{BASE}/CodeSystem/observation-category", "code": "computed"}]}
    result = {"code": {"text": "Elke dag wegen"}, "category": [computed], "component": [_quantity(82), _quantity(81)]}
    assert described(result, "nl", BASE) == "Elke dag wegen"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("2026-10-22T07:41:00+02:00", "22 oktober 2026"), ("2026-10", "oktober 2026"), ("2026", "2026"), ("x", "x")],
)
def test_a_date_is_said_as_far_as_it_is_known(written: str, shown: str) -> None:
    assert day(dated({"effectiveDateTime": written}), "nl") == shown


def test_a_plan_is_called_by_its_title() -> None:
    plan = {"resourceType": "CarePlan", "title": "Plan van Anna", "description": "Mijn kleinkinderen."}
    assert described(plan, "nl", BASE) == "Plan van Anna"
    assert described({**plan, "title": None}, "nl", BASE) == "Mijn kleinkinderen."
