"""Patients in any number: plain, valid, the same every time."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice, pairwise
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli.demo.bulk import VITAL_SIGNS, bulk_patients
from app.fhir.definitions import load
from app.fhir.resource import encode, parse_reference, walk_dicts
from app.fhir.validation import validate


@settings(max_examples=20, deadline=None)
@given(
    patients=st.integers(min_value=0, max_value=4),
    observations=st.integers(min_value=0, max_value=70),
    seed=st.integers(min_value=0, max_value=2**32),
)
def test_each_patient_has_a_goal_a_plan_and_as_many_observations_as_asked(
    patients: int, observations: int, seed: int
) -> None:
    made = list(bulk_patients(patients, observations, seed=seed))
    assert len(made) == patients
    for resources in made:
        count = Counter(resource["resourceType"] for resource in resources)
        wanted = {"Patient": 1, "Goal": 1, "CarePlan": 1, "Observation": observations}
        assert count == Counter(wanted)
    addresses = [(resource["resourceType"], resource["id"]) for resources in made for resource in resources]
    assert len(set(addresses)) == len(addresses)


def test_the_same_seed_gives_the_same_bytes_however_many_patients_are_asked_for() -> None:
    few = [encode(resources) for resources in bulk_patients(3, 20, seed=7)]
    many = [encode(resources) for resources in islice(bulk_patients(16_000, 20, seed=7), 3)]
    assert few == many
    assert few != [encode(resources) for resources in bulk_patients(3, 20, seed=8)]


def test_all_are_valid_r4() -> None:
    definitions = load("4.0.1")
    made = [resource for resources in bulk_patients(5, 60, seed=1) for resource in resources]
    assert [issue for resource in made for issue in validate(resource, definitions)] == []


def test_all_parse_in_fhir_resources() -> None:
    from fhir.resources.R4B import get_fhir_model_class

    for resources in bulk_patients(2, 10, seed=1):
        for resource in resources:
            model = get_fhir_model_class(resource["resourceType"]).model_validate_json(encode(resource))
            assert model.get_resource_type() == resource["resourceType"]


def test_every_reference_resolves_within_the_patient() -> None:
    for resources in bulk_patients(2, 10, seed=1):
        addresses = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}
        named = [member["reference"] for member in walk_dicts(resources) if "reference" in member]
        assert len(named) > 20
        for text in named:
            parsed = parse_reference(text)
            assert parsed is not None
            assert parsed.relative in addresses


@pytest.mark.parametrize("observations", [60, 5000])
def test_observations_take_turns_over_five_codes_and_about_two_years(observations: int) -> None:
    (resources,) = bulk_patients(1, observations, seed=3)
    measured = resources[3:]
    turns = Counter(observation["code"]["coding"][0]["code"] for observation in measured)
    assert turns == {sign.code: observations // 5 for sign in VITAL_SIGNS}
    taken = [datetime.fromisoformat(observation["effectiveDateTime"]) for observation in measured]
    assert all(before < after for before, after in pairwise(taken))
    assert timedelta(days=650) < taken[-1] - taken[0] < timedelta(days=731)


def test_an_observation_is_about_as_large_as_a_real_one() -> None:
    (resources,) = bulk_patients(1, 100, seed=3)
    sizes = [len(encode(observation)) for observation in resources[3:]]
    assert 1100 <= mean(sizes) <= 1300


def test_values_keep_the_digits_of_their_kind() -> None:
    digits = {sign.code: sign.digits for sign in VITAL_SIGNS}
    (resources,) = bulk_patients(1, 200, seed=3)
    for observation in resources[3:]:
        value = observation["valueQuantity"]["value"]
        assert -value.as_tuple().exponent == digits[observation["code"]["coding"][0]["code"]]
        assert observation["valueQuantity"]["system"] == "http://unitsofmeasure.org"
