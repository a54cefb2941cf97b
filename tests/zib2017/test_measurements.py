"""Every kind of measurement that is born here leaves as zib2017 has it, and claims only what it passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from app.bgz.zib2017.around import Around
from app.bgz.zib2017.table import table
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode, encode
from app.measurements.kinds import Kind, kind_of, kinds
from app.measurements.writing import Measured, observation_of
from tests.measurements.measuring import PATIENT, TAKEN, measured, usual, with_value
from tests.medmij_profiles.package import examples
from tests.zib2017.leaving import MAPPER, TRANSLATOR, claims, codes, components, faults, leaving

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
OTHERS: Final = {"pain": "zib-GeneralMeasurement", "mood": "zib-GeneralMeasurement"}
"""What a kind claims without a zib2017 profile of its own, or without what that one asks, other than
nl-core-observation.
"""


def _ways(kind: Kind) -> Iterator[Measured]:
    plain = Measured(kind, {each.name: usual(each) for each in kind.values}, TAKEN)
    yield plain
    for context in kind.context:
        choices = ("true", "false") if context.boolean else tuple(each.name for each in context.values)
        for each in choices if context.place != "hasMember" else ():
            yield replace(plain, context={context.name: each})
    for moment in kind.moments:
        yield replace(plain, moment=moment.name)


WAYS: Final = [each for kind in kinds().values() for each in _ways(kind)]


def _named(measured: Measured) -> str:
    return "-".join((measured.kind.name, *measured.context.values(), *filter(None, [measured.moment])))


def born(measured: Measured) -> Resource:
    return decode(encode(observation_of(measured, CANONICAL_BASE, PATIENT)))


def _profile(measured: Measured) -> str:
    """What is to be claimed: the profile of the kind, where all that it asks for was told."""
    kind, told = measured.kind, measured.context
    lacks = (kind.name == "pain" and "method" not in told) or (kind.name in ("alcohol", "tobacco") and not told)
    profile = kind.profiles["3.0.1"]
    if profile is None or lacks:
        return OTHERS.get(kind.name, "nl-core-observation")
    return profile.rpartition("/")[2]


@pytest.mark.parametrize("measured", WAYS, ids=_named)
def test_it_passes_the_profile_of_its_kind(measured: Measured, fhir_definitions: Path) -> None:
    seen = leaving(born(measured))
    assert claims(seen) == [_profile(measured)]
    assert faults(seen, fhir_definitions) == []


@pytest.mark.parametrize("measured", WAYS, ids=_named)
def test_the_person_stays_who_measured_and_the_numbers_stay(measured: Measured) -> None:
    seen = leaving(born(measured))
    assert [each["reference"] for each in seen["performer"]] == ["Patient/anna"]
    assert seen["subject"]["reference"] == "Patient/anna"
    numbers = [seen.get("valueQuantity"), *(each.get("valueQuantity") for each in seen.get("component", ()))]
    found = sorted(Decimal(each["value"]) for each in numbers if each is not None)
    assert found == sorted(measured.values.values())


UNITS: Final = [
    (kind, value, unit) for kind in kinds().values() for value in kind.values for unit in value.units if unit
]


@pytest.mark.parametrize(("kind", "value", "unit"), UNITS, ids=lambda each: getattr(each, "name", each))
def test_in_another_unit_it_claims_only_what_it_passes(
    kind: Kind, value: Any, unit: str, fhir_definitions: Path
) -> None:
    seen = leaving(decode(encode(with_value(kind, value, Decimal(12), unit))))
    assert len(claims(seen)) == 1
    assert faults(seen, fhir_definitions) == []


def test_blood_pressure_in_another_unit_is_an_observation_only() -> None:
    kind = kinds()["blood-pressure"]
    assert claims(leaving(with_value(kind, kind.components[0], Decimal(17), "kPa"))) == ["nl-core-observation"]


def test_half_a_blood_pressure_is_an_observation_only(fhir_definitions: Path) -> None:
    half = measured(kinds()["blood-pressure"])
    half["component"] = half["component"][:1]
    seen = leaving(half)
    assert claims(seen) == ["nl-core-observation"]
    assert faults(seen, fhir_definitions) == []


def test_the_position_of_a_blood_pressure_is_a_component() -> None:
    seen = leaving(born(replace(WAYS[0], context={"position": "sitting"})))
    (found,) = components(seen, "8361-8")
    assert codes(found["valueCodeableConcept"]) == [(SNOMED, "33586001")]
    assert "extension" not in seen


def test_clothing_height_temperature_and_oxygen_stand_where_zib2017_has_them() -> None:
    of = {_named(each): leaving(born(each)) for each in WAYS}
    (clothing,) = components(of["weight-minimal"], "8352-7")
    assert clothing["valueCodeableConcept"]["coding"][0]["code"] == "MINIMAL"
    assert codes(of["height-standing"]["code"]) == [(LOINC, "8302-2"), (LOINC, "8308-9")]
    assert codes(of["height-lying"]["code"]) == [(LOINC, "8302-2"), (LOINC, "8306-3")]
    assert "component" not in of["height-standing"]
    assert codes(of["temperature-ear"]["method"]) == [(SNOMED, "415974002")]
    assert codes(of["temperature-ear"]["code"]) == [(LOINC, "8310-5")]
    (oxygen,) = components(of["oxygen-saturation-true"], "74206-4")
    assert codes(oxygen["valueCodeableConcept"]) == [("http://hl7.org/fhir/v2/0136", "Y")]


def test_breathing_is_a_panel_with_its_rate() -> None:
    seen = leaving(born(next(each for each in WAYS if each.kind.name == "respiration")))
    assert codes(seen["code"]) == [(SNOMED, "422834003")]
    (rate,) = components(seen, "9279-1")
    assert rate["valueQuantity"]["code"] == "/min"
    assert "valueQuantity" not in seen


def test_glucose_keeps_its_moment_its_code_and_its_category() -> None:
    glucose = kinds()["blood-glucose"]
    seen = leaving(born(next(each for each in WAYS if each.kind is glucose and each.moment == "before-breakfast")))
    (timing,) = seen["extension"]
    assert timing["url"] == "http://hl7.org/fhir/StructureDefinition/observation-eventTiming"
    ((system, code),) = codes(timing["extension"][0]["valueCodeableConcept"])
    assert (system, code) == ("http://hl7.org/fhir/v3/TimingEvent", "ACM")
    assert codes(seen["code"]) == [(LOINC, "14770-2")]
    assert codes(seen["category"][0]) == [(SNOMED, "49581000146104")]


def test_pain_without_a_method_or_of_nothing_on_a_scale_from_one_is_a_general_measurement() -> None:
    pain = kinds()["pain"]
    assert pain.value is not None
    made = Measured(pain, {pain.value.name: Decimal(4)}, TAKEN, context={"method": "nrs"})
    assert claims(leaving(born(made))) == ["zib-PainScore"]
    assert claims(leaving(born(replace(made, values={pain.value.name: Decimal(0)})))) == ["zib-GeneralMeasurement"]
    assert claims(leaving(born(replace(made, context={})))) == ["zib-GeneralMeasurement"]


def _rhythm(code: tuple[str, str], profile: str) -> Resource:
    return {
        "resourceType": "Observation",
        "id": "rhythm",
        "meta": {"profile": [profile]},
        "status": "final",
        "code": {"coding": [{"system": code[0], "code": code[1]}]},
        "subject": PATIENT,
        "effectiveDateTime": TAKEN,
        "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "271636001", "display": "Pulse regular"}]},
    }


@pytest.mark.parametrize("name", ["heart-rate", "pulse-rate"])
def test_a_rhythm_of_its_own_is_said_with_the_rate_to_who_may_see_it(name: str, fhir_definitions: Path) -> None:
    kind = kinds()[name]
    (context,) = kind.context
    assert context.code is not None
    assert context.profile is not None
    rhythm = _rhythm(context.code.key, context.profile)
    rate = {**measured(kind), "hasMember": [{"reference": "Observation/rhythm"}]}
    told = leaving(rate, Around({("Observation", "rhythm"): rhythm}))
    assert claims(told) == [f"zib-{'HeartRate' if name == 'heart-rate' else 'PulseRate'}"]
    assert faults(told, fhir_definitions) == []
    said = told["interpretation"] if name == "heart-rate" else components(told, "44969-4")[0]["valueCodeableConcept"]
    assert codes(said) == [(SNOMED, "271636001")]
    assert "related" not in told
    hidden = leaving(rate)
    assert "271636001" not in str(hidden)
    assert [each["target"]["reference"] for each in hidden["related"]] == ["Observation/rhythm"]
    assert faults(hidden, fhir_definitions) == []


@pytest.mark.parametrize(
    "reference",
    [each for each in examples() if each.startswith("Observation/")],
    ids=lambda each: each.partition("/")[2],
)
def test_our_own_observations_claim_only_what_they_pass(reference: str, fhir_definitions: Path) -> None:
    example = examples()[reference]
    seen = leaving(example)
    assert faults(seen, fhir_definitions) == []
    survey = any(code == "survey" for each in example.get("category", ()) for _, code in codes(each))
    assert claims(seen) == ["zib-GeneralMeasurement" if survey else "nl-core-observation"]


def test_nothing_that_was_computed_leaves_under_the_code_of_a_measurement() -> None:
    seen = leaving(examples()["Observation/bloeddruk-thuis"])
    assert kind_of(seen, CANONICAL_BASE) is None
    assert ("http://hl7.org/fhir/observation-category", "vital-signs") not in codes(seen["category"][0])
    assert not any(components(seen, code.code) for kind in kinds().values() for code in kind.codes)
    assert claims(seen) == ["nl-core-observation"]


def test_use_and_living_situation_by_their_codes(fhir_definitions: Path) -> None:
    for code, profile in (("228366006", "zib-DrugUse"), ("365508006", "zib-LivingSituation")):
        told = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": SNOMED, "code": code}]},
            "subject": PATIENT,
            "performer": [PATIENT],
            "effectiveDateTime": "2026-11-20",
            "valueCodeableConcept": {"text": "Ik woon op een boot"},
        }
        seen = leaving(told)
        assert claims(seen) == [profile]
        assert faults(seen, fhir_definitions) == []


@pytest.mark.parametrize("measured", WAYS, ids=_named)
def test_what_was_received_is_not_looked_at_again(measured: Measured) -> None:
    received = TRANSLATOR.to_r4(leaving(born(measured)))
    assert MAPPER.is_received(received)
    assert MAPPER.view(received) is received


def test_every_kind_has_a_map_and_a_map_claims_what_the_kinds_have() -> None:
    of_kind = {name: each for each in table().maps for name in each.kinds}
    for kind in kinds().values():
        profile = kind.profiles["3.0.1"]
        if profile is not None:
            assert of_kind[kind.name].claims[0].profile == profile
        else:
            assert kind.name not in of_kind


def test_who_measured_in_a_role_is_the_practitioner_and_the_role_beside(fhir_definitions: Path) -> None:
    role = {"resourceType": "PractitionerRole", "id": "gp", "practitioner": {"reference": "Practitioner/doctor"}}
    given = {
        **measured(kinds()["weight"]),
        "performer": [{"reference": "PractitionerRole/gp", "display": "De huisarts"}],
    }
    (performer,) = leaving(given, Around({("PractitionerRole", "gp"): role}))["performer"]
    assert performer["reference"] == "Practitioner/doctor"
    (said,) = performer["extension"]
    assert said["url"].endswith("/practitionerrole-reference")
    assert said["valueReference"]["reference"] == "PractitionerRole/gp"
    assert faults(leaving(given, Around({("PractitionerRole", "gp"): role})), fhir_definitions) == []
    (hidden,) = leaving(given)["performer"]
    assert "reference" not in hidden
    assert hidden["display"] == "De huisarts"
