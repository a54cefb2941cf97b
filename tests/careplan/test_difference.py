"""Two states of a plan laid beside each other: what is named, and that applying it gives the other."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.careplan.cells import cells_of, entry_cells, in_entry, of_cells
from app.careplan.difference import PlanState, applied, differences
from app.careplan.names import Names
from app.careplan.plan import Cycle, with_cycle

NAMES = Names("https://zelfregie.example/fhir")


def plan(**elements: Any) -> dict[str, Any]:
    held = {
        "resourceType": "CarePlan",
        "id": "izp",
        "meta": {"versionId": "3", "lastUpdated": "2026-01-01T00:00:00Z", "profile": [NAMES.plan_profile]},
        "status": "active",
        "intent": "plan",
        "goal": [{"reference": "Goal/walk"}, {"reference": "Goal/sleep"}],
        "activity": [
            {"id": "a", "detail": {"status": "in-progress", "description": "Walk"}},
            {"id": "b", "reference": {"reference": "Task/x"}},
        ],
        "addresses": [{"reference": "Condition/copd"}],
        "careTeam": [{"reference": "CareTeam/net"}],
        **elements,
    }
    return with_cycle(held, Cycle(1, "do", "2026-01-01", "2026-06-01"), NAMES)


def goal(goal_id: str, text: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Goal",
        "id": goal_id,
        "lifecycleStatus": "active",
        "description": {"text": text},
        **elements,
    }


BEFORE = PlanState(
    plan(),
    {"walk": goal("walk", "Walk again"), "sleep": goal("sleep", "Sleep well")},
    {"net": {"resourceType": "CareTeam", "id": "net", "status": "active"}},
)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("goal", {"reference": "Goal/walk", "display": "Walk"}),
        ("activity", {"id": "b", "reference": {"reference": "Task/x"}, "progress": [{"text": "Well"}]}),
        (
            "activity",
            {
                "id": "a",
                "extension": [{"url": "one", "valueCode": "x"}, {"url": "two"}, {"url": "one", "valueCode": "y"}],
                "detail": {"status": "in-progress", "description": "Walk", "goal": [{"reference": "Goal/walk"}]},
            },
        ),
    ],
)
def test_a_cell_of_an_entry_is_found_without_the_others(name: str, entry: dict[str, Any]) -> None:
    cells = entry_cells(name, "key", entry, NAMES)
    assert cells
    assert {address: in_entry(entry, address) for address in cells} == cells
    assert {in_entry(None, address) for address in cells} == {None}
    others = [("activity", "key", "outcomeCodeableConcept"), ("activity", "key", "detail", "code")]
    others.append(("activity", "key", "extension", "three"))
    if name == "activity":
        assert [in_entry(entry, address) for address in others] == [None, None, None]


def as_kept(state: PlanState) -> PlanState:
    """Without what the server keeps in meta."""
    meta = {"profile": state.plan["meta"]["profile"]}
    return PlanState({**state.plan, "meta": meta}, state.goals, state.teams)


def names_of(before: PlanState, after: PlanState) -> dict[str, str]:
    return {each.id: each.kind for each in differences(before, after, NAMES)}


def changed(**elements: Any) -> PlanState:
    return PlanState(plan(**elements), BEFORE.goals, BEFORE.teams)


def test_a_state_does_not_differ_from_itself() -> None:
    assert differences(BEFORE, copy.deepcopy(BEFORE), NAMES) == ()


def test_what_the_server_keeps_in_meta_is_no_difference() -> None:
    other = changed(meta={"versionId": "9", "lastUpdated": "2027-01-01T00:00:00Z", "profile": [NAMES.plan_profile]})
    assert differences(BEFORE, other, NAMES) == ()


def test_every_change_is_one_item_with_its_path_and_what_it_was_and_became() -> None:
    after = PlanState(
        {
            **plan(
                title="Mine",
                goal=[{"reference": "Goal/walk"}, {"reference": "Goal/new"}],
                activity=[{"id": "a", "detail": {"status": "in-progress", "description": "Walk twice"}}, {"id": "c"}],
                addresses=[{"reference": "Condition/copd"}, {"reference": "Condition/dm2"}],
                note=[{"text": "Slowly"}],
            )
        },
        {"walk": goal("walk", "Walk far", target=[{"dueDate": "2027-01-01"}]), "new": goal("new", "Read")},
        BEFORE.teams,
    )
    found = {each.id: each for each in differences(BEFORE, after, NAMES)}
    kinds = {name: each.kind for name, each in found.items() if not name.startswith("note.")}
    assert kinds == {
        "goal.walk": "changed",
        "goal.new": "added",
        "goal.sleep": "removed",
        "activity.a": "changed",
        "activity.b": "removed",
        "activity.c": "added",
        "title": "added",
        "addresses.Condition/dm2": "added",
    }
    assert [(each.path, each.before, each.after) for each in found["goal.walk"].elements] == [
        ("Goal.description", {"text": "Walk again"}, {"text": "Walk far"}),
        ("Goal.target", None, [{"dueDate": "2027-01-01"}]),
    ]
    assert found["activity.a"].path == "CarePlan.activity.where(id='a')"
    assert [each.path for each in found["activity.a"].elements] == [
        "CarePlan.activity.where(id='a').detail.description"
    ]
    assert found["addresses.Condition/dm2"].path == "CarePlan.addresses.where(reference='Condition/dm2')"
    assert found["goal.new"].after == after.goals["new"]
    assert found["goal.sleep"].before == BEFORE.goals["sleep"]
    assert applied(BEFORE, found.values(), NAMES) == as_kept(after)


def test_the_next_review_is_an_item_of_its_own_beside_the_phase() -> None:
    review = with_cycle(plan(), Cycle(1, "do", "2026-01-01", "2026-09-01"), NAMES)
    (item,) = differences(BEFORE, PlanState(review, BEFORE.goals, BEFORE.teams), NAMES)
    assert (item.id, item.before, item.after) == ("next-review", "2026-06-01", "2026-09-01")
    assert item.path.endswith(".extension('nextReview').value")
    phase = with_cycle(plan(), Cycle(1, "check", "2026-03-01", "2026-06-01"), NAMES)
    assert names_of(BEFORE, PlanState(phase, BEFORE.goals, BEFORE.teams)) == {"phase": "changed"}
    without = with_cycle(plan(), Cycle(1, "do", "2026-01-01"), NAMES)
    assert names_of(BEFORE, PlanState(without, BEFORE.goals, BEFORE.teams)) == {"next-review": "removed"}


def test_entries_that_only_change_places_are_one_item() -> None:
    after = changed(goal=[{"reference": "Goal/sleep"}, {"reference": "Goal/walk"}])
    (item,) = differences(BEFORE, after, NAMES)
    assert (item.id, item.kind, item.after) == ("order.goal", "moved", ["sleep", "walk"])
    assert applied(BEFORE, [item], NAMES) == as_kept(after)


def test_a_goal_that_is_known_on_one_side_only_is_left_out() -> None:
    hidden = PlanState(BEFORE.plan, {"walk": BEFORE.goals["walk"]}, BEFORE.teams)
    assert differences(BEFORE, hidden, NAMES) == ()
    assert differences(hidden, BEFORE, NAMES) == ()


def test_some_of_the_changes_can_be_applied_without_the_others() -> None:
    after = changed(title="Mine", addresses=[])
    items = {each.id: each for each in differences(BEFORE, after, NAMES)}
    state = applied(BEFORE, [items["title"]], NAMES)
    assert (state.plan["title"], state.plan["addresses"]) == ("Mine", BEFORE.plan["addresses"])
    assert state.goals == BEFORE.goals


def test_entries_that_are_alike_are_told_apart() -> None:
    after = changed(note=[{"text": "x"}, {"text": "x"}])
    items = differences(BEFORE, after, NAMES)
    assert len({each.id for each in items}) == 2
    assert applied(BEFORE, items, NAMES) == as_kept(after)


def name_of(activity: Any) -> str:
    """Its id, else what it refers to."""
    return str(activity.get("id", activity.get("reference", {}).get("display")))


IDS = st.sampled_from(["a", "b", "c", "d"])
WORDS = st.sampled_from(["one", "two", "three"])
AGREEMENTS = st.lists(
    st.fixed_dictionaries({"url": st.sampled_from(["urn:x", "urn:y"]), "valueString": WORDS}), min_size=1, max_size=3
)
ACTIVITIES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"id": IDS, "detail": st.dictionaries(WORDS, WORDS, min_size=1)}),
        st.fixed_dictionaries({"id": IDS, "extension": AGREEMENTS}),
        st.fixed_dictionaries({"reference": st.fixed_dictionaries({"display": WORDS})}),
    ),
    min_size=1,
    max_size=4,
    unique_by=name_of,
)


@st.composite
def states(draw: st.DrawFn) -> PlanState:
    held: dict[str, Any] = {"resourceType": "CarePlan", "id": "izp", "status": "active"}
    goals = draw(st.lists(IDS, unique=True, max_size=4))
    if goals:
        held["goal"] = [{"reference": f"Goal/{each}"} for each in goals]
    for name in ("title", "description"):
        if draw(st.booleans()):
            held[name] = draw(WORDS)
    if draw(st.booleans()):
        held["activity"] = draw(ACTIVITIES)
    if draw(st.booleans()):
        held["note"] = [{"text": each} for each in draw(st.lists(WORDS, min_size=1, max_size=3))]
    if draw(st.booleans()):
        ids = draw(st.lists(IDS, min_size=1, unique=True))
        held["addresses"] = [{"reference": f"Condition/{each}"} for each in ids]
    if draw(st.booleans()):
        held["extension"] = draw(AGREEMENTS)
    if draw(st.booleans()):
        held = with_cycle(held, Cycle(draw(st.integers(1, 3)), "do", draw(WORDS), draw(WORDS)), NAMES)
    return PlanState(held, {each: goal(each, draw(WORDS)) for each in goals}, {})


def in_one_order(state: PlanState) -> PlanState:
    """The order of extensions that are not alike means nothing."""

    def ordered(value: Any) -> Any:
        if isinstance(value, list):
            return [ordered(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = {name: ordered(each) for name, each in value.items()}
        if "extension" in found:
            found["extension"] = sorted(found["extension"], key=lambda each: each["url"])
        return found

    return PlanState(ordered(state.plan), ordered(state.goals), ordered(state.teams))


@given(states(), states())
def test_applying_what_differs_to_the_one_gives_the_other(before: PlanState, after: PlanState) -> None:
    items = differences(before, after, NAMES)
    assert in_one_order(applied(before, items, NAMES)) == in_one_order(after)
    assert len({each.id for each in items}) == len(items)


@given(states())
def test_cells_are_the_resource(state: PlanState) -> None:
    again = of_cells(cells_of(state.plan, NAMES), "CarePlan", "izp")
    assert in_one_order(PlanState(again)) == in_one_order(PlanState(state.plan))


@pytest.mark.parametrize("name", ["goal", "careTeam", "addresses"])
def test_an_entry_without_a_literal_reference_is_known_by_a_digest(name: str) -> None:
    after = changed(**{name: [{"display": "somebody"}]})
    items = differences(changed(**{name: []}), after, NAMES)
    assert [each.kind for each in items] == ["added"]
