"""The checker of whole databases: what is written leaves nothing behind, what is spoiled is found."""

from __future__ import annotations

import random

import pytest

from tests import builders
from tests.integrity import problems
from tests.random_writes import LONG, write_at_random
from tests.server.service import Caller
from tests.service import Instance


@pytest.fixture(params=["sqlite", "postgresql"])
def setting(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("seed", range(3))
async def test_random_writes_leave_every_row_where_it_belongs(service: Instance, seed: int) -> None:
    draw = random.Random(seed)
    caller = Caller(service.http, "anna")
    for _ in range(60):
        await write_at_random(caller, draw)
    assert await problems(service.database, service.server) == []


async def test_a_text_that_differs_only_far_behind_is_found_after_a_transaction(service: Instance) -> None:
    """Its row is deleted and inserted under one key, while other rows of the same table are inserted too."""
    caller = Caller(service.http, "anna")
    first = {"resourceType": "Person", "id": "own-1", "name": [{"text": LONG + "wandelen"}]}
    await caller.keep(first)
    second = {"resourceType": "Person", "id": "own-2", "name": [{"text": "Bram"}]}
    changed = {**first, "name": [{"text": LONG + "fietsen"}]}
    answer = await caller.post("", builders.transaction(builders.put(second), builders.put(changed)))
    assert answer.status_code == 200, answer.text
    assert await problems(service.database, service.server) == []
    assert await caller.found("/Person?name:contains=fietsen") == ["own-1"]
    assert await caller.found("/Person?name:contains=wandelen") == []


@pytest.mark.parametrize("setting", ["sqlite"])
@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("DELETE FROM token WHERE param = 0", "token: missing"),
        ("UPDATE period SET low = low - 1", "period: belongs to nothing"),
        ("DELETE FROM text", "text: missing"),
        ("UPDATE link SET n = n + 1000", "link: belongs to nothing"),
        ("DELETE FROM lookup", "lookup: missing"),
        ("DELETE FROM term", "term: missing"),
        ("UPDATE term SET code = 'other'", "term: has another hash"),
        ("DELETE FROM alias WHERE id = 'goal'", "alias: missing"),
        ("INSERT INTO alias (type, id, patient) VALUES (1, 'x', 1)", "alias: belongs to nothing"),
        ("UPDATE resource SET date = 1", "keys, date or present"),
        ("UPDATE resource SET present = 0 WHERE id = 'goal'", "keys, date or present"),
        ("UPDATE resource SET labels = 1 WHERE id = 'goal'", "labels"),
        ("UPDATE resource SET id = 'x' WHERE id = 'goal'", "holds another resource"),
        ("UPDATE resource SET deleted = 1 WHERE id = 'goal'", "deleted is 1"),
        ("UPDATE resource SET updated = updated + 1 WHERE id = 'goal'", "meta of another"),
        ("UPDATE resource SET version = version + 1 WHERE id = 'goal'", "versions [1, 2] of 3"),
        ("UPDATE resource SET n = 4000 WHERE id = 'goal'", "not when it was born"),
        ("DELETE FROM history WHERE version = 1 AND id = 'goal'", "versions [2] of 2"),
        ("DELETE FROM resource WHERE id = 'goal'", "belongs to nothing"),
        ("UPDATE history SET body = NULL WHERE id = 'goal'", "its body says otherwise"),
        ("UPDATE history SET updated = 0 WHERE version = 2 AND id = 'goal'", "lastUpdated went back"),
        ("UPDATE partition SET seq = 1", "is behind the last change"),
        ("DELETE FROM partition", "is not there, and has a history"),
        ("INSERT INTO claim (patient, name, n) VALUES (1, 'izp', 1)", "its holder is not there"),
    ],
)
async def test_what_is_spoiled_is_found(service: Instance, spoil: str, found: str) -> None:
    caller = Caller(service.http, "anna")
    goal = builders.goal(id="goal", startDate="2026-01-01", identifier=[{"system": "urn:x", "value": "1"}])
    await caller.keep(goal)
    await caller.keep({**goal, "lifecycleStatus": "active"})
    await caller.create(builders.questionnaire_response(basedOn=[{"reference": "CarePlan/1"}]))
    assert await problems(service.database, service.server) == []
    async with service.database.write() as writer:
        await writer.execute(spoil)
    assert any(found in problem for problem in await problems(service.database, service.server))
