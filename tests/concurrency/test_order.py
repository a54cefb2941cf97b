"""Numbers and times of changes: gapless, ascending, never going back, whoever writes and whatever the clock says."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from app.fhir.dates import instant
from app.fhir.resource import decode
from tests import builders
from tests.integrity import problems
from tests.random_writes import write_at_random
from tests.server.service import Caller
from tests.service import Instance, serving


async def changes_of(service: Instance, patient_id: str) -> list[tuple[int, int]]:
    """(seq, updated) of every change in a patient's partition, in their order."""
    (partition,) = await service.database.fetch("SELECT patient FROM alias WHERE id = $1", patient_id)
    rows = await service.database.fetch(
        "SELECT seq, updated FROM history WHERE patient = $1 ORDER BY seq", partition[0]
    )
    return [(row[0], row[1]) for row in rows]


@pytest.mark.parametrize("seed", range(2))
async def test_changes_by_many_are_numbered_and_timed_in_one_order(services: list[Instance], seed: int) -> None:
    async def write(number: int) -> None:
        draw = random.Random(seed * 100 + number)
        caller = Caller(services[number % len(services)].http, "anna")
        for _ in range(15):
            await write_at_random(caller, draw)

    await asyncio.gather(*(write(number) for number in range(8)))
    changes = await changes_of(services[0], "anna")
    times = [updated for _, updated in changes]
    assert len(changes) > 60
    assert times == sorted(times)
    assert await problems(services[0].database, services[0].server) == []


async def test_an_answer_names_a_time_after_those_of_all_answers_before_it(services: list[Instance]) -> None:
    updated = []
    for number in range(20):
        stored = await Caller(services[number % len(services)].http, "anna").create(builders.observation())
        updated.append(stored["meta"]["lastUpdated"])
    assert updated == sorted(set(updated))


async def test_a_clock_that_goes_back_does_not_take_last_updated_with_it(service_url: str, tmp_path: Path) -> None:
    base = 1_800_000_000_000_000
    ticks = iter([base, base - 60_000_000, base, base - 3_600_000_000, base + 5])
    now = base

    def clock() -> int:
        return now

    async with serving(service_url, tmp_path, clock=clock) as service:
        caller = Caller(service.http, "anna")
        stored = []
        for tick in ticks:
            now = tick
            stored.append((await caller.create(builders.goal()))["meta"]["lastUpdated"])
        assert stored == [instant(base + step) for step in (0, 1, 2, 3, 5)]
        newest = await caller.bundle("/Goal?_sort=-_lastUpdated")
        assert [entry["resource"]["meta"]["lastUpdated"] for entry in newest["entry"]] == stored[::-1]
        assert await problems(service.database, service.server) == []


async def test_the_changes_of_a_transaction_have_one_time_and_numbers_of_their_own(services: list[Instance]) -> None:
    bundle = builders.transaction(*(builders.posted(builders.observation()) for _ in range(5)))
    callers = [Caller(service.http, "anna") for service in services]
    answers = await asyncio.gather(*(callers[number % len(callers)].post("", bundle) for number in range(8)))
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert len({entry["response"]["lastModified"] for entry in decode(answer.content)["entry"]}) == 1
    changes = await changes_of(services[0], "anna")
    first = changes[0][0]
    assert [seq for seq, _ in changes] == list(range(first, first + 41)), "the patient, and eight times five"
    assert len({updated for _, updated in changes}) == 9
