"""The whole of a large record, page after page, while it is written to: nothing is missing, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.auth import service_access
from app.server.loading import Found, LoadReport, load
from tests import builders
from tests.concurrency.walks import anything, broken_promises, lives, walk
from tests.server.service import Caller
from tests.service import TENANT, Instance, serving

pytestmark = pytest.mark.soak

RESOURCES: Final = 20_000
WRITERS: Final = 4


def record() -> Iterator[Found]:
    """Anna's Observations and Goals; one Observation in ten refers to the catalogue."""
    for number in range(RESOURCES):
        if number % 5:
            performer = [builders.reference("Organization/practice" if number % 10 == 1 else "Patient/anna")]
            day = f"20{number % 26:02}-05-06"
            made = builders.observation(id=f"o-{number}", performer=performer, effectiveDateTime=day)
        else:
            made = builders.goal(id=f"g-{number}")
        yield Found(f"record:{number}", made)


async def fill(service: Instance) -> None:
    """By the way that a load goes."""
    server = service.server
    report = LoadReport()
    number = server.registry.number("Patient")
    async with service_access(
        service.database, tenant=TENANT, reason="soak", now=server.clock(), patient_type=number
    ) as access:
        await load(server, access, record(), patient="anna", report=report)
    assert not report.refusals, report.refusals
    await service.database.tidy()


async def write_on(service: Instance, seed: int, ended: asyncio.Event) -> None:
    """Update, delete, make again and make new, until ``ended``."""
    choose = random.Random(seed)
    anna = Caller(service.http, "anna")
    while not ended.is_set():
        name = f"o-{choose.randrange(RESOURCES // WRITERS) * WRITERS + seed}"
        kind = choose.randrange(4)
        if kind == 0:
            await anna.delete(f"/Observation/{name}")
        elif kind == 1:
            await anna.create(builders.observation(note=[{"text": "nieuw"}]))
        else:
            await anna.keep(builders.observation(id=name, note=[{"text": str(choose.random())}]))
        await asyncio.sleep(0)


@pytest.mark.parametrize("count", [1000, 333])
async def test_everything_of_a_large_record_is_whole_while_it_is_written_to(
    service_url: str, tmp_path: Path, count: int
) -> None:
    async with serving(service_url, tmp_path / "state") as service:
        await fill(service)
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for seed in range(WRITERS):
                group.create_task(write_on(service, seed, ended))
            walked = await walk([service], "anna", f"/Patient/anna/$everything?_count={count}", _breathe)
            ended.set()
        assert walked.pages >= RESOURCES // count
        assert len({key for key, _ in walked.seen}) > RESOURCES * 0.9
        shared = [key for key, _ in walked.seen if key[0] <= 0]
        assert shared == [(-TENANT, "Organization", "practice")]
        walked.seen = [each for each in walked.seen if each[0] not in shared]
        lived = await lives(service)
        assert sum(bool(life.since(walked.seqs.get(key[0], 2**62))) for key, life in lived.items()) > walked.pages
        assert broken_promises(walked, lived, anything) == []


async def _breathe() -> None:
    """Let the writers in between two pages."""
    await asyncio.sleep(0.01)
