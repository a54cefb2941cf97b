"""What a write costs besides: nothing where nothing is claimed, one small statement where something is, and one more
where a profile of it is held and there is something to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import observation, posted, transaction
from tests.intake.profiles import UNKNOWN, weighing
from tests.server.service import Caller, Service

GENERATION = "FROM setting WHERE name = 'packages'"
REFERRED = "length(r.body) <="


@pytest.fixture
def asked(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The statements that only profiles ask for, since the last look."""
    kind: Any = type(service.database)
    fetch = kind.fetch
    found: list[str] = []

    async def counting(self: Any, sql: str, *binds: Any) -> Any:
        found.extend(each for each in (GENERATION, REFERRED) if each in sql)
        return await fetch(self, sql, *binds)

    monkeypatch.setattr(kind, "fetch", counting)

    def look() -> list[str]:
        seen = list(found)
        found.clear()
        return seen

    return look


async def test_without_a_claim_nothing_is_asked(anna: Caller, practice: Caller, asked: Callable[[], list[str]]) -> None:
    for caller in (anna, practice):
        stored = await caller.create(observation())
        await caller.keep(stored)
        await caller.post("/", transaction(*[posted(observation())] * 5))
    assert asked() == []


async def test_a_claim_of_what_is_not_held_takes_one_small_statement(
    anna: Caller, asked: Callable[[], list[str]]
) -> None:
    await anna.post("/Observation", weighing(profile=UNKNOWN))
    assert asked() == [GENERATION]


async def test_what_is_referred_to_takes_one_statement_however_much_it_is(
    anna: Caller, practice: Caller, asked: Callable[[], list[str]]
) -> None:
    await anna.create(weighing())
    assert asked() == [GENERATION, REFERRED]
    many = [posted(weighing(subject)) for subject in ("Patient/anna", "Patient/bram") for _ in range(5)]
    assert (await practice.post("/", transaction(*many))).status_code == 200
    assert asked() == [GENERATION, REFERRED]
    await anna.post("/Observation", weighing(None))
    assert asked() == [GENERATION]
