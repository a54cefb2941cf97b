"""Random edits by several people through every path, and what holds of the plan and its history after them."""

from __future__ import annotations

import pytest

from app.careplan.cycle import events
from tests.careplan.actors import actor
from tests.careplan.holding import check, revisions
from tests.careplan.living import born
from tests.server.service import Caller, Service


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_people_do_the_history_is_whole(service: Service, anna: Caller, seed: int) -> None:
    living = await born(service, anna, seed)
    living.callers["bystander"] = await actor(service, "bystander")
    await living.live(40)
    assert len(living.seen) > 8, "too little happened"
    await check(living)


async def test_every_event_of_the_cycle_is_in_such_a_life(service: Service, anna: Caller) -> None:
    """So that none of the steps is one that never does anything."""
    living = await born(service, anna, 3)
    await living.live(150)
    done = {each["activity"]["coding"][0]["code"] for each in await revisions(living)}
    assert done == events().keys() - {"close"}
    assert {"put_stale 4", "forbidden 4", "patch 2", "patch 4", "transaction 2", "foreign 2"} <= living.answers.keys()
    await check(living, pairs=6)
