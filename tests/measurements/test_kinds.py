"""The table of kinds: every unit converts exactly, every limit is an edge, codes are told apart."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, Final

import pytest

from app.config import CANONICAL_BASE
from app.fhir.ucum import parse
from app.measurements.kinds import OWN, SYSTEMS, Kind, Value, kind_of, kinds, part_of
from app.measurements.limits import findings_of
from app.measurements.readings import EVENT_TIMING, moment_in, readings_in
from app.server.intake.flags import BEYOND_LIMIT, TO_CONFIRM, UNLIKELY
from tests.builders import LOINC, UCUM, concept, observation
from tests.measurements.measuring import STEP, every_value, measured, with_value

NOW: Final = 1_800_000_000_000_000
VALUES: Final = list(every_value())
UNITS: Final = [(kind, value, unit) for kind, value in VALUES for unit in value.units]
BY_HAND: Final = {
    # Worked out on paper from the definitions: 1 mm[Hg] = 133.322 Pa, 1 lb = 0.45359237 kg, 1 in = 2.54 cm.
    ("systolic", "kPa"): (Fraction(16), Fraction(16_000_000, 133_322)),
    ("weight", "g"): (Fraction(81_500), Fraction("81.5")),
    ("weight", "[lb_av]"): (Fraction(180), Fraction("81.6466266")),
    ("weight", "[stone_av]"): (Fraction(10), Fraction("63.5029318")),
    ("height", "m"): (Fraction("1.72"), Fraction(172)),
    ("height", "mm"): (Fraction(1720), Fraction(172)),
    ("height", "[in_i]"): (Fraction(68), Fraction("172.72")),
    ("height", "[ft_i]"): (Fraction(6), Fraction("182.88")),
    ("temperature", "[degF]"): (Fraction("98.6"), Fraction(37)),
    ("temperature", "K"): (Fraction("310.15"), Fraction(37)),
    ("blood-glucose", "mg/dL"): (Fraction("180.156"), Fraction(10)),
    ("blood-glucose", "mg/dl"): (Fraction(90), Fraction(900_000, 180_156)),
    ("hba1c", "%"): (Fraction("7.0"), Fraction(484_800, 9_148)),
    ("peak-flow", "L/s"): (Fraction("7.5"), Fraction(450)),
    ("steps", "{steps}/d"): (Fraction(7_500), Fraction(7_500)),
    ("steps", "1"): (Fraction(7_500), Fraction(7_500)),
    ("activity-minutes", "h"): (Fraction("1.5"), Fraction(90)),
    ("activity-minutes", "min/d"): (Fraction(90), Fraction(90)),
    ("sleep", "min"): (Fraction(450), Fraction("7.5")),
    ("sleep", "s"): (Fraction(27_000), Fraction("7.5")),
    ("amount", "{glasses}/wk"): (Fraction(14), Fraction(2)),
    ("amount", "{cigarettes}/wk"): (Fraction(70), Fraction(10)),
}


@cache
def registry() -> Any:
    return pytest.importorskip("ucumvert", reason="ucumvert is not installed").PintUcumRegistry()


@pytest.mark.parametrize(("place", "given"), BY_HAND.items(), ids=["-".join(each) for each in BY_HAND])
def test_a_unit_is_converted_as_on_paper(place: tuple[str, str], given: tuple[Fraction, Fraction]) -> None:
    name, unit = place
    (value, *_) = (value for _, value in VALUES if value.name == name and unit in value.units)
    assert value.converted(given[0], unit) == given[1]


@pytest.mark.parametrize(("kind", "value", "unit"), UNITS, ids=lambda each: getattr(each, "name", each))
def test_ucumvert_converts_every_unit_alike(kind: Kind, value: Value, unit: str) -> None:
    own = value.conversions.get(unit)
    if own is not None:
        assert own.because, kind.name
        return
    units = registry()
    one, other = (units.from_ucum(re.sub(r"^{.*?}", "1", each)) for each in (unit, value.unit))
    there = units.Quantity(37, one).to(other).magnitude
    here = value.converted(Fraction(37), unit)
    assert here is not None
    assert float(here) == pytest.approx(float(there), rel=1e-5)


def test_every_unit_is_ucum_and_no_other_is_accepted() -> None:
    for _, value, unit in UNITS:
        assert parse(unit) is not None, unit
        assert value.converted(Fraction(1), "[drp]") is None


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=lambda each: each.name)
def test_limits_are_in_order_and_say_where_they_come_from(kind: Kind, value: Value) -> None:
    assert value.hard.low <= value.unlikely.low < value.unlikely.high <= value.hard.high, kind.name
    assert value.hard.source
    assert value.unlikely.source


def _said(kind: Kind, value: Value, number: Fraction, unit: str) -> list[tuple[str, tuple[str, ...]]]:
    """What is found of a value of ``number`` in the unit of its kind, sent in ``unit``."""
    sent = with_value(kind, value, Decimal(0), unit)
    places = {"Observation.value": sent} if kind.value is value else {}
    for place, each in enumerate(sent.get("component", ())):
        if _is_of(each, value):
            places[f"Observation.component[{place}].value"] = each
    ((path, element),) = places.items()
    element.pop("valueInteger", None)
    element["valueQuantity"] = {"value": _back(number, value, unit), "system": UCUM, "code": unit}
    found = findings_of(sent, CANONICAL_BASE, now=NOW)
    return [(each.issue.rule or "", each.flags) for each in found if each.issue.expression == (path,)]


def _is_of(component: dict[str, Any], value: Value) -> bool:
    return bool(component["code"]["coding"][0]["code"] == value.codes[0].code)


def _back(number: Fraction, value: Value, unit: str) -> Fraction:
    """A value of the kind in one of its other units: conversions are linear, so two of them tell how."""
    zero, one = value.converted(Fraction(0), unit), value.converted(Fraction(1), unit)
    assert zero is not None
    assert one is not None
    return (number - zero) / (one - zero)


@pytest.mark.parametrize(("kind", "value", "unit"), UNITS, ids=lambda each: getattr(each, "name", each))
def test_each_edge_of_each_limit_in_each_unit(kind: Kind, value: Value, unit: str) -> None:
    """On the hard edge it is accepted, beyond it it is refused; on the unlikely edge nothing is said, beyond it it is
    to be confirmed.
    """
    hard, unlikely = value.hard, value.unlikely
    beyond = [("measurement-beyond-limit", (BEYOND_LIMIT,))]
    asked = [("measurement-unlikely", (UNLIKELY, TO_CONFIRM))]
    step = Fraction(1) if value.integer else STEP
    for number in (unlikely.low, unlikely.high):
        assert _said(kind, value, number, unit) == []
    for number in (hard.low - step, hard.high + step):
        assert _said(kind, value, number, unit) == beyond
    for edge, outside, number in (
        (unlikely.low, hard.low, unlikely.low - step),
        (unlikely.high, hard.high, unlikely.high + step),
    ):
        assert _said(kind, value, outside, unit) == ([] if edge == outside else asked)
        assert _said(kind, value, number, unit) == (beyond if edge == outside else asked)


def test_a_code_means_one_kind_and_all_of_them_are_found_by_what_is_written() -> None:
    seen: dict[tuple[str, str], str] = {}
    for kind, value in VALUES:
        for code in kind.codes if kind.value is value else value.codes:
            assert seen.setdefault(code.key, value.name) == value.name
    for kind in kinds().values():
        assert kind_of(measured(kind), CANONICAL_BASE) is kind


def test_what_is_only_noted_is_not_recognised() -> None:
    noted = [code for kind in kinds().values() for code in kind.codes if code.status == "noted"]
    assert noted
    for code in noted:
        sent = observation(code=concept(code.system, code.code))
        assert kind_of(sent, CANONICAL_BASE) is None
        assert part_of(sent, CANONICAL_BASE) is None


def test_codes_of_ours_are_in_our_code_system(own_codes: set[str]) -> None:
    used = {code.code for kind in kinds().values() for code in kind.codes if code.system == OWN}
    assert used == own_codes


def test_names_are_there_in_both_languages_and_short() -> None:
    for kind, value in VALUES:
        for text in (kind.nl, kind.en, value.nl, value.en, value.unit_nl, value.unit_en):
            assert text
            assert len(text.split()) <= 6
        assert re.fullmatch(r"[a-z0-9-]+", kind.name)


def test_every_moment_is_written_with_a_code_of_its_kind() -> None:
    glucose = kinds()["blood-glucose"]
    codes = {code.code for code in glucose.codes}
    for moment in glucose.moments:
        assert {moment.code, *moment.nhg45} <= codes
    timings = [each.timing for each in glucose.moments if each.timing]
    assert sorted(timings) == sorted(set(timings))


@pytest.mark.parametrize(
    ("code", "timing", "moment"),
    [
        ((LOINC, "14770-2"), None, "fasting"),
        ((LOINC, "14770-2"), "ACM", "before-breakfast"),
        ((LOINC, "14760-3"), None, "after-meal"),
        ((LOINC, "14760-3"), "PCV", "after-dinner"),
        ((LOINC, "14743-9"), None, "other"),
        ((LOINC, "14743-9"), "HS", "bedtime"),
        ((SYSTEMS["nhg45"], "3225"), None, "before-lunch"),
        ((SYSTEMS["nhg45"], "3221"), None, None),
    ],
)
def test_the_moment_of_a_glucose_is_read_as_exactly_as_it_is_told(
    code: tuple[str, str], timing: str | None, moment: str | None
) -> None:
    sent = observation(code=concept(*code))
    if timing:
        event = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-TimingEvent", "code": timing}]}
        sent["extension"] = [{"url": EVENT_TIMING, "extension": [{"url": "code", "valueCodeableConcept": event}]}]
    found = moment_in(sent, kinds()["blood-glucose"])
    assert (found.name if found else None) == moment


def test_a_value_by_itself_is_a_reading_of_the_panel_it_belongs_to() -> None:
    sent = observation(
        code={"coding": [{"system": SYSTEMS["nhg45"], "code": "1744"}]},
        valueQuantity={"value": 16, "system": UCUM, "code": "kPa"},
    )
    (found,) = readings_in(sent, CANONICAL_BASE)
    assert (found.kind.name, found.of.name) == ("blood-pressure", "systolic")
    assert found.value == Fraction(16_000_000, 133_322)


def test_the_respiration_panel_of_zib2017_has_its_value_as_a_component() -> None:
    component = {
        "code": concept(LOINC, "9279-1"),
        "valueQuantity": {"value": 14, "system": UCUM, "code": "{breaths}/min"},
    }
    sent = observation(code=concept(SYSTEMS["snomed"], "422834003"), component=[component], valueQuantity=None)
    (found,) = readings_in(sent, CANONICAL_BASE)
    assert (found.kind.name, found.of.name, found.value) == ("respiration", "respiration", Fraction(14))
    assert list(findings_of(sent, CANONICAL_BASE, now=NOW)) == []


def test_a_rating_is_a_whole_number_in_either_form() -> None:
    pain = kinds()["pain"]
    assert readings_in(measured(pain, pain=Decimal(7)), CANONICAL_BASE)[0].value == 7
    assert _said(pain, pain.values[0], Fraction(7), "{score}") == []
    assert _said(pain, pain.values[0], Fraction("7.5"), "{score}") == [("measurement-whole-number", ())]
