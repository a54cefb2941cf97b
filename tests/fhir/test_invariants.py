"""Our invariants by hand against HL7's own expressions, which another engine (fhirpathpy) evaluates."""

from __future__ import annotations

import copy
import json
import tarfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import fhirpathpy
import pytest
from fhirpathpy.models import models
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import definitions
from app.fhir.validation import validate
from app.fhir.validation.invariants import INVARIANTS, has_choice
from tests.fhir.samples import CARE_PLAN, PATIENT, RESPONSE, WEIGHT, concept

R4 = definitions.load("4.0.1")
HOLDS: Final = {invariant.key: invariant.holds for listed in INVARIANTS.values() for invariant in listed}
WHERE: Final = {invariant.key: path for path, listed in INVARIANTS.items() for invariant in listed}

# Of FHIR's own additions to FHIRPath, fhirpathpy lacks the one that per-1 uses.
OPTIONS: Final = {"userInvocationTable": {"hasValue": {"fn": lambda nodes: [_has_value(nodes)], "arity": {0: []}}}}


def _has_value(nodes: list[Any]) -> bool:
    return len(nodes) == 1 and not isinstance(getattr(nodes[0], "data", nodes[0]), dict)


@cache
def official(tarball: Path, key: str) -> str:
    """The FHIRPath of the invariant in HL7's package."""
    kind = WHERE[key].partition(".")[0]
    with tarfile.open(tarball) as archive:
        file = archive.extractfile(f"package/StructureDefinition-{kind}.json")
        assert file
        structure = json.load(file)
    for element in structure["snapshot"]["element"]:
        if element["path"] == WHERE[key]:
            return str(next(each["expression"] for each in element["constraint"] if each["key"] == key))
    raise LookupError(key)


@pytest.fixture(scope="module")
def tarball(fhir_definitions: Path) -> Path:
    return fhir_definitions / "hl7.fhir.core-4.0.1.tar.gz"


def agree(tarball: Path, key: str, value: dict[str, Any], whole: dict[str, Any] | None = None) -> None:
    """Both say the same of ``value``; where FHIRPath cannot tell (its empty answer), the invariant holds."""
    expression = official(tarball, key)
    # fhirpathpy compares partial dates as text unless it is told that they are dates.
    expression = expression.replace("(start <= end)", "(start.toDateTime() <= end.toDateTime())")
    path = {"base": WHERE[key], "expression": expression}
    context = {"resource": copy.deepcopy(whole or value)}
    answer = fhirpathpy.evaluate(copy.deepcopy(value), path, context, models["r4"], OPTIONS)
    assert HOLDS[key](value) == (answer in ([True], [])), answer


EXTENSION: Final = {"extension": [{"url": "urn:x", "valueCode": "y"}]}
CODINGS = st.lists(
    st.fixed_dictionaries(
        {"code": st.sampled_from("ab")},
        optional={"system": st.sampled_from(["urn:s", "urn:t"]), "display": st.just("d")},
    ),
    min_size=1,
    max_size=2,
)
CODES = st.one_of(CODINGS.map(lambda codings: {"coding": codings}), st.just({"text": "a"}))
VALUES: Final[list[dict[str, Any]]] = [
    {},
    {"valueQuantity": {"value": 1}},
    {"valueBoolean": False},
    {"_valueString": EXTENSION},
    {"valueString": "x", "_valueString": EXTENSION},
]


@given(value=st.sampled_from(VALUES), absent=st.booleans())
def test_obs_6(tarball: Path, value: dict[str, Any], *, absent: bool) -> None:
    reason = {"dataAbsentReason": {"text": "x"}} if absent else {}
    agree(tarball, "obs-6", {**WEIGHT_ONLY, **value, **reason})


WEIGHT_ONLY: Final = {"resourceType": "Observation", "status": "final", "code": concept("urn:s", "a")}


@given(value=st.sampled_from(VALUES), code=CODES, components=st.lists(CODES, max_size=3))
def test_obs_7(tarball: Path, value: dict[str, Any], code: dict[str, Any], components: list[dict[str, Any]]) -> None:
    observation = {**WEIGHT_ONLY, **value, "code": code}
    if components:
        observation["component"] = [{"code": each} for each in components]
    agree(tarball, "obs-7", observation)


