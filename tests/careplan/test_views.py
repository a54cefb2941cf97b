"""Goals as care providers take them: every view follows nl-core-TreatmentObjective, and has all that the goal has."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.careplan.names import Names
from app.careplan.views import TREATMENT_OBJECTIVE, goal_view, read_only
from app.config import CANONICAL_BASE
from app.fhir.packages import Library
from app.fhir.profiles import Profiles
from app.fhir.resource import Resource
from app.fhir.terminology.library import LibraryTerminology
from app.fhir.validation import validate
from app.server.packages.built_in import built_in
from tests.medmij_profiles.package import definitions, examples
from tests.profiles.official import of_version

NAMES = Names(CANONICAL_BASE)
GOALS = [reference for reference in examples() if reference.startswith("Goal/")]
FURTHER = NAMES.extension("further-condition")
FREE = NAMES.extension("free-target")


@pytest.fixture(scope="session")
def held(fhir_definitions: Path) -> Profiles:
    """Nictiz's profiles and ours together."""
    library = Library([*of_version(fhir_definitions, "4.0.1"), *built_in(CANONICAL_BASE)])
    return Profiles(definitions(), library, LibraryTerminology(library, definitions()))


def refused(profiles: Profiles, goal: Resource) -> list[tuple[str | None, tuple[str, ...]]]:
    """What the profiles that a goal claims, and FHIR itself, find wrong."""
    found = [*profiles.claimed(goal), *validate(goal, definitions())]
    return [(each.rule, each.expression) for each in found if each.severity == "error"]


@pytest.mark.parametrize("reference", GOALS)
def test_the_view_of_an_example_follows_the_profile(held: Profiles, reference: str) -> None:
    view = goal_view(examples()[reference], NAMES)
    assert TREATMENT_OBJECTIVE in view["meta"]["profile"]
    assert refused(held, view) == []


def test_a_goal_of_ours_does_not_follow_it_as_it_is(held: Profiles) -> None:
    goal = deepcopy(examples()["Goal/doel-wandelen"])
    goal["meta"]["profile"] = [TREATMENT_OBJECTIVE]
    assert refused(held, goal) != []


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
    str.strip
)
concepts = st.one_of(
    st.builds(lambda text: {"text": text}, texts),
    st.just({"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic blood pressure"}]}),
)
quantities = st.builds(
    lambda value, unit: {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
    st.decimals(Decimal(0), Decimal(300), places=1),
    st.just("mmHg"),
)
details = st.one_of(
    st.builds(lambda value: {"detailQuantity": value}, quantities),
    st.builds(lambda value: {"detailRange": {"high": value}}, quantities),
    st.builds(lambda value: {"detailRatio": {"numerator": value, "denominator": value}}, quantities),
    st.builds(lambda value: {"detailString": value}, texts),
    st.builds(lambda value: {"detailCodeableConcept": value}, concepts),
    st.builds(lambda value: {"detailBoolean": value}, st.booleans()),
    st.builds(lambda value: {"detailInteger": value}, st.integers(0, 100)),
    st.just({}),
)
dues = st.sampled_from(
    [
        {},
        {"dueDate": "2027-03-01"},
        {"dueDate": "2027"},
        {"dueDuration": {"value": 3, "unit": "wk", "system": "http://unitsofmeasure.org", "code": "wk"}},
    ]
)
targets = st.builds(
    lambda measure, detail, due: {"measure": measure, **detail, **due}, concepts, details, dues
) | dues.filter(bool)
addresses = st.sampled_from(
    [
        {"reference": "Condition/copd"},
        {"reference": "Condition/diabetes"},
        {"reference": "Observation/bloeddruk", "display": "Bloeddruk thuis"},
        {"reference": "ServiceRequest/verwijzing"},
        {"type": "Condition", "display": "Hoge bloeddruk"},
    ]
)
notes = st.builds(
    lambda text, more: {"text": text, **more},
    texts,
    st.sampled_from([{}, {"time": "2026-11-02"}, {"authorString": "Joost"}]),
)


@st.composite
def goals(draw: st.DrawFn) -> Resource:
    made: dict[str, Any] = {
        "resourceType": "Goal",
        "id": "doel",
        "meta": {"profile": [NAMES.extension("PersonalGoal")]},
        "lifecycleStatus": draw(st.sampled_from(["proposed", "active", "on-hold"])),
        "category": [{"coding": [{"system": NAMES.system("goal-category"), "code": "personal"}]}],
        "description": {"text": draw(texts)},
        "subject": {"reference": "Patient/anna"},
        "expressedBy": {"reference": "Patient/anna"},
    }
    for name, strategy in (("target", targets), ("addresses", addresses), ("note", notes)):
        if listed := draw(st.lists(strategy, max_size=5)):
            made[name] = listed
    return made


@given(goals())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300, deadline=None
)
def test_the_view_of_any_goal_follows_the_profile_and_loses_nothing(held: Profiles, goal: Resource) -> None:
    before = deepcopy(goal)
    view = goal_view(goal, NAMES)
    assert goal == before
    assert refused(held, view) == []
    assert len(view.get("addresses", ())) <= 1
    assert len(view.get("note", ())) <= 1
    told = view.get("note", [{"text": ""}])[0]["text"]
    conditions = [
        *view.get("addresses", ()),
        *(each["valueReference"] for each in view.get("extension", ()) if each["url"] == FURTHER),
    ]
    for each in goal.get("addresses", ()):
        assert each in conditions or (each.get("display") or each["reference"]) in told
    free = [each for each in goal.get("target", ()) if set(each) - {"dueDate"}]
    assert sum(each["url"] == FREE for each in view.get("extension", ())) == len(free)
    assert [each["dueDate"] for each in view.get("target", ())] == [
        each["dueDate"] for each in goal.get("target", ()) if "dueDate" in each
    ]
    for each in goal.get("note", ()):
        assert each["text"] in told


def test_a_view_of_a_goal_that_has_room_is_the_goal_itself() -> None:
    goal = examples()["Goal/doel-slapen"]
    view = goal_view(goal, NAMES)
    assert {**view, "meta": goal["meta"]} == goal


def test_targets_in_the_code_lists_stay_where_they_are() -> None:
    target = {"measure": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}, "detailBoolean": True}
    goal = {**examples()["Goal/doel-slapen"], "target": [target, {**target, "detailBoolean": False}]}
    view = goal_view(goal, NAMES, coded=lambda each: each["detailBoolean"])
    assert view["target"] == [target]
    assert [each["url"] for each in view["extension"]] == [FREE]


def test_words_of_a_target_are_in_the_language_asked_for() -> None:
    goal = examples()["Goal/doel-bloeddruk"]
    assert goal_view(goal, NAMES)["note"][0]["text"].endswith("bovendruk: hoogstens 140 mmHg (voor 1 februari 2027)")
    assert goal_view(goal, NAMES, language="en")["note"][0]["text"].endswith("at most 140 mmHg (by 1 February 2027)")


def test_a_write_through_a_view_is_told_to_propose() -> None:
    (issue,) = read_only("plan-7").issues
    assert issue.rule == "plan-view-read-only"
    assert "CarePlan/plan-7/$propose" in issue.diagnostics
