"""Where an element changed last, as walking back through the versions finds it and as reading all of them does."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from app.careplan.cells import LISTS, Address, Cells, cells_of
from app.careplan.difference import ORDER
from app.careplan.names import Names
from app.careplan.past import HIDDEN, Member
from app.careplan.walk import AT_A_TIME, Walk
from app.fhir.resource import Resource, decode, encode

NAMES = Names("https://zelfregie.example/fhir")
WORDS = ("Naar buiten", 'Zegt "samen eten"', 'C:\\zingen\\"', "Regel\u2028nog een", "Taart 🎂")
"""With quotes, backslashes, a line separator and a character outside the first plane."""
PLAN = ("CarePlan", "plan")
GOAL = ("Goal", "doel")


def versions_of(states: Sequence[Resource | None], named: tuple[str, str]) -> list[Member]:
    """Each state as a version; None: it may not be seen."""
    found = []
    for number, state in enumerate(states, 1):
        body = None if state is None else encode({"resourceType": named[0], "id": named[1], **state})
        found.append(Member(*named, number, number * 10, number, HIDDEN if body is None else "update", body))
    return found


def walked(members: Sequence[Member], wanted: Sequence[Address], *, low: int = 0) -> dict[Address, int]:
    """In which version each of these changed last, after the version ``low``."""
    first = members[low - 1] if low else None
    walk = Walk(members[0].key[:2], wanted, first, members[-1], NAMES)
    while walk.goes_on:
        span = walk.span
        given = [] if span is None else [each for each in members if span.low <= each.version <= span.high]
        assert len(given) <= AT_A_TIME
        assert first not in given, "it is known already"
        walk.back({each.version: each for each in given})
    return {address: member.version for address, member in walk.found.items()}


def read(members: Sequence[Member], wanted: Sequence[Address], *, low: int = 0) -> dict[Address, int]:
    """The same by reading every version whole."""
    whole = [cells_of(decode(each.body), NAMES) if each.body else {} for each in members]
    cells = whole[low - 1 :] if low else [{}, *whole]
    found: dict[Address, int] = {}
    for number, (was, now) in enumerate(itertools.pairwise(cells), low + 1):
        found |= {address: number for address in wanted if at(was, address) != at(now, address)}
    return found


def at(cells: Cells, address: Address) -> Any:
    if address[0] != ORDER:
        return cells.get(address)
    return list(dict.fromkeys(each[1] for each in cells if each[0] == address[1] and len(each) > 1))


def every_address(members: Sequence[Member]) -> list[Address]:
    """Of all versions, and the order of each list."""
    found: dict[Address, None] = {}
    for each in members:
        found |= dict.fromkeys(cells_of(decode(each.body), NAMES) if each.body else ())
    return [*found, *((ORDER, name) for name in LISTS)]


def some_of(draw: random.Random, wanted: Sequence[Address]) -> list[list[Address]]:
    """Part of the addresses: each order and a few others alone, those of one list, and any."""
    name = draw.choice(LISTS)
    alone = [each for each in wanted if each[0] == ORDER] + draw.sample(wanted, min(3, len(wanted)))
    in_list = [each for each in wanted if name in each[:2]]
    return [[each] for each in alone] + [in_list, draw.sample(wanted, draw.randrange(len(wanted)))]


def another(draw: random.Random, plan: Resource) -> Resource:
    """The plan after one change, or none."""
    made: Resource = {**plan, "meta": {"versionId": str(draw.randrange(99)), "profile": plan["meta"]["profile"]}}
    activities = [*plan.get("activity", ())]
    what = draw.randrange(12)
    if what == 0:
        made["title"] = draw.choice(WORDS)
    elif what in (1, 10):
        made.pop("title" if what == 1 else "goal", None)
    elif what == 2:
        activities.append({"id": f"a{draw.randrange(6)}", "detail": {"status": "scheduled"}})
    elif what == 3 and activities:
        where = draw.randrange(len(activities))
        detail = {**activities[where]["detail"], "description": draw.choice(WORDS)}
        activities[where] = {**activities[where], "detail": detail}
    elif what == 4:
        draw.shuffle(activities)
    elif what == 5 and activities:
        activities.pop(draw.randrange(len(activities)))
    elif what == 6:
        made["goal"] = [{"reference": f"Goal/{draw.randrange(4)}"} for _ in range(draw.randrange(1, 5))]
    elif what == 7:
        made["note"] = [{"text": draw.choice(WORDS)} for _ in range(draw.randrange(1, 4))]
    elif what == 8:
        review = {"url": "nextReview", "valueDate": f"2030-01-0{draw.randrange(1, 4)}"}
        phase = {"url": "phase", "valueCode": draw.choice(["plan", "do"])}
        made["extension"] = [{"url": NAMES.cycle, "extension": [phase, review][draw.randrange(2) :]}]
    elif what == 9:
        made["meta"] = {**made["meta"], "profile": [draw.choice(WORDS)]}
    elif what == 11:
        name = draw.choice(["goal", "note"])
        made |= {name: draw.sample(plan[name], len(plan[name]))} if name in plan else {}
    made["activity"] = activities
    return made if activities else {name: value for name, value in made.items() if name != "activity"}


@pytest.mark.parametrize("seed", range(40))
def test_walking_finds_what_reading_every_version_finds(seed: int) -> None:
    draw = random.Random(seed)
    states: list[Resource | None] = [{"meta": {"profile": ["x"]}, "status": "draft"}]
    plan: Resource = states[0] or {}
    for _ in range(draw.choice([5, 30, AT_A_TIME + 20])):
        plan = another(draw, plan)
        states.append(plan if draw.random() < 0.97 else None)
    states.append(another(draw, plan))
    members = versions_of(states, PLAN)
    wanted = every_address(members)
    for low in (0, 1, len(members) // 2):
        if low and members[low - 1].body is None:
            continue
        for asked in (wanted, *some_of(draw, wanted)):
            assert walked(members, asked, low=low) == read(members, asked, low=low), (low, asked)


def test_of_neighbours_nothing_is_read_but_the_two() -> None:
    first, last = versions_of([{"status": "draft", "title": "Plan"}, {"status": "active", "title": "Plan"}], PLAN)
    walk = Walk(PLAN, [("status",)], first, last, NAMES)
    assert walk.goes_on
    assert walk.span is None
    walk.back({})
    assert walk.found == {("status",): last}
    assert not walk.goes_on


def test_what_was_changed_away_and_back_changed_when_it_came_back() -> None:
    texts = ("Wandelen", "Fietsen", "Wandelen", "Wandelen")
    members = versions_of([{"description": {"text": text}, "note": [{"text": "x"}]} for text in texts], GOAL)
    assert walked(members, [("description",), ("note",)], low=1) == {("description",): 3}


def test_the_same_value_in_other_bytes_did_not_change() -> None:
    target = {"measure": {"text": "Stappen"}, "dueDate": "2030-01-01"}
    states = [{"target": [target]}, {"target": [dict(reversed(target.items()))]}]
    assert walked(versions_of(states, GOAL), [("target",)], low=1) == {}


def test_a_second_entry_that_is_alike_came_when_it_was_added() -> None:
    """And not with the first of the two, which is known by the same."""
    goal = {"reference": "Goal/doel"}
    members = versions_of([{"goal": [goal]}, {"goal": [goal, goal]}, {"goal": [goal, goal], "title": "Later"}], PLAN)
    assert walked(members, [("goal", "doel"), ("goal", "doel#2")], low=1) == {("goal", "doel#2"): 2}


def test_of_entries_of_which_two_are_alike_that_only_change_places_the_order_is_found() -> None:
    first, second = {"text": "Warm"}, {"text": "Koud"}
    notes = ([first, first, second], [first, first, second], [second, first, first])
    members = versions_of([{"note": each} for each in notes], PLAN)
    assert walked(members, [(ORDER, "note")], low=1) == {(ORDER, "note"): 3}
    assert walked(members, [(ORDER, "note")]) == {(ORDER, "note"): 3}
