"""What giving and asking a BgZ costs is reported beside its goals, and asked as the service's table has it."""

from __future__ import annotations

from app.fhir.definitions import load
from app.fhir.resource import decode
from app.fhir.stu3 import Translator
from app.fhir.validation import validate
from benchmarks.bgz import BgzCost, fillers, render, requests
from benchmarks.bgz_record import SIZE
from benchmarks.figures import Figure


def test_what_a_bgz_costs_is_reported_beside_its_goals() -> None:
    calm, high = Figure((100.0, 101.0, 99.0)), Figure((300.0, 301.0))
    found = [
        BgzCost("sqlite", high, calm, calm, Figure((1.5, 1.5)), high, calm, 447_000, 137),
        BgzCost("postgresql", calm, calm, calm, Figure((1.6, 1.6)), high, calm, 447_000, 137),
    ]
    text = render(found)
    assert "| given, × floor and translation | 1.50 ×, ±0% | ≤ 1.5 × | yes |" in text
    assert "| given, × floor and translation | 1.60 ×, ±0% | ≤ 1.5 × | **no** |" in text
    assert "| all 28 requests | 300.50 ms, ±0% | ≤ 250 ms | **no** |" in text
    assert "| all 28 requests | 300.50 ms, ±0% | – | – |" in text, "the goal is for SQLite"
    assert "447 kB given; 137 resources in the answers to all requests." in text


def test_the_28_requests_are_asked_once_each() -> None:
    asked = requests()
    assert len(set(asked)) == 28
    assert "Consent?category=http://snomed.info/sct%7C11291000146105" in asked


def test_the_floor_is_given_as_many_resources_that_it_accepts() -> None:
    (content,) = fillers(Translator("https://zelfregie.example/fhir"), ["someone"]).values()
    bundle = decode(content)
    assert len(bundle["entry"]) == SIZE
    assert validate(bundle, load("4.0.1")) == []
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} == {"Observation"}