# At these hours it is the same day in every zone that is meant, so that both compare the same days.
MOMENTS = st.sampled_from(["2026", "2026-02", "2026-02-28", "2026-03-01", "2027-01"]) | st.builds(
    "2026-{}T{}:00{}{}".format,
    st.sampled_from(["02-28", "03-01"]),
    st.sampled_from(["10:00", "10:01", "12:00"]),
    st.sampled_from(["", ".000", ".250"]),
    st.sampled_from(["Z", "+01:00", "+02:00"]),
)


@given(period=st.fixed_dictionaries({}, optional={"start": MOMENTS, "end": MOMENTS}))
def test_per_1(tarball: Path, period: dict[str, Any]) -> None:
    agree(tarball, "per-1", period)


def test_a_period_without_an_end_but_with_a_reason_why_is_in_order() -> None:
    """Here fhirpathpy compares the extension, so this case is ours alone."""
    assert HOLDS["per-1"]({"start": "2026-02-28", "_end": EXTENSION})


@given(
    contact=st.fixed_dictionaries(
        {},
        optional={
            "name": st.just({"family": "T"}),
            "telecom": st.just([{"value": "1"}]),
            "address": st.just({"city": "Ede"}),
            "organization": st.just({"reference": "Organization/1"}),
            "gender": st.just("female"),
            "relationship": st.just([{"text": "buur"}]),
        },
    )
)
def test_pat_1(tarball: Path, contact: dict[str, Any]) -> None:
    agree(tarball, "pat-1", contact, {**PATIENT, "contact": [contact]})


@given(
    activity=st.fixed_dictionaries(
        {},
        optional={
            "detail": st.just({"status": "scheduled"}),
            "reference": st.just({"reference": "Task/1"}),
            "progress": st.just([{"text": "x"}]),
        },
    )
)
def test_cpl_3(tarball: Path, activity: dict[str, Any]) -> None:
    agree(tarball, "cpl-3", activity, {**CARE_PLAN, "activity": [activity]})


@given(
    item=st.fixed_dictionaries(
        {"linkId": st.just("1")},
        optional={
            "item": st.just([{"linkId": "1.1"}]),
            "answer": st.sampled_from([[{"valueBoolean": True}], [{"item": [{"linkId": "1.2"}]}]]),
            "text": st.just("x"),
        },
    )
)
def test_qrs_1(tarball: Path, item: dict[str, Any]) -> None:
    agree(tarball, "qrs-1", item, {**RESPONSE, "item": [item]})


@given(contained=st.lists(st.booleans(), max_size=3))
def test_dom_2(tarball: Path, contained: list[bool]) -> None:
    inner = {"contained": [{"resourceType": "Patient", "id": "x"}]}
    each = [
        {"resourceType": "Practitioner", "id": str(n), **(inner if deep else {})} for n, deep in enumerate(contained)
    ]
    agree(tarball, "dom-2", {**WEIGHT, **({"contained": each} if each else {})})


@given(value=st.sampled_from(VALUES), nested=st.booleans())
def test_ext_1(tarball: Path, value: dict[str, Any], *, nested: bool) -> None:
    agree(tarball, "ext-1", {"url": "urn:y", **value, **(EXTENSION if nested else {})})


def test_every_invariant_is_held_against_its_expression() -> None:
    tested = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    assert set(HOLDS) <= tested


def test_an_invariant_is_declared_on_a_type_that_exists() -> None:
    assert set(INVARIANTS) <= set(R4.types)


def test_an_invariant_is_judged_although_something_else_is_wrong() -> None:
    broken = {**WEIGHT, "dataAbsentReason": {"text": "x"}, "status": "done", "component": [7]}
    assert {issue.rule for issue in validate(broken, R4)} == {None, "obs-6"}


def test_an_element_that_begins_like_a_choice_is_none() -> None:
    assert not has_choice({"valueless": 1, "value": 1, "val": 1, "_value": 1}, "value")
    assert has_choice({"_valueCode": EXTENSION}, "value")
