"""What translating costs is measured and reported beside its goals."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.figures import Figure
from benchmarks.translation import KINDS, Cost, TranslationCost, measure, render, resources


def test_what_a_translation_costs_is_reported_beside_its_goal() -> None:
    calm = Figure((40.0, 41.0, 39.0))
    costs = {KINDS[0]: Cost(64, calm, calm, calm), KINDS[1]: Cost(9, calm, Figure((400.0, 401.0)), calm)}
    text = render(TranslationCost("73 examples", costs, [("Patient", 217.4), ("Observation", 78.0)]))
    assert "translates 73 examples (64 × Observation, 9 × another resource)" in text
    assert "| STU3 → R4, Observation | 40.00 µs, ±2% | ≤ 150 µs | yes |" in text
    assert "| R4 → STU3, another resource | 400.50 µs, ±0% | ≤ 300 µs | **no** |" in text
    assert "both ways together: Patient 217 µs, Observation 78 µs." in text


def test_nictizs_examples_are_translated_where_they_are(fhir_definitions: Path) -> None:
    found = measure(rounds=2, turn=1)
    assert found.of.endswith("examples of Nictiz-STU3-Zib2017")
    assert set(found.costs) == set(KINDS)
    for cost in found.costs.values():
        assert cost.count > 0
        assert min(*cost.to_r4.rounds, *cost.to_stu3.rounds, *cost.json.rounds) > 0
    assert found.dearest == sorted(found.dearest, key=lambda each: -each[1])


def test_without_the_packages_a_made_record_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZELFREGIE_FHIR_DEFINITIONS", str(tmp_path))
    of, listed = resources()
    assert of == f"{len(listed)} resources of a made BgZ"
    assert {"Observation"} <= {each["resourceType"] for each in listed}
