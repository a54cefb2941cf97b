"""The cycle of the plan as a table: who does what in which state, and what comes of it or which rule refuses.

MODEL 2, "The cycle". The table is in ``cycle_table.yaml``.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from app.careplan.cycle import events
from app.errors import Unprocessable
from tests.careplan.actors import ACTORS
from tests.careplan.cycle_table import BY_MOUTH, PHASES, SEQUENCES, STATES, Scene, cells, is_carried_out
from tests.careplan.turning import MOUTH, event
from tests.server.service import Caller, Service

CELLS = tuple(cells())
SIDES = {
    "patient": "patient",
    "representative": "patient",
    "app": "patient",
    "professional": "care",
    "system": "care",
    "carer": "carer",
}
SAYS_BY_MOUTH = ("agree", "decide")
OTHERS = ("start", "evaluate", "revise", "hold", "resume", "close", "accept", "merge", "restore")


@pytest.mark.parametrize("state", STATES)
async def test_what_everybody_can_do_in_a_state_is_as_the_table_has_it(
    service: Service, anna: Caller, state: str
) -> None:
    scene = Scene(service, anna)
    await scene.bring_about(state)
    stood = await scene.stands() if state != "none" else ""
    wrong: list[str] = []
    for cell in (each for each in CELLS if each.state == state):
        came = await scene.do(cell.actor, f"{cell.event}{BY_MOUTH if cell.by_mouth else ''}")
        if came != cell.expected:
            wrong.append(f"{cell.actor} {cell.event}{' by mouth' * cell.by_mouth}: {came}, not {cell.expected}")
        if is_carried_out(came) and came != stood:
            await scene.bring_about(state)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", list(SEQUENCES))
async def test_a_plan_goes_as_the_table_has_it(service: Service, anna: Caller, name: str) -> None:
    scene = Scene(service, anna)
    for number, (who, what, expected, *said) in enumerate(SEQUENCES[name], 1):
        came = await scene.do(who, what, **(said[0] if said else {}))
        assert came == expected, f"step {number}: {who} {what}"


def test_the_table_has_every_event_in_every_state_for_everybody() -> None:
    there = {(each.event, each.state, each.actor, each.by_mouth) for each in CELLS}
    assert len(there) == len(CELLS), "a cell is in the table twice"
    wanted = set(itertools.product(events(), STATES, ACTORS, [False]))
    sayers = [each for each in ACTORS if each != "bystander"]
    wanted |= set(itertools.product(SAYS_BY_MOUTH, [each for each in STATES if each != "none"], sayers, [True]))
    assert there == wanted


def test_every_row_of_the_cycle_is_covered_and_says_the_same() -> None:
    """Event × phase × on hold × side × by mouth of ``cycle.yaml``, against the cells that were sent."""
    table = {(each.event, each.state, SIDES.get(each.actor), each.by_mouth): each for each in CELLS}
    for code, row in events().items():
        ways = [False, True] if row.mouth else [False]
        phases = PHASES if code != "start" else ()
        for phase, held, side, by_mouth in itertools.product(phases, [False, True], set(SIDES.values()), ways):
            cell = table[code, f"held {phase}" if held else phase, side, by_mouth]
            assert _allows(row, phase, side, held=held, by_mouth=by_mouth) == is_carried_out(cell.expected), cell


def _allows(row: Any, phase: str, side: Any, *, held: bool, by_mouth: bool) -> bool:
    try:
        row.check(status="on-hold" if held else "active", phase=phase, side=side, by_mouth=by_mouth)
    except Unprocessable:
        return False
    return True


def test_every_event_that_says_by_mouth_does_so_in_the_table() -> None:
    assert {code for code, row in events().items() if row.mouth} == set(SAYS_BY_MOUTH)


@pytest.mark.parametrize("name", OTHERS)
async def test_nothing_else_is_recorded_as_said_by_mouth(service: Service, anna: Caller, name: str) -> None:
    scene = Scene(service, anna)
    await scene.bring_about("do")
    place = "Patient/anna" if name == "start" else f"CarePlan/{scene.plan}"
    said = [{"name": "when", "valueDateTime": MOUTH["when"]}, {"name": "how", "valueCode": MOUTH["how"]}]
    answer = await anna.post(f"/{place}/${name}", {"resourceType": "Parameters", "parameter": said})
    assert answer.status_code == 400, answer.text
    assert "when" in answer.text
    assert (await event(anna, scene.plan, "hold")).status_code == 200, "nothing was carried out"
