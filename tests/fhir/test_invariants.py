"""Our invariants by hand against HL7's own expressions, which another engine (fhirpathpy) evaluates."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fhir import definitions, xml
from app.fhir.definitions import Definitions, package
from app.fhir.resource import decode
from app.fhir.validation import validate
from app.fhir.validation.invariants import INVARIANTS, Invariant, of_version
from app.fhir.validation.invariants.best_practice import BEST_PRACTICE
from app.fhir.validation.invariants.rule import UCUM, has_choice
from tests.fhir.constraints import REWRITTEN, Constraint, constraints, evaluate
from tests.fhir.examples import nictiz
from tests.fhir.focused import focused
from tests.fhir.near_misses import places
from tests.fhir.samples import CARE_PLAN, PATIENT, RESPONSE, WEIGHT, changed

R4: Final = definitions.load("4.0.1")
STU3: Final = definitions.load("3.0.1")

# Constraints without a function of their own: the key, and what holds them instead.
ELSEWHERE: Final = {
    "Element ele-1": "structure: an object is not empty, and neither is what stands beside a primitive",
    "Reference ref-1": "structure: a reference to #id finds what is contained, and of a type that it may lead to",
    "Narrative.div txt-1": "narrative, by its lists of what is allowed; the expression is one function, htmlChecks()",
    "Narrative.div txt-2": "narrative; the expression is one function, htmlChecks()",
    "TestScript.test.action.assert tst-6": "tst-5: the element is defined by reference to that of the setup",
    "TestScript.test.action.operation tst-8": "tst-7: the element is defined by reference to that of the setup",
    "TestScript.teardown.action.operation tst-9": "tst-7: the element is defined by reference to that of the setup",
    "TestScript.test.action.assert tst-11": "tst-10: the element is defined by reference to that of the setup",
    "TestScript.test.action.assert tst-13": "tst-12: the element is defined by reference to that of the setup",
}
# What no resource of a valid structure can break.
NEVER_BROKEN: Final = {
    "tst-4": "required and validated are required elements of a capability",
    "cid-0": "a ChargeItemDefinition has no name in R4",
}
# Where an expression has no answer, because something is not there, the rule holds; not these, whose text asks for it.
NO_ANSWER_IS_NO: Final = {
    "bdl-11": "a document without entries has no Composition",
    "bdl-12": "a message without entries has no MessageHeader",
    "drt-1": "a duration with a code and no system has not that of UCUM",
    "eld-3": "a text is no number",
    "md-1": "a text is no number",
    "opd-2": "a parameter without a type is not of type string",
    "opd-3": "a parameter without a type is not of type Reference",
    "que-13": "an item without repeats does not repeat",
    "ras-1": "a number without a code is no percentage",
    "sdf-1": "a definition without a derivation is no constraint",
    "sdf-5": "an extension without a derivation is no specialization",
    "sdf-21": "a definition without a derivation is no specialization",
    "tst-7": "an operation without a type has none that needs no target",
    "vsd-9": "what is not said to be abstract is not",
}
# STU3 writes these otherwise; the keys, and why one function is right for both.
OTHERWISE_IN_STU3: Final = {
    "age-1": "R4 says also what to do with a value that is an extension only",
    "app-2": "either both or neither, written with xor",
    "bdl-7": "R4 leaves out histories, where STU3's text cannot have meant it either",
    "cnt-3": "R4 says also what to do with a value that is an extension only",
    "csd-1": "a union that drops duplicates cannot find any; R4 repaired it",
    "dis-1": "R4 writes exists()",
    "eld-2": "R4 writes an iif that changes nothing",
    "opd-2": "R4 writes exists()",
    "per-1": "R4 says also what to do with a date that is an extension only",
    "ras-2": "R4 writes the operator as",
    "sdf-3": "R4 writes exists()",
}
LEAST: Final = 40
MOST: Final = 1500
"""Generated objects that one invariant is asked of: at least, and until it was both held and broken."""

# More would only take long.
LARGEST: Final = 60_000
OF_A_TYPE: Final = 60
OFTEN: Final = 300

EVERY: Final = [
    (owner, invariant)
    for listed in (INVARIANTS, BEST_PRACTICE)
    for owner, invariants in listed.items()
    for invariant in invariants
]


def declared(owner: str, invariant: Invariant, found: Mapping[str, Constraint]) -> Constraint:
    """The constraint that an invariant is of: at its owner, or at an element within."""
    own = found.get(f"{owner} {invariant.key}")
    within = [each for each in found.values() if each.key == invariant.key and each.path.startswith(owner + ".")]
    return own or within[0]


@pytest.fixture(scope="module")
def official(fhir_definitions: Path) -> dict[str, Constraint]:
    return {each.name: each for each in constraints(fhir_definitions, "4.0.1")}


def elements(value: dict[str, Any], steps: list[str]) -> Iterator[Any]:
    """The items at the end of a path of element names, choices included."""
    if not steps:
        yield value
        return
    base = steps[0].removesuffix("[x]")
    for member, item in value.items():
        if member == base or (base != steps[0] and member.startswith(base)):
            for each in item if isinstance(item, list) else [item]:
                yield from elements(each, steps[1:])


def agreed(owner: str, invariant: Invariant, constraint: Constraint, value: dict[str, Any], whole: Any = None) -> bool:
    """What both say of ``value``, an object of ``owner`` within the resource ``whole``."""
    ours = invariant.holds(value)
    assert ours or not invariant.about or not invariant.about.isdisjoint(value), "it must not be asked of this"
    asked = copy.deepcopy(value)
    steps = constraint.path.removeprefix(owner).split(".")[1:]
    answers = [evaluate(constraint, each, whole or asked) for each in elements(asked, steps)]
    fine = ([True],) if invariant.key in NO_ANSWER_IS_NO else ([True], [])
    assert ours == all(answer in fine for answer in answers), (value, answers)
    return ours


@pytest.mark.parametrize(("owner", "invariant"), EVERY, ids=lambda each: getattr(each, "key", each))
def test_an_invariant_says_what_hl7s_expression_says_of_generated_near_misses(
    owner: str, invariant: Invariant, official: dict[str, Constraint]
) -> None:
    constraint = declared(owner, invariant, official)
    chance = random.Random(f"{owner} {invariant.key}")
    seen: Counter[bool] = Counter()
    wanted = {True} if invariant.key in NEVER_BROKEN else {True, False}
    while seen.total() < LEAST or (seen.keys() != wanted and seen.total() < MOST):
        seen[agreed(owner, invariant, constraint, focused(constraint, owner, R4, chance))] += 1
    assert seen.keys() == wanted


def lineage(name: str, loaded: Definitions) -> Iterator[str]:
    yield name
    while name in loaded.bases:
        name = loaded.bases[name]
        yield name


def resources(fhir_definitions: Path) -> Iterator[dict[str, Any]]:
    """Resources of HL7's package, of each type some, and of Nictiz's examples."""
    taken: Counter[str] = Counter()
    for name, content in package.examples(fhir_definitions / "hl7.fhir.core-4.0.1.tar.gz"):
        kind = name.partition("-")[0]
        if len(content) < LARGEST and taken[kind] < OF_A_TYPE:
            taken[kind] += 1
            yield decode(content)
    for _, content in nictiz(fhir_definitions, "4.0.1"):
        yield xml.from_xml(content, R4)


def test_invariants_say_what_hl7s_expressions_say_of_examples(
    fhir_definitions: Path, official: dict[str, Constraint]
) -> None:
    asked: Counter[str] = Counter()
    for resource in resources(fhir_definitions):
        whole: dict[str, Any] = resource
        for place, value in places(resource, R4):
            whole = value if "resourceType" in value else whole
            for owner in lineage(place.type, R4):
                for invariant in (*INVARIANTS.get(owner, ()), *BEST_PRACTICE.get(owner, ())):
                    if asked[invariant.key] < OFTEN:
                        asked[invariant.key] += 1
                        agreed(owner, invariant, declared(owner, invariant, official), value, whole)
    assert len(asked) > 110


def test_every_constraint_of_hl7_is_an_invariant_with_its_severity(official: dict[str, Constraint]) -> None:
    held = {declared(owner, invariant, official).name: invariant for owner, invariant in EVERY}
    assert len(held) == len(EVERY)
    assert held.keys() == official.keys() - ELSEWHERE.keys()
    assert ELSEWHERE.keys() <= official.keys()
    assert {name: each.severity for name, each in held.items()} == {name: official[name].severity for name in held}
    advice = {invariant.key for listed in BEST_PRACTICE.values() for invariant in listed}
    assert advice == {each.key for each in official.values() if each.is_best_practice}


def test_what_is_rewritten_is_in_the_expression(official: dict[str, Constraint]) -> None:
    for key, said, _, _ in REWRITTEN:
        assert any(key == each.key and said in each.expression for each in official.values()), (key, said)


def test_an_invariant_stands_at_a_type_that_exists() -> None:
    assert set(INVARIANTS) <= set(R4.types)
    assert set(of_version("3.0.1")) <= set(STU3.types)


def test_stu3_has_the_invariants_that_mean_the_same_there(
    fhir_definitions: Path, official: dict[str, Constraint]
) -> None:
    stu3 = {each.name: each for each in constraints(fhir_definitions, "3.0.1")}
    otherwise = {
        invariant.key
        for owner, listed in of_version("3.0.1").items()
        for invariant in listed
        if declared(owner, invariant, stu3).expression != declared(owner, invariant, official).expression
    }
    assert otherwise == OTHERWISE_IN_STU3.keys()
    same = {name for name in stu3.keys() & official.keys() if stu3[name].expression == official[name].expression}
    held = {declared(owner, each, official).name for owner, listed in of_version("3.0.1").items() for each in listed}
    assert same - ELSEWHERE.keys() <= held


# At these hours it is the same day in every zone that is meant, so that both compare the same days.
MOMENTS = st.sampled_from(["2026", "2026-02", "2026-02-28", "2026-03-01", "2027-01"]) | st.builds(
    "2026-{}T{}:00{}{}".format,
    st.sampled_from(["02-28", "03-01"]),
    st.sampled_from(["10:00", "10:01", "12:00"]),
    st.sampled_from(["", ".000", ".250"]),
    st.sampled_from(["Z", "+01:00", "+02:00"]),
)


@given(period=st.fixed_dictionaries({}, optional={"start": MOMENTS, "end": MOMENTS}))
def test_a_period_of_any_precision_is_in_order_when_hl7_says_so(
    official: dict[str, Constraint], period: dict[str, Any]
) -> None:
    (invariant,) = INVARIANTS["Period"]
    agreed("Period", invariant, official["Period per-1"], period)


EXTENSION: Final = {"extension": [{"url": "urn:x", "valueCode": "y"}]}


def test_a_period_without_an_end_but_with_a_reason_why_is_in_order() -> None:
    """Here fhirpathpy compares the extension, so this case is ours alone."""
    assert INVARIANTS["Period"][0].holds({"start": "2026-02-28", "_end": EXTENSION})


def length(value: str, code: str) -> dict[str, Any]:
    return {"value": Decimal(value), "system": UCUM, "code": code}


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [
        (length("1", "m"), length("50", "cm"), False),
        (length("1", "m"), length("100.0", "cm"), True),
        (length("1", "kg"), length("1", "cm"), True),
        (length("1", "kg"), {"value": 1, "unit": "kilo"}, True),
        (length("1", "geen eenheid"), length("0", "cm"), True),
    ],
)
def test_the_ends_of_a_range_are_compared_in_what_ucum_converts(
    low: dict[str, Any], high: dict[str, Any], *, holds: bool
) -> None:
    """Fhirpathpy does not compare quantities, so that the table of rewritten expressions leaves these out."""
    (invariant,) = INVARIANTS["Range"]
    assert invariant.holds({"low": low, "high": high}) == holds


CONTAINED: Final = {"resourceType": "Practitioner", "id": "a", "name": [{"family": "Dokter"}]}
NAMED: Final = {"resourceType": "ValueSet", "status": "draft", "name": "niet een naam"}


@pytest.mark.parametrize(
    ("broken", "rule", "path"),
    [
        (changed(PATIENT, contact=[{"gender": "female"}]), "pat-1", "Patient.contact[0]"),
        (changed(CARE_PLAN, activity__0__reference={"display": "x"}), "cpl-3", "CarePlan.activity[0]"),
        (changed(RESPONSE, item__0__answer=[{"valueBoolean": True}]), "qrs-1", "QuestionnaireResponse.item[0]"),
        (changed(WEIGHT, contained=[CONTAINED]), "dom-3", "Observation"),
        (changed(WEIGHT, valueQuantity__system=None), "qty-3", "Observation.value"),
        (changed(WEIGHT, subject__reference="#b"), "ref-1", "Observation.subject.reference"),
        (changed(WEIGHT, subject={}), "ele-1", "Observation.subject"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_broken_invariant_is_an_issue_at_its_element(broken: dict[str, Any], rule: str, path: str) -> None:
    value = broken.get("valueQuantity", {})
    if value.get("system", "") is None:
        del value["system"]
    issues = validate(broken, R4)
    assert [(issue.rule, issue.expression, issue.severity) for issue in issues] == [(rule, (path,), "error")]


def test_a_rule_that_hl7_only_warns_of_is_a_warning() -> None:
    (issue,) = validate(NAMED, R4)
    assert (issue.rule, issue.severity) == ("vsd-0", "warning")


def test_best_practice_is_no_part_of_validation() -> None:
    category = {"coding": [{"code": "problem-list-item"}]}
    condition = {"resourceType": "Condition", "subject": {"display": "P"}, "category": [category]}
    assert validate(condition, R4) == []
    assert not any(each.holds(condition) for listed in BEST_PRACTICE.values() for each in listed)


def test_an_invariant_is_judged_although_something_else_is_wrong() -> None:
    broken = {**WEIGHT, "dataAbsentReason": {"text": "x"}, "status": "done", "component": [7]}
    assert {issue.rule for issue in validate(broken, R4)} == {None, "obs-6"}


def test_an_element_that_begins_like_a_choice_is_none() -> None:
    assert not has_choice({"valueless": 1, "value": 1, "val": 1, "_value": 1}, "value")
    assert has_choice({"_valueCode": EXTENSION}, "value")
