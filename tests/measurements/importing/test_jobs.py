"""Imports that are cut off, taken over, not allowed any more, or forgotten, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest

from app.auth.grants import withdraw
from app.errors import Conflict, Forbidden, NotFound
from app.measurements.importing import jobs, running
from app.measurements.importing.jobs import KEPT, Job, ask, found, import_seal
from app.measurements.importing.worker import ImportWorker
from app.rounds import Bell
from app.server.access import Access
from tests.measurements.importing.files import csv_of
from tests.rights.people import erasures, visit
from tests.server.service import Caller, Service

LINES = 1200
_JOBS = "SELECT state, worker FROM import_job WHERE id = $1"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CHUNK", 40)


def content() -> bytes:
    return csv_of(
        *(f"02-11-2026;{each // 60:02}:{each % 60:02};hartslag;{60 + each % 30};;;;Horloge;" for each in range(LINES)),
        "31-02-2026;08:00;hartslag;60;;;;;",
    )


async def asked(service: Service, access: Access, sent: bytes | None = None) -> Job:
    async def pieces() -> AsyncIterator[bytes]:
        yield content() if sent is None else sent

    server = service.server
    return await ask(
        service.database, import_seal(server.page_key), access, pieces(), "csv", request="r-1", now=server.clock()
    )


async def begun(service: Service, access: Access) -> tuple[Job, asyncio.Task[bool]]:
    """An import that has some chunks on disk, and goes on."""
    job = await asked(service, access)
    task = asyncio.create_task(ImportWorker(service.server, Bell(), name="first").take(job.patient, job.id))
    while (await found(service.database, access, job.id)).position < 80:
        assert not task.done()
        await asyncio.sleep(0)
    return job, task


async def ended(service: Service, access: Access, job: Job) -> Job:
    for _ in range(600):
        now = await found(service.database, access, job.id)
        if now.ended:
            return now
        await asyncio.sleep(0.05)
    raise AssertionError(now)


async def test_an_import_goes_on_where_a_process_left_it(service: Service, anna: Caller) -> None:
    access = (await visit(service, "anna")).access
    job, task = await begun(service, access)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    worker = ImportWorker(service.server, Bell(), name="first")
    await worker.stop()
    half = await found(service.database, access, job.id)
    assert 80 <= half.position < LINES
    assert half.counts.outcomes["stored"] == half.position
    await ImportWorker(service.server, Bell(), name="second").work()
    whole = await ended(service, access, job)
    assert (whole.state, whole.counts.outcomes["stored"], whole.counts.outcomes["same"]) == ("ready", LINES, 0)
    assert whole.counts.outcomes["refused"] == 1
    assert whole.counts.read == LINES + 1
    total = await anna.bundle("/Observation?code=8867-4&_summary=count")
    assert total["total"] == LINES
    assert await service.database.fetch("SELECT 1 FROM import_part") == []
    assert await service.database.fetch("SELECT 1 FROM access_grant WHERE hash = $1", job.access) == []


async def test_what_a_dead_process_left_is_taken_over_after_a_minute(service: Service) -> None:
    access = (await visit(service, "anna")).access
    job = await asked(service, access)
    now = service.server.clock()
    dead = "UPDATE import_job SET state = 'running', worker = 'dead', beat = $2 WHERE id = $1"
    await service.database.change(dead, job.id, now)
    assert await ImportWorker(service.server, Bell()).work() == 0
    await service.database.change(dead, job.id, now - 61_000_000)
    assert await ImportWorker(service.server, Bell()).work() == 1
    assert (await found(service.database, access, job.id)).counts.outcomes["stored"] == LINES


async def test_who_believes_that_an_import_is_theirs_stops_when_it_was_taken_over(service: Service) -> None:
    access = (await visit(service, "anna")).access
    job, task = await begun(service, access)
    await service.database.change(
        "UPDATE import_job SET worker = 'other', beat = $2 WHERE id = $1", job.id, service.server.clock()
    )
    assert await task is False
    rows = await service.database.fetch(_JOBS, job.id)
    assert [tuple(row) for row in rows] == [("running", "other")]


async def test_an_import_stops_when_it_is_not_allowed_any_more(service: Service, operator: Caller) -> None:
    access = (await visit(service, "anna")).access
    job, task = await begun(service, access)
    async with service.database.write() as writer:
        await withdraw(writer, access.recipient)
    assert await task is True
    rows = await service.database.fetch("SELECT state, reason FROM import_job WHERE id = $1", job.id)
    assert [tuple(row) for row in rows] == [("stopped", "withdrawn")]
    total = await operator.bundle("/Observation?patient=anna&code=8867-4&_summary=count")
    assert 80 <= total["total"] < LINES


async def test_an_import_ends_with_the_record_that_is_erased(service: Service) -> None:
    anna = await visit(service, "anna")
    job, task = await begun(service, anna.access)
    await erasures(service).everything(anna.access, now=service.server.clock())
    await task
    for table in ("import_job", "import_part", "import_told", "resource"):
        assert await service.database.fetch(f"SELECT 1 FROM {table} WHERE patient = $1", job.patient) == []


async def test_what_was_erased_does_not_come_back_with_the_file(service: Service, anna: Caller) -> None:
    mine = await visit(service, "anna")
    row = csv_of("02-11-2026;08:00;gewicht;81,5;;kg;;;")
    await ImportWorker(service.server, Bell()).take(*_key(await asked(service, mine.access, row)))
    (weight,) = await anna.found("/Observation?code=29463-7&date=2026-11-02")
    await erasures(service).one(mine.access, "Observation", weight, now=service.server.clock(), request="r-2")
    again = await asked(service, mine.access, row)
    await ImportWorker(service.server, Bell()).take(*_key(again))
    counts = (await ended(service, mine.access, again)).counts
    assert (counts.outcomes["stored"], counts.rules["import-removed-before"]) == (0, 1)
    assert await anna.found("/Observation?code=29463-7&date=2026-11-02") == []


def _key(job: Job) -> tuple[int, str]:
    return job.patient, job.id


async def test_a_report_is_forgotten_after_a_month(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    access = (await visit(service, "anna")).access
    job = await asked(service, access)
    worker = ImportWorker(service.server, Bell())
    await worker.work()
    assert await service.database.fetch("SELECT 1 FROM import_told") != []
    await service.database.change("UPDATE import_job SET expires = $1", service.server.clock())
    await worker.work()
    assert await service.database.fetch("SELECT 1 FROM import_told") == []
    with pytest.raises(NotFound):
        await found(service.database, access, job.id)
    assert KEPT == 30 * jobs.DAY


async def test_a_file_that_never_came_in_whole_is_forgotten_after_an_hour(service: Service) -> None:
    access = (await visit(service, "anna")).access
    job = await asked(service, access)
    now = service.server.clock()
    cut = "UPDATE import_job SET state = 'receiving', created = $1"
    await service.database.change(cut, now - 3000 * 1_000_000)
    await ImportWorker(service.server, Bell()).work()
    assert await service.database.fetch("SELECT 1 FROM import_part") != []
    await service.database.change(cut, now - 3601 * 1_000_000)
    await ImportWorker(service.server, Bell()).work()
    assert await service.database.fetch("SELECT 1 FROM import_part WHERE id = $1", job.id) == []


async def test_a_person_has_a_few_imports_at_once_at_most(service: Service) -> None:
    access = (await visit(service, "anna")).access
    for _ in range(jobs.MOST_AT_ONCE):
        await asked(service, access)
    with pytest.raises(Conflict):
        await asked(service, access)
    parts = await service.database.fetch("SELECT DISTINCT id FROM import_part")
    assert len(parts) == jobs.MOST_AT_ONCE


async def test_a_helper_does_not_import(service: Service) -> None:
    access = (await visit(service, "anna")).access
    for role in ("carer", "professional", "organization"):
        with pytest.raises(Forbidden):
            await asked(service, replace(access, role=role))
