"""The record that a GP's system gives in the measurements and in its day is one that such a system could give."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from app.fhir.definitions import load
from app.fhir.resource import Resource, encode
from app.fhir.validation import validate
from benchmarks.bgz_kinds import Holder
from benchmarks.bgz_record import PLANS, SIZE, address_of, bgz_record, bundle
from tests.profiles.official import profiles

HOLDER: Final = Holder("Patient/someone", "S. de Proef", "https://his.example/fhir")


@pytest.fixture(scope="module")
def record() -> list[Resource]:
    return bgz_record(HOLDER)


def test_it_has_the_size_that_is_asked_for_and_three_active_plans(record: list[Resource]) -> None:
    assert len(record) == SIZE == len({address_of(each) for each in record})
    plans = [each for each in record if each["resourceType"] == "CarePlan" and each["status"] == "active"]
    assert len(plans) == len(PLANS) == 3
    assert len(bgz_record(HOLDER, 1000)) == 1000
    with pytest.raises(ValueError, match="are the least"):
        bgz_record(HOLDER, 20)


def test_the_same_is_made_each_time(record: list[Resource]) -> None:
    assert encode(bundle(record)) == encode(bundle(bgz_record(HOLDER)))


def test_it_is_stu3(record: list[Resource]) -> None:
    definitions = load("3.0.1")
    assert [issue for each in record for issue in validate(each, definitions)] == []
    assert [issue for kind in ("transaction", "batch") for issue in validate(bundle(record, kind), definitions)] == []


def test_it_follows_the_profiles_that_it_claims(fhir_definitions: Path, record: list[Resource]) -> None:
    held, known = profiles(fhir_definitions, "3.0.1"), {address_of(each): each for each in record}
    found = [(address_of(each), issue) for each in record for issue in held.claimed(each, known.get)]
    assert [(address, issue) for address, issue in found if issue.severity != "information"] == []


def test_nobody_has_a_number_of_a_citizen(record: list[Resource]) -> None:
    assert "bsn" not in json.dumps(record, default=str)


@pytest.mark.parametrize("own", ["", "https://his.example/fhir"], ids=["named by urn", "named by its own addresses"])
def test_every_reference_within_a_bundle_is_to_one_of_its_entries(record: list[Resource], own: str) -> None:
    made = bundle(record, own=own)
    names = Counter(entry["fullUrl"] for entry in made["entry"])
    assert set(names.values()) == {1}
    targets = {each.split('"')[0] for each in json.dumps(made["entry"], default=str).split('"reference": "')[1:]}
    assert targets <= {*names, HOLDER.patient}
    assert all(("id" in entry["resource"]) == bool(own) for entry in made["entry"])
