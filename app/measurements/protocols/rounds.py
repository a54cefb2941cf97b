"""Runs whose days are over are finished, and results of readings that were erased are computed again: by the hourly
round and ``zelfregie due``. https://hl7.org/fhir/R4/task.html

It may be broken off, run again, and run in several processes at once: a result has one id, and a Task is changed only
as it was read. A run of which nothing was measured is ``failed``, with that as the reason; one that nobody said yes to
stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import structlog

from app.auth.grants import ServiceAccesses
from app.auth.recording import Recording
from app.errors import Conflict, Invalid, PreconditionFailed, ZelfregieError
from app.faults import trace_of
from app.fhir.dates import instant
from app.fhir.resource import Resource, decode
from app.measurements.protocols.finishing import finish_run
from app.measurements.protocols.reading import Held
from app.measurements.protocols.results import basis_of, origin_of
from app.measurements.protocols.starting import draft_of
from app.measurements.protocols.table import COMPUTED, SYSTEM, protocols, result_codes
from app.measurements.protocols.tasks import OPEN, result_id, run_of, texts
from app.measurements.words import translations
from app.server.access import Access
from app.server.search.terms import NO_SYSTEM, hash_token
from app.server.server import FhirServer
from app.server.store.execute import execute

AT_A_TIME: Final = 200
EVENT: Final = "run-finished"
"""In the access log."""
_REASON: Final = "due"
_OVER: Final = (
    "SELECT DISTINCT p.patient, p.tenant, r.n, r.id, r.version, r.body FROM partition p"
    " JOIN token s ON s.patient = p.patient AND s.type = $1 AND s.param = $2 AND s.value IN ({statuses})"
    " JOIN token c ON c.patient = p.patient AND c.type = $1 AND c.param = $3 AND c.n = s.n AND c.value IN ({codes})"
    " JOIN period d ON d.patient = p.patient AND d.type = $1 AND d.param = $4 AND d.n = s.n AND d.high <= $5"
    " JOIN resource r ON r.patient = p.patient AND r.n = s.n AND r.deleted = 0"
    " WHERE p.state = 'live' AND (p.patient > $6 OR (p.patient = $6 AND r.n > $7)) ORDER BY p.patient, r.n LIMIT $8"
)
_ERASED: Final = (
    "SELECT DISTINCT p.patient, p.tenant, r.n, r.id, r.version, r.body FROM erasure e"
    " JOIN partition p ON p.patient = e.patient AND p.state = 'live'"
    " JOIN token c ON c.patient = p.patient AND c.type = $1 AND c.param = $2 AND c.value IN ({codes})"
    " JOIN resource r ON r.patient = p.patient AND r.n = c.n AND r.deleted = 0 AND r.updated < e.finished"
    " WHERE p.patient > $3 OR (p.patient = $3 AND r.n > $4) ORDER BY p.patient, r.n LIMIT $5"
)
_THERE: Final = "SELECT r.deleted FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3"
_TASK: Final = (
    "SELECT r.version, r.body FROM resource r WHERE r.patient = $1 AND r.type = $2 AND r.id = $3 AND r.deleted = 0"
)
_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class RunsReport:
    """``finished``: runs that have their result now, or that it is no use to wait for; ``again``: results that were
    computed again; ``failed``: runs that could not be changed, with why in the service's log.
    """

    finished: int = 0
    again: int = 0
    failed: int = 0


async def finish_runs(server: FhirServer, *, now: int, recording: Recording | None = None) -> RunsReport:
    """Finish what is over by ``now`` (µs); what is written has the time of the clock. ``recording``: the access log of
    this process, where it has one.
    """
    report = RunsReport()
    number = server.registry.number("Patient")
    async with AsyncExitStack() as stack:
        accesses = ServiceAccesses(server.database, stack, reason=_REASON, now=server.clock(), patient_type=number)
        async for tenant, held in _over(server, now=now):
            work = _finish(server, await accesses.of(tenant), held)
            report.finished += await _carried_out(server, work, report, held, recording)
        async for tenant, held in _erased(server):
            work = _again(server, await accesses.of(tenant), held)
            report.again += await _carried_out(server, work, report, held, recording)
    return report


async def finish_runs_by_clock(server: FhirServer, recording: Recording) -> RunsReport:
    """The same by the clock, as a running service does now and then."""
    return await finish_runs(server, now=server.clock(), recording=recording)


async def _carried_out(
    server: FhirServer, work: Awaitable[Sequence[str]], report: RunsReport, held: Held, recording: Recording | None
) -> int:
    """Whether anything was written; then there is a line of it in the access log."""
    try:
        written = await work
    except (PreconditionFailed, Conflict):
        return 0  # changed a moment ago, or done by another process: what is left is for the next round
    except ZelfregieError as error:
        report.failed += 1
        _log.warning("run.failed", task=held.task["id"], problems=[each.rule for each in error.all_issues()])
        return 0
    except Exception as error:  # noqa: BLE001 - one run does not keep those of everybody after it from being finished
        report.failed += 1
        _log.error("run.fault", task=held.task["id"], trace=trace_of(error))
        return 0
    if written and recording is not None:
        await recording.by_service(EVENT, patient=held.patient, resources=written, now=server.clock())
    await asyncio.sleep(0)
    return int(bool(written))


async def _finish(server: FhirServer, access: Access, held: Held) -> Sequence[str]:
    """Finish one run; one of which nothing was measured is not waited for any more. What was written."""
    at, base = server.clock(), server.canonical_base
    found = await finish_run(server, access, held, canonical_base=base, now=at, request=_REASON)
    if found is not None:
        return _both(held)
    reason = texts()["result"]["nothing"]
    said = {"text": reason["nl"], "_text": translations(reason)}
    task = {**held.task, "status": "failed", "statusReason": said, "lastModified": instant(at)}
    draft = await draft_of(server, access, held.patient, task, version=held.version)
    await execute(server, access, [draft], now=at, request=_REASON, service=True)
    return (f"Task/{held.task['id']}",)


async def _again(server: FhirServer, access: Access, held: Held) -> Sequence[str]:
    """Compute one result again, of readings of which some are not there any more. What was written."""
    base = server.canonical_base
    found = await finish_run(server, access, held, canonical_base=base, now=server.clock(), request=_REASON)
    return _both(held) if found else ()


def _both(held: Held) -> Sequence[str]:
    task_id: str = held.task["id"]
    return f"Task/{task_id}", f"Observation/{result_id(held.patient, task_id)}"


async def _over(server: FhirServer, *, now: int) -> AsyncIterator[tuple[int, Held]]:
    """The runs of all records that are being done and over, with their tenants."""
    base, numbers = server.canonical_base, server.definitions.parameter_numbers
    statuses = [hash_token(NO_SYSTEM, each) for each in sorted(OPEN)]
    codes = [hash_token(f"{base}/CodeSystem/{SYSTEM}", each) for each in protocols()]
    binds = (server.registry.number("Task"), *(numbers[each] for each in ("status", "code", "period")), now)
    places = [f"${at}" for at in range(9, 9 + len(statuses) + len(codes))]
    statement = _OVER.format(statuses=",".join(places[: len(statuses)]), codes=",".join(places[len(statuses) :]))
    after = (0, 0)
    while rows := await server.database.fetch(statement, *binds, *after, AT_A_TIME, *statuses, *codes):
        for patient, tenant, _, task_id, version, body in rows:
            held = _held(patient, version, {**decode(body), "id": task_id}, base)
            end = None if held is None else held.run.span.end
            if held is not None and end is not None and end <= now:
                yield tenant, held
        after = rows[-1][0], rows[-1][2]


async def _erased(server: FhirServer) -> AsyncIterator[tuple[int, Held]]:
    """The finished runs of whose readings some were erased since their result was computed."""
    base, numbers = server.canonical_base, server.definitions.parameter_numbers
    own = f"{base}/CodeSystem/{COMPUTED}"
    codes = [hash_token(own if system == COMPUTED else system, code) for system, code in sorted(result_codes())]
    binds = (server.registry.number("Observation"), numbers["code"])
    statement = _ERASED.format(codes=",".join(f"${at}" for at in range(6, 6 + len(codes))))
    after = (0, 0)
    while rows := await server.database.fetch(statement, *binds, *after, AT_A_TIME, *codes):
        for patient, tenant, _, _, _, body in rows:
            held = await _run_of_result(server, patient, decode(body))
            if held is not None:
                yield tenant, held
        after = rows[-1][0], rows[-1][2]


async def _run_of_result(server: FhirServer, patient: int, result: Resource) -> Held | None:
    """The run of a result some of whose readings are gone; None for one that has them all."""
    base = server.canonical_base
    if basis_of(result, base) is None or not await _misses(server, patient, result):
        return None
    try:
        task_id = origin_of(result, base).task_id
    except Invalid:
        return None
    rows = await server.database.fetch(_TASK, patient, server.registry.number("Task"), task_id)
    return _held(patient, rows[0][0], {**decode(rows[0][1]), "id": task_id}, base) if rows and rows[0][1] else None


async def _misses(server: FhirServer, patient: int, result: Resource) -> bool:
    number = server.registry.number("Observation")
    for each in result.get("derivedFrom", ()):
        reading = str(each.get("reference", "")).rpartition("/")[2]
        rows = await server.database.fetch(_THERE, patient, number, reading)
        if not rows or rows[0][0]:
            return True
    return False


def _held(patient: int, version: int, task: Resource, canonical_base: str) -> Held | None:
    """The run that a Task is; None for one that cannot be read, which a care provider's system may have sent."""
    try:
        run = run_of(task, canonical_base)
    except Invalid:
        return None
    patient_id = str(task.get("for", {}).get("reference", "")).rpartition("/")[2]
    return Held(patient, patient_id, version, task, run)
