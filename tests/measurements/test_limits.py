"""What comes of a measurement that is beyond a limit, in another unit or without its parts, by sender (MODEL 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest

from app.fhir.resource import Resource, decode
from app.measurements.kinds import Kind, Value, kinds
from tests.builders import LOINC, UCUM, batch, concept, observation, posted, transaction
from tests.measurements.measuring import TAKEN, every_value, flags, measured, with_value
from tests.server.service import Caller, Service, issues

OUTCOME: Final = {"prefer": "return=OperationOutcome"}
WHOLE: Final = {"prefer": "return=representation"}
VALUES: Final = list(every_value())
NAMED: Final = pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda each: each.name)


def said(found: list[Resource]) -> list[tuple[str, str, str]]:
    """Severity, rule and place of what a rule of measurements says."""
    return [(each["severity"], each["details"]["text"], each["expression"][0]) for each in found if "details" in each]


def _beyond(value: Value) -> Decimal:
    return Decimal(int(value.hard.high) + 1)


def _path(kind: Kind, value: Value) -> str:
    return (
        "Observation.value" if kind.value is value else f"Observation.component[{kind.components.index(value)}].value"
    )


@NAMED
async def test_the_hard_edge_is_stored_and_beyond_it_is_refused_by_name_and_limits(
    anna: Caller, kind: Kind, value: Value
) -> None:
    for edge in (value.hard.low, value.hard.high):
        sent = with_value(kind, value, Decimal(edge.numerator) / edge.denominator)
        assert (await anna.post("/Observation", sent)).status_code == 201
    number = _beyond(value)
    answer = await anna.post("/Observation", with_value(kind, value, number))
    assert answer.status_code == 422
    ours = [each for each in issues(answer) if each["details"]["text"] == "measurement-beyond-limit"]
    assert said(ours) == [("error", "measurement-beyond-limit", _path(kind, value))]
    text = ours[0]["diagnostics"]
    for word in (value.nl, value.en, value.unit_nl, value.unit_en, f"{float(value.hard.high):g}"):
        assert word in text
    in_english, in_dutch = text.split(" / ")
    lowest = f"{float(value.hard.low):g}"
    assert f" {lowest} " in in_english
    assert f" {lowest.replace('.', ',')} " in in_dutch
    assert str(number) not in text.replace(f"{float(value.hard.high):g}", "")


@NAMED
async def test_a_system_delivers_it_and_it_is_flagged(practice: Caller, anna: Caller, kind: Kind, value: Value) -> None:
    answer = await practice.post("/Observation", with_value(kind, value, _beyond(value)), WHOLE)
    assert answer.status_code == 201
    stored = decode(answer.content)
    assert "beyond-limit" in flags(stored)
    assert "to-confirm" not in flags(stored)
    (entry,) = (await anna.bundle(f"/Provenance?target=Observation/{stored['id']}"))["entry"]
    assert "beyond-limit" in str(entry["resource"]["activity"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for kind, value in VALUES if value.unlikely.high < value.hard.high],
    ids=lambda each: each.name,
)
async def test_an_unlikely_value_is_stored_to_be_confirmed(
    anna: Caller, practice: Caller, kind: Kind, value: Value
) -> None:
    sent = with_value(kind, value, Decimal(int(value.unlikely.high) + 1))
    answer = await anna.post("/Observation", sent)
    assert answer.status_code == 201
    assert ("warning", "measurement-unlikely", _path(kind, value)) in said(issues(answer))
    (stored,) = (await anna.bundle("/Observation"))["entry"]
    assert flags(stored["resource"]) == {"unlikely", "to-confirm"}
    delivered = decode((await practice.post("/Observation", sent, WHOLE)).content)
    assert flags(delivered) == {"unlikely"}, "nobody asks a system"


@pytest.mark.parametrize("name", kinds())
async def test_every_kind_is_stored_as_it_is_written_and_in_its_other_units(anna: Caller, name: str) -> None:
    kind = kinds()[name]
    stored = await anna.create(measured(kind), OUTCOME | WHOLE)
    assert flags(stored) == set()
    for value in kind.values:
        for unit in value.units:
            middle = (value.unlikely.low + value.unlikely.high) / 2
            zero, one = value.converted(middle * 0, unit), value.converted(middle * 0 + 1, unit)
            assert zero is not None
            assert one is not None
            number = (middle - zero) / (one - zero)
            whole = number.__round__() if value.integer else round(float(number), 4)
            sent = with_value(kind, value, Decimal(str(whole)), unit)
            assert (await anna.post("/Observation", sent)).status_code == 201, unit


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": 81, "system": UCUM, "code": "mmol/L"},
        {"value": 81, "unit": "kg"},
        {"value": 81, "system": "urn:units", "code": "kg"},
        {"value": 81},
    ],
)
async def test_another_unit_is_refused_with_those_that_are_accepted(
    anna: Caller, practice: Caller, quantity: Resource
) -> None:
    sent = observation(valueQuantity=quantity)
    answer = await anna.post("/Observation", sent)
    assert answer.status_code == 422
    (found,) = issues(answer)
    assert said([found]) == [("error", "measurement-unit", "Observation.value")]
    assert "kg, g, [lb_av], [stone_av]" in found["diagnostics"]
    stored = decode((await practice.post("/Observation", sent, WHOLE)).content)
    assert flags(stored) == set(), "what cannot be compared is beyond no limit"


async def test_a_panel_without_its_parts_is_refused_with_all_that_is_missing(anna: Caller) -> None:
    pressure = measured(kinds()["blood-pressure"], without_profile=True)
    answer = await anna.post("/Observation", pressure | {"component": pressure["component"][:1]})
    assert said(issues(answer)) == [("error", "measurement-component-missing", "Observation.component")]
    assert "Onderdruk" in issues(answer)[0]["diagnostics"]
    twice = pressure | {"component": [*pressure["component"], pressure["component"][0]]}
    answer = await anna.post("/Observation", twice)
    assert said(issues(answer)) == [("error", "measurement-component-twice", "Observation.component[2].value")]
    empty = {name: value for name, value in pressure.items() if name != "component"}
    assert len(issues(await anna.post("/Observation", empty))) == 2
    absent = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "error"}]}
    assert (await anna.post("/Observation", empty | {"dataAbsentReason": absent})).status_code == 201


async def test_a_value_of_another_type_is_refused_and_none_with_a_reason_is_not(anna: Caller) -> None:
    for sent in (observation(valueQuantity=None), observation(valueQuantity=None, valueString="81 kg")):
        answer = await anna.post("/Observation", sent)
        assert said(issues(answer)) == [("error", "measurement-not-a-value", answer_path(sent))]
    reason = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "error")
    await anna.create(observation(valueQuantity=None, dataAbsentReason=reason))


def answer_path(sent: Resource) -> str:
    return "Observation.value" if "valueString" in sent else "Observation"


async def test_less_than_is_stored_and_held_against_no_limit(anna: Caller) -> None:
    low = {"value": 1.1, "comparator": "<", "system": UCUM, "code": "mmol/L"}
    glucose = measured(kinds()["blood-glucose"], without_profile=True)
    stored = await anna.create(glucose | {"valueQuantity": low})
    assert flags(stored) == set()


async def test_a_diastolic_pressure_that_is_not_lower_is_to_be_confirmed(anna: Caller) -> None:
    swapped = measured(kinds()["blood-pressure"], systolic=Decimal(80), diastolic=Decimal(130))
    answer = await anna.post("/Observation", swapped, WHOLE)
    assert flags(decode(answer.content)) == {"unlikely", "to-confirm"}


async def test_a_time_to_come_is_refused_and_today_is_not(anna: Caller, practice: Caller, service: Service) -> None:
    before = service.server.clock
    object.__setattr__(service.server, "clock", lambda: 1_794_989_160_000_000)  # 2026-11-18 08:06 UTC
    try:
        for time in ("2026-11-18T09:30:00+01:00", "2026-11-19", "2026-12", "2027"):
            answer = await anna.post("/Observation", observation(effectiveDateTime=time))
            assert said(issues(answer)) == [("error", "measurement-in-the-future", "Observation.effective")], time
        period = {"start": "2026-11-18T08:00:00+01:00", "end": "2026-11-19T08:00:00+01:00"}
        answer = await anna.post("/Observation", observation(effectiveDateTime=None, effectivePeriod=period))
        assert said(issues(answer)) == [("error", "measurement-in-the-future", "Observation.effective.end")]
        for time in ("2026-11-18T09:10:00+01:00", "2026-11-18", "2026-11", "2026"):
            await anna.create(observation(effectiveDateTime=time))
        assert (await practice.post("/Observation", observation(effectiveDateTime="2027"))).status_code == 201
    finally:
        object.__setattr__(service.server, "clock", before)


async def test_what_was_entered_in_error_is_not_held_against_limits(anna: Caller) -> None:
    await anna.create(observation(status="entered-in-error", valueQuantity={"value": 8100, "unit": "?"}))


async def test_other_observations_are_none_of_this(anna: Caller) -> None:
    await anna.create(observation(code=concept(LOINC, "8352-7"), valueQuantity={"value": -5}))


async def test_every_door_says_the_same_with_its_place(anna: Caller) -> None:
    heavy = observation(valueQuantity={"value": 810, "system": UCUM, "code": "kg"})
    answer = await anna.post("/", transaction(posted(observation()), posted(heavy), posted(heavy)))
    assert said(issues(answer)) == [
        ("error", "measurement-beyond-limit", f"Bundle.entry[{place}].resource.value") for place in (1, 2)
    ]
    assert await anna.found("/Observation") == [], "all or nothing"
    answer = await anna.post("/", batch(posted(observation()), posted(heavy)))
    first, second = (each["response"] for each in decode(answer.content)["entry"])
    assert (first["status"][:3], second["status"][:3]) == ("201", "422")
    answer = await anna.post("/Observation/$validate", heavy)
    assert ("error", "measurement-beyond-limit", "Observation.value") in said(issues(answer))
    stored = await anna.create(observation())
    answer = await anna.put(f"/Observation/{stored['id']}", heavy | {"id": stored["id"]})
    assert answer.status_code == 422


async def test_who_measured_is_filled_in_for_what_a_person_enters_and_for_nobody_else(
    anna: Caller, practice: Caller
) -> None:
    own = await anna.create(observation())
    assert own["performer"] == [{"reference": "Patient/anna"}]
    told = await anna.create(observation(performer=[{"reference": "Practitioner/doctor"}]))
    assert told["performer"] == [{"reference": "Practitioner/doctor"}]
    assert "performer" not in await practice.create(observation())
    laboratory = await anna.create(measured(kinds()["hba1c"]) | {"performer": [{"display": "Laboratorium"}]})
    assert laboratory["performer"] == [{"display": "Laboratorium"}]
    received = {name: value for name, value in measured(kinds()["hba1c"]).items() if name != "performer"}
    assert "performer" not in await anna.create(received), "nobody measures that at home"
    answer = await anna.post("/", transaction(posted(observation(effectiveDateTime=TAKEN))), WHOLE)
    (entry,) = decode(answer.content)["entry"]
    assert entry["resource"]["performer"] == [{"reference": "Patient/anna"}]
