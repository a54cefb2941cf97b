"""How one line says what a resource is, and of when."""

from __future__ import annotations

from typing import Any

import pytest

from app.web.data.describing import dated, described
from app.web.dates import day


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
    assert described({"code": {"text": "Bloeddruk"}, "component": components}) == line


@pytest.mark.parametrize(
    ("written", "shown"),
    [("2026-10-22T07:41:00+02:00", "22 oktober 2026"), ("2026-10", "oktober 2026"), ("2026", "2026"), ("x", "x")],
)
def test_a_date_is_said_as_far_as_it_is_known(written: str, shown: str) -> None:
    assert day(dated({"effectiveDateTime": written}), "nl") == shown
