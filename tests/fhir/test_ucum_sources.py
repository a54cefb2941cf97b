"""UCUM held against its own table, against pint, and against the units of HL7's and Nictiz's resources."""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree
from ucumvert import PintUcumRegistry  # type: ignore[import-untyped]

from app.fhir import definitions, ucum
from app.fhir.resource import decode, walk_dicts
from app.fhir.ucum.atoms import METRIC, NOT_METRIC, PREFIXES
from app.fhir.xml import from_xml
from tests.fhir.examples import FOLDERS, nictiz

TABLES: Final = resources.files("ucumvert") / "vendor"
"""UCUM's own table, as ucumvert carries it."""
SPACE: Final = "{http://unitsofmeasure.org/ucum-essence}"

# Codes of HL7's package that are not UCUM: old names, drug forms, words.
DEFECTS: Final = {
    "4.0.1": set[str](),
    "3.0.1": {
        "IU", "RECSUPP", "TAB", "[M'U]", "[lb_i]", "[ppt]", "drop", "ea", "gm", "iU", "lb", "mEq", "mcg",
        "mmol/kg[H20]", "month", "patch", "tbl", "{Ehrlich'U}/100g", "{G}U",
    },
}  # fmt: skip

# What pint takes to be something else than UCUM: another calorie, and mercury and water at other densities.
LOOSER: Final = {"mm[Hg]": 1e-5, "cm[H2O]": 1e-4}


def elements(kind: str) -> list[Any]:
    return etree.fromstring((TABLES / "ucum-essence.xml").read_bytes()).findall(SPACE + kind)


def test_every_unit_of_the_table_of_ucum_is_here_and_no_other() -> None:
    codes = {line.split(" | ")[0]: metric for metric in (METRIC, NOT_METRIC) for line in metric.split("\n") if line}
    theirs = {each.get("Code"): each.get("isMetric") != "no" for each in [*elements("base-unit"), *elements("unit")]}
    assert {code: table is METRIC for code, table in codes.items()} == theirs


def test_every_prefix_of_ucum_is_here() -> None:
    theirs = {each.get("Code"): Fraction(each.find(SPACE + "value").get("value")) for each in elements("prefix")}
    ours = {name: Fraction(value) for name, value in (pair.split() for pair in PREFIXES.split(";"))}
    assert ours == theirs


def test_every_unit_has_the_value_that_ucum_gives_it() -> None:
    compared = 0
    for each in elements("unit"):
        code, value = each.get("Code"), each.find(SPACE + "value")
        ours = ucum.parse(code)
        assert ours is not None
        function = value.find(SPACE + "function")
        of = ucum.parse((value if function is None else function).get("Unit"))
        assert of is not None
        if each.get("isArbitrary") == "yes":
            assert ours.arbitrary, code
            continue
        assert ours.dimension == of.dimension, code
        assert ours.converts == (function is None or code in ("Cel", "[degF]", "[degRe]")), code
        if ours.converts:
            number = (value if function is None else function).get("value")
            assert ours.factor == Fraction(number) * of.factor, code
            compared += 1
    assert compared > 230


def test_the_examples_of_ucum_are_read() -> None:
    lines = (TABLES / "ucum_examples.tsv").read_text().splitlines()[1:]
    codes = {line.split("\t")[1].strip() for line in lines if line.count("\t") > 1}
    assert len(codes) > 500
    assert {code for code in codes if ucum.parse(code) is None} == {"Torr"}  # which its table does not have


@pytest.fixture(scope="module")
def pint() -> Any:
    return PintUcumRegistry()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kg", "g"), ("kg", "[lb_av]"), ("g", "[oz_av]"), ("cm", "[in_i]"), ("m", "[ft_i]"), ("mm[Hg]", "kPa"),
        ("cm[H2O]", "Pa"), ("bar", "Pa"), ("atm", "kPa"), ("mmol/L", "umol/mL"), ("mg/dL", "g/L"), ("L/min", "mL/s"),
        ("d", "wk"), ("h", "min"), ("a", "d"), ("mo", "d"), ("kcal", "kJ"), ("J", "eV"), ("kat", "U"),
        ("U/L", "ukat/L"), ("10*9/L", "/uL"), ("%", "[ppth]"), ("deg", "rad"),
        ("m2", "[sft_i]"), ("dL", "[foz_us]"), ("mL", "[tsp_us]"),
        ("Gy", "RAD"), ("Sv", "REM"), ("Bq", "Ci"), ("N", "dyn"), ("Pa.s", "P"), ("m/s", "[mi_i]/h"),
        ("W", "[HP]"), ("kg/m2", "g/cm2"), ("mL/min/{1.73_m2}", "L/h"), ("ug/kg/min", "mg/kg/h"), ("mosm/kg", "osm/g"),
        ("[iU]/L", "m[iU]/mL"), ("[psi]", "kPa"), ("[diop]", "m-1"), ("Hz", "/min"), ("V", "mV"), ("Ohm", "V/A"),
    ],
)  # fmt: skip
def test_conversions_agree_with_pint(pint: Any, one: str, other: str) -> None:
    factor = pint.from_ucum(one).to(pint.from_ucum(other)).magnitude
    left, right = ucum.parse(one), ucum.parse(other)
    assert left is not None
    assert right is not None
    assert left.commensurable(right)
    assert float(left.factor / right.factor) == pytest.approx(float(factor), rel=LOOSER.get(one, 1e-8))


def units_of(resource: Any) -> Iterator[str]:
    for each in walk_dicts(resource):
        if each.get("system") == ucum.SYSTEM:
            if isinstance(each.get("code"), str):
                yield each["code"]
            for listed in each.get("concept", ()):
                yield listed["code"]


def same_measure(pint: Any, code: str) -> dict[str, float]:
    """The base units of pint with their exponents, those of numbers left out."""
    dimensions = pint.from_ucum(code).to_base_units().dimensionality
    return {name: power for name, power in dimensions.items() if name != "[substance]"}


def test_units_of_nictiz_are_ucum_and_measure_what_pint_says(pint: Any, fhir_definitions: Path) -> None:
    codes = set()
    for version in FOLDERS:
        loaded = definitions.load(version)
        for _, content in nictiz(fhir_definitions, version):
            codes |= set(units_of(from_xml(content, loaded)))
    assert {"mm[Hg]", "Cel", "kg"} <= codes
    assert {code for code in codes if ucum.parse(code) is None} == set()
    by_measure = defaultdict[str, list[str]](list)
    for code in sorted(codes):
        found = ucum.canonical(Decimal(1), code)
        if found is not None and "{" not in code and "'" not in code and not code.startswith("["):
            by_measure[found[1]].append(code)
    for first, *others in by_measure.values():
        assert all(same_measure(pint, first) == same_measure(pint, other) for other in others), first


@pytest.mark.parametrize("version", DEFECTS)
def test_units_of_hl7s_package_are_ucum_but_for_known_defects(version: str, fhir_definitions: Path) -> None:
    codes = set()
    with tarfile.open(fhir_definitions / f"hl7.fhir.core-{version}.tar.gz") as package:
        for member in package:
            file = package.extractfile(member) if member.name.endswith(".json") else None
            content = file.read() if file is not None else b""
            if b"unitsofmeasure" in content:
                codes |= set(units_of(decode(content)))
    assert len(codes) > 1000
    assert {code for code in codes if ucum.parse(code) is None} == DEFECTS[version]
