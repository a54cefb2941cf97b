"""The grammar, the arithmetic and the suggestions of UCUM. https://ucum.org/ucum"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import ucum

CLINICAL = (
    "kg", "g", "mg", "ug", "ng", "cm", "mm", "m2", "L", "dL", "mL", "uL", "mm[Hg]", "cm[H2O]", "kPa", "Cel", "[degF]",
    "/min", "mmol/L", "umol/L", "mg/dL", "g/L", "g/dL", "10*9/L", "10*12/L", "10*3/uL", "/uL", "U/L", "[iU]/L",
    "m[iU]/L", "k[iU]/L", "meq/L", "mosm/kg", "%", "[ppth]", "mL/min", "mL/min/{1.73_m2}", "kg/m2", "mm/h", "mmol/mol",
    "mg/g", "mg/mmol", "L/min", "mL/kg/h", "ug/kg/min", "kcal", "[Cal]", "kJ", "d", "wk", "mo", "a", "h", "min", "s",
    "1", "{score}", "{tbl}", "{#}/d", "[drp]", "[lb_av]", "[oz_av]", "[in_i]", "[ft_i]", "[diop]", "[pH]", "dB", "Hz",
    "mV", "kat/L", "[arb'U]/mL", "[CFU]/mL", "/[HPF]", "/100{WBCs}", "[Ch]", "deg", "mGy", "mSv", "MBq", "W", "m/s",
    "{beats}/min", "10*-3.mol", "g%", "[MET]", "mL/(kg.min)", "g/(24.h)", "L/(min.m2)", "B[SPL]", "dB[SPL]",
)  # fmt: skip


@pytest.mark.parametrize("code", CLINICAL)
def test_units_of_health_care_are_ucum(code: str) -> None:
    assert ucum.parse(code) is not None


@pytest.mark.parametrize(
    "code",
    [
        "", " ", "kg ", " kg", "k g", "mmHg", "mcg", "lbs", "/", "m/", "m.", ".m", "m//s", "m..s", "()", "m()", "m(s)",
        "(m", "m)", "(m))", "m{", "m}", "m{a", "m{a{b}}", "{a}{b}", "m{a}{b}", "{x}2", "2mg", "m-", "m+", "m2-",
        "0", "0.m", "m100", "(m)2", "(/m)", "kmin", "k%", "kk", "dkg", "kkg", "[lb", "lb_av]", "[xyz]", "k[lb_av]",
        "µg", "m²", "10^^3", "{é}", "m\n", "[iu]", "MMOL/L", "m" * 257,
    ],
)  # fmt: skip
def test_what_is_no_ucum_has_no_unit(code: str) -> None:
    assert ucum.parse(code) is None
    assert ucum.canonical(Decimal(1), code) is None


@pytest.mark.parametrize(
    ("one", "other", "factor"),
    [
        ("kg", "g", "1000"),
        ("g", "mg", "1000"),
        ("t", "kg", "1000"),
        ("L", "mL", "1000"),
        ("l", "L", "1"),
        ("dL", "cm3", "100"),
        ("wk", "d", "7"),
        ("a", "mo", "12"),
        ("a", "d", "365.25"),
        ("mm[Hg]", "Pa", "133.322"),
        ("m[H2O]", "kPa", "9.80665"),
        ("[Cal]", "kJ", "4.184"),
        ("[lb_av]", "g", "453.59237"),
        ("[in_i]", "cm", "2.54"),
        ("[IU]", "[iU]", "1"),
        ("k[iU]/L", "m[iU]/uL", "1"),
        ("eq", "mol", "1"),
        ("U", "umol/min", "1"),
        ("mg/dL", "g/m3", "10"),
        ("10*9/L", "10*3/uL", "1"),
        ("10^9/L", "10*9/L", "1"),
        ("[drp]", "mL", "0.05"),
        ("{beats}/min", "/min", "1"),
        ("Hz", "/min", "60"),
        ("mL/min/{1.73_m2}", "L/h", "0.06"),
        ("m+2", "m2", "1"),
        ("N.m", "kg.m2/s2", "1"),
        ("J/(kg.K)", "m2.s-2.K-1", "1"),
        ("m/s/s", "m/s2", "1"),
        ("KiBy", "bit", "8192"),
    ],
)
def test_units_of_the_same_measure_share_a_canonical_unit(one: str, other: str, factor: str) -> None:
    left, right = ucum.canonical(Decimal(1), one), ucum.canonical(Decimal(factor), other)
    assert left is not None
    assert left == right


@pytest.mark.parametrize(
    ("one", "other"),
    [("mmol/L", "mg/dL"), ("kg", "m"), ("[iU]", "1"), ("[iU]", "[arb'U]"), ("U", "[iU]"), ("rad", "1"), ("Cel", "g")],
)
def test_units_of_different_measures_do_not_meet(one: str, other: str) -> None:
    left, right = ucum.parse(one), ucum.parse(other)
    assert left is not None
    assert right is not None
    assert not left.commensurable(right)
    assert left.canonical != right.canonical


@pytest.mark.parametrize(
    ("value", "code", "kelvin"),
    [
        ("37", "Cel", "310.15"),
        ("98.6", "[degF]", "310.15"),
        ("-40", "[degF]", "233.15"),
        ("-40", "Cel", "233.15"),
        ("80", "[degRe]", "373.15"),
        ("0", "K", "0"),
        ("491.67", "[degR]", "273.15"),
    ],
)
def test_temperatures_have_their_own_zero(value: str, code: str, kelvin: str) -> None:
    assert ucum.canonical(Decimal(value), code) == (Decimal(kelvin), "K")


@pytest.mark.parametrize("code", ["[pH]", "dB", "Np", "B[V]", "Cel/min", "Cel2", "2.Cel", "%[slope]", "[hp'_X]"])
def test_logarithms_and_what_is_made_of_scales_are_read_but_not_converted(code: str) -> None:
    unit = ucum.parse(code)
    assert unit is not None
    assert not unit.converts
    assert ucum.canonical(Decimal(7), code) is None


@pytest.mark.parametrize("code", [code for code in CLINICAL if ucum.canonical(Decimal(1), code)])
def test_the_canonical_unit_is_its_own_canonical_unit(code: str) -> None:
    found = ucum.canonical(Decimal(1), code)
    assert found is not None
    assert ucum.canonical(found[0], found[1]) == found


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_conversion_is_exact_and_keeps_the_order(value: Decimal) -> None:
    for code in ("[lb_av]", "mm[Hg]", "mmol/L", "[degF]", "[ft_us]"):
        unit, found = ucum.parse(code), ucum.canonical(value, code)
        assert unit is not None
        assert found is not None
        exact = Fraction(value) * unit.factor + unit.offset
        assert abs(Fraction(found[0]) - exact) <= max(abs(exact), abs(unit.offset)) / 10**30


@pytest.mark.parametrize("value", ["1e999999", "-1e999999999999999999", "1e-999999999999999999"])
def test_a_value_beyond_all_measure_costs_nothing(value: str) -> None:
    for code in ("kg", "[degF]", "mmol/L"):
        found = ucum.canonical(Decimal(value), code)
        assert found is None or found[0].is_finite()


@pytest.mark.parametrize("code", ["(" * 128 + "m" + ")" * 127, "[pi]99" + ".[pi]99" * 30, "10*99" + ".10*99" * 41])
def test_a_code_made_to_grow_is_refused(code: str) -> None:
    assert ucum.parse(code) is None


@given(st.text(alphabet="mgsLK%[]{}()./-+012_'*^ iUHde", max_size=24))
def test_any_text_is_a_unit_or_is_not(code: str) -> None:
    unit = ucum.parse(code)
    if unit is not None:
        again = ucum.parse(unit.canonical)
        assert again is not None
        assert again.canonical == unit.canonical
        assert again.factor == 1


@given(st.text(max_size=300))
def test_a_suggestion_is_always_ucum(code: str) -> None:
    meant = ucum.suggestion(code)
    assert meant is None or ucum.parse(meant) is not None


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("mmHg", "mm[Hg]"), ("mmhg", "mm[Hg]"), ("cmH2O", "cm[H2O]"), ("C", "Cel"), ("°C", "Cel"), ("degC", "Cel"),
        ("°F", "[degF]"), ("bpm", "/min"), ("beats/min", "/min"), ("slagen/min", "/min"), ("mcg", "ug"), ("µg", "ug"),
        ("lbs", "[lb_av]"), ("inch", "[in_i]"), ("IU", "[iU]"), ("IE", "[iU]"), ("IU/L", "[iU]/L"), ("mEq/L", "meq/L"),
        ("µmol/L", "umol/L"), ("x10^9/L", "10*9/L"), ("10E9/L", "10*9/L"), ("kg/m^2", "kg/m2"), ("kg/m²", "kg/m2"),
        ("ml/hr", "ml/h"), ("KG", "kg"), ("uur", "h"), ("weken", "wk"), ("jaar", "a"), ("tabletten", "{tbl}"),
        ("mcg/kg/min", "ug/kg/min"), ("cells/uL", "{cells}/uL"), ("mL/min/1.73m2", "mL/min/{1.73_m2}"),
        ("mg / dL", "mg/dL"), ("mg per day", "mg/d"), ("score", "{score}"), ("stappen", "{steps}"),
    ],
)  # fmt: skip
def test_what_was_probably_meant_is_suggested(code: str, meant: str) -> None:
    assert ucum.suggestion(code) == meant


@pytest.mark.parametrize("code", ["kg", "mm[Hg]", "", "xyz", "geen idee", "{"])
def test_nothing_is_suggested_for_what_is_right_or_unknown(code: str) -> None:
    assert ucum.suggestion(code) is None
